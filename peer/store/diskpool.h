/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One pool of disk workers: threads with their queues. disk.h has one for each device, one for slow
 * jobs, and one for looks. Only disk.c includes this header.
 */
#ifndef PEER_STORE_DISKPOOL_H
#define PEER_STORE_DISKPOOL_H

#include "peer/store/diskjob.h"

/* Starts |workers| threads for jobs of |d|. |slow|: they run DISK_SLOW and DISK_LOOK jobs, and
 * no others. NOMEM, LIMIT. */
int disk_pool_new(struct disk *d, unsigned workers, bool slow, struct disk_pool **out);
/* Runs the jobs that wait, and joins the threads. NULL is legal. */
void disk_pool_free(struct disk_pool *p);

/* As the calls of the same names in diskjob.h, for one pool. */
int disk_pool_submit(struct disk_pool *p, struct disk_job *job, enum disk_class class);
int disk_pool_take_room(struct disk_pool *p);
void disk_pool_submit_all(struct disk_pool *p, struct list *jobs);
void disk_pool_submit_to(struct disk_pool *p, struct disk_job *job, unsigned worker);

#endif
