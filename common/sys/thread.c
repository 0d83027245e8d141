/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starts threads. A new thread inherits the signal mask of its creator.
 */
#include "common/sys/thread.h"

#include <signal.h>

#include "common/base/assert.h"
#include "common/base/err.h"

int
thread_start(struct thread *t, void *(*run)(void *arg), void *arg)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&t->id, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? 0 : SPRAT_E_LIMIT;
}

void
thread_join(struct thread *t)
{
    int rc = pthread_join(t->id, NULL);

    ASSERT(rc == 0);
}

int
thread_start_detached(void *(*run)(void *arg), void *arg)
{
    struct thread t;
    int err = thread_start(&t, run, arg), rc;

    if (err != 0)
        return err;
    rc = pthread_detach(t.id);
    ASSERT(rc == 0);
    return 0;
}

void
thread_set_name(struct thread *t, const char *name)
{
    (void)pthread_setname_np(t->id, name);
}
