/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Moves a complete torrent's files to another directory, in steps. At every moment at least one of
 * the two directories has all files: first each file exists in both (as a hard link or as a synced
 * copy), then the owner stores which directory counts, then the old directory is cleaned. After an
 * interruption at any point, also by a crash, the next try continues the move.
 */
#ifndef PEER_STORE_FILEMOVE_H
#define PEER_STORE_FILEMOVE_H

#include "peer/store/filetree.h"

enum {
    FILEMOVE_STEP = 64 * 1024 * 1024, /* bytes copied in one step */
};

struct filemove;

/* Prepares a move to |to|, an absolute path. NULL when memory is out. */
struct filemove *filemove_new(struct filetree *t, const char *to);
/* Stops the move where it is and frees it. NULL is legal. */
void filemove_free(struct filemove *m);

/* Does one step, on a worker thread. 0: all files are at the destination and synced; AGAIN: more
 * steps are needed; otherwise an error with its message: GONE (the destination itself, which is not
 * created, is missing), EXISTS (another file is in the way), NOSPACE, … */
int filemove_step(struct filemove *m, struct errbuf *eb);

/* Makes the destination the directory of |t|, after the last step. */
void filemove_finish(struct filemove *m);
const struct storage_stamp *filemove_stamp(const struct filemove *m, size_t file);

/* Deletes the moved files below the old directory |from|, then the torrent's directories there that
 * became empty. A file that differs from the torrent's own is kept and reported (EXISTS). */
int filemove_clean(struct filetree *t, const char *from, struct errbuf *eb);

#endif
