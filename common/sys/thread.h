/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starts threads with all signals blocked: the main thread handles signals, and a write beyond a
 * file size limit must give EFBIG, not SIGXFSZ.
 */
#ifndef COMMON_SYS_THREAD_H
#define COMMON_SYS_THREAD_H

#include <pthread.h>

/* Embedded. */
struct thread {
    pthread_t id;
};

/* Runs |run| in a new thread, which thread_join() must end. SPRAT_E_LIMIT: no more threads are
 * possible. */
int thread_start(struct thread *t, void *(*run)(void *arg), void *arg);

/* Waits until the thread has ended. */
void thread_join(struct thread *t);

/* thread_start() for a thread that is never joined. */
int thread_start_detached(void *(*run)(void *arg), void *arg);

/* Sets the name that debuggers and top(1) show; a name of more than 15 bytes is not set. */
void thread_set_name(struct thread *t, const char *name);

#endif
