/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of the worker pool (disk.h), for modules that submit jobs: how a job is queued, and
 * what a worker lends to a running job. Only peer/store includes this header.
 */
#ifndef PEER_STORE_DISKJOB_H
#define PEER_STORE_DISKJOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ds/list.h"
#include "peer/store/disk.h"
#include "peer/store/claims.h"
#include "peer/store/openfiles.h"

enum {
    DISK_BATCH_MAX = 16,          /* jobs that run as one batch */
    DISK_SCRATCH_LEN = 256 << 10, /* bytes; a multiple of BLOCK_LEN */
};

enum disk_class {
    DISK_ORDERED,    /* by key: jobs with one key run in the order of submission */
    DISK_READ,       /* any worker, in no order */
    DISK_BACKGROUND, /* any worker without other jobs */
    DISK_SLOW,       /* by lane, on threads of their own: syncs and the like, which take seconds */
    DISK_LOOK,       /* as DISK_SLOW, on other threads: looks at many files when a daemon starts */
};

/* The data that a worker lends to its running job, for the job's use alone. */
struct disk_worker {
    struct disk *disk;
    struct disk_pool *pool;
    unsigned index;        /* in the pool */
    struct warmhash *warm; /* hashes of the pieces that this worker writes */
    uint8_t *scratch;      /* DISK_SCRATCH_LEN bytes */
};

struct disk_job;

struct disk_job_class {
    /* True if |next| may be run together with |first|; NULL: never. */
    bool (*joins)(const struct disk_job *first, const struct disk_job *next);
    /* Runs |n| jobs and takes ownership of them. */
    void (*run)(struct disk_worker *w, struct disk_job *const *jobs, size_t n);
};

struct disk_pool;

/* The jobs of one owner. Its slow jobs run in the order of submission, and one at a time for each
 * device; its other jobs run in the pool of its device. */
struct disk_lane {
    atomic_ullong device;             /* st_dev, or a guess; disk_lane_init() */
    uint64_t mount;                   /* disk_mount_of(); for guesses */
    _Atomic(struct disk_pool *) pool; /* NULL before the first job that is not slow */
};

/* Marks a number that stands for a directory whose device is not known yet. */
#define DISK_DEVICE_GUESS (1ull << 63)

/* A lane for files in |dir|, without a look at the disk: directories of one name are taken for one
 * device until the owner stores the st_dev. */
void disk_lane_init(struct disk *d, struct disk_lane *lane, const char *dir);
bool disk_lane_is_guess(const struct disk_lane *lane);

/* Embedded in the job. */
struct disk_job {
    struct list link;
    const struct disk_job_class *class;
    uint64_t key;           /* orders DISK_ORDERED jobs */
    struct disk_lane *lane; /* its owner's */
};

/* Queues a job. SPRAT_E_AGAIN when the queue is full; the job then stays the caller's. */
int disk_submit(struct disk *d, struct disk_job *job, enum disk_class class);

/* disk_submit() in two steps, for many DISK_ORDERED jobs of one lane: disk_take_room() reserves a
 * queue entry for one job (0 or AGAIN as above), and disk_submit_all() queues all jobs of the list
 * and empties the list. */
int disk_take_room(struct disk *d, struct disk_lane *lane);
void disk_submit_all(struct disk *d, struct disk_lane *lane, struct list *jobs);

/* Queues a job at the end of one worker's queue, of the workers of its lane's pool, even if the
 * queue is full. For closing a storage, which is rare. */
void disk_submit_to(struct disk *d, struct disk_job *job, unsigned worker);

struct openfiles *disk_openfiles(struct disk *d);
struct claims *disk_claims(struct disk *d);

/* Counts the open storages; disk_free() asserts that none is left. */
void disk_attach(struct disk *d);
void disk_detach(struct disk *d);

#endif
