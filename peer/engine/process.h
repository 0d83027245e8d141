/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the loops of a process share: the disk's workers, the state database, where peers reach us,
 * how many connections there are, and the directory that tells whose an info-hash is. Nothing in
 * here is needed to move a block but the disk's queues: a loop comes here when a torrent or a
 * connection comes or goes.
 *
 * Locks: |lock| guards the directory only. Nothing is called and no other lock is taken while it is
 * held; the same is true of |conns.lock| and of those of doneq.h, disk.h, state.h and loop.h, so
 * there is no order to keep. What has no lock and is no atomic is written before the first loop
 * runs, and read from then on.
 */
#ifndef PEER_ENGINE_PROCESS_H
#define PEER_ENGINE_PROCESS_H

#include <stdatomic.h>

#include "common/ds/hashmap.h"
#include "common/ev/listener.h"
#include "common/sys/lock.h"
#include "peer/engine/engine.h"
#include "peer/net/udpdoor.h"
#include "peer/torrent/torrent_env.h"

enum {
    PROCESS_RATE_MS = 100,    /* limits are divided among the loops that often */
    PROCESS_SITE_SHARE = 8,   /* a site may have an eighth of all connections, and
                                 SWARM_SITE_PEERS_MAX at least; those on this machine all */
    PROCESS_SPARE_SHARE = 16, /* with fewer than a sixteenth left, those that give and take nothing
                               are closed */
};

/* One loop's part of a limit: its side of the table, and the first loop's. */
struct process_share {
    atomic_ullong granted; /* bytes/s: the first loop says how fast its bucket may be filled, */
    atomic_ullong applied; /* and it, how fast it is */
    atomic_ullong moved;   /* bytes so far */
    atomic_uint waiting;   /* torrents of late */
    uint64_t moved_before, used; /* the first loop's: at the last look; bytes/s, smoothed */
};

struct process {
    struct torrent_shared shared; /* what torrents see of it */
    char *ca_file;                /* NULL: the system's authorities alone */
    struct process_doors {        /* the first loop's */
        struct listener *listeners[ENGINE_LISTEN_MAX];
        struct endpoint addrs[ENGINE_LISTEN_MAX];
        size_t count;
        struct udpdoor *udp; /* beside the listeners */
        char note[96];       /* a sentence on the choice of the port, or "" */
    } doors;
    struct process_conns { /* of all torrents, and strangers: process_conns.c */
        struct lock lock;  /* guards what is here */
        uint32_t count, max;
        struct hashmap by_site;
    } conns;
    struct engine *engines[ENGINE_LOOPS_MAX]; /* of them; NULL: not open yet, or gone */
    struct process_rates { /* the first loop's, but for |shares|; not used with one loop */
        uint64_t limits[TORRENT_WAYS]; /* bytes/s; 0: none */
        struct loop_timer *timer;
        struct mono looked_at;
        struct process_share shares[TORRENT_WAYS][ENGINE_LOOPS_MAX];
    } rates;
    struct lock lock;
    struct hashmap by_hash; /* of struct hash_key */
    uint64_t serials;       /* given to torrents so far */
    uint32_t torrents;
    uint32_t torrents_of[ENGINE_LOOPS_MAX];
};

/* Opens the state directory and starts the workers, for |loops| loops; listens nowhere yet. */
int process_new(const struct engine_config *cfg, uint32_t loops, struct process **out,
                struct errbuf *eb);

/* Joins every thread that reports to a loop: no torrent and no loop that runs may be left. */
void process_quiet(struct process *h);
/* After process_quiet(). NULL is legal. */
void process_free(struct process *h);

/* process_conns.c: counts a connection to or from |peer|: 0, SPRAT_E_LIMIT when all are taken,
 * SPRAT_E_BUSY when its site has its share, SPRAT_E_NOMEM; and takes one off. Any thread. */
void process_conns_init(struct process *h, const uint64_t seed[2]);
void process_conns_fini(struct process *h);
int process_take_conn(struct process *h, const struct endpoint *peer);
void process_drop_conn(struct process *h, const struct endpoint *peer);
/* Whether few connections are left. */
bool process_is_crowded(struct process *h);

/* Enters the torrent's hashes for its engine, and gives it its number. SPRAT_E_EXISTS,
 * SPRAT_E_LIMIT, SPRAT_E_NOMEM: nothing is changed. */
int process_enter(struct process *h, struct torrent *t);
/* Takes out what was entered. */
void process_leave(struct process *h, struct torrent *t);

/* The torrent with this 20-byte hash, or NULL. It is its owner's thread's; others must not look at
 * it, and nothing says that it is still there when they come to it. */
struct torrent *process_find(struct process *h, const uint8_t *hash, struct engine **owner);

/* process_rate.c: the limits of all loops together, on the first loop. Dealing them out begins or
 * ends with process_set_limits(): then each loop has to take its part with process_begin_share()
 * before it goes on. */
int process_rates_init(struct process *h, struct loop *loop);
void process_rates_fini(struct process *h);
void process_set_limits(struct process *h, uint64_t up_limit, uint64_t down_limit);
/* On the engine's own loop. */
void process_begin_share(struct engine *s);
void process_on_share(void *engine);

/* Who gets the next torrent: the one that has the fewest. */
struct engine *process_pick(struct process *h);

#endif
