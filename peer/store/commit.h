/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes verified pieces durable: gathers the pieces of one torrent that passed their hash, and for
 * each group first syncs the data to disk and then stores the have-bits and the files' (size,
 * mtime) in the state database. After a restart only committed pieces are announced to peers. A
 * file whose last piece is stored gets its final name (workname.h) as part of the same group. Loop
 * thread only; the caller passes the time.
 */
#ifndef PEER_STORE_COMMIT_H
#define PEER_STORE_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"
#include "peer/store/state.h"
#include "peer/store/storage.h"

enum {
    COMMIT_DELAY_MS = 1000,       /* longest wait of a verified piece for its group */
    COMMIT_PIECES_MAX = 4096,     /* a group starts at this many pieces */
    COMMIT_BYTES_MAX = 256 << 20, /* or at this many bytes */
    COMMIT_STAMP_MS = 10000,      /* how often stamps are stored while data is written */
    COMMIT_RETRY_MS = 5000,       /* until the next try after a failure */
};

struct commit;

struct commit_options {
    struct storage *storage;
    struct state *state;
    int64_t id; /* the torrent's id in |state| */
    /* A group ended. err 0: |pieces| are durably on disk. Otherwise they stay for the next group,
     * |why| is the error message, and the next try comes after COMMIT_RETRY_MS. */
    void (*done)(void *user, int err, const char *why, const uint32_t *pieces, size_t count);
    void *user;
};

/* NULL when memory is out. */
struct commit *commit_new(const struct commit_options *opt);

/* Frees it; no group may be under way (asserted), so flush first. NULL is legal. */
void commit_free(struct commit *c);

/* Adds a piece that passed its hash to the next group. SPRAT_E_NOMEM: the piece was not added. */
int commit_add(struct commit *c, uint32_t piece, struct mono now);

/* Notes that data was written, so that the stored stamps stay fresh (see COMMIT_STAMP_MS): after a
 * crash they show that this program wrote the files. Called for each written block; cheap. */
void commit_touch(struct commit *c, struct mono now);

/* Returns when commit_run() is next due; MONO_NEVER while no piece waits or a group is under way.
 * The time can change with commit_add(), commit_touch(), commit_run() and |done|. */
struct mono commit_expiry(const struct commit *c);
void commit_run(struct commit *c, struct mono now);

/* Starts a group at once with all waiting pieces. With |last|, no data may be written afterwards:
 * the stamps are exact, and the torrent is stored as cleanly ended (and as complete with
 * |complete|). |flushed| (may be NULL) is called once when all pieces added so far are on disk, or
 * when that failed, and never from within this call. After SPRAT_E_NOMEM no group was started and
 * |flushed| is not called. */
int commit_flush(struct commit *c, struct mono now, bool last, bool complete,
                  void (*flushed)(void *user, int err, const char *why), void *user);

/* True when nothing waits and nothing is under way. */
bool commit_idle(const struct commit *c);

#endif
