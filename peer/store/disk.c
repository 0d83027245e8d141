/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pools of one disk, one for each device, and what all their workers share. A pool is made when
 * the first job of its device comes.
 */
#include "peer/store/disk.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/base/assert.h"
#include "common/sys/lock.h"
#include "common/sys/mounts.h"
#include "common/sys/processors.h"
#include "peer/store/diskpool.h"

struct disk {
    struct lock lock; /* guards |storages| and the choice of a pool */
    uint32_t storages;
    struct openfiles *open;
    struct claims *claims;
    unsigned threads; /* of each pool */
    struct mounts *mounts;
    struct disk_pool *slow;
    struct disk_pool *looks;   /* for DISK_LOOK; NULL before the first */
    struct disk_pool *unknown; /* for lanes whose device is not known; NULL before the first */
    struct disk_pool *pools[DISK_POOLS_MAX];
    unsigned long long devices[DISK_POOLS_MAX]; /* the first device of each pool; 0: none yet */
    unsigned pool_count;
};

static unsigned
thread_count(unsigned asked)
{
    unsigned cpus = processors_usable();
    unsigned n = asked != 0 ? asked : cpus > DISK_THREADS_MIN ? cpus : DISK_THREADS_MIN;

    return n < DISK_THREADS_MAX ? n : DISK_THREADS_MAX;
}

/* The cache uses at most a quarter of the process's descriptor limit: connections need descriptors
 * too, and each worker needs one beyond the cache. */
static uint32_t
open_files_max(const struct disk_options *opt)
{
    uint32_t max = opt->open_files_max != 0 ? opt->open_files_max : DISK_OPEN_FILES_MAX;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < max)
        max = (uint32_t)(limit.rlim_cur / 4);
    return max;
}

/* Guards of files that are being written (claims.h) use at most an eighth of the limit. */
static uint32_t
guards_max(void)
{
    uint32_t max = CLAIMS_GUARDS_MAX;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 8 < max)
        max = (uint32_t)(limit.rlim_cur / 8);
    return max;
}

int
disk_new(const struct disk_options *opt, struct disk **out, struct errbuf *eb)
{
    struct disk *d = calloc(1, sizeof(*d));
    int err = 0;

    if (d == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    lock_init(&d->lock);
    d->threads = thread_count(opt->threads);
    d->claims = claims_new(guards_max());
    d->open = d->claims != NULL ? openfiles_new(open_files_max(opt), d->claims) : NULL;
    d->mounts = mounts_new(MOUNTS_TABLE);
    if (d->open == NULL || d->claims == NULL || d->mounts == NULL)
        err = SPRAT_E_NOMEM;
    if (err == 0)
        err = disk_pool_new(d, DISK_SLOW_THREADS, true, &d->slow);
    if (err == 0)
        err = disk_pool_new(d, d->threads, false, &d->pools[0]);
    if (err != 0) {
        disk_free(d);
        return errbuf_set(eb, err, "can't start disk threads: %s", sprat_strerror(err));
    }
    d->pool_count = 1;
    *out = d;
    return 0;
}

void
disk_free(struct disk *d)
{
    if (d == NULL)
        return;
    ASSERT(d->storages == 0);
    for (unsigned i = 0; i < DISK_POOLS_MAX; i++)
        disk_pool_free(d->pools[i]);
    disk_pool_free(d->unknown);
    disk_pool_free(d->looks);
    disk_pool_free(d->slow);
    mounts_free(d->mounts);
    openfiles_free(d->open);
    claims_free(d->claims);
    lock_fini(&d->lock);
    free(d);
}

unsigned
disk_threads(const struct disk *d)
{
    return d->threads;
}

/* The pool for devices that are not known, or, when memory is out, the first pool. The lock must be
 * held. */
static struct disk_pool *
unknown_pool(struct disk *d)
{
    if (d->unknown == NULL && disk_pool_new(d, d->threads, false, &d->unknown) != 0)
        return d->pools[0];
    return d->unknown;
}

/* The pool of a device. The first device has the first pool; devices beyond the last pool share
 * pools with others. The lock must be held. */
static struct disk_pool *
choose_pool(struct disk *d, unsigned long long device)
{
    unsigned n = d->pool_count;

    if ((device & DISK_DEVICE_GUESS) != 0)
        return unknown_pool(d);
    if (d->devices[0] == 0)
        d->devices[0] = device;
    for (unsigned i = 0; i < n; i++)
        if (d->devices[i] == device)
            return d->pools[i];
    if (n == DISK_POOLS_MAX || disk_pool_new(d, d->threads, false, &d->pools[n]) != 0)
        return d->pools[device % n];
    d->devices[n] = device;
    return d->pools[d->pool_count++];
}

/* A lane keeps its pool: its jobs stay in order even if the device becomes known, or changes. */
static struct disk_pool *
pool_of(struct disk *d, struct disk_lane *lane)
{
    struct disk_pool *p = atomic_load(&lane->pool);

    if (p != NULL)
        return p;
    lock_take(&d->lock);
    p = choose_pool(d, atomic_load(&lane->device));
    lock_drop(&d->lock);
    atomic_store(&lane->pool, p);
    return p;
}

/* The pool for looks, or, when memory is out, for slow jobs: both take jobs of the same kind. */
static struct disk_pool *
looks_pool(struct disk *d)
{
    struct disk_pool *p;

    lock_take(&d->lock);
    if (d->looks == NULL && disk_pool_new(d, DISK_SLOW_GUESSES, true, &d->looks) != 0)
        d->looks = NULL;
    p = d->looks != NULL ? d->looks : d->slow;
    lock_drop(&d->lock);
    return p;
}

/* A number for the directory's name that is no st_dev. */
static uint64_t
guess(const char *dir)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    for (const char *at = dir; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return hash | DISK_DEVICE_GUESS;
}

uint64_t
disk_mount_of(struct disk *d, const char *dir)
{
    uint64_t device = mounts_find(d->mounts, dir);

    return device != 0 ? device : guess(dir);
}

void
disk_lane_init(struct disk *d, struct disk_lane *lane, const char *dir)
{
    atomic_init(&lane->device, guess(dir));
    lane->mount = disk_mount_of(d, dir);
    atomic_init(&lane->pool, NULL);
}

bool
disk_lane_is_guess(const struct disk_lane *lane)
{
    return (atomic_load(&lane->device) & DISK_DEVICE_GUESS) != 0;
}

int
disk_take_room(struct disk *d, struct disk_lane *lane)
{
    return disk_pool_take_room(pool_of(d, lane));
}

void
disk_submit_all(struct disk *d, struct disk_lane *lane, struct list *jobs)
{
    disk_pool_submit_all(pool_of(d, lane), jobs);
}

int
disk_submit(struct disk *d, struct disk_job *job, enum disk_class class)
{
    switch (class) {
    case DISK_SLOW: return disk_pool_submit(d->slow, job, class);
    case DISK_LOOK: return disk_pool_submit(looks_pool(d), job, class);
    case DISK_ORDERED:
    case DISK_READ:
    case DISK_BACKGROUND: break;
    }
    return disk_pool_submit(pool_of(d, job->lane), job, class);
}

void
disk_submit_to(struct disk *d, struct disk_job *job, unsigned worker)
{
    disk_pool_submit_to(pool_of(d, job->lane), job, worker);
}

struct openfiles *
disk_openfiles(struct disk *d)
{
    return d->open;
}

struct claims *
disk_claims(struct disk *d)
{
    return d->claims;
}

void
disk_attach(struct disk *d)
{
    lock_take(&d->lock);
    d->storages++;
    lock_drop(&d->lock);
}

void
disk_detach(struct disk *d)
{
    lock_take(&d->lock);
    d->storages--;
    lock_drop(&d->lock);
}
