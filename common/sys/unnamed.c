/* SPDX-License-Identifier: BSD-2-Clause
 *
 * linkat() of a path in /proc/self/fd needs no privilege, unlike linkat() with AT_EMPTY_PATH.
 */
#include "common/sys/unnamed.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct proc_path {
    char text[32];
};

static struct proc_path
proc_path(int fd)
{
    struct proc_path p;

    snprintf(p.text, sizeof(p.text), "/proc/self/fd/%d", fd);
    return p;
}

int
unnamed_open(int dir, const char *path, mode_t perm)
{
    int fd = openat(dir, path, O_TMPFILE | O_RDWR | O_CLOEXEC, perm);

    if (fd < 0 || access(proc_path(fd).text, F_OK) == 0)
        return fd;
    close(fd);
    return -1;
}

int
unnamed_link(int fd, int dir, const char *path)
{
    return linkat(AT_FDCWD, proc_path(fd).text, dir, path, AT_SYMLINK_FOLLOW);
}
