/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An event loop with timers, signals, watched file descriptors, and wake-ups from other threads.
 * common/ev is the only user of libevent, and its headers show nothing of libevent.
 */
#ifndef COMMON_EV_LOOP_H
#define COMMON_EV_LOOP_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/base/mono.h"

struct loop;

int loop_new(struct loop **out, struct errbuf *eb);
void loop_free(struct loop *l);

/* Runs until loop_stop(). */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* The monotonic time at the start of the current callback. */
struct mono loop_now(const struct loop *l);

/* A timer: one callback at or after the time that is set; setting it again moves it. Timers of
 * equal time fire in the order of their creation. This constructor and those below return NULL when
 * memory is out. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *l, void (*fn)(void *ctx), void *ctx);
void loop_timer_free(struct loop_timer *t);
void loop_timer_set(struct loop_timer *t, struct mono at); /* MONO_NEVER: off */

/* A waker runs |fn| from the loop soon, never from within the call that wakes it. Freed timers and
 * wakers don't fire. */
struct loop_waker;
struct loop_waker *loop_waker_new(struct loop *l, void (*fn)(void *ctx), void *ctx);
void loop_waker_free(struct loop_waker *w);
/* Callable from any thread; several wakes before |fn| runs count as one. */
void loop_waker_wake(struct loop_waker *w);

/* A task runs |fn| at the end of the loop's current round, after all ready events were handled: for
 * work that is better done once for many events. Loop thread only; costs no system call; several
 * requests before |fn| runs count as one. */
struct loop_task;
struct loop_task *loop_task_new(struct loop *l, void (*fn)(void *ctx), void *ctx);
void loop_task_free(struct loop_task *t);
void loop_task_ask(struct loop_task *t);

/* A signal handler that runs in the loop; |signum| is delivered to |fn|. */
struct loop_signal;
struct loop_signal *loop_signal_new(struct loop *l, int signum, void (*fn)(void *ctx, int signum),
                                    void *ctx);
void loop_signal_free(struct loop_signal *s);

/* Watches a file descriptor, which stays its owner's. |fn| is called once per ready direction, for
 * as long as the direction is ready and wanted. At first no direction is wanted. */
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
struct loop_fd;
struct loop_fd *loop_fd_new(struct loop *l, int fd, void (*fn)(void *ctx, unsigned what),
                            void *ctx);
/* Must be called before the descriptor is closed. */
void loop_fd_free(struct loop_fd *f);
/* |what|: LOOP_READ and LOOP_WRITE bits. SPRAT_E_LIMIT when the kernel has no room. */
int loop_fd_want(struct loop_fd *f, unsigned what);

#endif
