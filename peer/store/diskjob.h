/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of the worker pool, for those who make jobs (storage): how a job is queued, and what a
 * worker lends to it. Not for other folders.
 */
#ifndef PEER_STORE_DISKJOB_H
#define PEER_STORE_DISKJOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ds/list.h"
#include "peer/store/disk.h"
#include "peer/store/claims.h"
#include "peer/store/openfiles.h"

enum {
    DISK_BATCH_MAX = 16,          /* jobs that are run as one */
    DISK_SCRATCH_LEN = 256 << 10, /* bytes; a multiple of BLOCK_LEN */
};

enum disk_class {
    DISK_ORDERED,    /* by key: jobs with one key run in the order of submission */
    DISK_READ,       /* any worker, in no order */
    DISK_BACKGROUND, /* any worker that has nothing better to do */
    DISK_SLOW,       /* a thread of its own: syncs and the like, which can take seconds */
};

/* What a worker lends to the job that it runs; nobody else touches it meanwhile. */
struct disk_worker {
    struct disk *disk;
    unsigned index;
    struct warmhash *warm;                     /* hashes of pieces that arrive at this worker */
    uint8_t *scratch;                          /* DISK_SCRATCH_LEN bytes */
};

struct disk_job;

struct disk_job_class {
    /* True if |next| may be run together with |first|; NULL: never. */
    bool (*joins)(const struct disk_job *first, const struct disk_job *next);
    /* Runs |n| jobs, which are the callee's from then on. */
    void (*run)(struct disk_worker *w, struct disk_job *const *jobs, size_t n);
};

/* Embedded in the job. */
struct disk_job {
    struct list link;
    const struct disk_job_class *class;
    uint64_t key; /* of DISK_ORDERED jobs */
};

/* Queues a job. SPRAT_E_AGAIN when the queue is full, and the job stays the caller's. */
int disk_submit(struct disk *d, struct disk_job *job, enum disk_class class);

/* The same in two steps, for DISK_ORDERED jobs that come in numbers: room is taken for each (0 or
 * AGAIN as above), and then all of a list go at once, which is empty afterwards. */
int disk_take_room(struct disk *d);
void disk_submit_all(struct disk *d, struct list *jobs);

/* Queues a job at one worker, behind what it has; never refused. For what there is little of: the
 * end of a storage, and the looks of a start. */
void disk_submit_to(struct disk *d, struct disk_job *job, unsigned worker);

struct openfiles *disk_openfiles(struct disk *d);
struct claims *disk_claims(struct disk *d);

/* A storage came or went; disk_free() asserts that none is left. */
void disk_attach(struct disk *d);
void disk_detach(struct disk *d);

#endif
