/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A copy has no name (tempfile.h) until it is complete, synced, and has the modification time of
 * the original: size and time identify it after an interruption. The original is compared with its
 * stamp before and after copying, so that changes by another program are never recorded as the
 * torrent's own data.
 */
#include "peer/store/filemove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sys/file.h"
#include "common/sys/pagecache.h"
#include "peer/store/safepath.h"
#include "peer/store/tempfile.h"

enum { BUFFER_LEN = 1024 * 1024 };
#define NS_PER_MS 1000000LL

struct filemove {
    struct filetree *t;
    char *to;
    size_t file;  /* the next one */
    bool links;   /* files are done; symbolic links are next */
    int src;             /* the original that is being copied or compared; -1: none */
    struct tempfile dst; /* the copy */
    int twin;            /* the file at the destination that is compared with the original; -1:
                            none */
    uint64_t done;       /* bytes of |src| copied or compared */
    uint64_t budget; /* bytes left in this step */
    uint8_t *buffer; /* two of BUFFER_LEN; NULL until they are needed */
    struct storage_stamp *stamps; /* stamps of the files at the destination */
};

struct filemove *
filemove_new(struct filetree *t, const char *to)
{
    struct filemove *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    *m = (struct filemove){.t = t, .src = -1, .twin = -1, .to = strdup(to)};
    tempfile_init(&m->dst);
    m->stamps = calloc(t->mi->file_count, sizeof(*m->stamps));
    if (m->to == NULL || m->stamps == NULL) {
        filemove_free(m);
        return NULL;
    }
    return m;
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

/* Compares modification times. File systems store them as coarsely as 10 ms (exFAT) or 2 s (FAT).
 */
static bool
is_same_time(int64_t original_ns, int64_t copy_ns)
{
    int64_t late = original_ns - copy_ns;

    return late == 0 || (copy_ns % (10 * NS_PER_MS) == 0 && late > -2000 * NS_PER_MS &&
                         late < 2000 * NS_PER_MS);
}

/* True if both are the same file, or |copy| can be a copy of |original|. */
static bool
is_alike(const struct stat *original, const struct stat *copy)
{
    if (!S_ISREG(original->st_mode) || !S_ISREG(copy->st_mode))
        return false;
    return (original->st_dev == copy->st_dev && original->st_ino == copy->st_ino) ||
           (original->st_size == copy->st_size && is_same_time(mtime_of(original), mtime_of(copy)));
}

/* Reports that the system call |doing| failed on the current file below |dir|. */
static int
fail_at(struct filemove *m, const char *dir, int e, const char *doing, struct errbuf *eb)
{
    return errbuf_set(eb, sprat_err_from_errno(e), "can't %s %s/%s: %s", doing, dir,
                      m->t->mi->files[m->file].path, strerror(e));
}

static int
fail_original(struct filemove *m, int e, const char *doing, struct errbuf *eb)
{
    return fail_at(m, m->t->dir, e, doing, eb);
}

static int
fail(struct filemove *m, int e, const char *doing, struct errbuf *eb)
{
    return fail_at(m, m->to, e, doing, eb);
}

/* Returns an error if the original differs from its stamp. An empty file may have no stamp, since
 * nothing was ever written to it. */
static int
check_original(struct filemove *m, const struct stat *st, struct errbuf *eb)
{
    struct storage_stamp then = filetree_get_stamp(m->t, m->file), now = stamp_of(st);

    if (!then.known && m->t->mi->files[m->file].length == 0)
        then = (struct storage_stamp){.known = true, .mtime_ns = now.mtime_ns, .inode = now.inode};
    if (stamp_equal(&then, &now))
        return 0;
    /* The owner checks the file's pieces again, and the move continues with the good ones. */
    return filetree_distrust(m->t, m->file, SPRAT_E_CHANGED, eb);
}

static int
fail_existing(struct filemove *m, struct errbuf *eb)
{
    return errbuf_set(eb, SPRAT_E_EXISTS, "another file %s/%s exists already", m->to,
                      m->t->mi->files[m->file].path);
}

/* --- copying and comparing --- */

/* Opens the original and allocates the read buffer. */
static int
begin_reading(struct filemove *m, struct errbuf *eb)
{
    const struct metainfo_file *f = &m->t->mi->files[m->file];
    struct stat st;
    int err = 0;

    m->done = 0;
    if (m->buffer == NULL && (m->buffer = pagecache_buffer(2 * (size_t)BUFFER_LEN)) == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = safepath_open(m->t->dir, f->path, SAFEPATH_READ, 0, &m->src, NULL, eb);
    if (err == 0)
        err = fstat(m->src, &st) == 0 ? check_original(m, &st, eb)
                                      : fail_original(m, errno, "look at", eb);
    return err;
}

static void
end_reading(struct filemove *m)
{
    if (m->src >= 0)
        close(m->src);
    if (m->twin >= 0)
        close(m->twin);
    tempfile_discard(&m->dst);
    m->src = m->twin = -1;
}

static int
begin_copy(struct filemove *m, struct errbuf *eb)
{
    const struct metainfo_file *f = &m->t->mi->files[m->file];
    int err = begin_reading(m, eb);

    return err == 0 ? tempfile_open(&m->dst, m->to, f->path,
                                    (f->attr & ATTR_EXECUTABLE) != 0 ? 0777 : 0666, eb)
                    : err;
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

/* Writes the buffer's |len| bytes to the copy, or compares them with the existing file. */
static int
write_or_compare(struct filemove *m, size_t len, struct errbuf *eb)
{
    uint8_t *twin = m->buffer + BUFFER_LEN;
    ssize_t n;
    int e;

    if (m->twin < 0) {
        e = write_all(m->dst.fd, m->buffer, len);
        return e == 0 ? 0 : fail(m, e == EFBIG ? ENOSPC : e, "write", eb);
    }
    n = pread(m->twin, twin, len, (off_t)m->done);
    if (n < 0)
        return fail(m, errno, "read", eb);
    return (size_t)n == len && memcmp(twin, m->buffer, len) == 0 ? 0 : fail_existing(m, eb);
}

/* Copies or compares until the budget is used; true at the original's end and after an error. */
static bool
copy_or_compare(struct filemove *m, int *err, struct errbuf *eb)
{
    while (m->budget > 0) {
        ssize_t n = read(m->src, m->buffer, BUFFER_LEN);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            *err = fail_original(m, errno, "read", eb);
        else if (n > 0)
            *err = write_or_compare(m, (size_t)n, eb);
        if (n <= 0 || *err != 0)
            return true;
        m->done += (uint64_t)n;
        m->budget -= (uint64_t)n < m->budget ? (uint64_t)n : m->budget;
    }
    return false;
}

/* Checks that the original is still unchanged after it was read. */
static int
check_end(struct filemove *m, struct stat *st, struct errbuf *eb)
{
    if (fstat(m->src, st) != 0)
        return fail_original(m, errno, "look at", eb);
    return check_original(m, st, eb);
}

/* Finishes a complete copy: sets the original's time, syncs it, and gives it its name. */
static int
close_copy(struct filemove *m, struct errbuf *eb)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
    struct stat st;
    int err = check_end(m, &st, eb);

    if (err != 0)
        return err;
    times[1] = st.st_mtim;
    if (futimens(m->dst.fd, times) != 0 || fsync(m->dst.fd) != 0 || fstat(m->dst.fd, &st) != 0)
        return fail(m, errno, "sync", eb);
    m->stamps[m->file] = stamp_of(&st);
    return tempfile_place(&m->dst, m->to, m->t->mi->files[m->file].path, eb);
}

void
filemove_free(struct filemove *m)
{
    if (m == NULL)
        return;
    end_reading(m);
    free(m->buffer);
    free(m->stamps);
    free(m->to);
    free(m);
}

static int
copy_file(struct filemove *m, struct errbuf *eb)
{
    int err = m->src < 0 ? begin_copy(m, eb) : 0;

    if (err == 0 && !copy_or_compare(m, &err, eb))
        return SPRAT_E_AGAIN;
    if (err == 0)
        err = close_copy(m, eb);
    end_reading(m);
    return err;
}

/* Handles a file that exists at the destination: it comes from an earlier try if it has the
 * original's size, time and content. */
static int
begin_comparing(struct filemove *m, struct errbuf *eb)
{
    const char *path = m->t->mi->files[m->file].path;
    struct stat here, there;
    int err = begin_reading(m, eb);

    if (err == 0)
        err = safepath_open(m->to, path, SAFEPATH_READ, 0, &m->twin, NULL, eb);
    if (err == 0 && (fstat(m->src, &here) != 0 || fstat(m->twin, &there) != 0))
        err = fail(m, errno, "look at", eb);
    if (err == 0 && !is_alike(&here, &there))
        err = fail_existing(m, eb);
    if (err == 0)
        m->stamps[m->file] = stamp_of(&there);
    return err;
}

static int
accept_existing(struct filemove *m, struct errbuf *eb)
{
    const char *path = m->t->mi->files[m->file].path;
    struct stat here, there;
    int err = 0;

    if (m->src < 0) {
        err = safepath_stat(m->t->dir, path, &here, eb);
        if (err == 0)
            err = safepath_stat(m->to, path, &there, eb);
        if (err == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino) {
            m->stamps[m->file] = stamp_of(&here);
            return check_original(m, &here, eb);
        }
        if (err == 0)
            err = begin_comparing(m, eb);
    }
    if (err == 0 && !copy_or_compare(m, &err, eb))
        return SPRAT_E_AGAIN;
    if (err == 0)
        err = check_end(m, &here, eb);
    end_reading(m);
    return err;
}

/* --- all files --- */

/* Hard-links the original to the destination, if both are on one file system; otherwise AGAIN. */
static int
link_file(struct filemove *m, const char *path, struct errbuf *eb)
{
    struct stat st;
    int err = safepath_stat(m->t->dir, path, &st, eb);

    if (err == 0 && S_ISREG(st.st_mode))
        err = check_original(m, &st, eb);
    if (err == 0)
        m->stamps[m->file] = stamp_of(&st);
    return err == 0 ? safepath_link(m->t->dir, m->to, path, eb) : err;
}

/* Checks that the file at the destination is the one that was just linked, copied or compared. */
static int
check_placed(struct filemove *m, const char *path, struct errbuf *eb)
{
    struct storage_stamp *then = &m->stamps[m->file], now;
    struct stat st;
    int err = safepath_stat(m->to, path, &st, eb);

    if (err != 0)
        return err;
    now = stamp_of(&st);
    if (now.size != then->size || now.mtime_ns != then->mtime_ns)
        return fail_existing(m, eb);
    *then = now;
    return 0;
}

static int
move_file(struct filemove *m, struct errbuf *eb)
{
    const char *path = m->t->mi->files[m->file].path;
    struct stat st;
    int err;

    if (m->twin >= 0)
        err = SPRAT_E_EXISTS;
    else if (m->src >= 0)
        err = SPRAT_E_AGAIN;
    else
        err = link_file(m, path, eb);
    if (err == SPRAT_E_AGAIN && m->src < 0 && safepath_stat(m->to, path, &st, NULL) == 0)
        err = SPRAT_E_EXISTS;
    if (err == SPRAT_E_EXISTS)
        err = accept_existing(m, eb);
    else if (err == SPRAT_E_AGAIN)
        err = copy_file(m, eb);
    return err == 0 ? check_placed(m, path, eb) : err;
}

static int
move_link(struct filemove *m, struct errbuf *eb)
{
    const struct metainfo_file *f = &m->t->mi->files[m->file];
    char *text = filetree_link_text(f->path, f->symlink);
    int err = text != NULL ? safepath_symlink(m->to, f->path, text, eb)
                           : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");

    free(text);
    return err;
}

/* Syncs the directories that lead to |path|, which may all be new. Directories that this user can't
 * open are not new. */
static void
sync_parents(const char *path)
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
        if (synced == NULL || !safepath_is_beside(synced, mi->files[i].path))
            err = safepath_sync_dirs(m->to, mi->files[i].path, eb);
        synced = mi->files[i].path;
    }
    sync_parents(m->to);
    return err;
}

/* Moves the files of one kind until the budget is used. Links come last, so that nothing is ever
 * written through a link. */
static int
move_all(struct filemove *m, struct errbuf *eb)
{
    const struct metainfo *mi = m->t->mi;
    int err = 0;

    for (; m->file < mi->file_count && err == 0; m->file += err == 0) {
        const struct metainfo_file *f = &mi->files[m->file];

        if (!m->links && is_regular(f))
            err = move_file(m, eb);
        else if (m->links && filetree_is_link(f))
            err = move_link(m, eb);
    }
    return err;
}

/* The destination existed when the torrent was added. If it does not any more, its disk is perhaps
 * not mounted: a new directory would be on the disk below the mount point. */
static int
find_destination(const struct filemove *m, struct errbuf *eb)
{
    struct stat st;

    if (stat(m->to, &st) == 0)
        return S_ISDIR(st.st_mode)
                   ? 0
                   : errbuf_set(eb, SPRAT_E_EXISTS, "can't move to %s: not a directory", m->to);
    if (errno != ENOENT && errno != ENOTDIR)
        return errbuf_set(eb, sprat_err_from_errno(errno), "can't move to %s: %s", m->to,
                          strerror(errno));
    return errbuf_set(eb, SPRAT_E_GONE,
                      "can't move to %s: the directory is missing. Mount its disk, or create it; "
                      "until then the files stay in %s",
                      m->to, m->t->dir);
}

int
filemove_step(struct filemove *m, struct errbuf *eb)
{
    int err = find_destination(m, eb);

    m->budget = FILEMOVE_STEP;
    if (err == 0)
        err = move_all(m, eb);
    if (err == 0 && !m->links) {
        m->links = true;
        m->file = 0;
        err = move_all(m, eb);
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
