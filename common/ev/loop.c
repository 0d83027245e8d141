/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The loop over libevent: it owns the event base and, beside it, its own heap of timers (exact
 * order, no allocation when set) and the list of wakers that other threads have woken.
 */
#include "common/ev/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/ds/heap.h"
#include "common/ds/list.h"
#include "common/sys/clock.h"
#include "common/sys/lock.h"

#define LOOP_MAGIC   0x4c4f4f50u
#define TIMER_MAGIC  0x54494d52u
#define WAKER_MAGIC  0x57414b45u
#define SIGNAL_MAGIC 0x5349474eu
#define FD_MAGIC     0x46445743u
#define TASK_MAGIC   0x5441534bu

struct loop {
    uint32_t magic;
    struct event_base *base;
    struct event *alarm; /* the earliest timer */
    struct mono alarm_at;
    struct mono now;
    struct heap timers; /* all timers, at MONO_NEVER when off */
    uint64_t timers_made;
    bool stopping;
    struct list tasks; /* tasks that are requested */

    struct lock lock; /* guards |woken| and each waker's link */
    struct list woken;
    int wake_fd;
    struct event *wake_event;
};

struct loop_timer {
    uint32_t magic;
    struct loop *loop;
    struct heap_node node;
    void (*fn)(void *ctx);
    void *ctx;
};

struct loop_waker {
    uint32_t magic;
    struct loop *loop;
    struct list link;
    void (*fn)(void *ctx);
    void *ctx;
};

struct loop_task {
    uint32_t magic;
    struct loop *loop;
    struct list link;
    void (*fn)(void *ctx);
    void *ctx;
};

struct loop_signal {
    uint32_t magic;
    struct loop *loop;
    struct event *event;
    void (*fn)(void *ctx, int signum);
    void *ctx;
};

struct loop_fd {
    uint32_t magic;
    struct loop *loop;
    struct event *read, *write;
    unsigned wanted;
    void (*fn)(void *ctx, unsigned what);
    void *ctx;
};

/* Removes the first woken waker from the list. */
static struct loop_waker *
pop_woken(struct loop *l)
{
    struct list *link;

    lock_take(&l->lock);
    link = list_pop_front(&l->woken);
    lock_drop(&l->lock);
    return link != NULL ? LIST_ENTRY(link, struct loop_waker, link) : NULL;
}

/* Runs the wakers that were woken before this call; a waker that is woken again meanwhile waits for
 * the next round, so that two wakers that wake each other can't block the loop. */
static void
on_wake(evutil_socket_t fd, short what, void *ctx)
{
    struct loop *l = ctx;
    struct loop_waker *w;
    size_t count = 0;
    uint64_t drop;
    ssize_t n;

    (void)what;
    MAGIC_CHECK(l, LOOP_MAGIC);
    n = read(fd, &drop, sizeof(drop));
    ASSERT(n == sizeof(drop) || errno == EAGAIN);
    lock_take(&l->lock);
    LIST_EACH(it, &l->woken)
        count++;
    lock_drop(&l->lock);
    for (; count > 0 && (w = pop_woken(l)) != NULL; count--) {
        MAGIC_CHECK(w, WAKER_MAGIC);
        l->now = clock_mono();
        w->fn(w->ctx);
    }
    lock_take(&l->lock);
    if (!list_empty(&l->woken))
        (void)eventfd_write(l->wake_fd, 1);
    lock_drop(&l->lock);
}

/* The alarm only ends the wait; timers run after each round. */
static void
on_alarm(evutil_socket_t fd, short what, void *ctx)
{
    struct loop *l = ctx;

    (void)fd;
    (void)what;
    MAGIC_CHECK(l, LOOP_MAGIC);
    l->alarm_at = MONO_NEVER;
}

static int
loop_open(struct loop *l)
{
    l->base = event_base_new();
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->base == NULL || l->wake_fd < 0)
        return SPRAT_E_LIMIT;
    l->alarm = evtimer_new(l->base, on_alarm, l);
    l->wake_event = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
    if (l->alarm == NULL || l->wake_event == NULL || event_add(l->wake_event, NULL) != 0)
        return SPRAT_E_NOMEM;
    return 0;
}

int
loop_new(struct loop **out, struct errbuf *eb)
{
    struct loop *l = calloc(1, sizeof(*l));
    int err;

    if (l == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    MAGIC_SET(l, LOOP_MAGIC);
    l->alarm_at = MONO_NEVER;
    l->now = clock_mono();
    l->wake_fd = -1;
    heap_init(&l->timers);
    list_init(&l->woken);
    list_init(&l->tasks);
    lock_init(&l->lock);
    err = loop_open(l);
    if (err != 0) {
        loop_free(l);
        return errbuf_set(eb, err, "the event loop can't be made: %s", sprat_strerror(err));
    }
    *out = l;
    return 0;
}

void
loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    MAGIC_CHECK(l, LOOP_MAGIC);
    ASSERT(l->timers.count == 0);
    if (l->wake_event != NULL)
        event_free(l->wake_event);
    if (l->alarm != NULL)
        event_free(l->alarm);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    if (l->base != NULL)
        event_base_free(l->base);
    lock_fini(&l->lock);
    heap_fini(&l->timers);
    MAGIC_CLEAR(l);
    free(l);
}

/* Sets the alarm to the time of the first timer, if that has changed. */
static void
arm_alarm(struct loop *l)
{
    struct heap_node *first = heap_first(&l->timers);
    struct mono at = first != NULL ? first->at : MONO_NEVER;
    struct timeval tv = {0};
    int64_t us;
    int rc;

    if (at.us == l->alarm_at.us)
        return;
    l->alarm_at = at;
    if (at.us == MONO_NEVER.us) {
        evtimer_del(l->alarm);
        return;
    }
    us = mono_diff_us(at, clock_mono());
    if (us > 0) {
        tv.tv_sec = (time_t)(us / 1000000);
        tv.tv_usec = (suseconds_t)(us % 1000000);
    }
    rc = evtimer_add(l->alarm, &tv);
    ASSERT(rc == 0);
}

/* Fires the due timers. At most as many as there are, so that a timer that sets itself to the past
 * does not delay sockets. */
static void
run_timers(struct loop *l)
{
    size_t left = l->timers.count;
    struct mono now = clock_mono();

    l->now = now;
    for (; left > 0 && !l->stopping; left--) {
        struct heap_node *first = heap_first(&l->timers);
        struct loop_timer *t;

        if (first == NULL || !mono_due(first->at, now))
            break;
        t = LIST_ENTRY(first, struct loop_timer, node);
        MAGIC_CHECK(t, TIMER_MAGIC);
        loop_timer_set(t, MONO_NEVER);
        l->now = clock_mono();
        t->fn(t->ctx);
    }
}

/* Runs the tasks that were requested before this call; tasks that they request run in the next
 * round. */
static void
run_tasks(struct loop *l)
{
    struct list now;
    struct list *link;

    if (list_empty(&l->tasks))
        return;
    now = l->tasks;
    now.next->prev = now.prev->next = &now;
    list_init(&l->tasks);
    while ((link = list_pop_front(&now)) != NULL) {
        struct loop_task *t = LIST_ENTRY(link, struct loop_task, link);

        MAGIC_CHECK(t, TASK_MAGIC);
        l->now = clock_mono();
        t->fn(t->ctx);
    }
}

int
loop_run(struct loop *l)
{
    MAGIC_CHECK(l, LOOP_MAGIC);
    l->stopping = false;
    while (!l->stopping) {
        int flags = EVLOOP_ONCE | (list_empty(&l->tasks) ? 0 : EVLOOP_NONBLOCK);

        arm_alarm(l);
        if (event_base_loop(l->base, flags) < 0)
            return SPRAT_E_IO;
        run_timers(l);
        run_tasks(l);
    }
    return 0;
}

void
loop_stop(struct loop *l)
{
    MAGIC_CHECK(l, LOOP_MAGIC);
    l->stopping = true;
    event_base_loopbreak(l->base);
}

struct mono
loop_now(const struct loop *l)
{
    return l->now;
}

struct loop_timer *
loop_timer_new(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
    struct loop_timer *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    MAGIC_SET(t, TIMER_MAGIC);
    t->loop = l;
    t->fn = fn;
    t->ctx = ctx;
    heap_node_init(&t->node, l->timers_made++);
    if (heap_set(&l->timers, &t->node, MONO_NEVER) != 0) {
        free(t);
        return NULL;
    }
    return t;
}

void
loop_timer_free(struct loop_timer *t)
{
    if (t == NULL)
        return;
    MAGIC_CHECK(t, TIMER_MAGIC);
    heap_remove(&t->loop->timers, &t->node);
    MAGIC_CLEAR(t);
    free(t);
}

void
loop_timer_set(struct loop_timer *t, struct mono at)
{
    int err;

    MAGIC_CHECK(t, TIMER_MAGIC);
    /* The timer is in the heap already, so this only moves it and can't fail. */
    err = heap_set(&t->loop->timers, &t->node, at);
    ASSERT(err == 0);
}

struct loop_waker *
loop_waker_new(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
    struct loop_waker *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    MAGIC_SET(w, WAKER_MAGIC);
    w->loop = l;
    w->fn = fn;
    w->ctx = ctx;
    list_init(&w->link);
    return w;
}

void
loop_waker_free(struct loop_waker *w)
{
    if (w == NULL)
        return;
    MAGIC_CHECK(w, WAKER_MAGIC);
    lock_take(&w->loop->lock);
    list_remove(&w->link);
    lock_drop(&w->loop->lock);
    MAGIC_CLEAR(w);
    free(w);
}

void
loop_waker_wake(struct loop_waker *w)
{
    struct loop *l = w->loop;
    bool first;

    MAGIC_CHECK(w, WAKER_MAGIC);
    lock_take(&l->lock);
    if (!list_linked(&w->link)) {
        first = list_empty(&l->woken);
        list_push_back(&l->woken, &w->link);
        /* With the lock held, so that the loop can't be freed in between. An eventfd overflows
         * after 2^64 - 1 unread wakes, so this can't fail. */
        if (first)
            (void)eventfd_write(l->wake_fd, 1);
    }
    lock_drop(&l->lock);
}

struct loop_task *
loop_task_new(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
    struct loop_task *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    MAGIC_SET(t, TASK_MAGIC);
    t->loop = l;
    t->fn = fn;
    t->ctx = ctx;
    list_init(&t->link);
    return t;
}

void
loop_task_free(struct loop_task *t)
{
    if (t == NULL)
        return;
    MAGIC_CHECK(t, TASK_MAGIC);
    list_remove(&t->link);
    MAGIC_CLEAR(t);
    free(t);
}

void
loop_task_ask(struct loop_task *t)
{
    MAGIC_CHECK(t, TASK_MAGIC);
    if (!list_linked(&t->link))
        list_push_back(&t->loop->tasks, &t->link);
}

static void
on_signal(evutil_socket_t signum, short what, void *ctx)
{
    struct loop_signal *s = ctx;

    (void)what;
    MAGIC_CHECK(s, SIGNAL_MAGIC);
    s->loop->now = clock_mono();
    s->fn(s->ctx, (int)signum);
}

struct loop_signal *
loop_signal_new(struct loop *l, int signum, void (*fn)(void *ctx, int signum), void *ctx)
{
    struct loop_signal *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    MAGIC_SET(s, SIGNAL_MAGIC);
    s->loop = l;
    s->fn = fn;
    s->ctx = ctx;
    s->event = evsignal_new(l->base, signum, on_signal, s);
    if (s->event == NULL || evsignal_add(s->event, NULL) != 0) {
        loop_signal_free(s);
        return NULL;
    }
    return s;
}

void
loop_signal_free(struct loop_signal *s)
{
    if (s == NULL)
        return;
    MAGIC_CHECK(s, SIGNAL_MAGIC);
    if (s->event != NULL)
        event_free(s->event);
    MAGIC_CLEAR(s);
    free(s);
}

static void
on_fd(evutil_socket_t fd, short what, void *ctx)
{
    struct loop_fd *f = ctx;

    (void)fd;
    MAGIC_CHECK(f, FD_MAGIC);
    f->loop->now = clock_mono();
    f->fn(f->ctx, (what & EV_READ) != 0 ? LOOP_READ : LOOP_WRITE);
}

struct loop_fd *
loop_fd_new(struct loop *l, int fd, void (*fn)(void *ctx, unsigned what), void *ctx)
{
    struct loop_fd *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    MAGIC_SET(f, FD_MAGIC);
    f->loop = l;
    f->fn = fn;
    f->ctx = ctx;
    /* Two events, so that changing one direction costs one system call. */
    f->read = event_new(l->base, fd, EV_READ | EV_PERSIST, on_fd, f);
    f->write = event_new(l->base, fd, EV_WRITE | EV_PERSIST, on_fd, f);
    if (f->read == NULL || f->write == NULL) {
        loop_fd_free(f);
        return NULL;
    }
    return f;
}

void
loop_fd_free(struct loop_fd *f)
{
    if (f == NULL)
        return;
    MAGIC_CHECK(f, FD_MAGIC);
    if (f->read != NULL)
        event_free(f->read);
    if (f->write != NULL)
        event_free(f->write);
    MAGIC_CLEAR(f);
    free(f);
}

static int
want_one(struct event *ev, bool was, bool is)
{
    if (was == is)
        return 0;
    if (!is)
        return event_del(ev) == 0 ? 0 : SPRAT_E_LIMIT;
    return event_add(ev, NULL) == 0 ? 0 : SPRAT_E_LIMIT;
}

int
loop_fd_want(struct loop_fd *f, unsigned what)
{
    int err;

    MAGIC_CHECK(f, FD_MAGIC);
    err = want_one(f->read, (f->wanted & LOOP_READ) != 0, (what & LOOP_READ) != 0);
    if (err == 0)
        err = want_one(f->write, (f->wanted & LOOP_WRITE) != 0, (what & LOOP_WRITE) != 0);
    if (err == 0)
        f->wanted = what;
    return err;
}
