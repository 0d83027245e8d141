/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the environment variables of both protocols: NOTIFY_SOCKET, WATCHDOG_USEC and _PID,
 * LISTEN_FDS, _PID and _FDNAMES. The pids are checked because child processes inherit the
 * environment.
 */
#include "common/sys/sdnotify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/base/parse.h"
#include "common/sys/addr.h"

enum { FIRST_FD = 3 }; /* SD_LISTEN_FDS_START */

bool
sdnotify_is_heard(void)
{
    return getenv("NOTIFY_SOCKET") != NULL;
}

void
sdnotify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    socklen_t len;
    int fd;

    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(sun.sun_path))
        return;
    strcpy(sun.sun_path, path);
    len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@')
        sun.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&sun, len);
    close(fd);
}

void
sdnotify_reloading(void)
{
    struct timespec ts;
    char state[96];

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
             (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
    sdnotify(state);
}

/* True if the variable contains this process's pid, or if it is not set and |optional|. */
static bool
is_ours(const char *variable, bool optional)
{
    const char *text = getenv(variable);
    uint64_t pid;

    if (text == NULL)
        return optional;
    return parse_u64(text, 1, INT32_MAX, &pid) == 0 && pid == (uint64_t)getpid();
}

uint64_t
sdnotify_watchdog_us(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    uint64_t us;

    if (text == NULL || !is_ours("WATCHDOG_PID", true) || parse_u64(text, 1, INT64_MAX, &us) != 0)
        return 0;
    return us;
}

/* ---- sockets ---- */

/* Removes the next name from a list that is separated by colons. */
static void
next_name(const char **list, char name[SDNOTIFY_NAME_MAX + 1])
{
    size_t len = strcspn(*list, ":");

    snprintf(name, SDNOTIFY_NAME_MAX + 1, "%.*s", len < SDNOTIFY_NAME_MAX ? (int)len : 0, *list);
    *list += len;
    if (**list == ':')
        ++*list;
}

static int
examine(struct sdnotify_fd *f, struct errbuf *eb)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss), type_len = sizeof(int), listens_len = sizeof(int);
    int type = 0, listens = 0, flags;

    if (getsockopt(f->fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 ||
        getsockopt(f->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_len) != 0 ||
        getsockname(f->fd, (struct sockaddr *)&ss, &len) != 0 ||
        addr_from_sockaddr((const struct sockaddr *)&ss, len, &f->at) != 0 ||
        !(type == SOCK_DGRAM || (type == SOCK_STREAM && listens)))
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "descriptor %d (%s) that was passed is neither a UDP socket nor a TCP "
                          "socket that listens",
                          f->fd, f->name);
    f->stream = type == SOCK_STREAM;
    flags = fcntl(f->fd, F_GETFL);
    if (flags < 0 || fcntl(f->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(f->fd, F_SETFD, FD_CLOEXEC) != 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "descriptor %d: %s", f->fd,
                          strerror(errno));
    return 0;
}

int
sdnotify_listen_fds(struct sdnotify_fd *fds, size_t *count, struct errbuf *eb)
{
    const char *text = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
    uint64_t n = 0;
    int err = 0;

    *count = 0;
    if (text == NULL || !is_ours("LISTEN_PID", false))
        return 0;
    if (parse_u64(text, 0, SDNOTIFY_FDS_MAX, &n) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "LISTEN_FDS=%s: not a number of up to %d sockets",
                          text, SDNOTIFY_FDS_MAX);
    if (names == NULL)
        names = "";
    for (uint64_t i = 0; i < n && err == 0; i++) {
        fds[i].fd = FIRST_FD + (int)i;
        next_name(&names, fds[i].name);
        err = examine(&fds[i], eb);
    }
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDNAMES");
    if (err == 0)
        *count = (size_t)n;
    return err;
}
