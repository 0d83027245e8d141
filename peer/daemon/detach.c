/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fork, setsid, and one byte through a pipe.
 */
#include "peer/daemon/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/err.h"

/* Waits for the child's byte (success) or its end, and exits with the status. */
static _Noreturn void
wait_for_child(pid_t child, int fd)
{
    char ready;
    ssize_t n;
    int status;

    do
        n = read(fd, &ready, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(0);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int
detach_begin(void)
{
    int fds[2];
    pid_t child;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return sprat_err_from_errno(errno);
    child = fork();
    if (child < 0) {
        close(fds[0]);
        close(fds[1]);
        return sprat_err_from_errno(errno);
    }
    if (child > 0) {
        close(fds[1]);
        wait_for_child(child, fds[0]);
    }
    close(fds[0]);
    setsid();
    return fds[1];
}

void
detach_ready(int fd)
{
    int null = open("/dev/null", O_RDWR);

    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (null > STDERR_FILENO)
            close(null);
    }
    /* The working directory would keep its file system from being unmounted; all paths are
     * absolute. */
    if (chdir("/") != 0)
        _exit(1);
    while (write(fd, "", 1) < 0 && errno == EINTR)
        continue;
    close(fd);
}
