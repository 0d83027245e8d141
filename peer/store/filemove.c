/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A copy is made under a name of its own and gets the right one when it is whole, synced, and has
 * the modification time of the original: size and time are how it is known again.
 */
#include "peer/store/filemove.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/utf8.h"
#include "common/sys/file.h"
#include "common/sys/pagecache.h"
#include "peer/store/safepath.h"

#define PART_SUFFIX ".sprat-move"

enum { BUFFER_LEN = 1024 * 1024 };

struct filemove {
    struct filetree *t;
    char *to;
    size_t file;  /* the next one */
    bool links;   /* files are done, it is the turn of symbolic links */
    int src, dst; /* of the copy under way; -1 */
    uint64_t copied;
    uint64_t budget; /* of this step */
    uint8_t *buffer; /* NULL until it is needed */
    struct storage_stamp *stamps;
};

struct filemove *
filemove_new(struct filetree *t, const char *to)
{
    struct filemove *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    *m = (struct filemove){.t = t, .src = -1, .dst = -1, .to = strdup(to)};
    m->stamps = calloc(t->mi->file_count, sizeof(*m->stamps));
    if (m->to == NULL || m->stamps == NULL) {
        filemove_free(m);
        return NULL;
    }
    return m;
}

static void
end_copy(struct filemove *m)
{
    if (m->src >= 0)
        close(m->src);
    if (m->dst >= 0) {
        close(m->dst);
        claims_drop(m->t->claims, m, m->file);
    }
    m->src = m->dst = -1;
}

const struct storage_stamp *
filemove_stamp(const struct filemove *m, size_t file)
{
    return &m->stamps[file];
}

static bool
is_regular(const struct metainfo_file *f)
{
    return (f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0;
}

static int64_t
mtime_of(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static bool
is_alike(const struct stat *a, const struct stat *b)
{
    if (!S_ISREG(a->st_mode) || !S_ISREG(b->st_mode))
        return false;
    return (a->st_dev == b->st_dev && a->st_ino == b->st_ino) ||
           (a->st_size == b->st_size && mtime_of(a) == mtime_of(b));
}

static int
fail(struct filemove *m, int e, const char *doing, struct errbuf *eb)
{
    return errbuf_set(eb, sprat_err_from_errno(e), "can't %s %s/%s: %s", doing, m->to,
                      m->t->mi->files[m->file].path, strerror(e));
}

/* Something stands there: is it what an earlier try made? */
static int
accept_existing(struct filemove *m, const char *path, struct errbuf *eb)
{
    struct stat here, there;
    int err = safepath_stat(m->t->dir, path, &here, eb);

    if (err == 0)
        err = safepath_stat(m->to, path, &there, eb);
    if (err == 0 && !is_alike(&here, &there))
        err = errbuf_set(eb, SPRAT_E_EXISTS, "there is another file %s/%s", m->to, path);
    return err;
}

/* --- copying --- */

/* What the copy is called while it is made: the name, cut where the suffix would make it too long.
 * One file is copied at a time, so two long names do not meet. */
static int
part_name(const struct filemove *m, char *out, size_t size, struct errbuf *eb)
{
    const char *path = m->t->mi->files[m->file].path;
    const char *slash = strrchr(path, '/');
    size_t at = slash != NULL ? (size_t)(slash - path) + 1 : 0, len = strlen(path) - at;
    const size_t room = NAME_MAX - (sizeof(PART_SUFFIX) - 1);

    if (len > room)
        len = utf8_whole((const uint8_t *)path + at, room);
    if ((size_t)snprintf(out, size, "%.*s" PART_SUFFIX, (int)(at + len), path) >= size)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s/%s is too long a name to be copied", m->to, path);
    return 0;
}

static int
begin_copy(struct filemove *m, struct errbuf *eb)
{
    const struct metainfo_file *f = &m->t->mi->files[m->file];
    struct claimant who = {.owner = m, .file = m->file, .torrent = m->t->mi->name, .dir = m->to};
    char part[PATH_MAX];
    struct claimed claimed;
    int err = part_name(m, part, sizeof(part), eb);

    if (err == 0 && m->buffer == NULL && (m->buffer = pagecache_buffer(BUFFER_LEN)) == NULL)
        err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    if (err == 0)
        err = safepath_open(m->t->dir, f->path, SAFEPATH_READ, 0, &m->src, NULL, eb);
    if (err == 0)
        err = safepath_open(m->to, part, SAFEPATH_EITHER,
                            (f->attr & ATTR_EXECUTABLE) != 0 ? 0777 : 0666, &m->dst, NULL, eb);
    /* What an earlier try left is ours to begin anew, unless another torrent is at it just now. */
    who.path = part;
    if (err == 0 && (err = claims_write(m->t->claims, &who, m->dst, &claimed, eb)) != 0) {
        close(m->dst);
        m->dst = -1;
    }
    if (err == 0 && ftruncate(m->dst, 0) != 0)
        err = fail(m, errno, "write", eb);
    m->copied = 0;
    return err;
}

static int
write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Copies up to the budget; true at the original's end. */
static bool
copy_some(struct filemove *m, int *err, struct errbuf *eb)
{
    while (m->budget > 0) {
        ssize_t n = read(m->src, m->buffer, BUFFER_LEN);
        int e;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n < 0)
                *err = fail(m, errno, "read what becomes", eb);
            return true;
        }
        e = write_all(m->dst, m->buffer, (size_t)n);
        if (e != 0) {
            *err = fail(m, e == EFBIG ? ENOSPC : e, "write", eb);
            return true;
        }
        m->copied += (uint64_t)n;
        m->budget -= (uint64_t)n < m->budget ? (uint64_t)n : m->budget;
    }
    return false;
}

/* The copy is whole: it gets the original's time, lasts, and gets its name. */
static int
close_copy(struct filemove *m, struct errbuf *eb)
{
    const char *path = m->t->mi->files[m->file].path;
    char part[PATH_MAX];
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
    struct stat st;
    int err;

    if (fstat(m->src, &st) != 0)
        return fail(m, errno, "look at what becomes", eb);
    if ((uint64_t)st.st_size != m->copied)
        return errbuf_set(eb, SPRAT_E_CHANGED, "%s/%s was changed while it was copied", m->t->dir,
                          path);
    times[1] = st.st_mtim;
    if (futimens(m->dst, times) != 0 || fsync(m->dst) != 0)
        return fail(m, errno, "sync", eb);
    err = part_name(m, part, sizeof(part), eb);
    return err == 0 ? safepath_rename(m->to, part, path, eb) : err;
}

/* What was copied is worth nothing to another try. */
static void
drop_part(struct filemove *m)
{
    char part[PATH_MAX];
    bool made = m->dst >= 0;

    end_copy(m);
    if (made && part_name(m, part, sizeof(part), NULL) == 0)
        (void)safepath_unlink(m->to, part, NULL);
}

void
filemove_free(struct filemove *m)
{
    if (m == NULL)
        return;
    if (m->src >= 0)
        drop_part(m);
    free(m->buffer);
    free(m->stamps);
    free(m->to);
    free(m);
}

static int
copy_file(struct filemove *m, struct errbuf *eb)
{
    int err = m->src < 0 ? begin_copy(m, eb) : 0;

    if (err == 0 && !copy_some(m, &err, eb))
        return SPRAT_E_AGAIN;
    if (err == 0)
        err = close_copy(m, eb);
    if (err != 0)
        drop_part(m);
    end_copy(m);
    return err;
}

/* --- all of them --- */

static int
place_file(struct filemove *m, struct errbuf *eb)
{
    const char *path = m->t->mi->files[m->file].path;
    struct stat st;
    int err = m->src >= 0 ? SPRAT_E_AGAIN : safepath_link(m->t->dir, m->to, path, eb);

    if (err == SPRAT_E_EXISTS)
        err = accept_existing(m, path, eb);
    else if (err == SPRAT_E_AGAIN && (m->src >= 0 || safepath_stat(m->to, path, &st, NULL) != 0))
        err = copy_file(m, eb);
    else if (err == SPRAT_E_AGAIN)
        err = accept_existing(m, path, eb);
    if (err == 0)
        err = safepath_stat(m->to, path, &st, eb);
    if (err == 0)
        m->stamps[m->file] = (struct storage_stamp){.known = true,
                                                    .size = (uint64_t)st.st_size,
                                                    .mtime_ns = mtime_of(&st),
                                                    .inode = st.st_ino};
    return err;
}

static int
place_link(struct filemove *m, struct errbuf *eb)
{
    const struct metainfo_file *f = &m->t->mi->files[m->file];
    char *text = filetree_link_text(f->path, f->symlink);
    int err = text != NULL ? safepath_symlink(m->to, f->path, text, eb)
                           : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");

    free(text);
    return err;
}

static bool
same_dir(const char *a, const char *b)
{
    const char *x = strrchr(a, '/'), *y = strrchr(b, '/');

    return x != NULL && y != NULL && x - a == y - b && memcmp(a, b, (size_t)(x - a)) == 0;
}

/* The directories on the way to |path|, which may all be new. Those that are not ours to open are
 * not new. */
static void
sync_way(const char *path)
{
    char *dir = strdup(path), *slash;

    while (dir != NULL && (slash = strrchr(dir, '/')) != NULL && slash > dir) {
        int fd;

        *slash = '\0';
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0) {
            (void)fsync(fd);
            close(fd);
        }
    }
    free(dir);
}

static int
sync_names(struct filemove *m, struct errbuf *eb)
{
    const struct metainfo *mi = m->t->mi;
    const char *synced = NULL;
    int err = 0;

    for (size_t i = 0; i < mi->file_count && err == 0; i++) {
        if (!is_regular(&mi->files[i]) && !filetree_is_link(&mi->files[i]))
            continue;
        if (synced == NULL || !same_dir(synced, mi->files[i].path))
            err = safepath_sync_dirs(m->to, mi->files[i].path, eb);
        synced = mi->files[i].path;
    }
    sync_way(m->to);
    return err;
}

/* The files of one kind, until the budget is used up. Links come last, so that nothing is ever
 * written through one. */
static int
place_all(struct filemove *m, struct errbuf *eb)
{
    const struct metainfo *mi = m->t->mi;
    int err = 0;

    for (; m->file < mi->file_count && err == 0; m->file += err == 0) {
        const struct metainfo_file *f = &mi->files[m->file];

        if (!m->links && is_regular(f))
            err = place_file(m, eb);
        else if (m->links && filetree_is_link(f))
            err = place_link(m, eb);
    }
    return err;
}

int
filemove_step(struct filemove *m, struct errbuf *eb)
{
    int err = file_make_dirs(m->to, 0777, eb);

    m->budget = FILEMOVE_STEP;
    if (err == 0)
        err = place_all(m, eb);
    if (err == 0 && !m->links) {
        m->links = true;
        m->file = 0;
        err = place_all(m, eb);
    }
    return err == 0 ? sync_names(m, eb) : err;
}

void
filemove_finish(struct filemove *m)
{
    filetree_move_in(m->t, m->to, m->stamps);
    m->to = NULL;
}

/* --- cleaning --- */

static int
clean_file(struct filetree *t, const char *from, const struct metainfo_file *f, struct errbuf *eb)
{
    bool link = (f->attr & ATTR_SYMLINK) != 0;
    struct stat old, ours;
    int err = safepath_stat(from, f->path, &old, eb);

    if (err == SPRAT_E_NOENT)
        return 0;
    if (err == 0 && (!link || !S_ISLNK(old.st_mode)))
        err = safepath_stat(t->dir, f->path, &ours, eb);
    else if (err == 0)
        return safepath_unlink(from, f->path, eb);
    if (err == 0 && !is_alike(&old, &ours))
        err = errbuf_set(eb, SPRAT_E_EXISTS,
                         "%s/%s was left there: it is not the file that was moved", from, f->path);
    return err == 0 ? safepath_unlink(from, f->path, eb) : err;
}

int
filemove_clean(struct filetree *t, const char *from, struct errbuf *eb)
{
    const struct metainfo *mi = t->mi;
    int first_err = 0;

    for (size_t i = 0; i < mi->file_count; i++) {
        int err = 0;

        if ((mi->files[i].attr & ATTR_PAD) == 0)
            err = clean_file(t, from, &mi->files[i], first_err == 0 ? eb : NULL);
        if (first_err == 0)
            first_err = err;
    }
    for (size_t i = mi->file_count; i > 0; i--)
        if ((mi->files[i - 1].attr & ATTR_PAD) == 0)
            safepath_prune(from, mi->files[i - 1].path);
    return first_err;
}
