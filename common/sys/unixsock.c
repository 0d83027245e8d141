/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Unix sockets with a lock file beside each socket, which shows whether its process lives: the
 * holder of the lock may replace the socket, and the kernel drops the lock when the process ends.
 */
#include "common/sys/unixsock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/sys/file.h"
#include "common/sys/lockfile.h"
#include "common/sys/paths.h"

struct unixsock {
    int fd;
    gid_t group; /* UNIXSOCK_NO_GROUP: only the user */
    char *path;
    struct lockfile *lock;
};

char *
unixsock_path(const char *name)
{
    char *dir = path_runtime_dir(), *path = dir != NULL ? path_join(dir, name) : NULL;

    free(dir);
    return path;
}

static int
fill_address(struct sockaddr_un *sa, const char *path, struct errbuf *eb)
{
    *sa = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(sa->sun_path))
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "%s: longer than the %zu bytes a socket's path may have", path,
                          sizeof(sa->sun_path) - 1);
    strcpy(sa->sun_path, path);
    return 0;
}

/* Sets the error message for errno. */
static int
fail(struct errbuf *eb, const char *path)
{
    int e = errno;

    return errbuf_set(eb, sprat_err_from_errno(e), "%s: %s", path, strerror(e));
}

int
unixsock_connect(const char *path, struct errbuf *eb)
{
    struct sockaddr_un sa;
    int err = fill_address(&sa, path, eb), fd;

    if (err != 0)
        return err;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(eb, path);
    if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0) {
        err = fail(eb, path);
        close(fd);
        return err;
    }
    return fd;
}

/* Removes the socket of a dead process. */
static int
remove_stale(const char *path, struct errbuf *eb)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : fail(eb, path);
    if (!S_ISSOCK(st.st_mode))
        return errbuf_set(eb, SPRAT_E_EXISTS, "%s: exists already and is not a socket", path);
    return unlink(path) == 0 ? 0 : fail(eb, path);
}

/* No client can connect before listen(). A socket that belongs to the group already is not changed:
 * a sandbox may forbid chown(). */
static int
let_group_in(const struct unixsock *u, struct errbuf *eb)
{
    struct stat st;

    if (lstat(u->path, &st) != 0)
        return fail(eb, u->path);
    if (st.st_gid != u->group && lchown(u->path, (uid_t)-1, u->group) != 0)
        return errbuf_set(eb, SPRAT_E_ACCESS,
                          "%s: can't give the socket to its group: this user is not a member of it",
                          u->path);
    return chmod(u->path, 0660) == 0 ? 0 : fail(eb, u->path);
}

static int
bind_and_listen(struct unixsock *u, const struct sockaddr_un *sa, struct errbuf *eb)
{
    u->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (u->fd < 0)
        return fail(eb, u->path);
    mode_t old = umask(0177);
    int rc = bind(u->fd, (const struct sockaddr *)sa, sizeof(*sa));
    umask(old);
    if (rc != 0)
        return fail(eb, u->path);
    if (u->group != UNIXSOCK_NO_GROUP && (rc = let_group_in(u, eb)) != 0)
        return rc;
    return listen(u->fd, UNIXSOCK_BACKLOG) == 0 ? 0 : fail(eb, u->path);
}

/* Creates the directory of |path|. A group that may use the socket may enter it. */
static int
make_parent(const char *path, bool for_group, struct errbuf *eb)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash != NULL && slash != path ? strndup(path, (size_t)(slash - path)) : NULL;
    int err = dir != NULL ? file_make_dirs(dir, for_group ? 0711 : 0700, eb) : 0;

    free(dir);
    return err;
}

/* Takes the lock of the socket at |path|. */
static int
lock_socket(struct unixsock *u, const char *program, struct errbuf *eb)
{
    char *lock = NULL, *what = NULL;
    int err = SPRAT_E_NOMEM;

    if (asprintf(&lock, "%s.lock", u->path) < 0)
        lock = NULL;
    if (asprintf(&what, "the socket %s", u->path) < 0)
        what = NULL;
    if (lock != NULL && what != NULL)
        err = lockfile_take(lock, program, what, &u->lock, eb);
    free(lock);
    free(what);
    return err;
}

int
unixsock_listen(const char *path, gid_t group, const char *program, struct unixsock **out,
                struct errbuf *eb)
{
    struct unixsock *u;
    struct sockaddr_un sa;
    int err = fill_address(&sa, path, eb);

    if (err != 0)
        return err;
    u = calloc(1, sizeof(*u));
    if (u == NULL || (u->path = strdup(path)) == NULL) {
        free(u);
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    u->fd = -1;
    u->group = group;
    err = make_parent(path, group != UNIXSOCK_NO_GROUP, eb);
    if (err == 0)
        err = lock_socket(u, program, eb);
    if (err == 0)
        err = remove_stale(path, eb);
    if (err == 0)
        err = bind_and_listen(u, &sa, eb);
    if (err != 0) {
        if (u->fd >= 0)
            close(u->fd);
        lockfile_release(u->lock);
        free(u->path);
        free(u);
        return err;
    }
    *out = u;
    return 0;
}

int
unixsock_fd(const struct unixsock *u)
{
    return u->fd;
}

void
unixsock_free(struct unixsock *u)
{
    if (u == NULL)
        return;
    close(u->fd);
    unlink(u->path);
    lockfile_release(u->lock);
    free(u->path);
    free(u);
}

char *
unixsock_blocked(const char *path, gid_t group)
{
    char *dir = strdup(path);
    struct stat st;

    for (char *slash = dir; dir != NULL && (slash = strchr(slash + 1, '/')) != NULL;) {
        *slash = '\0';
        if (stat(dir, &st) == 0 &&
            (st.st_mode & (st.st_gid == group ? S_IXGRP : S_IXOTH)) == 0)
            return dir;
        *slash = '/';
    }
    free(dir);
    return NULL;
}

/* True if the process at the other end of |fd| is in the group. */
static bool
is_member(int fd, const struct ucred *who, gid_t group)
{
    gid_t *groups = NULL;
    socklen_t len = 0;
    bool found = who->gid == group;

    /* The first call only returns the size of the list of groups. */
    if (!found && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) != 0 && errno == ERANGE)
        groups = malloc(len);
    if (groups != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0)
        for (size_t i = 0; i < len / sizeof(groups[0]) && !found; i++)
            found = groups[i] == group;
    free(groups);
    return found;
}

/* The file mode already excludes other users; this check also holds if the directory's owner
 * changed the mode. */
static bool
may_enter(const struct unixsock *u, int fd)
{
    struct ucred who;
    socklen_t len = sizeof(who);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
        return false;
    return who.uid == geteuid() || who.uid == 0 ||
           (u->group != UNIXSOCK_NO_GROUP && is_member(fd, &who, u->group));
}

int
unixsock_accept(const struct unixsock *u)
{
    int fd = accept4(u->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return errno == EAGAIN || errno == ECONNABORTED || errno == EINTR
                   ? SPRAT_E_AGAIN
                   : sprat_err_from_errno(errno);
    if (!may_enter(u, fd)) {
        close(fd);
        return SPRAT_E_ACCESS;
    }
    return fd;
}
