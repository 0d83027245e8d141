/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The data that all loops of a process share: the disk's workers, the state database, the
 * listeners, the count of connections, and the directory from info-hashes to torrents. To move a
 * block, a loop uses nothing of these but the disk's queues; it uses the rest when a torrent or a
 * connection comes or goes.
 *
 * Locks: |lock| guards the directory only. While it is held, no callback runs and no other lock is
 * taken; the same is true of |conns.lock| and of the locks of doneq.h, disk.h, state.h and loop.h,
 * so there is no order to keep. Members without a lock that are not atomic are written before the
 * first loop runs, and only read from then on.
 */
#ifndef PEER_ENGINE_PROCESS_H
#define PEER_ENGINE_PROCESS_H

#include <stdatomic.h>

#include "common/ds/hashmap.h"
#include "common/ev/listener.h"
#include "common/sys/lock.h"
#include "peer/engine/engine.h"
#include "peer/net/udpdoor.h"
#include "peer/store/statebans.h"
#include "peer/torrent/torrent_env.h"

enum {
    PROCESS_RATE_MS = 100,    /* interval at which limits are divided among the loops */
    PROCESS_SITE_SHARE = 8,   /* a site may have an eighth of all connections, and
                                 CROWD_SITE_PEERS_MAX at least; addresses of this machine may have
                                 all */
    PROCESS_SPARE_SHARE = 16, /* with fewer than a sixteenth left, connections that transfer nothing
                                 are closed */
};

/* One loop's part of a limit: the members that the loop writes, and those of the first loop. */
struct process_share {
    atomic_ullong granted; /* bytes/s at which the first loop lets the bucket be filled */
    atomic_ullong applied; /* bytes/s at which the loop really fills it */
    atomic_ullong moved;   /* bytes transferred so far */
    atomic_uint waiting;   /* torrents that waited recently */
    uint64_t moved_before, used; /* the first loop's: |moved| at its last look; bytes/s, smoothed */
};

struct process {
    struct torrent_shared shared; /* the part that torrents see */
    char *ca_file;                /* NULL: the system's authorities alone */
    struct process_doors {        /* the first loop's */
        struct listener *listeners[ENGINE_LISTEN_MAX];
        struct endpoint addrs[ENGINE_LISTEN_MAX];
        size_t count;
        struct udpdoor *udp; /* UDP sockets at the listeners' addresses */
        char note[96];       /* a sentence on the choice of the port, or "" */
    } doors;
    struct process_conns { /* connections of all torrents, and strangers: process_conns.c */
        struct lock lock;  /* guards the members of process_conns */
        uint32_t count, max;
        struct hashmap by_site;
    } conns;
    struct engine *engines[ENGINE_LOOPS_MAX]; /* |loops| of them; NULL: not open yet, or gone */
    struct process_rates { /* the first loop's, but for |shares|; not used with one loop */
        uint64_t limits[TORRENT_WAYS]; /* bytes/s; 0: none */
        struct loop_timer *timer;
        struct mono looked_at;
        struct process_share shares[TORRENT_WAYS][ENGINE_LOOPS_MAX];
    } rates;
    struct state_ban *bans; /* the bans that were stored when the process began */
    size_t ban_count;
    struct lock lock;
    struct hashmap by_hash; /* of struct hash_key */
    uint64_t serials;       /* serial numbers given to torrents so far */
    uint32_t torrents;
    uint32_t torrents_of[ENGINE_LOOPS_MAX];
};

/* Opens the state directory and starts the workers, for |loops| loops. Does not listen yet. */
int process_new(const struct engine_config *cfg, uint32_t loops, struct process **out,
                struct errbuf *eb);

/* Joins every thread that reports to a loop. No torrent may be left, and no loop may run. */
void process_quiet(struct process *h);
/* After process_quiet(). NULL is legal. */
void process_free(struct process *h);

/* process_conns.c: process_take_conn() counts a connection to or from |peer|: 0, SPRAT_E_LIMIT when
 * all connections are in use, SPRAT_E_BUSY when the peer's site has its share, SPRAT_E_NOMEM.
 * process_drop_conn() uncounts it. Any thread. */
void process_conns_init(struct process *h, const uint64_t seed[2]);
void process_conns_fini(struct process *h);
int process_take_conn(struct process *h, const struct endpoint *peer);
void process_drop_conn(struct process *h, const struct endpoint *peer);
/* Whether few connections are left. */
bool process_is_crowded(struct process *h);

/* Enters the torrent's hashes into the directory, and gives the torrent its serial number. On
 * SPRAT_E_EXISTS, SPRAT_E_LIMIT, SPRAT_E_NOMEM nothing changes. */
int process_enter(struct process *h, struct torrent *t);
/* Exchanges the facts of a torrent of the directory with |facts|. EXISTS, NOMEM: nothing changes.
 */
int process_exchange_facts(struct process *h, struct torrent *t, struct torrent_facts *facts);
/* Removes the torrent's hashes from the directory. */
void process_leave(struct process *h, struct torrent *t);

/* Whether there are ENGINE_TORRENTS_MAX torrents. Any thread. */
bool process_is_full(struct process *h);

/* The torrent with this 20-byte hash, or NULL. Only the thread of the torrent's loop may use the
 * torrent; for other threads the pointer is only a name, and the torrent may be gone by the time a
 * letter reaches its loop. */
struct torrent *process_find(struct process *h, const uint8_t *hash, struct engine **owner);

/* What the directory knows of a torrent, whatever its loop does. */
struct process_known {
    uint64_t serial;
    char *name;
    struct identity id;
    uint64_t total_size;
};

/* The torrents of loop |loop|, in the order of adding; to be freed with process_known_free(). NULL
 * and 0 when memory is out. Any thread. */
struct process_known *process_list(struct process *h, uint32_t loop, size_t *count);
void process_known_free(struct process_known *known, size_t count);

/* process_rate.c: divides the limits of all loops together, on the first loop. process_set_limits()
 * begins or ends the division; after that each loop has to take its part with process_begin_share()
 * before it continues. */
int process_rates_init(struct process *h, struct loop *loop);
void process_rates_fini(struct process *h);
void process_set_limits(struct process *h, uint64_t up_limit, uint64_t down_limit);
/* Called on the engine's own loop. */
void process_begin_share(struct engine *s);
void process_on_share(void *engine);

/* The engine for the next torrent: the one with the fewest torrents. */
struct engine *process_pick(struct process *h);

#endif
