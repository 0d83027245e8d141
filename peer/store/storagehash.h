/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hashes pieces that are on disk, for storage_rehash() and storage_leaves(). Runs on the workers; a
 * part of storagejob.c.
 */
#ifndef PEER_STORE_STORAGEHASH_H
#define PEER_STORE_STORAGEHASH_H

#include "peer/store/storagejob.h"

/* Hashes the job's piece: its SHA-1 with |v1|, the leaves of its data blocks with |v2|. Fills in
 * the job's digests; returns 0, or an error and its message. */
int storagehash_piece(struct disk_worker *w, struct storage_job *j, bool v1, bool v2,
                      struct errbuf *eb);

/* Returns the bytes of scratch memory that the job's piece needs in storagehash_small(). */
uint32_t storagehash_room(const struct storage_job *j);

/* Hashes the pieces of |n| OP_REHASH jobs whose storagehash_room() is at most DISK_SCRATCH_LEN, and
 * sets the result of each job. */
void storagehash_small(struct disk_worker *w, struct storage_job *const *jobs, size_t n);

#endif
