/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Wraps mutexes, conditions and read-write locks of POSIX threads. Their calls can only fail
 * because of a bug, so a failure aborts the program. All structs are embedded.
 */
#ifndef COMMON_SYS_LOCK_H
#define COMMON_SYS_LOCK_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "common/base/assert.h"
#include "common/base/mono.h"

/* A mutex: held by one thread at a time; not recursive. */
struct lock {
    pthread_mutex_t mutex;
};

static inline void
lock_init(struct lock *l)
{
    int rc = pthread_mutex_init(&l->mutex, NULL);

    ASSERT(rc == 0);
}

/* No thread may hold it. */
static inline void
lock_fini(struct lock *l)
{
    int rc = pthread_mutex_destroy(&l->mutex);

    ASSERT(rc == 0);
}

static inline void
lock_take(struct lock *l)
{
    int rc = pthread_mutex_lock(&l->mutex);

    ASSERT(rc == 0);
}

/* False if a thread holds the lock. */
static inline bool
lock_try(struct lock *l)
{
    int rc = pthread_mutex_trylock(&l->mutex);

    ASSERT(rc == 0 || rc == EBUSY);
    return rc == 0;
}

static inline void
lock_drop(struct lock *l)
{
    int rc = pthread_mutex_unlock(&l->mutex);

    ASSERT(rc == 0);
}

/* A condition: threads wait for a change of data that a lock guards. Times are those of
 * clock_mono(). */
struct cond {
    pthread_cond_t cond;
};

static inline void
cond_init(struct cond *c)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);

    ASSERT(rc == 0);
    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    ASSERT(rc == 0);
    rc = pthread_cond_init(&c->cond, &attr);
    ASSERT(rc == 0);
    pthread_condattr_destroy(&attr);
}

/* No thread may wait. */
static inline void
cond_fini(struct cond *c)
{
    int rc = pthread_cond_destroy(&c->cond);

    ASSERT(rc == 0);
}

/* Waits with |l| held, which is released meanwhile. Spurious returns are possible, here and below.
 */
static inline void
cond_wait(struct cond *c, struct lock *l)
{
    int rc = pthread_cond_wait(&c->cond, &l->mutex);

    ASSERT(rc == 0);
}

/* cond_wait() until |until| at the latest; false when that time is reached. */
static inline bool
cond_wait_until(struct cond *c, struct lock *l, struct mono until)
{
    struct timespec at = {.tv_sec = until.us / 1000000, .tv_nsec = until.us % 1000000 * 1000};
    int rc = pthread_cond_timedwait(&c->cond, &l->mutex, &at);

    ASSERT(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}

static inline void
cond_signal(struct cond *c)
{
    int rc = pthread_cond_signal(&c->cond);

    ASSERT(rc == 0);
}

static inline void
cond_broadcast(struct cond *c)
{
    int rc = pthread_cond_broadcast(&c->cond);

    ASSERT(rc == 0);
}

/* A read-write lock: many readers or one writer. A writer waits for the current readers and goes
 * before new ones: for changes that are rare and short while readers are always active. */
struct rwlock {
    pthread_rwlock_t lock;
};

static inline void
rwlock_init(struct rwlock *l)
{
    pthread_rwlockattr_t attr;
    int rc = pthread_rwlockattr_init(&attr);

    ASSERT(rc == 0);
    rc = pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    ASSERT(rc == 0);
    rc = pthread_rwlock_init(&l->lock, &attr);
    ASSERT(rc == 0);
    pthread_rwlockattr_destroy(&attr);
}

/* No thread may hold it. */
static inline void
rwlock_fini(struct rwlock *l)
{
    int rc = pthread_rwlock_destroy(&l->lock);

    ASSERT(rc == 0);
}

static inline void
rwlock_read(struct rwlock *l)
{
    int rc = pthread_rwlock_rdlock(&l->lock);

    ASSERT(rc == 0);
}

static inline void
rwlock_write(struct rwlock *l)
{
    int rc = pthread_rwlock_wrlock(&l->lock);

    ASSERT(rc == 0);
}

static inline void
rwlock_drop(struct rwlock *l)
{
    int rc = pthread_rwlock_unlock(&l->lock);

    ASSERT(rc == 0);
}

#endif
