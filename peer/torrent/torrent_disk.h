/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The disk jobs of a torrent: the core asks for them, and this module feeds their results to the
 * core.
 */
#ifndef PEER_TORRENT_TORRENT_DISK_H
#define PEER_TORRENT_TORRENT_DISK_H

#include "peer/net/conn.h"
#include "peer/torrent/torrent_impl.h"

enum disk_job_kind { DISK_JOB_WRITE, DISK_JOB_VERIFY, DISK_JOB_LEAVES, DISK_JOB_FORGET };

/* A disk job of the core. It lives until the core has received the result, or until the result is
 * dropped because the torrent has a new core. */
struct disk_job {
    struct list link; /* on waiting, or on free */
    struct torrent *torrent;
    uint32_t generation; /* of the core that asked */
    enum disk_job_kind kind;
    uint32_t piece, begin;
    struct block *block;
    bool judge;
    uint8_t expected[32];
};

/* Carries out WRITE, VERIFY or LEAVES; the core receives the result later. */
void disk_do(struct torrent *t, enum disk_job_kind kind, const struct swarm_effect *fx);
void disk_forget(struct torrent *t, uint32_t piece);
/* Submits waiting jobs, as far as the disk has room for them. */
void disk_go_on(struct torrent *t);
/* Submits failed jobs again. */
void disk_retry(struct torrent *t);
/* Gives up failed and waiting jobs: their results are CANCELLED. */
void disk_give_up(struct torrent *t);
/* Reads |p| for a connection, which conn_piece_done() tells of the result. 0, or the error, after
 * which there is no result: CANCELLED if the files are not open, AGAIN, NOMEM. */
int disk_read(struct torrent *t, struct conn_piece *p);
/* As storage_lend(). */
bool disk_lend(struct torrent *t, const struct conn_piece *p, bool sure, struct storage_loan *loan);
/* How many bytes from the first byte of |p| on could be lent: 0, or at least the length of |p|. */
uint32_t disk_at_hand(struct torrent *t, const struct conn_piece *p);
/* Frees the memory of jobs; none is under way. */
void disk_fini(struct torrent *t);
/* Whether no job and no read is under way. */
bool disk_idle(const struct torrent *t);

#endif
