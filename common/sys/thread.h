/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads with all signals blocked: signals are for the main thread, and a write beyond a file size
 * limit must give EFBIG, not SIGXFSZ.
 */
#ifndef COMMON_SYS_THREAD_H
#define COMMON_SYS_THREAD_H

#include <pthread.h>

/* Embedded. */
struct thread {
    pthread_t id;
};

/* Runs |run| in a thread of its own, which thread_join() must end. SPRAT_E_LIMIT: there can be no
 * more threads. */
int thread_start(struct thread *t, void *(*run)(void *arg), void *arg);

/* Waits until it has returned. */
void thread_join(struct thread *t);

/* The same as thread_start() for a thread that nobody waits for. */
int thread_start_detached(void *(*run)(void *arg), void *arg);

/* What debuggers and top(1) call it; at most 15 bytes, or it stays without a name. */
void thread_set_name(struct thread *t, const char *name);

#endif
