/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The environment of a torrent: the services of its loop, the data that all loops of the process
 * share, and the calls by which a torrent asks its engine for something. These calls are the only
 * way from a torrent up to the engine; the files of this folder know nothing else of the engine.
 *
 * The engine owns the environment, which outlives every torrent.
 */
#ifndef PEER_TORRENT_TORRENT_ENV_H
#define PEER_TORRENT_TORRENT_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/log.h"
#include "common/base/rng.h"
#include "common/ds/list.h"
#include "common/ev/loop.h"
#include "peer/core/bans.h"
#include "peer/core/rate.h"
#include "peer/core/sitebudget.h"
#include "peer/net/conn.h"
#include "peer/net/farewell.h"
#include "peer/net/source.h"
#include "peer/net/tracker_client.h"
#include "peer/store/disk.h"
#include "peer/store/roombook.h"
#include "peer/store/state.h"
#include "peer/torrent/torrent.h"

struct torrent_env;
struct torrent_facts;

/* Where a torrent wants to be found without trackers, and to find peers. */
struct torrent_search {
    bool dht;
    bool lsd;            /* in the local network (BEP 14) */
    bool active;         /* it runs, and does not rest */
    bool has_v1, has_v2; /* by which of its hashes */
    bool seed;           /* it has all pieces, so that it needs no seeds */
    bool hungry;         /* it has no peers, and wants some */
};

/* The data that all loops of a process share. It is written before the first loop runs, except for
 * members that have a lock of their own. */
struct torrent_shared {
    struct disk *disk;
    struct state *state;
    struct log log;
    struct tracker_gate *gate;
    struct roombook room; /* the disk space that running torrents count on */
    uint16_t port;        /* the port that peers and trackers learn; 0: no listener */
    struct source source; /* the local addresses of outgoing connections */
    uint32_t loops;
    uint32_t peers_max; /* connections of each torrent */
    uint32_t rest_ms;   /* a seed rests after this time without a peer */
    bool no_pex;
    bool dht;     /* the process has DHT nodes */
    bool lsd;     /* the process uses local discovery */
    bool managed; /* the process is spratd, which starts its torrents again after a restart */
    bool loading; /* torrents are added from the database now; no loop runs yet */
};

/* The calls of a torrent to its engine, on the loop's thread. */
struct torrent_env_calls {
    /* The engine calls torrent_do_steps() soon, once. */
    void (*mark_dirty)(struct torrent *t);
    /* The engine calls the user's event handler, from the loop. |message| is copied. */
    void (*tell)(struct torrent *t, enum torrent_event_type type, int err, const char *message);
    /* The torrent runs: peers that connected while it was being loaded enter by
     * peers_on_stranger(). */
    void (*admit)(struct torrent *t);
    /* Exchanges the torrent's facts with |facts|, and lets the directory of torrents find it by the
     * new ones. EXISTS, NOMEM: nothing changes. */
    int (*exchange_facts)(struct torrent *t, struct torrent_facts *facts);
    /* The disk had no room for a job: torrents on |crowded|, and connections, try again soon. */
    void (*await_disk)(struct torrent_env *env);
    /* The torrent's search starts, changes, or ends (|s->dht| and |s->lsd| are false). The engine
     * answers by torrent_search_on_peers() and torrent_search_on_round(). False: memory is out, and
     * nothing changes. */
    bool (*search)(struct torrent *t, const struct torrent_search *s);
    /* A peer named a DHT node that may be alive. */
    void (*add_dht_node)(struct torrent_env *env, const struct endpoint *addr);
    /* A torrent file names DHT nodes that may be alive; few of them are used. False: try again
     * later. */
    bool (*add_dht_names)(struct torrent_env *env, const struct metainfo_node *nodes, size_t count);
    /* The site of |addr| was banned: all torrents of the process ban it. */
    void (*share_ban)(struct torrent_env *env, const struct endpoint *addr);
    /* Counts a connection to |peer| among those of the process: 0, or the reason why the connection
     * is not allowed (process_take_conn()). drop_conn() uncounts each counted connection once. */
    int (*take_conn)(struct torrent_env *env, const struct endpoint *peer);
    void (*drop_conn)(struct torrent_env *env, const struct endpoint *peer);
};

enum { TORRENT_UP, TORRENT_DOWN, TORRENT_WAYS };

enum {
    TORRENT_LOADS_MAX = 256, /* torrents that check their files at a time, all loops together */
    TORRENT_TURNS_MAX = 16,  /* torrents that dial peers for their metadata at a time, all loops
                                together; each has TORRENT_TURN_PEERS connections at most */
};

/* The environment of one loop's torrents; embedded in its engine. */
struct torrent_env {
    const struct torrent_env_calls *calls;
    struct torrent_shared *shared;
    uint32_t index; /* of the loop */
    struct loop *loop;
    struct doneq *doneq; /* the results of disk jobs */
    struct conn_hub *hub;
    struct farewells *farewells;
    struct resolver *resolver;
    struct tracker_client *tracker;
    struct sitebudget *sites;
    struct bans bans; /* this loop's copy of the bans of the process */
    struct rng rng;   /* for the announce times of torrents at rest */
    struct rate_bucket up, down;
    uint64_t moved[TORRENT_WAYS]; /* bytes of pieces, counted with several loops */
    struct list crowded;          /* torrents with jobs that the disk had no room for */
    struct torrent_loads {
        uint32_t count, max; /* torrents being loaded: the disk's queues have a maximum */
        struct list waiting; /* torrents, in the order of asking */
    } loads;
    struct torrent_turns { /* torrent_turn.h */
        uint32_t count, max;
        struct list waiting; /* torrents, in the order of asking */
    } turns;
    bool late; /* at the end: the trackers' time is over, no announce begins any more */
};

#endif
