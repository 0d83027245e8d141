/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Uses openat() component by component with O_NOFOLLOW. For reading only, a link is opened by its
 * target. Keeps no descriptors between calls.
 */
#include "peer/store/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A path below the save directory: the open directory that holds it, and its last component. */
struct parent {
    int fd;
    const char *base;
};

/* The characters that FAT, exFAT and NTFS refuse in a name. */
static const char refused[] = "\"*:<>?\\|";

/* The file system refused a name on the path |rel|. It does not say which; a character that other
 * file systems refuse is the most probable cause. */
static int
fail_name(struct errbuf *eb, int e, const char *dir, const char *rel)
{
    static const char advice[] = "choose a directory on another file system (-o)";
    const char *c = strpbrk(rel, refused);

    if (e == ENAMETOOLONG)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "can't create %s/%s: the name is too long for that file system: %s",
                          dir, rel, advice);
    if (c != NULL)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "can't create %s/%s: that file system does not allow %c in a name: %s",
                          dir, rel, *c, advice);
    return errbuf_set(eb, SPRAT_E_INVAL,
                      "can't create %s/%s: that file system does not allow this name: %s", dir, rel,
                      advice);
}

static int
fail(struct errbuf *eb, int e, const char *doing, const char *dir, const char *rel)
{
    if (e == EINVAL || e == EILSEQ || e == ENAMETOOLONG)
        return fail_name(eb, e, dir, rel);
    if (e == ELOOP || e == ENOTDIR)
        return errbuf_set(eb, SPRAT_E_EXISTS,
                          "can't %s %s/%s: a symbolic link or another kind of file is in the way: "
                          "move it away",
                          doing, dir, rel);
    if (e == EISDIR)
        return errbuf_set(eb, SPRAT_E_EXISTS,
                          "can't %s %s/%s: a directory is in the way: move it away", doing, dir,
                          rel);
    return errbuf_set(eb, sprat_err_from_errno(e), "can't %s %s/%s: %s", doing, dir, rel,
                      strerror(e));
}

/* The error of creating a file in the directory |at|. Some file systems report ENOENT for a name
 * that they don't allow, unless the directory itself is gone. */
static void
refine_errno(int at)
{
    struct stat st;
    int e = errno;

    if (e == ENOENT && fstat(at, &st) == 0 && st.st_nlink > 0)
        e = EINVAL;
    errno = e;
}

/* Opens the next directory, creating it if requested. -1 with errno. */
static int
descend(int at, const char *name, bool make)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(at, name, flags);

    if (fd >= 0 || errno != ENOENT || !make)
        return fd;
    if (mkdirat(at, name, 0777) != 0 && errno != EEXIST) {
        refine_errno(at);
        return -1;
    }
    return openat(at, name, flags);
}

/* Opens the target of the symbolic link |name|, if the link belongs to this user or root. The
 * target is read from the link that was checked, so another link that replaces it meanwhile is not
 * followed. -1 with errno: ELOOP for a link of another user. */
static int
open_through(int at, const char *name, int flags)
{
    char target[PATH_MAX];
    struct stat st;
    ssize_t n = -1;
    int link = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (link < 0)
        return -1;
    if (fstat(link, &st) != 0 || !S_ISLNK(st.st_mode))
        errno = ENOTDIR;
    else if (st.st_uid != geteuid() && st.st_uid != 0)
        errno = ELOOP;
    else
        n = readlinkat(link, "", target, sizeof(target) - 1);
    int e = errno;
    close(link);
    errno = e;
    if (n < 0)
        return -1;
    target[n] = '\0';
    return openat(at, target, (flags & ~O_NOFOLLOW) | O_CLOEXEC);
}

/* Like descend(), but also follows a link. */
static int
descend_through(int at, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(at, name, flags);

    return fd >= 0 || (errno != ELOOP && errno != ENOTDIR) ? fd : open_through(at, name, flags);
}

/* Opens the directory of |rel|; on request creates it, or follows links of this user or root. 0 or
 * -1 with errno. */
static int
parent_walk(const char *dir, const char *rel, bool make, bool follow, struct parent *p)
{
    char name[NAME_MAX + 1];
    const char *slash;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (; fd >= 0 && (slash = strchr(rel, '/')) != NULL; rel = slash + 1) {
        size_t len = (size_t)(slash - rel);
        int next = -1;

        errno = ENAMETOOLONG;
        if (len < sizeof(name)) {
            memcpy(name, rel, len);
            name[len] = '\0';
            next = follow ? descend_through(fd, name) : descend(fd, name, make);
        }
        int e = errno;
        close(fd);
        errno = e;
        fd = next;
    }
    *p = (struct parent){.fd = fd, .base = rel};
    return fd >= 0 ? 0 : -1;
}

static int
parent_open(const char *dir, const char *rel, bool make, struct parent *p)
{
    return parent_walk(dir, rel, make, false, p);
}

static void
parent_close(const struct parent *p)
{
    int e = errno;

    close(p->fd);
    errno = e;
}

/* The error of creating a file: its name is taken by a file, or another cause. */
static int
errno_of_existing(const struct parent *p)
{
    struct stat st;

    if (fstatat(p->fd, p->base, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISREG(st.st_mode))
        return EEXIST;
    return S_ISDIR(st.st_mode) ? EISDIR : ENOTDIR;
}

/* Opens the file itself; -1 with errno. O_NONBLOCK, so that a pipe of that name does not block. */
static int
open_base(const struct parent *p, enum safepath_mode mode, mode_t perm, bool *created)
{
    const int flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd;

    *created = false;
    if (mode == SAFEPATH_READ) {
        fd = openat(p->fd, p->base, flags | O_RDONLY);
        return fd >= 0 || errno != ELOOP ? fd : open_through(p->fd, p->base, flags | O_RDONLY);
    }
    if (mode != SAFEPATH_CREATE) {
        fd = openat(p->fd, p->base, flags | O_RDWR);
        if (fd >= 0 || errno != ENOENT || mode == SAFEPATH_WRITE)
            return fd;
    }
    fd = openat(p->fd, p->base, flags | O_RDWR | O_CREAT | O_EXCL, perm);
    *created = fd >= 0;
    if (fd >= 0 || errno != EEXIST) {
        if (fd < 0)
            refine_errno(p->fd);
        return fd;
    }
    if (mode == SAFEPATH_CREATE) {
        errno = errno_of_existing(p);
        return -1;
    }
    return openat(p->fd, p->base, flags | O_RDWR);
}

int
safepath_open(const char *dir, const char *rel, enum safepath_mode mode, mode_t perm, int *fd,
              bool *created, struct errbuf *eb)
{
    struct parent p;
    struct stat st;
    bool is_new;
    int e;

    if (parent_walk(dir, rel, mode == SAFEPATH_CREATE || mode == SAFEPATH_EITHER,
                    mode == SAFEPATH_READ, &p) != 0)
        return fail(eb, errno, "open", dir, rel);
    *fd = open_base(&p, mode, perm, created != NULL ? created : &is_new);
    parent_close(&p);
    if (*fd < 0)
        return fail(eb, errno == ENXIO ? ENOTDIR : errno, "open", dir, rel);
    if (fstat(*fd, &st) != 0)
        e = errno;
    else
        e = S_ISDIR(st.st_mode) ? EISDIR : S_ISREG(st.st_mode) ? 0 : ENOTDIR;
    if (e == 0)
        return 0;
    close(*fd);
    *fd = -1;
    return fail(eb, e, "open", dir, rel);
}

int
safepath_open_parent(const char *dir, const char *rel, int *fd, struct errbuf *eb)
{
    struct parent p;

    if (parent_open(dir, rel, true, &p) != 0)
        return fail(eb, errno, "create the directory of", dir, rel);
    *fd = p.fd;
    return 0;
}

int
safepath_stat(const char *dir, const char *rel, struct stat *st, struct errbuf *eb)
{
    struct parent p;
    int rc;

    if (parent_open(dir, rel, false, &p) != 0)
        return fail(eb, errno, "find", dir, rel);
    rc = fstatat(p.fd, p.base, st, AT_SYMLINK_NOFOLLOW);
    parent_close(&p);
    return rc == 0 ? 0 : fail(eb, errno, "find", dir, rel);
}

/* The error of safepath_find(), which explains links that are not followed. */
static int
fail_to_find(struct errbuf *eb, int e, const char *dir, const char *rel)
{
    if (e == ELOOP)
        return errbuf_set(
            eb, SPRAT_E_EXISTS,
            "can't open %s/%s: a symbolic link on its path belongs to another user; only your own "
            "links and root's are followed",
            dir, rel);
    if (e == ENOLINK)
        return errbuf_set(eb, SPRAT_E_NOENT,
                          "%s/%s is a symbolic link whose target does not exist", dir, rel);
    return fail(eb, e, "find", dir, rel);
}

int
safepath_find_link(const char *dir, const char *rel, struct stat *st, struct errbuf *eb)
{
    struct parent p;
    int rc;

    if (parent_walk(dir, rel, false, true, &p) != 0)
        return fail_to_find(eb, errno, dir, rel);
    rc = fstatat(p.fd, p.base, st, AT_SYMLINK_NOFOLLOW);
    parent_close(&p);
    return rc == 0 ? 0 : fail(eb, errno, "find", dir, rel);
}

int
safepath_find(const char *dir, const char *rel, struct stat *st, struct errbuf *eb)
{
    struct parent p;
    int rc, fd, e = 0;

    if (parent_walk(dir, rel, false, true, &p) != 0)
        return fail_to_find(eb, errno, dir, rel);
    rc = fstatat(p.fd, p.base, st, AT_SYMLINK_NOFOLLOW);
    if (rc == 0 && S_ISLNK(st->st_mode)) {
        fd = open_through(p.fd, p.base, O_PATH);
        rc = fd >= 0 ? fstat(fd, st) : -1;
        e = errno;
        if (fd >= 0)
            close(fd);
        if (rc != 0 && e == ENOENT)
            e = ENOLINK;
        errno = e;
    }
    parent_close(&p);
    return rc == 0 ? 0 : fail_to_find(eb, errno, dir, rel);
}

/* True if |base| is a link to exactly |target|. */
static bool
is_link_to(const struct parent *p, const char *target)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(p->fd, p->base, text, sizeof(text));

    return n >= 0 && (size_t)n == strlen(target) && memcmp(text, target, (size_t)n) == 0;
}

int
safepath_symlink(const char *dir, const char *rel, const char *target, struct errbuf *eb)
{
    struct parent p;
    int err = 0;

    if (parent_open(dir, rel, true, &p) != 0)
        return fail(eb, errno, "create the link", dir, rel);
    if (symlinkat(target, p.fd, p.base) != 0) {
        int e = errno;
        if (e != EEXIST || !is_link_to(&p, target))
            err = fail(eb, e, "create the link", dir, rel);
    }
    parent_close(&p);
    return err;
}

/* Errors of linkat() that only mean that the file must be copied. */
static bool
must_copy(int e)
{
    return e == EXDEV || e == EPERM || e == EMLINK || e == EOPNOTSUPP || e == ENOSYS || e == EACCES;
}

int
safepath_link(const char *from, const char *to, const char *rel, struct errbuf *eb)
{
    struct parent a, b;
    struct stat st;
    int err = 0;

    if (parent_open(from, rel, false, &a) != 0)
        return fail(eb, errno, "open", from, rel);
    if (parent_open(to, rel, true, &b) != 0) {
        err = fail(eb, errno, "create the directory of", to, rel);
        parent_close(&a);
        return err;
    }
    if (fstatat(a.fd, a.base, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
        err = errbuf_set(eb, SPRAT_E_AGAIN, "a symbolic link gets no hard link");
    } else if (linkat(a.fd, a.base, b.fd, b.base, 0) != 0) {
        int e = errno;
        if (must_copy(e))
            err = errbuf_set(eb, SPRAT_E_AGAIN, "%s", strerror(e));
        else if (e == EEXIST)
            err = errbuf_set(eb, SPRAT_E_EXISTS, "another file %s/%s exists already", to, rel);
        else
            err = fail(eb, e, "create", to, rel);
    }
    parent_close(&a);
    parent_close(&b);
    return err;
}

int
safepath_rename_at(int fd, const char *from, const char *to)
{
    struct stat st;

    if (renameat2(fd, from, fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    /* The file system has no RENAME_NOREPLACE. A hard link does not replace a file either; without
     * hard links, only a check before the rename is possible. */
    if (linkat(fd, from, fd, to, 0) == 0)
        return unlinkat(fd, from, 0);
    if (!must_copy(errno))
        return -1;
    if (fstatat(fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
        errno = EEXIST;
    else if (errno == ENOENT)
        return renameat(fd, from, fd, to);
    return -1;
}

int
safepath_rename(const char *dir, const char *rel, const char *name, struct errbuf *eb)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash != NULL ? slash + 1 : name;
    struct parent p;
    int err = 0;

    if (parent_open(dir, rel, false, &p) != 0)
        return fail(eb, errno, "rename", dir, rel);
    if (safepath_rename_at(p.fd, p.base, base) != 0)
        err = errno == EEXIST
                  ? errbuf_set(eb, SPRAT_E_EXISTS, "another file %s/%s exists already", dir, name)
                  : fail(eb, errno, "create", dir, name);
    parent_close(&p);
    return err;
}

int
safepath_unlink(const char *dir, const char *rel, struct errbuf *eb)
{
    struct parent p;
    int err = 0;

    if (parent_open(dir, rel, false, &p) != 0)
        return errno == ENOENT ? 0 : fail(eb, errno, "remove", dir, rel);
    /* EINVAL: a name that the file system does not allow can't exist. */
    if (unlinkat(p.fd, p.base, 0) != 0 && errno != ENOENT && errno != EINVAL)
        err = fail(eb, errno, "remove", dir, rel);
    parent_close(&p);
    return err;
}

void
safepath_prune(const char *dir, const char *rel)
{
    char path[PATH_MAX];
    char *slash;

    if ((size_t)snprintf(path, sizeof(path), "%s", rel) >= sizeof(path))
        return;
    while ((slash = strrchr(path, '/')) != NULL) {
        struct parent p;
        int rc;

        *slash = '\0';
        if (parent_open(dir, path, false, &p) != 0)
            continue; /* gone already; its parent may be empty now */
        rc = unlinkat(p.fd, p.base, AT_REMOVEDIR);
        parent_close(&p);
        if (rc != 0 && errno != ENOENT)
            return;
    }
}

bool
safepath_is_beside(const char *a, const char *b)
{
    const char *x = strrchr(a, '/'), *y = strrchr(b, '/');
    size_t n = x != NULL ? (size_t)(x - a) : 0, m = y != NULL ? (size_t)(y - b) : 0;

    return n == m && memcmp(a, b, n) == 0;
}

int
safepath_sync_dirs(const char *dir, const char *rel, struct errbuf *eb)
{
    char path[PATH_MAX];
    char *slash;

    if ((size_t)snprintf(path, sizeof(path), "%s", rel) >= sizeof(path))
        return fail(eb, ENAMETOOLONG, "sync", dir, rel);
    do {
        struct parent p;
        int e = 0;

        if (parent_open(dir, path, false, &p) == 0) {
            e = fsync(p.fd) != 0 ? errno : 0;
            parent_close(&p);
        } else if (errno != ELOOP && errno != ENOTDIR) {
            return fail(eb, errno, "sync", dir, path);
        } /* else: behind a link; Sprat only reads there and creates no name */
        if (e != 0 && e != EINVAL) /* EINVAL: the file system can't sync directories */
            return fail(eb, e, "sync the directory of", dir, path);
        slash = strrchr(path, '/');
        if (slash != NULL)
            *slash = '\0';
    } while (slash != NULL);
    return 0;
}
