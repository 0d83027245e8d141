/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>

#include "common/sys/clock.h"
#include "common/sys/lock.h"
#include "common/sys/thread.h"

struct room {
    struct lock lock;
    struct cond changed;
    bool open, taken, blocked;
};

static void
room_init(struct room *r)
{
    *r = (struct room){.open = false};
    lock_init(&r->lock);
    cond_init(&r->changed);
}

static void
room_fini(struct room *r)
{
    cond_fini(&r->changed);
    lock_fini(&r->lock);
}

/* Waits for the door, and says what it found. */
static void *
visit(void *arg)
{
    struct room *r = arg;
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    lock_take(&r->lock);
    while (!r->open)
        cond_wait(&r->changed, &r->lock);
    r->blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGXFSZ) == 1;
    r->taken = true;
    cond_broadcast(&r->changed);
    lock_drop(&r->lock);
    return NULL;
}

static void
open_door(struct room *r)
{
    lock_take(&r->lock);
    r->open = true;
    cond_signal(&r->changed);
    lock_drop(&r->lock);
}

Test(thread, has_all_signals_blocked_and_leaves_ours)
{
    struct thread t;
    struct room r;
    sigset_t mask;

    room_init(&r);
    cr_assert(eq(int, thread_start(&t, visit, &r), 0));
    thread_set_name(&t, "visitor");
    open_door(&r);
    thread_join(&t);
    cr_assert(r.taken);
    cr_assert(r.blocked);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    cr_assert(eq(int, sigismember(&mask, SIGTERM), 0));
    room_fini(&r);
}

Test(thread, detached_runs_too)
{
    static struct room r; /* outlives this function, as its visitor may */

    room_init(&r);
    cr_assert(eq(int, thread_start_detached(visit, &r), 0));
    open_door(&r);
    lock_take(&r.lock);
    while (!r.taken)
        cond_wait(&r.changed, &r.lock);
    lock_drop(&r.lock);
}

Test(lock, can_be_tried)
{
    struct lock l;

    lock_init(&l);
    cr_assert(lock_try(&l));
    cr_assert(not(lock_try(&l)));
    lock_drop(&l);
    cr_assert(lock_try(&l));
    lock_drop(&l);
    lock_fini(&l);
}

Test(lock, waits_no_longer_than_until)
{
    struct mono until = mono_add_ms(clock_mono(), 2);
    struct room r;

    room_init(&r);
    lock_take(&r.lock);
    while (cond_wait_until(&r.changed, &r.lock, until))
        ;
    cr_assert(mono_due(until, clock_mono()));
    cr_assert(not(cond_wait_until(&r.changed, &r.lock, until)), "it has come");
    cr_assert(not(lock_try(&r.lock)), "the lock is held again");
    lock_drop(&r.lock);
    room_fini(&r);
}

Test(lock, has_many_readers_or_a_writer)
{
    struct rwlock l;

    rwlock_init(&l);
    rwlock_read(&l);
    rwlock_read(&l);
    cr_assert(eq(int, pthread_rwlock_trywrlock(&l.lock), EBUSY));
    rwlock_drop(&l);
    rwlock_drop(&l);
    rwlock_write(&l);
    cr_assert(eq(int, pthread_rwlock_tryrdlock(&l.lock), EBUSY));
    rwlock_drop(&l);
    rwlock_fini(&l);
}
