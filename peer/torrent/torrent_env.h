/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a torrent has around it: the services of its loop, what all loops of the process share, and
 * the calls by which it asks its engine for something. These calls are the only way from a torrent
 * up to the engine, of which this room knows nothing else.
 *
 * The engine owns all of this, and it outlives every torrent.
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

/* What all loops of a process share. Written before the first loop runs, but for what has a lock of
 * its own. */
struct torrent_shared {
    struct disk *disk;
    struct state *state;
    struct log log;
    struct tracker_gate *gate;
    struct roombook room; /* on the disks, that running torrents count on */
    uint16_t port;        /* that peers and trackers are told; 0: we do not listen */
    struct source source; /* where our connections leave from */
    uint32_t loops;
    uint32_t peers_max; /* of each torrent */
    uint32_t rest_ms;   /* a seed without a peer for so long rests */
    bool no_pex;
    bool managed; /* spratd's: its torrents are started by it again */
    bool loading; /* what is added now comes from the database; no loop runs yet */
};

/* What a torrent asks of its engine, on the loop's thread. */
struct torrent_env_calls {
    /* torrent_turn() is called soon, once. */
    void (*mark_dirty)(struct torrent *t);
    /* A person is told, from the loop. |message| is copied. */
    void (*tell)(struct torrent *t, enum torrent_event_type type, int err, const char *message);
    /* The torrent runs: peers that came while it was loaded are let in with peers_on_stranger(). */
    void (*admit)(struct torrent *t);
    /* Whether a peer waits for the torrent to run. */
    bool (*is_wanted)(const struct torrent *t);
    /* The disk had no room: torrents on |crowded|, and connections, are tried again soon. */
    void (*await_disk)(struct torrent_env *env);
    /* The site of |addr| was banned: all torrents of the process ban it. */
    void (*share_ban)(struct torrent_env *env, const struct endpoint *addr);
    /* Counts a connection to |peer| among those of the process: 0, or why there may be none
     * (process_take_conn()). Each that was counted is taken off once. */
    int (*take_conn)(struct torrent_env *env, const struct endpoint *peer);
    void (*drop_conn)(struct torrent_env *env, const struct endpoint *peer);
};

enum { TORRENT_UP, TORRENT_DOWN, TORRENT_WAYS };

enum {
    TORRENT_LOADS_MAX = 256, /* torrents that look at their files at a time, all loops together */
};

/* One a loop; embedded in its engine. */
struct torrent_env {
    const struct torrent_env_calls *calls;
    struct torrent_shared *shared;
    uint32_t index; /* of the loop */
    struct loop *loop;
    struct doneq *doneq; /* the disk's answers */
    struct conn_hub *hub;
    struct farewells *farewells;
    struct resolver *resolver;
    struct tracker_client *tracker;
    struct sitebudget *sites;
    struct bans bans; /* of the process: this loop's copy */
    struct rng rng;   /* of torrents at rest: when they announce */
    struct rate_bucket up, down;
    uint64_t moved[TORRENT_WAYS]; /* bytes of pieces, counted with several loops */
    struct list crowded;          /* torrents with jobs that the disk had no room for */
    struct torrent_loads {
        uint32_t count, max; /* torrents under way: the queues behind them have a maximum */
        struct list waiting; /* torrents, in the order of asking */
    } loads;
    bool late; /* at the end: trackers had their time, no announce is begun any more */
};

#endif
