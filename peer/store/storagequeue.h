/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The jobs of a storage on their way to the disk and back, on the loop's thread: makes jobs,
 * submits them, reports their results to the owner, and closes the storage after the last one. A
 * part of storage.c.
 */
#ifndef PEER_STORE_STORAGEQUEUE_H
#define PEER_STORE_STORAGEQUEUE_H

#include "peer/store/storagejob.h"

#define STORAGEQUEUE_NO_PIECE UINT32_MAX /* the job is for the torrent */

/* Returns a job for |piece|; the caller fills in what else |op| needs. |done| may be NULL. */
struct storage_job storagequeue_job(struct storage *s, enum storage_op op, uint32_t piece,
                                    storage_done_fn done, void *user);

/* Submits a copy of |j|, or collects it while s->holding. 0, AGAIN, NOMEM; an error changes
 * nothing. */
int storagequeue_submit(struct storage *s, const struct storage_job *j, enum disk_class class);

/* Submits a job that needs no more than its piece. Errors as storagequeue_submit(). */
int storagequeue_submit_piece(struct storage *s, enum storage_op op, enum disk_class class,
                              uint32_t piece, storage_done_fn done, void *user);

/* Passes the collected jobs to the disk. */
void storagequeue_flush(struct storage *s);

/* Submits s->close_job. After the last job was reported, |free_storage| is called with |s|. */
void storagequeue_close(struct storage *s, void (*free_storage)(struct storage *s));

#endif
