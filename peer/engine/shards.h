/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine of a process with several loops (shards): each torrent belongs to one loop, and each
 * loop is an engine (engine.h) on a thread of its own. The first loop is the caller's; it listens
 * for all, and its thread makes all calls below.
 *
 * Every change to a torrent runs on its loop's thread. No loop waits for another: a visit has a
 * continuation, which runs on the first loop when the other loop has answered, or after FANOUT_MS.
 */
#ifndef PEER_ENGINE_SHARDS_H
#define PEER_ENGINE_SHARDS_H

#include "common/codec/tracker.h"
#include "peer/engine/fanout.h"
#include "peer/engine/engine.h"

struct shards;
struct shards_errand;

/* As engine_new(), for |loops| loops (1 to ENGINE_LOOPS_MAX). The handler is called on the thread
 * of the torrent's loop. No loop runs before shards_run(). */
int shards_new(struct loop *loop, const struct engine_config *cfg, uint32_t loops,
               const struct engine_handler *handler, struct shards **out, struct errbuf *eb);

/* Loads every torrent of the state database, and distributes them over the loops. A torrent that
 * another process has is in state ERROR with a sentence that names the process, and begins once the
 * process releases it. */
int shards_load(struct shards *sh, struct errbuf *eb);

/* Starts the threads, with all signals blocked; the first loop is the caller's to run. */
int shards_run(struct shards *sh, struct errbuf *eb);

/* Ends the threads; torrents that have not stopped are dropped as by a crash. NULL is legal. */
void shards_free(struct shards *sh);

uint32_t shards_count(const struct shards *sh);
size_t shards_listen(const struct shards *sh, const struct endpoint **addrs);
const char *shards_listen_note(const struct shards *sh);
void shards_udp_counts(const struct shards *sh, struct udpdoor_counts *counts);
/* engine_lsd_stats(), engine_dht_count() and engine_dht_stats(). */
bool shards_lsd_stats(const struct shards *sh, struct lsd_stats *st);
unsigned shards_dht_count(const struct shards *sh);
const struct endpoint *shards_dht_stats(const struct shards *sh, unsigned node,
                                        struct dht_stats *st);

/* Starts a fan-out to every loop: fanout_start(). */
void shards_visit(struct shards *sh, struct fanout *f);

/* The state, for people, of a torrent whose loop does not answer. */
#define SHARDS_SILENT_STATE "not answering"

/* What is known of a torrent whose loop does not answer. */
struct shards_silent {
    uint64_t serial;
    const char *name;
    const struct identity *id;
    uint64_t total_size;
    int64_t ms; /* how long the loop has not answered */
};

/* Calls |each| for the torrents of loop |loop|, in the order of adding, without that loop. On the
 * first loop's thread. */
void shards_each_silent(struct shards *sh, uint32_t loop,
                        void (*each)(void *ctx, const struct shards_silent *t), void *ctx);
/* The same for the torrent of an errand that ended with SPRAT_E_TIMEOUT: at most one call. */
void shards_errand_silent(struct shards_errand *e,
                          void (*each)(void *ctx, const struct shards_silent *t), void *ctx);

/* For a fan-out's |done| with a |late| that is not 0: SPRAT_E_TIMEOUT and a sentence that names the
 * loop if it is silent, and says whether the visit may still take effect. */
int shards_late(struct fanout *f, uint32_t late, struct errbuf *eb);

/* An errand: a function to run on one torrent, embedded in the data that it needs. The caller sets
 * the functions; the other members are private. */
struct shards_errand {
    /* Called on the thread of the torrent's loop. SHARDS_LATER: it calls shards_errand_end() there,
     * once, possibly before it returns; the torrent may be gone by then. */
    int (*fn)(struct torrent *t, struct shards_errand *e, struct errbuf *eb);
    /* Called once, on the first loop, possibly inside of the call that began the errand: with the
     * result of |fn|, or with an error of the call and a sentence. SPRAT_E_TIMEOUT: |fn| may be
     * running, and the caller must not read the data that |fn| writes. */
    void (*done)(struct shards_errand *e, int err, const struct errbuf *eb);
    /* Called once, on the first loop, after |done|, when no thread uses the errand any more. The
     * errand may begin again from here. */
    void (*release)(struct shards_errand *e);

    struct shards *shards;
    struct engine *at; /* the engine of the torrent's loop */
    struct fanout fan, search;
    uint32_t refs;          /* fan-outs that are not released */
    uint32_t loop;          /* that is visited */
    struct torrent_add add; /* with its enrolment, once there is one */
    char *what;
    struct shards_found {
        size_t named, beginning; /* torrents with that name, and torrents whose names begin with
                                    it */
        uint8_t hash[TRACKER_HASH_LEN];            /* hash of the last match */
    } found[ENGINE_LOOPS_MAX];                     /* written by each loop */
    struct shards_found counted[ENGINE_LOOPS_MAX]; /* of |found|, or of the directory for loops that
                                                      are late */
    uint8_t hash[TRACKER_HASH_LEN];
    bool answered;
    int err;
    struct errbuf eb;
};

/* The result of an errand's |fn| when the errand goes on: no code of an error. */
enum { SHARDS_LATER = 1 };

/* Ends an errand whose |fn| returned SHARDS_LATER, with its result and, for an error, a sentence.
 */
void shards_errand_end(struct shards_errand *e, int err, const char *why);

/* Runs |fn| on a disk thread, and then |done| on the first loop (diskcall.h). NOMEM. */
int shards_disk_call(struct shards *sh, const char *dir, int (*fn)(void *user, struct errbuf *why),
                     void (*done)(void *user, int err, const char *why), void *user);

/* Adds a torrent to the loop with the fewest torrents, and runs the errand on it. A disk thread
 * looks at the directory first, and the database's thread stores the torrent, so that no loop waits
 * for that. |add| and everything that it points to must stay valid until |release|. Errors as
 * engine_add(), and BUSY while the same torrent is being added; |add->mi| is taken if |fn| was
 * called. */
void shards_add(struct shards *sh, const struct torrent_add *add, struct shards_errand *e);

/* Finds a torrent by hex info-hash, v1 or v2, whole or a unique prefix of ≥ 6 digits, or by a
 * unique name or beginning of a name, and runs the errand on it. With a whole info-hash, only the
 * torrent's loop is visited. SPRAT_E_NOTFOUND, SPRAT_E_INVAL (not unique) and a sentence. */
void shards_with(struct shards *sh, const char *what, struct shards_errand *e);

/* Sets the limits of all loops together, in bytes/s; 0: none. With several loops, a limit below one
 * byte per second and loop is raised to that. */
void shards_set_limits(struct shards *sh, uint64_t up_limit, uint64_t down_limit);

/* As engine_stop() and engine_hurry(), for all loops; |done| is called once, on the first loop. */
void shards_stop(struct shards *sh, void (*done)(void *ctx), void *ctx);
void shards_hurry(struct shards *sh);

#endif
