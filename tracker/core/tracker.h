/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker itself: which peers are in which swarm, what an announce changes and what it is
 * answered. No socket, clock, thread or global: requests come in with the time, answers go into the
 * caller's memory, and randomness comes from a seed. HTTP and UDP are in http_service.h and
 * udp_service.h on top of it.
 */
#ifndef TRACKER_CORE_TRACKER_H
#define TRACKER_CORE_TRACKER_H

#include "common/base/mono.h"
#include "common/base/rng.h"
#include "common/codec/tracker.h"
#include "tracker/core/cluster.h"
#include "tracker/core/external.h"
#include "tracker/core/hashlist.h"
#include "tracker/core/peerset.h"
#include "tracker/core/select.h"
#include "tracker/core/snapshot.h"
#include "tracker/core/topswarms.h"

enum { TRACKER_PREFETCH_MAX = 64 };

/* X(name, option, default, least, most, argument, text) of each number that an operator may set;
 * the range 0 to 1 is a yes or no. */
#define TRACKER_OPTION_TABLE(X)                                                                    \
    X(interval, "interval", 1800, 1, 21600, "SECONDS", "time between the announces of a peer")     \
    X(min_interval, "min-interval", 300, 1, 21600, "SECONDS",                                      \
      "time that a client must wait between announces")                                            \
    X(numwant_default, "numwant", 50, 0, SELECT_WANT_MAX, "COUNT",                                 \
      "peers in an answer to a client that asks for no number")                                    \
    X(numwant_max, "numwant-max", 200, 1, SELECT_WANT_MAX, "COUNT",                                \
      "maximum number of peers in an answer")                                                      \
    X(torrents_max, "torrents-max", 1000000, 1, 100000000, "COUNT", "maximum number of torrents")  \
    X(peers_max, "peers-max", 10000000, 1, 1000000000, "COUNT",                                    \
      "maximum number of peers of all torrents together")                                          \
    X(torrent_peers_max, "torrent-peers-max", 1000000, 1, PEERSET_PEERS_MAX, "COUNT",              \
      "maximum number of peers of one torrent in one address family")                              \
    X(address_peers, "address-peers", 4, 0, 1000, "COUNT",                                         \
      "maximum number of peers of one torrent at one address or IPv6 /64; 0: any number")          \
    X(peer_ids, "peer-ids", 1, 0, 1, "yes|no",                                                     \
      "store peer ids for answers in the non-compact format; 20 bytes per peer")

struct tracker_config {
#define X(name, option, dflt, least, most, arg, text) uint32_t name;
    TRACKER_OPTION_TABLE(X)
#undef X
    struct external external;
    struct netset exempt; /* addresses that may have any number of peers */
    bool has_users;       /* a private tracker: each announce is of a user; can't change */
};

void tracker_config_init(struct tracker_config *c);

/* Seconds after which a peer that is silent is forgotten. */
uint32_t tracker_peer_timeout_s(const struct tracker_config *c);

/* From the kernel's generator in the daemon, from a number in tests. */
struct tracker_seed {
    uint64_t hash[2];
    uint64_t choice;
};

struct tracker;

/* |config| is copied; it is within the table's bounds. NULL when memory is out. */
struct tracker *tracker_new(const struct tracker_config *config, const struct tracker_seed *seed);
void tracker_free(struct tracker *t);

/* Counts torrents and peers in |totals|, which is borrowed, together with other trackers: limits
 * are for all of them. Threads that add at the same moment may pass a limit by one each. Before
 * anything else is done with |t|. */
void tracker_share_totals(struct tracker *t, struct swarms_totals *totals);

/* Makes it one of several trackers that share their swarms (cluster.h), before it has any peers,
 * and from then on known to the world by Unix time, which is to be told every second or so.
 * SPRAT_E_NOMEM. */
int tracker_join(struct tracker *t, const struct cluster_config *config);
void tracker_set_unix(struct tracker *t, int64_t unix_s, struct mono now);

/* NULL: it is alone. */
struct cluster *tracker_cluster(struct tracker *t);

/* Whether an announce or a scrape of the torrent had better come again when the other trackers'
 * peers are here. Never so of a tracker that is alone. */
bool tracker_must_wait(struct tracker *t, const uint8_t hash[TRACKER_HASH_LEN], bool peers,
                       struct mono now);

/* Which torrents are served: all, those on a list, or all but those. |list| is borrowed until the
 * next call and NULL for TRACKER_OPEN. Peers of a torrent that is not served any more are forgotten
 * as if they had gone silent. */
enum tracker_mode { TRACKER_OPEN, TRACKER_ALLOW, TRACKER_DENY };
void tracker_set_list(struct tracker *t, enum tracker_mode mode, const struct hashlist *list);

/* Other numbers from now on; what was told to peers before stands. Whether peer ids are kept can't
 * change. */
void tracker_set_config(struct tracker *t, const struct tracker_config *config);

/* The answer to an announce. The caller sets the first group: room for |max| compact endpoints of
 * each family (0: that family is not wanted; at most SELECT_WANT_MAX), and for as many peer ids or
 * NULL. The tracker sets the rest. */
struct tracker_answer {
    uint8_t *v4, *v6;
    uint8_t *ids4, *ids6;
    uint32_t max4, max6;
    const struct swarms_ask *ask; /* what tracker_prefetch() has seen of the announce; or NULL */
    struct select_plan *plan;     /* of tracker_plan(), or NULL */
    uint32_t user; /* of a private tracker, whose the peer is; 0: an open tracker has none */
    struct select_hidden hidden; /* users whose peers are not given out */

    const char *failure;  /* NULL: it worked; else static, and nothing below is set */
    int32_t retry_in_min; /* with |failure|; TRACKER_RETRY_… or minutes */
    const char *warning;  /* NULL: none; else static */
    uint32_t interval_s, min_interval_s; /* both with jitter, so that peers don't come in waves */
    uint32_t complete, incomplete, downloaded; /* of both families together */
    uint32_t leechers_age_s; /* seconds since the swarm had a leecher; 0 for one that it has */
    uint32_t n4, n6;
    bool has_ids; /* |ids4| and |ids6| were filled, where they are not NULL */
};

/* Takes one announce from the address |from| (whose port is that of the socket and does not count;
 * |a->port| does) and answers it.
 *
 * The peer is known by address and port. It is a seeder if nothing is left or it says "completed".
 * "stopped" removes it, if it comes from the same peer id, and is answered without peers; where the
 * peer was not known it stores nothing. Peers of the asker's family come first, the other family
 * fills up to the number wanted. The asker is never among them, not by its address and not by its
 * peer id, nor are other peers of the asker's user; and a seeder gets no seeders. A peer with a
 * loopback address is told only to askers with one (external.h). Where its address has as many
 * peers as it may, the one of them that is silent for the longest time makes room. When a limit on
 * all torrents or peers is reached, small torrents of the busiest addresses make room
 * (swarms_shed()); if the asker's address is among these, the peer is answered but not listed, with
 * a warning, and a new torrent is a failure. So is one that is not served. */
void tracker_on_announce(struct tracker *t, const struct tracker_announce *a,
                         const struct endpoint *from, struct tracker_answer *answer,
                         struct mono now);

/* Says that these peers' announces come next, at most TRACKER_PREFETCH_MAX, to this tracker or to
 * others of its seed: nothing changes but that they are answered faster. */
void tracker_prefetch(const struct tracker *t, struct swarms_ask *asks, size_t n);

/* What such an announce will ask for. */
struct tracker_wish {
    int32_t numwant;    /* as struct tracker_announce has it */
    uint32_t max;       /* peers for which there is room in the answer */
    bool seeds, paused; /* it comes from a seeder, or from a partial seed */
};

/* Chooses ahead which rows of peers the answer is copied from, so that they are on their way from
 * memory. Some announces before it, and after tracker_prefetch(). The plan is good until others
 * change the number of peers. */
void tracker_plan(struct tracker *t, const struct swarms_ask *ask, const struct tracker_wish *wish,
                  struct select_plan *plan);

/* Fills the numbers of |entry| from its hash; zeros for a torrent that is not known. Stores
 * nothing. */
void tracker_on_scrape(struct tracker *t, struct tracker_scrape *entry, struct mono now);

/* When tracker_on_timer() wants to be called; MONO_NEVER while nothing is tracked. Peers that are
 * silent for two intervals, and for a minute and a half at least, are removed within another eighth
 * of that. */
struct mono tracker_expiry(const struct tracker *t);

/* Removes silent peers from the swarms that are due, in portions: call it again when
 * tracker_expiry() is still past. */
void tracker_on_timer(struct tracker *t, struct mono now);

/* The peers of one tracker, or of several of the same seed, as bytes (snapshot.h): the head first,
 * then for each begin, and some until it returns no 1, then snapshot_seal(). A tracker adds about
 * tracker_save_size() bytes. */
void tracker_save_head(const struct tracker *t, struct buf *out, int64_t unix_s);
void tracker_save_begin(struct tracker *t);
int tracker_save_some(struct tracker *t, struct buf *out, struct mono now);
void tracker_save_cancel(struct tracker *t);
size_t tracker_save_size(const struct tracker *t);

/* Adds the peers of a snapshot that snapshot_open() found good and read |head| from, of the
 * torrents in |shard|, |passed_s| seconds after it was begun; the tracker was made with the seed of
 * the head. INVAL if it keeps peer ids and the snapshot does not; errors as
 * snapshot_load(). */
int tracker_load(struct tracker *t, const struct snapshot_head *head, const uint8_t *data,
                 size_t len, struct shard shard, uint32_t passed_s, struct mono now);

/* Offers a portion of the torrents that have peers here to |top|, with the numbers of a scrape, and
 * returns where to go on, 0 at the end and at the beginning. Stores nothing. */
size_t tracker_offer_top(const struct tracker *t, size_t at, struct topswarms *top,
                         struct mono now);

struct tracker_stats {
    uint64_t announces, scrapes; /* torrents scraped */
    uint64_t refused;            /* announces of torrents that are not served */
    uint64_t shed;               /* torrents that made room for others */
    uint64_t displaced;          /* peers that made room for another one at their address */
    uint64_t withheld;           /* times that a peer with a loopback address was left out */
    uint64_t torrents, peers4, peers6;
    uint64_t cluster_connected; /* 1 if Redis answers */
    struct cluster_stats cluster;
};
void tracker_stats(const struct tracker *t, struct tracker_stats *s);
void tracker_stats_add(struct tracker_stats *sum, const struct tracker_stats *s);

#endif
