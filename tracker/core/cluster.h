/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One tracker of several that share their swarms through Redis: what it has to tell the others,
 * what it knows of their peers, and when that has to be asked for. Commands come out and replies go
 * in; there is no socket here, and no clock. How things stand in Redis is in cluster_wire.h.
 *
 * Announces are answered from memory. The tracker's own peers are in the table of swarms; beside it
 * each torrent that is asked for has a copy of the others' peers, or a random sample of them, which
 * is replaced as a whole by each fetch. A copy that is whole is not fetched again but for what
 * others have changed since, until one of its peers may have fallen silent. What Redis says first
 * is a request's only wait: of a torrent that was not asked for of late, or that has few peers, so
 * that a peer the others have just heard of is in the answer. While Redis is away nothing waits;
 * when it is back, all own peers are written to it again, in portions, for it may have lost any of
 * them.
 *
 * The cycle of a conversation: cluster_on_connected(); then cluster_next() until it returns false,
 * each reply to cluster_on_reply() in the order of the commands, and again; cluster_on_lost().
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
    CLUSTER_TORRENTS_MAX = 1 << 20, /* torrents that something is known of or to be told of */
    CLUSTER_COPIED_MAX = 1 << 22,   /* peers of all copies; beyond it the oldest copies go */
    CLUSTER_EVENTS_MAX = 1 << 18,   /* of peers, that Redis has not confirmed; 48 bytes each */
    CLUSTER_COMMAND_EVENTS_MAX = 200,
    CLUSTER_ARGS_MAX = 6 + 2 * CLUSTER_COMMAND_EVENTS_MAX,
    CLUSTER_IN_FLIGHT_MAX = 1024,  /* commands that wait for a reply */
    CLUSTER_WRITE_BACK_MAX = 2000, /* peers of one portion */

    CLUSTER_WAIT_MS = 250,    /* that a request waits for Redis at most */
    CLUSTER_ROUND_MS = 50,    /* until news is told; what comes meanwhile goes with it */
    CLUSTER_LAZY_MS = 5000,   /* the same for peers that are just still there */
    CLUSTER_FRESH_MS = 10000, /* a copy is used for so long before it is fetched again */
    CLUSTER_FEW = 64,         /* with fewer peers than this a copy lasts only … */
    CLUSTER_FEW_FRESH_MS = 250,
    CLUSTER_COLD_MS = 60000,   /* a copy that is older is none, unless it is found good; */
    CLUSTER_KEEP_MS = 900000,  /* it is forgotten when nobody asked for it for so long */
    CLUSTER_SLOW_MS = 2000,    /* nobody waits for so long after a fetch took too long */
    CLUSTER_CHECK_MS = 1000,   /* how often Redis is asked whether it lost all */
    CLUSTER_SETTLE_MS = 10000, /* after a new start others may not have written back yet */
    CLUSTER_RETRY_MS_MAX = 30000,
};

struct cluster_config {
    char name[CLUSTER_NAME_MAX + 1]; /* what all keys begin with */
    const char *user, *password;     /* "": none; borrowed */
    uint32_t database;
    uint8_t secret[MAC_KEY_LEN]; /* of connection ids, until Redis has one or knows a better */
    uint64_t seed;
    bool one_host; /* Redis is reached over loopback, so all trackers of the cluster are on this
                      host */
};

struct cluster;

/* |swarms| is borrowed: merging a copy removes peers from it that have gone elsewhere. NULL when
 * memory is out. */
struct cluster *cluster_new(const struct cluster_config *config, struct swarms *swarms);
void cluster_free(struct cluster *c);

/* The Unix time that |now| is, to be told before anything else and then every second or so; and for
 * how many seconds a peer counts that was last seen. */
void cluster_set_time(struct cluster *c, int64_t unix_s, uint16_t timeout_s, struct mono now);

/* From now on the other trackers hear of a peer with a loopback address (external.h) under the
 * external one, and not at all if there is none; unless all trackers are on one host, where a
 * loopback address means the same to each of them. */
void cluster_set_external(struct cluster *c, const struct external *x);

/* From now on requests for torrents that are not known here are not waited for, and leave nothing
 * here, once something is known of so many torrents and none of them can be spared. Own peers are
 * told of all the same. */
void cluster_set_torrents_max(struct cluster *c, uint32_t max);

/* ---- for announces ---- */

/* A tag (peerset.h) that all trackers of the cluster give to this peer id. */
uint32_t cluster_tag(const uint8_t peer_id[TRACKER_PEER_ID_LEN]);
/* The same for all peers of a private tracker's user; CLUSTER_TAG_BITS of the id are told apart. */
uint32_t cluster_tag_of_user(uint32_t user);

/* Whether a request had better wait until the copy of |hash| has been fetched, which it asks for if
 * so, or in the background if the copy is about to get old. |peers|: it wants peers, not only
 * numbers. */
bool cluster_must_wait(struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN], bool peers,
                       struct mono now);

/* How an own peer was before an announce, and is now. */
enum cluster_change {
    CLUSTER_STILL,     /* seen again on the same side */
    CLUSTER_NEW,       /* not known here before */
    CLUSTER_CHANGED,   /* on the other side, another one, or paused where it was not, or no more */
    CLUSTER_COMPLETED, /* as changed, and its completion counts */
    CLUSTER_GONE,
};

struct cluster_peer {
    const uint8_t *key; /* compact endpoint */
    uint8_t family;
    bool seed, paused;
    uint32_t tag; /* cluster_tag() */
    const uint8_t *peer_id;
};

/* Tells the others. The peer is no longer in the copy. */
void cluster_on_peer(struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN],
                     const struct cluster_peer *p, enum cluster_change change, struct mono now);

/* What an answer is made of beside the own peers. The sets hold peers of others only. */
struct cluster_view {
    const struct peerset *v4, *v6; /* NULL: nothing is known */
    uint32_t total[CLUSTER_SIDES]; /* peers of all trackers, own ones too */
    uint32_t downloaded;
};

/* |w| is the own swarm or NULL. Good until the next call. */
void cluster_look(const struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN],
                  const struct swarm *w, struct cluster_view *view, struct mono now);

/* ---- for the conversation with Redis ---- */

struct cluster_command {
    size_t argc;
    const char *argv[CLUSTER_ARGS_MAX];
    size_t lens[CLUSTER_ARGS_MAX];
};

/* Calls |wake| whenever there may be a command that is not to wait until cluster_expiry(). */
void cluster_set_waker(struct cluster *c, void (*wake)(void *ctx), void *ctx);

void cluster_on_connected(struct cluster *c, struct mono now);

/* The next command to send; false if there is none for now. What it points to is good until the
 * next call of anything here. */
bool cluster_next(struct cluster *c, struct cluster_command *cmd, struct mono now);

/* Commands that wait for a reply. */
size_t cluster_in_flight(const struct cluster *c);

/* When cluster_next() wants to be called again without anything having happened. */
struct mono cluster_expiry(const struct cluster *c);

/* The reply to the oldest command in flight. 0; SPRAT_E_REMOTE: Redis refused, as |eb| says, and it
 * is tried again later. After these the connection is to be closed: SPRAT_E_READONLY, this Redis is
 * a replica; SPRAT_E_PROTOCOL, no Redis says such a thing. */
int cluster_on_reply(struct cluster *c, const struct cluster_reply *r, struct errbuf *eb,
                     struct mono now);

/* This tracker is about to end: from now on nothing waits for its time to be told. */
void cluster_finish(struct cluster *c);

/* The connection has gone, with all replies. */
void cluster_on_lost(struct cluster *c, struct mono now);

/* The connection ids' secret that all use, once Redis has told it; else the own one. |version|
 * grows when it changes. */
const uint8_t *cluster_secret(const struct cluster *c, uint32_t *version);

bool cluster_is_ready(const struct cluster *c);

struct cluster_stats {
    uint64_t commands, fetches, dropped, errors;
    uint64_t waiting; /* events that Redis has not confirmed */
};
void cluster_stats(const struct cluster *c, struct cluster_stats *s);

#endif
