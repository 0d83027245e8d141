/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The disk jobs of a torrent: its core asks for them, and is fed their results.
 */
#ifndef PEER_TORRENT_TORRENT_DISK_H
#define PEER_TORRENT_TORRENT_DISK_H

#include "peer/net/conn.h"
#include "peer/torrent/torrent_impl.h"

enum job_kind { JOB_WRITE, JOB_VERIFY, JOB_LEAVES, JOB_FORGET };

/* A disk job of the core. Lives until its result was fed, or dropped because the core is
 * another. */
struct disk_job {
    struct list link; /* on waiting, or on free */
    struct torrent *torrent;
    uint32_t generation; /* of the core that asked */
    enum job_kind kind;
    uint32_t piece, begin;
    struct block *block;
    bool judge;
    uint8_t expected[32];
};

void disk_write(struct torrent *t, const struct swarm_effect *fx);
void disk_verify(struct torrent *t, uint32_t piece);
void disk_leaves(struct torrent *t, uint32_t piece);
void disk_forget(struct torrent *t, uint32_t piece);
/* Submits what waits, as far as the disk has room. */
void disk_go_on(struct torrent *t);
/* Tries again what failed. */
void disk_retry(struct torrent *t);
/* Gives up what failed and what waits: their results are CANCELLED. */
void disk_give_up(struct torrent *t);
int disk_read(struct torrent *t, struct conn_piece *p);
/* As storage_lend(). */
bool disk_lend(struct torrent *t, const struct conn_piece *p, bool sure, struct storage_loan *loan);
/* How many bytes from |p|'s first on could be lent: none, or at least its own. */
uint32_t disk_at_hand(struct torrent *t, const struct conn_piece *p);
void disk_fini(struct torrent *t);
bool disk_idle(const struct torrent *t);

#endif
