/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine of a process with several loops: each torrent belongs to one of them, and each loop is
 * an engine (engine.h) on a thread of its own. The first is the caller's loop; it listens for all,
 * and it is from its thread that all calls below are made.
 *
 * What is done to a torrent is done on its loop's thread: shards_call() takes a function there and
 * waits for it. The other loops never wait for the first, so that nothing can stand still; a call
 * lasts as long as the round that the other loop is in, and the function.
 */
#ifndef PEER_NET_SHARDS_H
#define PEER_NET_SHARDS_H

#include "peer/engine/engine.h"

struct shards;

/* As engine_new(), for |loops| (1 to ENGINE_LOOPS_MAX) of them. The handler is called on the
 * thread of the torrent's loop. Nothing runs before shards_run(). */
int shards_new(struct loop *loop, const struct engine_config *cfg, uint32_t loops,
               const struct engine_handler *handler, struct shards **out, struct errbuf *eb);

/* Loads every torrent that the state database has, and deals them out. One that another process has
 * is in state ERROR with a sentence that names it, and begins once it is free. */
int shards_load(struct shards *sh, struct errbuf *eb);

/* Starts the threads, with all signals blocked; the first loop is the caller's to run. */
int shards_run(struct shards *sh, struct errbuf *eb);

/* Ends the threads, and what was not stopped before as by a crash. NULL is legal. */
void shards_free(struct shards *sh);

uint32_t shards_count(const struct shards *sh);
size_t shards_listen(const struct shards *sh, const struct endpoint **addrs);
const char *shards_listen_note(const struct shards *sh);
void shards_udp_counts(const struct shards *sh, struct udpdoor_counts *counts);

/* Runs |fn| on the thread of loop |i|, and waits for it. */
void shards_call(struct shards *sh, uint32_t i, void (*fn)(struct engine *s, void *arg), void *arg);

/* Adds a torrent where there are the fewest, and runs |then| there. Errors as engine_add(). */
int shards_add(struct shards *sh, const struct torrent_add *add,
               void (*then)(struct torrent *t, void *arg), void *arg, struct errbuf *eb);

/* Finds a torrent by hex info-hash, v1 or v2, whole or a unique prefix of ≥ 6 digits, or by unique
 * name, and runs |fn| on its loop's thread, whose result is returned. SPRAT_E_NOTFOUND,
 * SPRAT_E_INVAL (not unique) and a sentence. */
int shards_with(struct shards *sh, const char *what,
                int (*fn)(struct torrent *t, void *arg, struct errbuf *eb), void *arg,
                struct errbuf *eb);

/* The limits of all loops together, in bytes/s; 0: none. With several loops a limit below one byte
 * a second and loop counts as that. */
void shards_set_limits(struct shards *sh, uint64_t up_limit, uint64_t down_limit);

/* As engine_stop() and engine_hurry(), for all; |done| is called once, on the first loop. */
void shards_stop(struct shards *sh, void (*done)(void *ctx), void *ctx);
void shards_hurry(struct shards *sh);

#endif
