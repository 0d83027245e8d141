/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Brings a torrent's complete files into another directory, in steps and so that at every moment
 * one of the two places has all of them: first each file stands in both (as two names of one file,
 * or as a copy that is synced), then the owner notes which place counts, then the first is cleaned.
 * An end in the middle, of whatever kind, leaves nothing that the next try can't take up.
 */
#ifndef PEER_STORE_FILEMOVE_H
#define PEER_STORE_FILEMOVE_H

#include "peer/store/filetree.h"

enum {
    FILEMOVE_STEP = 64 * 1024 * 1024, /* bytes copied in one step */
};

struct filemove;

/* |to| is an absolute path. NULL when memory is out. */
struct filemove *filemove_new(struct filetree *t, const char *to);
/* Gives up where it is. NULL is legal. */
void filemove_free(struct filemove *m);

/* Does a step, on a worker. 0: all is there and synced; AGAIN: more is to do; else an error with a
 * sentence: EXISTS (something else stands there), NOSPACE, … */
int filemove_step(struct filemove *m, struct errbuf *eb);

/* After the last step: the tree's files are there now. */
void filemove_finish(struct filemove *m);
const struct storage_stamp *filemove_stamp(const struct filemove *m, size_t file);

/* Deletes below |from| what the tree has in its own place, and the directories of the torrent that
 * are empty then. A file that is not as ours is left, and told (EXISTS). */
int filemove_clean(struct filetree *t, const char *from, struct errbuf *eb);

#endif
