/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What all parts of a cluster share: its state, and in cluster.c what is known of torrents and what
 * is to be told. The parts stand in .order, from the bottom to the top.
 */
#ifndef TRACKER_CORE_CLUSTER_IMPL_H
#define TRACKER_CORE_CLUSTER_IMPL_H

#include <string.h>

#include "common/base/assert.h"
#include "common/base/backoff.h"
#include "common/ds/list.h"
#include "tracker/core/cluster.h"

#define EVENT_NONE UINT32_MAX

enum { CLUSTER_TAG_SHIFT = 8 };    /* clear of the flags in a peerset's tags */
enum { CHANGES_OF_TURN_MAX = 16 }; /* with more, others had better fetch all */

/* How soon a torrent's command leaves. */
enum queue { QUEUE_URGENT, QUEUE_PROMPT, QUEUE_LAZY, QUEUES, QUEUE_NONE };

/* Something that happened to a peer, on its way to Redis. */
struct event {
    uint32_t next; /* in its chain */
    char what;     /* as in the script's arguments; "=" still there, "+" came or changed sides, "*"
                    * came, and was on no side before */
    char side;     /* 's' or 'l' */
    uint8_t len;   /* of |who| */
    uint8_t who[COMPACT_V6_LEN];
    uint64_t score;
};

/* Events in order. */
struct chain {
    uint32_t first, last; /* EVENT_NONE if there is none */
    uint32_t count;
};

static inline void
chain_init(struct chain *chain)
{
    *chain = (struct chain){EVENT_NONE, EVENT_NONE, 0};
}

/* How far the changes of a torrent are known, and what the turn in flight does about them. */
struct changes {
    bool known;   /* the copy is whole, and has them up to |end| */
    bool restart; /* they are to be begun anew: too long, or lost */
    bool recount; /* one of them was a completion, and the number was not asked for yet */
    uint32_t end; /* bytes */
    uint8_t end_id[CLUSTER_CHANGE_ID_LEN];
    uint32_t wrote; /* bytes, by the turn in flight */
    uint8_t wrote_id[CLUSTER_CHANGE_ID_LEN];
    struct mono kept_at;    /* as of the sets */
    struct mono good_until; /* some peer of the copy may be silent then, and a fetch has to tell */
};

/* A torrent that is shared. */
struct shared {
    struct hashmap_node node;
    uint8_t hash[TRACKER_HASH_LEN];
    struct list use;   /* in one of |by_use| */
    struct list queue; /* in |queues[queued]|, or in none */
    enum queue queued;
    struct chain news; /* to be told */
    struct chain sent; /* told by the turn in flight */
    bool prompt;       /* some of |news| is more than that a peer is still there */
    bool written_back; /* some of it was: others miss these peers already */
    bool in_flight;
    bool fetching, sized; /* the turn in flight brings peers, and sizes; */
    bool checking;        /* it brings what others have changed */
    bool wants_peers, wants_numbers;
    bool awaited;                     /* a request waits for that */
    bool whole[CLUSTER_SIDES];        /* the copy has all of that set */
    struct mono peers_at, numbers_at; /* when the copy and the totals were true; 0: never */
    struct mono used_at, sent_at, due;
    struct mono unsure_until; /* own peers may not have been written back, until they come again */
    struct mono lazy_due;     /* the oldest of |news|, if none of it is prompt */
    struct mono kept_at[CLUSTER_SIDES]; /* when its key's time to live was last set */
    uint8_t stale;                      /* sides that have silent peers to be removed, a bit each */
    uint32_t total[CLUSTER_SIDES];
    uint32_t downloaded;
    uint32_t copied;           /* peers that the copy had when it came */
    uint32_t downloaded_least; /* what Redis may not know any more */
    struct changes changes;
    struct peerset v4, v6;
};

/* What a torrent's turn may consist of, in this order; a step of each side where there are four. */
enum step {
    STEP_STILL = 0, /* those that are still there, if others did not take them away meanwhile */
    STEP_ADD = 4,
    STEP_REMOVE = 8, /* from the side where they are no more */
    STEP_EXPIRE = 12,
    STEP_SCRIPT = 16,
    STEP_TRIM = 17,
    STEP_CHANGE = 21, /* once all is done: who reads of a change finds it in the sets */
    STEP_CHANGES_EXPIRE = 22,
    STEP_CHANGES = 23, /* what others appended, or where the end is; before the sets are read */
    STEP_CHANGES_ID = 24,
    STEP_DRAW = 25,
    STEP_SIZE = 29,
    STEP_COMPLETED = 33,
    STEPS = 34,
};

enum link_state {
    LINK_DOWN,
    LINK_HELLO, /* introducing itself; nothing else is sent */
    LINK_READY,
    LINK_PAUSED, /* Redis refused something that may pass */
};

enum command_kind {
    COMMAND_AUTH,
    COMMAND_SELECT,
    COMMAND_SCRIPT,
    COMMAND_OFFER, /* our secret, if there is none */
    COMMAND_SECRET,
    COMMAND_CHECK,
    COMMAND_TORRENT,
};

struct in_flight {
    enum command_kind kind;
    struct shared *torrent; /* of COMMAND_TORRENT, as the next two */
    enum step step;
    bool last; /* of the turn */
    struct mono sent_at;
};

/* The turn whose commands are being sent. */
struct turn {
    struct shared *torrent; /* NULL: there is none */
    uint64_t steps;         /* left, a bit each */
};

/* What the replies of one turn have brought so far; they come together, as the commands left. */
struct draft {
    struct peerset v4, v6;
    uint32_t drawn[CLUSTER_SIDES], total[CLUSTER_SIDES];
    bool has_size;
    uint8_t stale;
    uint32_t completed;
    bool has_completed;
    int64_t oldest_s;       /* age of the peer that was seen longest ago */
    struct mono good_until; /* as of struct changes */
    uint32_t changes_len;   /* after our own change */
    bool changes_read;      /* all changes are in the copy; */
    bool changes_known;     /* or there is an end of them: */
    uint32_t changes_end;
    uint8_t changes_id[CLUSTER_CHANGE_ID_LEN];
    bool failed; /* a reply was an error: of the torrent, */
    bool paused; /* or of all */
};

/* Own peers are written in the order of the swarms, up to the mark |told| among them. */
struct write_back {
    bool active;
    bool begun; /* with the swarm |hash| */
    uint8_t hash[TRACKER_HASH_LEN];
    uint32_t left4, left6; /* its peers that are not written yet */
};

struct cluster {
    struct cluster_config config;
    struct swarms *swarms;
    struct hashmap map;
    struct list by_use[2];      /* the torrent used longest ago first; those that have peers: [1] */
    uint64_t copied;            /* peers of all copies */
    uint32_t torrents_max;      /* for requests */
    struct list queues[QUEUES]; /* each in the order of |due| */

    struct event *events;
    uint32_t events_cap, free_event;

    enum link_state state;
    enum command_kind hello; /* the next step of it */
    bool is_new;             /* since this connection stands nothing was written back yet */
    struct mono ready_at, retry_at, check_at, settled_at, slow_until;
    struct backoff backoff;
    struct in_flight flight[CLUSTER_IN_FLIGHT_MAX];
    uint32_t flight_first, flight_count;
    struct in_flight *last_sent;

    struct turn turn;
    struct draft draft;
    struct write_back back;
    bool is_last;           /* what is told now is the last */
    bool lost_news;         /* events were dropped: own peers are to be written back */
    uint8_t incarnation[8]; /* what Redis had beside the secret */
    bool has_incarnation;
    uint8_t secret[MAC_KEY_LEN];
    uint32_t secret_version;
    uint8_t offer[CLUSTER_SECRET_LEN];

    int64_t unix_offset_s;
    uint16_t timeout_s;
    struct rng rng;
    uint32_t changes_by, changes_count; /* who we are in the changes, and how many are ours */
    struct external external;
    void (*wake)(void *ctx);
    void *wake_ctx;
    struct cluster_stats stats;

    char script_id[CLUSTER_SCRIPT_ID_LEN + 1];
    /* What the command at hand points to. */
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

/* Whether it takes the script. */
static inline bool
event_is_scripted(const struct event *e)
{
    return e->what == '!' || e->what == '-' || e->what == '<';
}

/* Peers of all sides, as far as known. */
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

/* Delays are kept while they are of use: not when own peers are written back or room gets short. */
bool cluster_hurries(const struct cluster *c);

/* ---- torrents and events ---- */

/* The torrent's record, made if there is none; NULL when memory is out or there are too many. */
struct shared *cluster_shared(struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN],
                              struct mono now);
struct shared *cluster_find(const struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN]);

/* Puts a torrent that has something to say or to ask into the queue where that belongs. */
void cluster_queue(struct cluster *c, struct shared *t, struct mono now);

/* |what| of a peer that was seen at |unix_s|; appended to a torrent's news, or dropped and counted
 * where there is no room. */
struct event cluster_event(char what, const struct cluster_peer *p, uint32_t unix_s);

/* Gives |e| the address under which other trackers may hear of the peer. False if there is none. */
bool cluster_make_public(const struct cluster *c, struct event *e);
void cluster_add_event(struct cluster *c, struct shared *t, const struct event *e);

/* Puts a chain before another, and empties it. */
void cluster_put_before(struct cluster *c, struct chain *chain, struct chain *behind);
void cluster_forget(struct cluster *c, struct chain *chain);

#endif
