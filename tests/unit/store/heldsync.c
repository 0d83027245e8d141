/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The program's own symbols go before those of the C library, also for SQLite.
 */
#include "tests/unit/store/heldsync.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_uint count, waiting;
static _Atomic(const char *) held; /* NULL: none */

static bool
is_held(int fd)
{
    const char *prefix = atomic_load(&held);
    char link[64], path[4096];
    ssize_t n;

    if (prefix == NULL)
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path));
    return n >= (ssize_t)strlen(prefix) && memcmp(path, prefix, strlen(prefix)) == 0;
}

static int
sync_by(long call, int fd)
{
    atomic_fetch_add(&count, 1);
    if (is_held(fd)) {
        atomic_fetch_add(&waiting, 1);
        while (atomic_load(&held) != NULL)
            sched_yield();
        atomic_fetch_sub(&waiting, 1);
    }
    return (int)syscall(call, fd);
}

int
fsync(int fd)
{
    return sync_by(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
    return sync_by(SYS_fdatasync, fd);
}

void
heldsync_hold(const char *prefix)
{
    atomic_store(&held, prefix);
}

void
heldsync_let_go(void)
{
    atomic_store(&held, NULL);
}

void
heldsync_await(unsigned n)
{
    while (atomic_load(&waiting) < n)
        sched_yield();
}

unsigned
heldsync_waiting(void)
{
    return atomic_load(&waiting);
}

unsigned
heldsync_count(void)
{
    return atomic_load(&count);
}
