/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A command holds flock() on its directory; the kernel drops that lock when the command ends in any
 * way. So a directory that can be locked by another command is nobody's.
 */
#include "peer/cli/tempdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "sprat-show-"

enum { TRIES = 8 };

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    (void)remove(path);
    return 0;
}

static void
remove_all(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Opens and locks a directory of this user. -1 if it is not this user's, or if another command has
 * it. */
static int
lock_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st, now;

    if (fd < 0)
        return -1;
    /* Another command may have locked, removed and unlocked the directory before this lock. */
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        lstat(path, &now) == 0 && now.st_dev == st.st_dev && now.st_ino == st.st_ino)
        return fd;
    close(fd);
    return -1;
}

/* Removes the directories of commands that were killed. */
static void
sweep(const char *place)
{
    char path[TEMPDIR_PATH_MAX];
    const struct dirent *e;
    DIR *d = opendir(place);
    int fd;

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, PREFIX, sizeof(PREFIX) - 1) != 0 ||
            (size_t)snprintf(path, sizeof(path), "%s/%s", place, e->d_name) >= sizeof(path))
            continue;
        fd = lock_dir(path);
        if (fd >= 0) {
            remove_all(path);
            close(fd);
        }
    }
    if (d != NULL)
        closedir(d);
}

static bool
make_in(struct tempdir *d, const char *place)
{
    int n = snprintf(d->path, sizeof(d->path), "%s/" PREFIX "XXXXXX", place);

    if (n < 0 || (size_t)n >= sizeof(d->path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (mkdtemp(d->path) == NULL)
        return false;
    d->lock = lock_dir(d->path);
    return d->lock >= 0;
}

int
tempdir_init(struct tempdir *d, struct errbuf *eb)
{
    const char *tmp = getenv("TMPDIR");
    const char *const places[] = {"/dev/shm", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp"};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        sweep(places[i]);
        /* Another command's sweep may take a new directory before it is locked. */
        for (int k = 0; k < TRIES; k++)
            if (make_in(d, places[i]))
                return 0;
    }
    return errbuf_set(eb, sprat_err_from_errno(errno), "can't make a directory in %s: %s",
                      places[1], strerror(errno));
}

void
tempdir_fini(struct tempdir *d)
{
    remove_all(d->path);
    close(d->lock);
}
