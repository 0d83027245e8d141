/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The program's own symbols go before those of the C library, also for SQLite.
 */
#include "tests/unit/store/heldsync.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_uint count, waiting;
static atomic_uint looks_waiting;
static _Atomic(const char *) held, looks_held; /* NULL: none */

static bool
is_below(int fd, const char *prefix)
{
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
    if (is_below(fd, atomic_load(&held))) {
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

/* --- looks --- */

int
fstat(int fd, struct stat *st)
{
    if (is_below(fd, atomic_load(&looks_held))) {
        atomic_fetch_add(&looks_waiting, 1);
        while (atomic_load(&looks_held) != NULL)
            sched_yield();
        atomic_fetch_sub(&looks_waiting, 1);
    }
    return fstatat(fd, "", st, AT_EMPTY_PATH);
}

void
heldsync_hold_looks(const char *prefix)
{
    atomic_store(&looks_held, prefix);
}

void
heldsync_let_looks_go(void)
{
    atomic_store(&looks_held, NULL);
}

void
heldsync_await_looks(unsigned n)
{
    while (atomic_load(&looks_waiting) < n)
        sched_yield();
}
