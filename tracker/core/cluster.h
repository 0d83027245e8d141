/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A tracker's part in a cluster: trackers that share their swarms through Redis. It keeps the
 * changes of own peers that the other trackers must learn, copies of the other trackers' peers, and
 * decides when to fetch these. Its output is commands for Redis, its input their replies; no
 * socket, no clock. cluster_wire.h describes the keys in Redis.
 *
 * Announces are answered from memory. "Own" peers are those that announced to this tracker; they
 * are in the table of swarms. For each requested torrent there is a copy of the other trackers'
 * peers, or of a random sample of them, which each fetch replaces as a whole. If the copy has all
 * their peers, only the changes since are read, until one of its peers may have timed out. A
 * request waits for Redis only if its torrent was not fetched recently, or has few peers, so that
 * the answer has peers that have just announced to another tracker. While Redis is unreachable no
 * request waits; when it returns, all own peers are written to it again, in portions, since it may
 * have lost any of them.
 *
 * For each connection to Redis, call cluster_on_connected(); then, repeatedly, cluster_next() until
 * it returns false, and cluster_on_reply() for each reply in the order of the commands; and
 * cluster_on_lost() at the end.
 */
#ifndef TRACKER_CORE_CLUSTER_H
#define TRACKER_CORE_CLUSTER_H

#include "common/base/err.h"
#include "common/base/mono.h"
#include "common/base/rng.h"
#include "tracker/core/cluster_wire.h"
#include "tracker/core/external.h"
#include "tracker/core/swarms.h"

enum {
    CLUSTER_TORRENTS_MAX = 1 << 20, /* torrents with a copy or with changes to send */
    CLUSTER_COPIED_MAX = 1 << 22, /* peers of all copies; beyond it the oldest copies are dropped */
    CLUSTER_EVENTS_MAX = 1 << 18, /* changes of peers that Redis has not confirmed; 48 bytes each */
    CLUSTER_COMMAND_EVENTS_MAX = 200,
    CLUSTER_ARGS_MAX = 6 + 2 * CLUSTER_COMMAND_EVENTS_MAX,
    CLUSTER_IN_FLIGHT_MAX = 1024,  /* commands that wait for a reply */
    CLUSTER_WRITE_BACK_MAX = 2000, /* peers of one portion */

    CLUSTER_WAIT_MS = 250,    /* maximum time that a request waits for Redis */
    CLUSTER_ROUND_MS = 50,    /* until a change is sent, together with those that follow it */
    CLUSTER_LAZY_MS = 5000,   /* the same for peers that have only announced again */
    CLUSTER_FRESH_MS = 10000, /* age at which a copy is fetched again */
    CLUSTER_FEW = 64,         /* with fewer peers, that age is … */
    CLUSTER_FEW_FRESH_MS = 250,
    CLUSTER_COLD_MS = 60000,   /* an older copy is not used until Redis confirms it */
    CLUSTER_KEEP_MS = 900000,  /* without a request for so long, a copy is dropped */
    CLUSTER_SLOW_MS = 2000,    /* no request waits for so long after a fetch took too long */
    CLUSTER_CHECK_MS = 1000,   /* between two checks whether Redis was emptied */
    CLUSTER_SETTLE_MS = 10000, /* after Redis was emptied, other trackers may still write back */
    CLUSTER_RETRY_MS_MAX = 30000,
};

struct cluster_config {
    char name[CLUSTER_NAME_MAX + 1]; /* what all keys begin with */
    const char *user, *password;     /* "": none; borrowed */
    uint32_t database;
    uint8_t secret[MAC_KEY_LEN]; /* of connection ids, used until Redis has one */
    uint64_t seed;
    bool one_host; /* all trackers of the cluster are on this host, since Redis has a loopback
                      address */
};

struct cluster;

/* |swarms| is borrowed; own peers that have moved to another tracker are removed from it. NULL when
 * memory is out. */
struct cluster *cluster_new(const struct cluster_config *config, struct swarms *swarms);
void cluster_free(struct cluster *c);

/* Sets the Unix time of |now|, and the seconds after its last announce at which a peer times out.
 * Call before anything else, and then about once a second. */
void cluster_set_time(struct cluster *c, int64_t unix_s, uint16_t timeout_s, struct mono now);

/* Sets the addresses that replace loopback addresses of own peers (external.h) for the other
 * trackers; a peer without a replacement is not shared. If all trackers are on one host, loopback
 * addresses are shared unchanged. */
void cluster_set_external(struct cluster *c, const struct external *x);

/* Sets the maximum number of torrents that requests may add here. At the maximum, when no torrent
 * can be dropped, a request for another torrent does not wait and stores nothing. Own peers are
 * shared all the same. */
void cluster_set_torrents_max(struct cluster *c, uint32_t max);

/* ---- for announces ---- */

/* The tag (peerset.h) of a peer id, the same at all trackers of the cluster. */
uint32_t cluster_tag(const uint8_t peer_id[TRACKER_PEER_ID_LEN]);
/* The tag of all peers of a private tracker's user; it has the low CLUSTER_TAG_BITS of the id. */
uint32_t cluster_tag_of_user(uint32_t user);

/* Whether a request should wait until the copy of |hash| has been fetched. Begins the fetch if
 * necessary; if the copy is only about to become old, the fetch runs in the background. |peers|:
 * the request wants peers, not only numbers. */
bool cluster_must_wait(struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN], bool peers,
                       struct mono now);

/* What an announce has changed about an own peer. */
enum cluster_change {
    CLUSTER_STILL,     /* the peer announced again as the same */
    CLUSTER_NEW,       /* the peer was unknown here */
    CLUSTER_CHANGED,   /* it seeds or leeches now, has another peer id, or is paused or no longer so
                        */
    CLUSTER_COMPLETED, /* as CHANGED, and its completion counts */
    CLUSTER_GONE,
};

struct cluster_peer {
    const uint8_t *key; /* compact endpoint */
    uint8_t family;
    bool seed, paused;
    uint32_t tag; /* cluster_tag() */
    const uint8_t *peer_id;
};

/* Queues the change for the other trackers, and removes the peer from the copy. */
void cluster_on_peer(struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN],
                     const struct cluster_peer *p, enum cluster_change change, struct mono now);

/* What an answer contains beside the own peers. The sets have peers of other trackers only. */
struct cluster_view {
    const struct peerset *v4, *v6; /* NULL without a copy */
    uint32_t total[CLUSTER_SIDES]; /* peers of all trackers, including own ones */
    uint32_t downloaded;
};

/* Fills |view|, which is valid until the next call of any function here. |w| is the own swarm or
 * NULL. */
void cluster_look(const struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN],
                  const struct swarm *w, struct cluster_view *view, struct mono now);

/* ---- commands and replies ---- */

struct cluster_command {
    size_t argc;
    const char *argv[CLUSTER_ARGS_MAX];
    size_t lens[CLUSTER_ARGS_MAX];
};

/* Calls |wake| whenever there may be a command that is due before cluster_expiry(). */
void cluster_set_waker(struct cluster *c, void (*wake)(void *ctx), void *ctx);

void cluster_on_connected(struct cluster *c, struct mono now);

/* The next command to send; false if there is none now. Its words are valid until the next call of
 * any function here. */
bool cluster_next(struct cluster *c, struct cluster_command *cmd, struct mono now);

/* Commands that wait for a reply. */
size_t cluster_in_flight(const struct cluster *c);

/* The time at which cluster_next() must be called again even if nothing happens. */
struct mono cluster_expiry(const struct cluster *c);

/* Handles the reply to the oldest command in flight. SPRAT_E_REMOTE: Redis refused the command,
 * |eb| has its message, and it is tried again later. The connection must be closed after
 * SPRAT_E_READONLY (this Redis is a replica) and SPRAT_E_PROTOCOL (the reply does not fit the
 * command). */
int cluster_on_reply(struct cluster *c, const struct cluster_reply *r, struct errbuf *eb,
                     struct mono now);

/* The tracker is about to stop: all changes are sent at once from now on. */
void cluster_finish(struct cluster *c);

/* The connection is lost, and with it all replies. */
void cluster_on_lost(struct cluster *c, struct mono now);

/* The secret of connection ids: the one in Redis once it is known, else the own one. |version|
 * grows when it changes. */
const uint8_t *cluster_secret(const struct cluster *c, uint32_t *version);

bool cluster_is_ready(const struct cluster *c);

struct cluster_stats {
    uint64_t commands, fetches, dropped, errors;
    uint64_t waiting; /* events that Redis has not confirmed */
};
void cluster_stats(const struct cluster *c, struct cluster_stats *s);

#endif
