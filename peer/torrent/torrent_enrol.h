/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What happens to a new torrent before a loop has it: it is locked for this process, its place is
 * looked at, and all that spratd needs after a restart is stored, in one transaction. A loop must
 * wait for none of this, so enrol_look() runs on a disk thread, and the database's thread does
 * enrol_store_async(). A program without other torrents calls enrol_store() instead.
 */
#ifndef PEER_TORRENT_TORRENT_ENROL_H
#define PEER_TORRENT_TORRENT_ENROL_H

#include "peer/store/statewish.h"
#include "peer/torrent/torrent_env.h"

struct torrent_enrolment {
    struct lockfile *lock; /* torrent_new() takes it */
    int64_t id;            /* once it is stored */
    char *dir;             /* the directory that the database knows */
    bool arrived;          /* an earlier run moved the torrent to |move_to|, which is |dir| */
    bool known, managed;   /* the database had the torrent before, and as one of spratd */
    double ratio;          /* the ratio at which seeding stops, earlier uploads included */
    bool worknames;        /* files of this or an earlier session can have working names */
    bool stored, used;     /* the torrent is stored; a loop has it */
    uint8_t *selection;    /* to be stored; NULL: as stored, or all files */
    struct state_wish_row wish;
    struct state_update update;
    struct state_addition addition; /* has pointers to the members above */
};

/* Locks the torrent, reads what the database knows of it, looks for its unwanted files, and decides
 * what to store. Waits for the disk, on any thread. |add| must stay valid until the torrent is
 * stored. |*out| is freed with enrol_free(). BUSY and a sentence that names the process which has
 * the torrent; INVAL for options that can't be stored; the error of the disk or the database. */
int enrol_look(const struct torrent_shared *shared, const struct torrent_add *add,
               struct torrent_enrolment **out, struct errbuf *eb);

int enrol_store(struct torrent_enrolment *e, struct state *st, struct errbuf *eb);
/* |done| runs when |q| is drained. Errors as state_add_async(). */
int enrol_store_async(struct torrent_enrolment *e, struct state *st, struct doneq *q,
                      state_done_fn done, void *user);

/* Begins to take back what enrol_store_async() stored, so that spratd does not load the torrent
 * after a restart. False if there is nothing to take back, or it can't begin; then |done| is not
 * called. */
bool enrol_undo(struct torrent_enrolment *e, struct state *st, struct doneq *q, state_done_fn done,
                void *user);

/* Releases the lock, unless a torrent took it. NULL is legal. */
void enrol_free(struct torrent_enrolment *e);

#endif
