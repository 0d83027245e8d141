/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The wrapper behind failing_thread.h.
 */
#include "tests/unit/tracker/failing_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);

static atomic_int left = -1; /* -1: none fails */

void
failing_thread_after(unsigned n)
{
    atomic_store(&left, (int)n);
}

void
failing_thread_end(void)
{
    atomic_store(&left, -1);
}

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                      void *arg)
{
    if (atomic_load(&left) >= 0 && atomic_fetch_sub(&left, 1) == 0)
        return EAGAIN;
    return __real_pthread_create(thread, attr, run, arg);
}
