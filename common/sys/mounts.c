/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The text of the table is kept, and searched line by line. A line is
 *
 *   ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS ...
 *
 * A space, a tab, a newline and a backslash in a name are a backslash and three octal digits.
 */
#include "common/sys/mounts.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/sys/lock.h"

enum {
    TABLE_MAX = 1 << 20, /* bytes; mounts beyond them are not known */
    TABLE_STEP = 16 << 10,
};

struct mounts {
    struct lock lock;
    int fd;     /* -1: there is no table */
    char *text; /* NULL: not read yet */
};

struct mounts *
mounts_new(const char *path)
{
    struct mounts *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    lock_init(&m->lock);
    m->fd = open(path, O_RDONLY | O_CLOEXEC);
    return m;
}

void
mounts_free(struct mounts *m)
{
    if (m == NULL)
        return;
    if (m->fd >= 0)
        close(m->fd);
    free(m->text);
    lock_fini(&m->lock);
    free(m);
}

/* The whole table as a string; the caller frees it. NULL if it can't be read, or memory is out. */
static char *
read_table(int fd)
{
    char *text = NULL, *more;
    size_t len = 0;
    ssize_t n = 1;

    if (lseek(fd, 0, SEEK_SET) != 0)
        return NULL;
    while (n > 0 && len < TABLE_MAX) {
        more = realloc(text, len + TABLE_STEP + 1);
        n = more != NULL ? read(fd, more + len, TABLE_STEP) : -1;
        text = more != NULL ? more : text;
        len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        free(text);
        return NULL;
    }
    text[len] = '\0';
    return text;
}

/* Reads the table if that has not been done since its last change, of which poll() tells once. The
 * old text stays if that fails. The lock is held. */
static void
refresh(struct mounts *m)
{
    struct pollfd p = {.fd = m->fd, .events = POLLPRI};
    char *text;

    if (m->fd < 0 ||
        (m->text != NULL && (poll(&p, 1, 0) <= 0 || (p.revents & (POLLPRI | POLLERR)) == 0)))
        return;
    text = read_table(m->fd);
    if (text != NULL) {
        free(m->text);
        m->text = text;
    }
}

/* Moves |*at| behind the next space of its line. False at the end of the line. */
static bool
skip_field(const char **at)
{
    *at += strcspn(*at, " \n");
    if (**at != ' ')
        return false;
    (*at)++;
    return true;
}

/* The next character of a name of the table. */
static char
next_char(const char **at)
{
    const char *c = *at;

    if (c[0] == '\\' && c[1] >= '0' && c[1] <= '3' && c[2] >= '0' && c[2] <= '7' && c[3] >= '0' &&
        c[3] <= '7') {
        *at += 4;
        return (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
    }
    (*at)++;
    return c[0];
}

/* The length of the mount point if |path| is the mount point or is below it, else 0. */
static size_t
covers(const char *point, const char *path)
{
    size_t n = 0;

    while (*point != ' ' && *point != '\n' && *point != '\0') {
        if (path[n] == '\0' || next_char(&point) != path[n])
            return 0;
        n++;
    }
    return n == 1 || path[n] == '\0' || path[n] == '/' ? n : 0;
}

/* How well the mount of the line fits |path|, as covers() counts; its device is stored. */
static size_t
match_line(const char *line, const char *path, uint64_t *device)
{
    char *end;
    unsigned long major, minor;

    if (!skip_field(&line) || !skip_field(&line))
        return 0;
    major = strtoul(line, &end, 10);
    if (*end != ':')
        return 0;
    minor = strtoul(end + 1, &end, 10);
    if (!skip_field(&line) || !skip_field(&line))
        return 0;
    *device = makedev((unsigned)major, (unsigned)minor);
    return covers(line, path);
}

uint64_t
mounts_find(struct mounts *m, const char *path)
{
    uint64_t found = 0, device = 0;
    size_t best = 1, len;

    if (path[0] != '/')
        return 0;
    lock_take(&m->lock);
    refresh(m);
    for (const char *line = m->text; line != NULL && *line != '\0';) {
        len = match_line(line, path, &device);
        if (len >= best) {
            best = len;
            found = device;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    lock_drop(&m->lock);
    return found;
}
