/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Timers, wakers, signals and watchers.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "common/ev/loop.h"
#include "common/sys/clock.h"

struct probe {
    struct loop *loop;
    struct loop_timer *timers[8];
    struct loop_waker *wakers[2];
    struct loop_fd *fd;
    char order[64];
    size_t n;
    int pipe[2];
};

static struct loop *
new_loop(void)
{
    struct loop *l;
    struct errbuf eb;

    cr_assert_eq(loop_new(&l, &eb), 0);
    return l;
}

static void
note(struct probe *p, char c)
{
    if (p->n + 1 < sizeof(p->order))
        p->order[p->n++] = c;
}

static void on_a(void *ctx) { note(ctx, 'a'); }
static void on_b(void *ctx) { note(ctx, 'b'); }
static void on_c(void *ctx) { note(ctx, 'c'); }

static void
on_end(void *ctx)
{
    struct probe *p = ctx;

    loop_stop(p->loop);
}

Test(loop, timers_fire_in_order_of_time_and_then_of_making)
{
    struct probe p = {.loop = new_loop()};
    struct mono now = clock_mono();

    p.timers[0] = loop_timer_new(p.loop, on_a, &p);
    p.timers[1] = loop_timer_new(p.loop, on_b, &p);
    p.timers[2] = loop_timer_new(p.loop, on_c, &p);
    p.timers[3] = loop_timer_new(p.loop, on_end, &p);
    loop_timer_set(p.timers[3], mono_add_ms(now, 60));
    loop_timer_set(p.timers[0], mono_add_ms(now, 40));
    loop_timer_set(p.timers[1], mono_add_ms(now, 20));
    loop_timer_set(p.timers[2], mono_add_ms(now, 20));
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_str_eq(p.order, "bca");
    cr_expect_geq(mono_diff_ms(clock_mono(), now), 60);
    for (int i = 0; i < 4; i++)
        loop_timer_free(p.timers[i]);
    loop_free(p.loop);
}

Test(loop, a_timer_can_be_moved_and_switched_off)
{
    struct probe p = {.loop = new_loop()};
    struct mono now = clock_mono();

    p.timers[0] = loop_timer_new(p.loop, on_a, &p);
    p.timers[1] = loop_timer_new(p.loop, on_b, &p);
    p.timers[2] = loop_timer_new(p.loop, on_end, &p);
    loop_timer_set(p.timers[0], mono_add_ms(now, 5));
    loop_timer_set(p.timers[0], MONO_NEVER);
    loop_timer_set(p.timers[1], mono_add_ms(now, 100000));
    loop_timer_set(p.timers[1], now); /* in the past: fires at once */
    loop_timer_set(p.timers[2], mono_add_ms(now, 30));
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_str_eq(p.order, "b");
    for (int i = 0; i < 3; i++)
        loop_timer_free(p.timers[i]);
    loop_free(p.loop);
}

static void
on_again(void *ctx)
{
    struct probe *p = ctx;

    note(p, 'x');
    if (p->n < 20)
        loop_timer_set(p->timers[0], loop_now(p->loop));
    else
        loop_stop(p->loop);
}

static void
on_wake_note(void *ctx)
{
    note(ctx, 'w');
}

Test(loop, a_timer_that_resets_itself_does_not_starve_others)
{
    struct probe p = {.loop = new_loop()};

    p.timers[0] = loop_timer_new(p.loop, on_again, &p);
    p.wakers[0] = loop_waker_new(p.loop, on_wake_note, &p);
    loop_timer_set(p.timers[0], clock_mono());
    loop_waker_wake(p.wakers[0]);
    cr_assert_eq(loop_run(p.loop), 0);
    char *w = strchr(p.order, 'w');
    cr_assert_not_null(w);
    cr_expect_lt(w - p.order, 3);
    loop_timer_free(p.timers[0]);
    loop_waker_free(p.wakers[0]);
    loop_free(p.loop);
}

static void
on_free_self(void *ctx)
{
    struct probe *p = ctx;

    note(p, 'f');
    loop_timer_free(p->timers[0]);
    p->timers[0] = NULL;
    loop_timer_free(p->timers[1]); /* due as well: must not fire */
    p->timers[1] = NULL;
}

Test(loop, timers_may_be_freed_in_a_callback)
{
    struct probe p = {.loop = new_loop()};
    struct mono now = clock_mono();

    p.timers[0] = loop_timer_new(p.loop, on_free_self, &p);
    p.timers[1] = loop_timer_new(p.loop, on_b, &p);
    p.timers[2] = loop_timer_new(p.loop, on_end, &p);
    loop_timer_set(p.timers[0], now);
    loop_timer_set(p.timers[1], now);
    loop_timer_set(p.timers[2], mono_add_ms(now, 5));
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_str_eq(p.order, "f");
    loop_timer_free(p.timers[2]);
    loop_free(p.loop);
}

static void
on_counted_wake(void *ctx)
{
    struct probe *p = ctx;

    note(p, 'w');
    loop_stop(p->loop);
}

static void *
wake_from_thread(void *ctx)
{
    struct probe *p = ctx;

    for (int i = 0; i < 1000; i++)
        loop_waker_wake(p->wakers[0]);
    return NULL;
}

Test(loop, many_wakes_from_a_thread_before_it_runs_are_one)
{
    struct probe p = {.loop = new_loop()};
    pthread_t thread;

    p.wakers[0] = loop_waker_new(p.loop, on_counted_wake, &p);
    cr_assert_eq(pthread_create(&thread, NULL, wake_from_thread, &p), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_str_eq(p.order, "w");
    loop_waker_free(p.wakers[0]);
    loop_free(p.loop);
}

static void
on_ping(void *ctx)
{
    struct probe *p = ctx;

    note(p, '0');
    if (p->n >= 20)
        loop_stop(p->loop);
    loop_waker_wake(p->wakers[1]);
}

static void
on_pong(void *ctx)
{
    struct probe *p = ctx;

    note(p, '1');
    loop_waker_wake(p->wakers[0]);
}

Test(loop, wakers_that_wake_each_other_go_on)
{
    struct probe p = {.loop = new_loop()};

    p.wakers[0] = loop_waker_new(p.loop, on_ping, &p);
    p.wakers[1] = loop_waker_new(p.loop, on_pong, &p);
    loop_waker_wake(p.wakers[0]);
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_eq(strncmp(p.order, "010101", 6), 0);
    loop_waker_free(p.wakers[0]);
    loop_waker_free(p.wakers[1]);
    loop_free(p.loop);
}

Test(loop, a_freed_waker_does_not_fire)
{
    struct probe p = {.loop = new_loop()};

    p.wakers[0] = loop_waker_new(p.loop, on_wake_note, &p);
    p.wakers[1] = loop_waker_new(p.loop, on_counted_wake, &p);
    loop_waker_wake(p.wakers[0]);
    loop_waker_wake(p.wakers[1]);
    loop_waker_free(p.wakers[0]);
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_str_eq(p.order, "w");
    loop_waker_free(p.wakers[1]);
    loop_free(p.loop);
}

static struct loop_task *tasks[2];

static void
on_task(void *ctx)
{
    struct probe *p = ctx;

    note(p, 't');
    if (p->n < 10)
        loop_task_ask(tasks[0]);
    else
        loop_stop(p->loop);
}

static void
on_never(void *ctx)
{
    note(ctx, '!');
}

Test(loop, tasks_run_once_at_the_end_of_a_round_without_waiting)
{
    struct probe p = {.loop = new_loop()};
    struct mono now = clock_mono();

    tasks[0] = loop_task_new(p.loop, on_task, &p);
    tasks[1] = loop_task_new(p.loop, on_never, &p);
    p.timers[0] = loop_timer_new(p.loop, on_a, &p);
    loop_timer_set(p.timers[0], now);
    for (int i = 0; i < 5; i++) {
        loop_task_ask(tasks[0]);
        loop_task_ask(tasks[1]);
    }
    loop_task_free(tasks[1]);
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_eq(strncmp(p.order, "at", 2), 0, "%s", p.order);
    cr_expect_eq(strchr(p.order, '!'), NULL);
    cr_expect_lt(mono_diff_ms(clock_mono(), now), 1000);
    loop_task_free(tasks[0]);
    loop_timer_free(p.timers[0]);
    loop_free(p.loop);
}

static void
on_usr1(void *ctx, int signum)
{
    struct probe *p = ctx;

    cr_expect_eq(signum, SIGUSR1);
    note(p, 's');
    loop_stop(p->loop);
}

static void
on_kill(void *ctx)
{
    (void)ctx;
    cr_expect_eq(kill(getpid(), SIGUSR1), 0);
}

Test(loop, a_signal_arrives_in_the_loop)
{
    struct probe p = {.loop = new_loop()};
    struct loop_signal *s = loop_signal_new(p.loop, SIGUSR1, on_usr1, &p);

    cr_assert_not_null(s);
    p.timers[0] = loop_timer_new(p.loop, on_kill, &p);
    loop_timer_set(p.timers[0], clock_mono());
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_str_eq(p.order, "s");
    loop_signal_free(s);
    loop_timer_free(p.timers[0]);
    loop_free(p.loop);
}

static void
on_pipe(void *ctx, unsigned what)
{
    struct probe *p = ctx;
    char c;

    cr_expect_eq(what, (unsigned)LOOP_READ);
    cr_expect_eq(read(p->pipe[0], &c, 1), 1);
    note(p, c);
    if (c == 'z') {
        loop_fd_free(p->fd);
        loop_stop(p->loop);
    }
}

Test(loop, a_watcher_reports_while_there_is_something)
{
    struct probe p = {.loop = new_loop()};

    cr_assert_eq(pipe2(p.pipe, O_NONBLOCK | O_CLOEXEC), 0);
    p.fd = loop_fd_new(p.loop, p.pipe[0], on_pipe, &p);
    cr_assert_eq(loop_fd_want(p.fd, LOOP_READ), 0);
    cr_assert_eq(loop_fd_want(p.fd, 0), 0);
    cr_assert_eq(loop_fd_want(p.fd, LOOP_READ), 0);
    cr_assert_eq(write(p.pipe[1], "xyz", 3), 3);
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_str_eq(p.order, "xyz");
    close(p.pipe[0]);
    close(p.pipe[1]);
    loop_free(p.loop);
}
