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
#ifndef PEER_NET_HOUSE_H
#define PEER_NET_HOUSE_H

#include <stdatomic.h>

#include "common/ds/hashmap.h"
#include "common/ev/listener.h"
#include "common/sys/lock.h"
#include "peer/net/session.h"
#include "peer/net/source.h"
#include "peer/net/udpdoor.h"
#include "peer/store/disk.h"
#include "peer/store/roombook.h"
#include "peer/store/state.h"

enum {
    HOUSE_RATE_MS = 100, /* limits are divided among the loops that often */
    HOUSE_SITE_SHARE = 8, /* a site may have an eighth of all connections, and SWARM_SITE_PEERS_MAX
                             at least; peers on this machine may have all */
    HOUSE_SPARE_SHARE = 16, /* with fewer than a sixteenth left, those that give and take nothing
                               are closed */
};

/* One loop's part of a limit: its side of the table, and the first loop's. */
struct house_share {
    atomic_ullong granted; /* bytes/s: the first loop says how fast its bucket may be filled, */
    atomic_ullong applied; /* and it, how fast it is */
    atomic_ullong moved;   /* bytes so far */
    atomic_uint waiting;   /* torrents of late */
    uint64_t moved_before, used; /* the first loop's: at the last look; bytes/s, smoothed */
};

enum { HOUSE_UP, HOUSE_DOWN, HOUSE_WAYS };

struct house {
    struct disk *disk;
    struct state *state;
    struct log log;
    uint32_t peers_max; /* of each torrent */
    uint32_t rest_ms;   /* a seed without a peer for so long rests */
    bool no_pex;
    char *ca_file; /* NULL: the system's authorities alone */
    bool managed; /* spratd's: its torrents are started by it again */
    bool loading; /* what is added now comes from the database; no loop runs yet */
    struct house_doors { /* the first loop's */
        struct listener *listeners[SESSION_LISTEN_MAX];
        struct endpoint addrs[SESSION_LISTEN_MAX];
        size_t count;
        struct source source;
        struct udpdoor *udp; /* beside the listeners */
        char note[96]; /* a sentence on the choice of the port, or "" */
    } doors;
    struct roombook room; /* on the disks, that running torrents count on */
    struct house_conns { /* of all torrents, and strangers: house_conns.c */
        struct lock lock; /* guards what is here */
        uint32_t count, max;
        struct hashmap by_site;
    } conns;
    uint32_t loops;
    struct session *sessions[SESSION_LOOPS_MAX]; /* of them; NULL: not open yet, or gone */
    struct house_rates { /* the first loop's, but for |shares|; not used with one loop */
        uint64_t limits[HOUSE_WAYS]; /* bytes/s; 0: none */
        struct loop_timer *timer;
        struct mono looked_at;
        struct house_share shares[HOUSE_WAYS][SESSION_LOOPS_MAX];
    } rates;
    struct lock lock;
    struct hashmap by_hash; /* of struct hash_key */
    uint64_t serials;       /* given to torrents so far */
    uint32_t torrents;
    uint32_t torrents_of[SESSION_LOOPS_MAX];
};

/* Opens the state directory and starts the workers, for |loops| loops; listens nowhere yet. */
int house_new(const struct session_config *cfg, uint32_t loops, struct house **out,
              struct errbuf *eb);

/* Joins every thread that reports to a loop: no torrent and no loop that runs may be left. */
void house_quiet(struct house *h);
/* After house_quiet(). NULL is legal. */
void house_free(struct house *h);

/* house_conns.c: counts a connection to or from |peer|: 0, SPRAT_E_LIMIT when all are taken,
 * SPRAT_E_BUSY when its site has its share, SPRAT_E_NOMEM; and takes one off. Any thread. */
void house_conns_init(struct house *h, const uint64_t seed[2]);
void house_conns_fini(struct house *h);
int house_take_conn(struct house *h, const struct endpoint *peer);
void house_drop_conn(struct house *h, const struct endpoint *peer);
/* Whether few connections are left. */
bool house_is_crowded(struct house *h);

/* Enters the torrent's hashes for its session, and gives it its number. SPRAT_E_EXISTS,
 * SPRAT_E_LIMIT, SPRAT_E_NOMEM: nothing is changed. */
int house_enter(struct house *h, struct torrent *t);
/* Takes out what was entered. */
void house_leave(struct house *h, struct torrent *t);

/* The torrent with this 20-byte hash, or NULL. It is its owner's thread's; others must not look at
 * it, and nothing says that it is still there when they come to it. */
struct torrent *house_find(struct house *h, const uint8_t *hash, struct session **owner);

/* house_rate.c: the limits of all loops together, on the first loop. Dealing them out begins or
 * ends with house_set_limits(): then each loop has to take its part with house_begin_share() before
 * it goes on. */
int house_rates_init(struct house *h, struct loop *loop);
void house_rates_fini(struct house *h);
void house_set_limits(struct house *h, uint64_t up_limit, uint64_t down_limit);
/* On the session's own loop. */
void house_begin_share(struct session *s);
void house_on_share(void *session);

/* Who gets the next torrent: the one that has the fewest. */
struct session *house_pick(struct house *h);

#endif
