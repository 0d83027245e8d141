/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state that all parts of the cluster share, and the functions of cluster.c about torrents and
 * events that the other parts use. .order lists the parts from the lowest to the highest.
 */
#ifndef TRACKER_CORE_CLUSTER_IMPL_H
#define TRACKER_CORE_CLUSTER_IMPL_H

#include <string.h>

#include "common/base/assert.h"
#include "common/base/backoff.h"
#include "common/ds/list.h"
#include "tracker/core/cluster.h"
#include "tracker/core/cluster_login.h"

#define EVENT_NONE UINT32_MAX

enum { CLUSTER_TAG_SHIFT = 8 };    /* above the flags in the tags of a peerset */
enum { CHANGES_OF_TURN_MAX = 16 }; /* with more, other trackers fetch the whole torrent */

/* How soon a torrent's turn begins. */
enum queue { QUEUE_URGENT, QUEUE_PROMPT, QUEUE_LAZY, QUEUES, QUEUE_NONE };

/* A change of an own peer that is sent to Redis. */
struct event {
    uint32_t next; /* in its chain */
    char what; /* as in the script's arguments; "=" announced again, "+" came or changed sides, "*"
                  came, and was on no side before */
    char side; /* 's' or 'l' */
    uint8_t len; /* of |who| */
    uint8_t who[COMPACT_V6_LEN];
    uint64_t score;
};

/* A list of events in order. */
struct chain {
    uint32_t first, last; /* EVENT_NONE if there is none */
    uint32_t count;
};

static inline void
chain_init(struct chain *chain)
{
    *chain = (struct chain){EVENT_NONE, EVENT_NONE, 0};
}

/* The state of a torrent's log of changes: how far it was read, and what the turn in flight has
 * appended. */
struct changes {
    bool known;   /* the copy is whole and has all changes up to |end| */
    bool restart; /* the log must be begun anew: it is too long, or was lost */
    bool recount; /* a change was a completion, and the number was not fetched since */
    uint32_t end; /* bytes */
    uint8_t end_id[CLUSTER_CHANGE_ID_LEN];
    uint32_t wrote; /* bytes appended by the turn in flight */
    uint8_t wrote_id[CLUSTER_CHANGE_ID_LEN];
    struct mono kept_at;    /* when the expiry of the log was last set */
    struct mono good_until; /* when a peer of the copy may time out, and a fetch is needed */
};

/* The record of a shared torrent. */
struct shared {
    struct hashmap_node node;
    uint8_t hash[TRACKER_HASH_LEN];
    struct list use;   /* link in one of |by_use| */
    struct list queue; /* link in |queues[queued]|, or in no queue */
    enum queue queued;
    struct chain news; /* events to be sent */
    struct chain sent; /* events sent by the turn in flight */
    bool prompt;       /* |news| has events other than "=" */
    bool written_back; /* |news| has peers to write back, which the other trackers miss already */
    bool in_flight;
    bool fetching, sized; /* the turn in flight fetches peers, and sizes, */
    bool checking;        /* or it reads the changes of other trackers */
    bool wants_peers, wants_numbers;
    bool awaited;                     /* a request waits for the turn */
    bool whole[CLUSTER_SIDES];        /* the copy has all peers of that side */
    struct mono peers_at, numbers_at; /* when the copy and the totals were current; 0: never */
    struct mono used_at, sent_at, due;
    struct mono unsure_until; /* until then an own peer may have missed being written back */
    struct mono lazy_due;     /* when |news| is due if it has only "=" events */
    struct mono kept_at[CLUSTER_SIDES]; /* when the expiry of the side's key was last set */
    uint8_t stale; /* sides with peers that have timed out and must be removed, a bit each */
    uint32_t total[CLUSTER_SIDES];
    uint32_t downloaded;
    uint32_t copied;           /* peers of the copy that |cluster.copied| includes */
    uint32_t downloaded_least; /* completions, if Redis may have lost them; 0 otherwise */
    struct changes changes;
    struct peerset v4, v6;
};

/* The steps of a turn, in this order; some exist once for each side. */
enum step {
    STEP_STILL = 0, /* refreshes peers, unless another tracker has removed them */
    STEP_ADD = 4,
    STEP_REMOVE = 8, /* removes peers from their former side */
    STEP_EXPIRE = 12,
    STEP_SCRIPT = 16,
    STEP_TRIM = 17,
    STEP_CHANGE = 21, /* after the sets are changed, so that the log never is ahead of them */
    STEP_CHANGES_EXPIRE = 22,
    STEP_CHANGES = 23, /* reads the log, or its length; before the sets are read */
    STEP_CHANGES_ID = 24,
    STEP_DRAW = 25,
    STEP_SIZE = 29,
    STEP_COMPLETED = 33,
    STEPS = 34,
};

enum link_state {
    LINK_DOWN,
    LINK_HELLO, /* authentication and so on; no other command is sent */
    LINK_READY,
    LINK_PAUSED, /* Redis refused a command for a reason that may pass */
};

enum command_kind {
    COMMAND_AUTH,
    COMMAND_SELECT,
    COMMAND_SCRIPT,
    COMMAND_OFFER, /* writes the own secret if Redis has none */
    COMMAND_SECRET,
    COMMAND_CHECK,
    COMMAND_TORRENT,
};

struct in_flight {
    enum command_kind kind;
    struct shared *torrent; /* this and the next two: of COMMAND_TORRENT */
    enum step step;
    bool last; /* the last command of the turn */
    struct mono sent_at;
};

/* The turn whose commands are being sent. */
struct turn {
    struct shared *torrent; /* NULL: no turn */
    uint64_t steps;         /* steps that are left, a bit each */
};

/* What the replies of the current turn have brought so far. */
struct draft {
    struct peerset v4, v6;
    uint32_t drawn[CLUSTER_SIDES], total[CLUSTER_SIDES];
    bool has_size;
    uint8_t stale;
    uint32_t completed;
    bool has_completed;
    int64_t oldest_s;       /* age in seconds of the peer with the oldest announce */
    struct mono good_until; /* as in struct changes */
    uint32_t changes_len;   /* length of the log after the own changes */
    bool changes_read;      /* all changes were merged into the copy, */
    bool changes_known;     /* or the end of the log is known: */
    uint32_t changes_end;
    uint8_t changes_id[CLUSTER_CHANGE_ID_LEN];
    bool failed; /* a reply was an error: about the torrent, */
    bool paused; /* or about all of Redis */
};

/* The progress of writing back own peers, swarm by swarm. The mark |told| in the list of swarms
 * separates those that are done. */
struct write_back {
    bool active;
    bool begun; /* the swarm |hash| is partly written */
    uint8_t hash[TRACKER_HASH_LEN];
    uint32_t left4, left6; /* peers of that swarm that are not written yet */
};

struct cluster {
    struct cluster_config config;
    struct cluster_login login; /* of |config| */
    struct swarms *swarms;
    struct hashmap map;
    struct list by_use[2];      /* least recently used first; [1] has torrents with peers */
    uint64_t copied;            /* peers of all copies */
    uint32_t torrents_max;      /* limit for requests */
    struct list queues[QUEUES]; /* each in the order of |due| */

    struct event *events;
    uint32_t events_cap, free_event;

    enum link_state state;
    enum command_kind hello; /* the next step of the hello */
    bool is_new;             /* nothing was written back on this connection yet */
    struct mono ready_at, retry_at, check_at, settled_at, slow_until;
    struct backoff backoff;
    struct in_flight flight[CLUSTER_IN_FLIGHT_MAX];
    uint32_t flight_first, flight_count;
    struct in_flight *last_sent;

    struct turn turn;
    struct draft draft;
    struct write_back back;
    bool is_last;           /* the tracker is about to stop */
    bool lost_news;         /* events were dropped, so own peers must be written back */
    uint8_t incarnation[8]; /* the second part of NAMEkey, which changes when Redis is emptied */
    bool has_incarnation;
    uint8_t secret[MAC_KEY_LEN];
    uint32_t secret_version;
    uint8_t offer[CLUSTER_SECRET_LEN];

    int64_t unix_offset_s;
    uint16_t timeout_s;
    struct rng rng;
    uint32_t changes_by, changes_count; /* this tracker and its last change, as in ids of changes */
    struct external external;
    void (*wake)(void *ctx);
    void *wake_ctx;
    struct cluster_stats stats;

    char script_id[CLUSTER_SCRIPT_ID_LEN + 1];
    /* Words of the current command. */
    char key[CLUSTER_KEY_MAX + 1];
    char numbers[2][24];
    char whats[CLUSTER_COMMAND_EVENTS_MAX][24];
    uint8_t changes[CHANGES_OF_TURN_MAX * CLUSTER_CHANGE_LEN_MAX];
};

static inline struct peerset *
shared_peers(struct shared *t, uint8_t family)
{
    return family == IP_V4 ? &t->v4 : &t->v6;
}

static inline enum cluster_side
event_side(const struct event *e)
{
    return cluster_side(e->len == COMPACT_V6_LEN ? IP_V6 : IP_V4, e->side == 's');
}

/* Whether the event needs the script. */
static inline bool
event_is_scripted(const struct event *e)
{
    return e->what == '!' || e->what == '-' || e->what == '<';
}

/* The known number of peers of all sides. */
static inline uint64_t
shared_count(const struct shared *t)
{
    uint64_t n = 0;

    for (int side = 0; side < CLUSTER_SIDES; side++)
        n += t->total[side];
    return n;
}

static inline bool
mono_younger(struct mono t, int64_t ms, struct mono now)
{
    return t.us != 0 && mono_before(now, mono_add_ms(t, ms));
}

static inline int64_t
cluster_unix(const struct cluster *c, struct mono now)
{
    return now.us / 1000000 + c->unix_offset_s;
}

/* Whether commands are sent without delay: while own peers are written back, or when memory for
 * events gets short. */
bool cluster_hurries(const struct cluster *c);

/* ---- torrents and events ---- */

/* Returns the torrent's record, and adds one if there is none; NULL when memory is out or there are
 * too many. */
struct shared *cluster_shared(struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN],
                              struct mono now);
struct shared *cluster_find(const struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN]);

/* Puts a torrent that has events or wants a fetch into the right queue. */
void cluster_queue(struct cluster *c, struct shared *t, struct mono now);

/* cluster_event() makes an event of the peer, seen at |unix_s|. cluster_add_event() appends it to
 * the torrent's |news|; if there is no room, it is dropped and counted. */
struct event cluster_event(char what, const struct cluster_peer *p, uint32_t unix_s);

/* Replaces a loopback address in |e| by the external one. False if there is none, and the peer must
 * not be shared. */
bool cluster_make_public(const struct cluster *c, struct event *e);
void cluster_add_event(struct cluster *c, struct shared *t, const struct event *e);

/* Moves all events of |chain| before those of |behind|. */
void cluster_put_before(struct cluster *c, struct chain *chain, struct chain *behind);
void cluster_forget(struct cluster *c, struct chain *chain);

#endif
