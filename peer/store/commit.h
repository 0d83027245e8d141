/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The promise about disk: gathers the pieces of one torrent that passed their hash, and in groups
 * first syncs the data and then stores the have-bits with the files' (size, mtime). Only what a
 * group reports done may be told to other peers as ours after a restart. Files whose last piece is
 * stored lose their working names (workname.h) then, as a part of the group. Loop thread only; time
 * is an argument.
 */
#ifndef PEER_STORE_COMMIT_H
#define PEER_STORE_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"
#include "peer/store/state.h"
#include "peer/store/storage.h"

enum {
    COMMIT_DELAY_MS = 1000,       /* a verified piece waits no longer than this for its group */
    COMMIT_PIECES_MAX = 4096,     /* nor for more pieces than this */
    COMMIT_BYTES_MAX = 256 << 20, /* nor for more bytes */
    COMMIT_STAMP_MS = 10000,      /* stamps are stored so often while data is written */
    COMMIT_RETRY_MS = 5000,       /* after a failure */
};

struct commit;

struct commit_options {
    struct storage *storage;
    struct state *state;
    int64_t id; /* of the torrent in |state| */
    /* A group ended. err 0: |pieces| are on disk for good. Else they stay in the next group,
     * |why| is the sentence, and the next try is due after COMMIT_RETRY_MS. */
    void (*done)(void *user, int err, const char *why, const uint32_t *pieces, size_t count);
    void *user;
};

/* NULL when memory is out. */
struct commit *commit_new(const struct commit_options *opt);

/* No group may be under way (asserted): flush first. NULL is legal. */
void commit_free(struct commit *c);

/* The piece's hash was right. SPRAT_E_NOMEM: it was not taken. */
int commit_add(struct commit *c, uint32_t piece, struct mono now);

/* Data was written; keeps the stored stamps fresh (see COMMIT_STAMP_MS), so that after a crash
 * our own files are known as ours. Called for each written block; cheap. */
void commit_touch(struct commit *c, struct mono now);

/* When commit_run() is next due; MONO_NEVER while nothing waits, or a group is under way. To be
 * asked again after commit_add(), commit_touch(), commit_run() and |done|. */
struct mono commit_expiry(const struct commit *c);
void commit_run(struct commit *c, struct mono now);

/* Starts a group now with all there is, however small. When |last|, the stamps are exact and the
 * torrent is marked as ended in order, and as complete if |complete|: nothing may be written
 * after. |flushed| (may be NULL) is called once when all that was added so far is on disk, or
 * failed; never from within this call, but for SPRAT_E_NOMEM, when it is not called and nothing
 * was started. */
int commit_flush(struct commit *c, struct mono now, bool last, bool complete,
                  void (*flushed)(void *user, int err, const char *why), void *user);

/* True when nothing waits and nothing is under way. */
bool commit_idle(const struct commit *c);

#endif
