/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker: handles announces and scrapes on a table of swarms. No socket, clock, thread or
 * global: the caller passes the time and the memory for answers, and randomness comes from a seed.
 * http_service.h and udp_service.h are built on it.
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

/* X(name, option, default, least, most, argument, text) for each number that an operator may set; a
 * number from 0 to 1 is written as yes or no. */
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
    struct netset exempt; /* addresses without a limit on their peers */
    bool has_users;       /* a private tracker: each announce has a user; can't be changed */
};

void tracker_config_init(struct tracker_config *c);

/* Seconds after its last announce at which a peer expires. */
uint32_t tracker_peer_timeout_s(const struct tracker_config *c);

/* Random in the daemon; in tests derived from a number. */
struct tracker_seed {
    uint64_t hash[2];
    uint64_t choice;
};

struct tracker;

/* |config| is copied, and must be within the bounds of the table above. NULL when memory is out. */
struct tracker *tracker_new(const struct tracker_config *config, const struct tracker_seed *seed);
void tracker_free(struct tracker *t);

/* Uses |totals|, which is borrowed and shared with other trackers: limits apply to all of them
 * together. Threads that add at the same moment may each exceed a limit by one. Call before any
 * other function of |t|. */
void tracker_share_totals(struct tracker *t, struct swarms_totals *totals);

/* Joins a cluster: trackers that share their swarms (cluster.h). Call before |t| has any peers;
 * from then on the Unix time must be set about once a second. SPRAT_E_NOMEM. */
int tracker_join(struct tracker *t, const struct cluster_config *config);
void tracker_set_unix(struct tracker *t, int64_t unix_s, struct mono now);

/* The cluster; NULL if |t| has joined none. */
struct cluster *tracker_cluster(struct tracker *t);

/* Whether a request for the torrent should wait until the other trackers' peers were fetched. Never
 * without a cluster. */
bool tracker_must_wait(struct tracker *t, const uint8_t hash[TRACKER_HASH_LEN], bool peers,
                       struct mono now);

/* Sets which torrents are served: all, only those on a list, or all except those. |list| is
 * borrowed until the next call, and NULL for TRACKER_OPEN. Peers of a torrent that is not served
 * any more expire. */
enum tracker_mode { TRACKER_OPEN, TRACKER_ALLOW, TRACKER_DENY };
void tracker_set_list(struct tracker *t, enum tracker_mode mode, const struct hashlist *list);

/* Changes the settings. Whether peer ids are kept can't be changed. */
void tracker_set_config(struct tracker *t, const struct tracker_config *config);

/* The answer to an announce. The caller sets the first group: buffers for |max| compact endpoints
 * of each family (at most SELECT_WANT_MAX; 0: the family is not wanted), and for as many peer ids,
 * or NULL. The tracker sets the rest. */
struct tracker_answer {
    uint8_t *v4, *v6;
    uint8_t *ids4, *ids6;
    uint32_t max4, max6;
    const struct swarms_ask *ask; /* of this announce after tracker_prefetch(), or NULL */
    struct select_plan *plan;     /* of tracker_plan(), or NULL */
    uint32_t user;                /* the peer's user in a private tracker; 0 in an open one */
    struct select_hidden hidden;  /* users whose peers the answer leaves out */

    const char *failure;  /* NULL after success; else static, and the rest is not set */
    int32_t retry_in_min; /* with |failure|; TRACKER_RETRY_… or minutes */
    const char *warning;  /* NULL: none; else static */
    uint32_t interval_s, min_interval_s; /* with jitter, so that peers don't announce in waves */
    uint32_t complete, incomplete, downloaded; /* of both families together */
    uint32_t leechers_age_s; /* seconds since the swarm had a leecher; 0 if it has one */
    uint32_t n4, n6;
    bool has_ids; /* |ids4| and |ids6| were filled unless NULL */
};

/* Handles an announce from the address |from|, whose port is not used: the peer listens at
 * |a->port|.
 *
 * A peer is identified by address and port. It is a seeder if nothing is left or the event is
 * "completed". "stopped" removes the peer if it has the same peer id, stores nothing, and is
 * answered without peers. The answer has peers of the asker's family first, and then of the other
 * family. It never contains the asker, by its address or its peer id, nor other peers of the
 * asker's user, and a seeder gets no seeders. A peer with a loopback address is given as it is only
 * to askers with one (external.h). If the asker's address has the maximum number of peers in the
 * torrent, the one with the oldest announce is removed. When the limit on all torrents or peers is
 * reached, a small torrent of the busiest addresses is removed (swarms_find_burden()). If there is
 * none, a peer is answered with a warning and not listed, and a new torrent is a failure. A torrent
 * that is not served is a failure too. */
void tracker_on_announce(struct tracker *t, const struct tracker_announce *a,
                         const struct endpoint *from, struct tracker_answer *answer,
                         struct mono now);

/* Prefetches for the announces of these peers, at most TRACKER_PREFETCH_MAX, to this tracker or to
 * others with its seed. They are answered faster then; nothing else changes. */
void tracker_prefetch(const struct tracker *t, struct swarms_ask *asks, size_t n);

/* What such an announce will ask for. */
struct tracker_wish {
    int32_t numwant;    /* as struct tracker_announce has it */
    uint32_t max;       /* peers for which there is room in the answer */
    bool seeds, paused; /* it comes from a seeder, or from a partial seed */
};

/* Makes the random choices of an answer, and prefetches the rows of peers that it will contain.
 * Call after tracker_prefetch(), a few announces before tracker_on_announce(). The plan is used
 * only if the numbers of peers have not changed until then. */
void tracker_plan(struct tracker *t, const struct swarms_ask *ask, const struct tracker_wish *wish,
                  struct select_plan *plan);

/* Fills the numbers of |entry| by its hash; zeros for an unknown torrent. Stores nothing. */
void tracker_on_scrape(struct tracker *t, struct tracker_scrape *entry, struct mono now);

/* The time at which tracker_on_timer() must be called; MONO_NEVER while there is no torrent. Peers
 * that are silent for two intervals, and for at least a minute and a half, are removed within
 * another eighth of that time. */
struct mono tracker_expiry(const struct tracker *t);

/* Removes expired peers from the swarms that are due, in portions: call again while
 * tracker_expiry() is in the past. */
void tracker_on_timer(struct tracker *t, struct mono now);

/* Write the peers of one tracker, or of several with the same seed, as a snapshot (snapshot.h):
 * first the head; then, for each tracker, tracker_save_begin(), and tracker_save_some() until it
 * does not return 1. The tail is the caller's. */
void tracker_save_head(const struct tracker *t, struct buf *out, int64_t unix_s);
void tracker_save_begin(struct tracker *t);
int tracker_save_some(struct tracker *t, struct buf *out, struct mono now);
void tracker_save_cancel(struct tracker *t);

/* Adds the peers of |run|, which belongs to a snapshot with the tracker's seed that was begun
 * |passed_s| seconds ago. INVAL if the tracker keeps peer ids and the snapshot does not; NOMEM. */
int tracker_load(struct tracker *t, const struct snapshot_run *run, uint32_t passed_s,
                 struct mono now);

/* Offers a portion of the torrents that have peers here to |top|, with the numbers of a scrape.
 * |at| is 0 in the first call, and then the last result; returns 0 at the end. Stores nothing. */
size_t tracker_offer_top(const struct tracker *t, size_t at, struct topswarms *top,
                         struct mono now);

struct tracker_stats {
    uint64_t announces, scrapes; /* torrents scraped */
    uint64_t refused;            /* announces of torrents that are not served */
    uint64_t shed;               /* torrents removed to make room */
    uint64_t displaced;          /* peers replaced by another one at the same address */
    uint64_t withheld;           /* times that an answer left out a peer with a loopback address */
    uint64_t torrents, peers4, peers6;
    uint64_t cluster_connected; /* 1 if connected to Redis */
    struct cluster_stats cluster;
};
void tracker_stats(const struct tracker *t, struct tracker_stats *s);
void tracker_stats_add(struct tracker_stats *sum, const struct tracker_stats *s);

#endif
