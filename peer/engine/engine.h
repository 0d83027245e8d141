/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine of one loop: any number of torrents, and around them listeners, the worker threads and
 * the state database. `sprat get` and `sprat seed` have one engine with all of it; spratd's loops
 * have one each, and share what lies around them (process.h, shards.h).
 *
 * All calls are made on the loop's thread. Callbacks come from the loop, never from inside a call.
 */
#ifndef PEER_ENGINE_ENGINE_H
#define PEER_ENGINE_ENGINE_H

#include "common/base/endpoint.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/ev/loop.h"
#include "peer/torrent/torrent.h"

enum {
    ENGINE_LISTEN_MAX = 8,
    ENGINE_LOOPS_MAX = 16,        /* loops of a process */
    ENGINE_TORRENTS_MAX = 100000, /* torrents of all loops */
    ENGINE_CONNS_MAX = 4000,      /* connections of all torrents together, including half-open ones;
                                     and never more than half of the process's descriptor limit */
    ENGINE_FILES_MAX = 65536,     /* the descriptor limit that the process asks of the system */
    ENGINE_REST_MS = 30000,
    ENGINE_STOP_MS = 5000, /* how long engine_stop() waits for trackers */
};

struct engine;

struct engine_config {
    const char *program;                       /* for lock messages: "sprat get" */
    const char *state_dir;                     /* made if missing */
    struct endpoint listen[ENGINE_LISTEN_MAX]; /* port 0: any; without addresses: 0.0.0.0 and [::]
                                                  at the port of the state directory
                                                  (fixedport.h) */
    size_t listen_count;
    uint64_t up_limit, down_limit; /* bytes/s over all torrents; 0: unlimited */
    uint32_t peers_max;            /* connections of one torrent; 0: SWARM_PEERS_MAX */
    uint32_t conns_max;            /* connections of all torrents, at most ENGINE_CONNS_MAX; 0:
                                      ENGINE_CONNS_MAX */
    uint32_t rest_ms;              /* a seed of spratd rests after this time without a peer; 0:
                                      ENGINE_REST_MS */
    bool no_pex;                   /* no peer exchange (BEP 11) */
    bool dht;                      /* a node of the DHT at each address (BEP 5) */
    const char *const *dht_names;  /* "HOST:PORT": asked for nodes if no node of the former run
                                      answers */
    size_t dht_name_count;
    bool lsd;            /* local discovery (BEP 14) */
    const char *ca_file; /* PEM: authorities of HTTPS trackers, beside the system's; NULL: the file
                            that $SSL_CERT_FILE names, or none */
    const struct log *log;
};

struct engine_handler {
    void *ctx;
    void (*on_event)(void *ctx, struct torrent *t, const struct torrent_event *ev);
};

/* Opens the state directory and listens. Errors name the address or file. The handler is copied. */
int engine_new(struct loop *loop, const struct engine_config *cfg,
               const struct engine_handler *handler, struct engine **out, struct errbuf *eb);

/* Frees the engine after engine_stop(); torrents that have not stopped are dropped as by a crash.
 */
void engine_free(struct engine *s);

/* The addresses that the engine really listens on: |n| of them, the same for all loops. */
size_t engine_listen(const struct engine *s, const struct endpoint **addrs);
/* A sentence if the port differs from the port that the state directory remembers; else "". */
const char *engine_listen_note(const struct engine *s);
/* Counts of packets at the UDP port of the same number. On the first loop only. */
struct udpdoor_counts;
void engine_udp_counts(const struct engine *s, struct udpdoor_counts *counts);

/* Shows the DHT's nodes: their number, 0 without DHT, and the address and the stats of one. On the
 * first loop only. */
struct dht_stats;
unsigned engine_dht_count(const struct engine *s);
const struct endpoint *engine_dht_stats(const struct engine *s, unsigned node,
                                        struct dht_stats *st);
/* False without local discovery. On the first loop. */
struct lsd_stats;
bool engine_lsd_stats(const struct engine *s, struct lsd_stats *st);

/* Adds a torrent; waits for its disk. SPRAT_E_EXISTS, SPRAT_E_BUSY (the sentence names the process
 * that has the torrent), or local errors. */
int engine_add(struct engine *s, const struct torrent_add *add, struct torrent **out,
               struct errbuf *eb);

/* The number of the engine's loop, from 0. */
uint32_t engine_index(const struct engine *s);

/* Torrents in the order of adding; NULL at the end; |t| NULL gives the first. */
struct torrent *engine_next(const struct engine *s, const struct torrent *t);
/* Finds torrents by hex info-hash, v1 or v2, whole or a prefix of ≥ 6 digits, or by name. Returns
 * how many match; |*found| is one of them, if there are any. */
size_t engine_find(const struct engine *s, const char *what, bool by_beginning,
                   struct torrent **found);
/* The torrent of this loop with this 20-byte hash, or NULL. */
struct torrent *engine_find_by_hash(const struct engine *s, const uint8_t *hash);

void engine_set_limits(struct engine *s, uint64_t up_limit, uint64_t down_limit);

/* Saves all torrents, announces "stopped" to the trackers, and closes; TORRENT_EVENT_STOPPED for
 * each torrent, and then |done| once. Takes at most ENGINE_STOP_MS. */
void engine_stop(struct engine *s, void (*done)(void *ctx), void *ctx);
/* After engine_stop(): stops waiting for trackers and peers; all torrents are still saved. */
void engine_hurry(struct engine *s);

#endif
