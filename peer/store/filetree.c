/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opens, reads, writes and syncs files, and compares them with their stamps. The mutex guards only
 * the stamps; it is not held during I/O.
 */
#include "peer/store/filetree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/assert.h"
#include "common/sys/clock.h"
#include "common/sys/pagecache.h"
#include "peer/store/safepath.h"

int
filetree_init(struct filetree *t, struct openfiles *open, struct claims *claims,
              const struct metainfo *mi, const char *dir, bool writable, const uint8_t *selection)
{
    *t = (struct filetree){
        .open = open, .claims = claims, .mi = mi, .writable = writable, .dir = strdup(dir)};
    if (t->dir == NULL || parts_init(&t->parts, mi, selection) != 0) {
        free(t->dir);
        return SPRAT_E_NOMEM;
    }
    lock_init(&t->lock);
    lock_init(&t->opening);
    return 0;
}

void
filetree_fini(struct filetree *t)
{
    openfiles_forget(t->open, t, SIZE_MAX);
    if (t->claims != NULL)
        claims_drop(t->claims, t, SIZE_MAX);
    lock_fini(&t->lock);
    lock_fini(&t->opening);
    filetree_fini_names(t);
    parts_fini(&t->parts);
    free(t->files);
    free(t->dir);
    free(t->dirs_before);
}

static int
fail(const struct filetree *t, size_t file, int e, const char *doing, struct errbuf *eb)
{
    return errbuf_set(eb, sprat_err_from_errno(e), "can't %s %s/%s: %s", doing, t->dir,
                      filetree_path(t, file), strerror(e));
}

struct filetree_file *
filetree_memory(struct filetree *t, size_t file)
{
    if (t->files == NULL)
        t->files = calloc(t->mi->file_count + 1, sizeof(*t->files));
    return t->files != NULL ? &t->files[file] : NULL;
}

static mode_t
file_perm(const struct filetree *t, size_t file)
{
    bool executable =
        file < t->mi->file_count && (t->mi->files[file].attr & ATTR_EXECUTABLE) != 0;

    return executable ? 0777 : 0666;
}

/* Converts an offset in a file to one in the part file, if the data is there. False if such data is
 * not stored. */
static bool
find_home(const struct filetree *t, size_t *file, uint64_t *offset)
{
    if (!parts_holds(&t->parts, *file))
        return true;
    if (!parts_locate(&t->parts, *file, *offset, offset))
        return false;
    *file = t->mi->file_count;
    return true;
}

static int
fail_homeless(const struct filetree *t, size_t file, struct errbuf *eb)
{
    return errbuf_set(eb, SPRAT_E_NOENT, "%s/%s is not wanted", t->dir, filetree_path(t, file));
}

static int
fail_distrusted(const struct filetree *t, size_t file, int err, struct errbuf *eb)
{
    return errbuf_set(eb, err, "%s/%s %s", t->dir, filetree_path(t, file),
                      err == SPRAT_E_NOENT ? "is gone" : "was changed by another program");
}

int
filetree_distrust(struct filetree *t, size_t file, int err, struct errbuf *eb)
{
    lock_take(&t->lock);
    if (t->files != NULL)
        t->files[file].failed = err;
    lock_drop(&t->lock);
    openfiles_forget(t->open, t, file);
    return fail_distrusted(t, file, err, eb);
}

static struct claimant
claimant_of(struct filetree *t, size_t file)
{
    return (struct claimant){.owner = t,
                             .file = file,
                             .torrent = t->mi->name,
                             .dir = t->dir,
                             .path = filetree_path(t, file)};
}

static int
open_to_read(struct filetree *t, size_t file, int *fd, struct errbuf *eb)
{
    struct claimant who = claimant_of(t, file);
    int err = safepath_open(who.dir, who.path, SAFEPATH_READ, 0, fd, NULL, eb);

    if (err != 0 || t->claims == NULL)
        return err;
    err = claims_read(t->claims, &who, *fd, eb);
    if (err != 0)
        close(*fd);
    return err;
}

/* Creates a file that did not exist at the last look. If it exists now, another program made it. */
static int
make_file(struct filetree *t, const struct claimant *who, int *fd, struct errbuf *eb)
{
    int other, err = safepath_open(who->dir, who->path, SAFEPATH_CREATE, file_perm(t, who->file),
                                   fd, NULL, eb);

    if (err != SPRAT_E_EXISTS ||
        safepath_open(who->dir, who->path, SAFEPATH_READ, 0, &other, NULL, NULL) != 0)
        return err;
    err = claims_explain(t->claims, who, other, eb);
    close(other);
    return err;
}

/* Checks the file's record from the last look; an error if the file was replaced or removed since.
 */
static int
recall(struct filetree *t, size_t file, bool *known, uint64_t *inode, struct errbuf *eb)
{
    const struct filetree_file *m;
    int err;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    err = m == NULL ? SPRAT_E_NOMEM : m->failed;
    *known = m != NULL && (m->found || m->claimed);
    *inode = *known ? m->inode : 0;
    lock_drop(&t->lock);
    if (err == SPRAT_E_NOMEM)
        return errbuf_set(eb, err, "out of memory");
    return err != 0 ? fail_distrusted(t, file, err, eb) : 0;
}

static void
set_claimed(struct filetree *t, size_t file, uint64_t inode, bool is_new)
{
    struct filetree_file *m;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m != NULL) {
        m->claimed = true;
        m->inode = inode;
        if (is_new)
            m->named = false;
    }
    lock_drop(&t->lock);
}

/* Creates a new file under its chosen name. A file system that refuses the working name may still
 * accept the final one. */
static int
make_named_file(struct filetree *t, size_t file, struct claimant *who, int *fd, struct errbuf *eb)
{
    int err = filetree_choose_name(t, file, eb);

    if (err != 0)
        return err;
    *who = claimant_of(t, file);
    err = make_file(t, who, fd, eb);
    if (err == SPRAT_E_INVAL && filetree_is_working(t, file)) {
        filetree_leave_workname(t, file);
        *who = claimant_of(t, file);
        err = make_file(t, who, fd, eb);
    }
    return err;
}

static int
open_to_write(struct filetree *t, size_t file, int *fd, uint64_t *ticket, struct errbuf *eb)
{
    struct claimant who = claimant_of(t, file);
    struct claimed claimed;
    uint64_t expected;
    bool known;
    int err = recall(t, file, &known, &expected, eb);

    if (err != 0)
        return err;
    err = known ? safepath_open(who.dir, who.path, SAFEPATH_WRITE, 0, fd, NULL, eb)
                : make_named_file(t, file, &who, fd, eb);
    if (err == SPRAT_E_NOENT && known)
        return filetree_distrust(t, file, err, eb);
    if (err != 0)
        return err;
    openfiles_each_reader(t->open, t, file, claims_unlock);
    err = claims_write(t->claims, &who, *fd, &claimed, eb);
    if (err == 0 && known && claimed.inode != expected) {
        claims_drop(t->claims, t, file);
        err = SPRAT_E_CHANGED;
    }
    if (err == SPRAT_E_CHANGED)
        err = filetree_distrust(t, file, err, eb);
    if (err != 0) {
        close(*fd);
        return err;
    }
    set_claimed(t, file, claimed.inode, !known);
    *ticket = claimed.ticket;
    return 0;
}

int
filetree_open(struct filetree *t, size_t file, bool write, struct openfile **out, struct errbuf *eb)
{
    uint64_t ticket = 0;
    int fd, err = 0;

    *out = openfiles_get(t->open, t, file, write);
    if (*out != NULL)
        return 0;
    lock_take(&t->opening);
    *out = openfiles_get(t->open, t, file, write);
    if (*out == NULL) {
        err = write ? open_to_write(t, file, &fd, &ticket, eb) : open_to_read(t, file, &fd, eb);
        if (err == 0 && (*out = openfiles_put(t->open, t, file, write, fd, ticket)) == NULL)
            err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    lock_drop(&t->opening);
    return err;
}

void
filetree_release(struct filetree *t)
{
    lock_take(&t->opening);
    lock_take(&t->lock);
    for (size_t i = 0; t->files != NULL && i <= t->mi->file_count; i++) {
        t->files[i].found = t->files[i].found || t->files[i].claimed;
        t->files[i].claimed = false;
    }
    lock_drop(&t->lock);
    openfiles_forget(t->open, t, SIZE_MAX);
    if (t->claims != NULL)
        claims_drop(t->claims, t, SIZE_MAX);
    lock_drop(&t->opening);
}

/* Marks a write as under way before it starts, so that it is not taken for a change by another
 * program. */
static int
begin_write(struct filetree *t, size_t file, struct errbuf *eb)
{
    struct filetree_file *m;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m != NULL) {
        m->writers++;
        m->dirty = true;
        m->written = true;
    }
    lock_drop(&t->lock);
    return m != NULL ? 0 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

static void
end_write(struct filetree *t, size_t file)
{
    lock_take(&t->lock);
    t->files[file].writers--;
    lock_drop(&t->lock);
}

/* Drops |n| written bytes from the front of |iov|. */
static void
advance(struct iovec **iov, int *iovcnt, size_t n)
{
    while (*iovcnt > 0 && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        (*iov)++;
        (*iovcnt)--;
    }
    if (*iovcnt > 0) {
        (*iov)->iov_base = (uint8_t *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
}

/* Returns 0 or an errno. */
static int
write_fully(int fd, uint64_t offset, struct iovec *iov, int iovcnt)
{
    while (iovcnt > 0) {
        ssize_t n = pwritev(fd, iov, iovcnt, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            return EIO;
        offset += (uint64_t)n;
        advance(&iov, &iovcnt, (size_t)n);
    }
    return 0;
}

int
filetree_write_itself(struct filetree *t, size_t file, uint64_t offset, struct iovec *iov,
                      int iovcnt, struct errbuf *eb)
{
    struct openfile *f;
    int e, err = filetree_open(t, file, true, &f, eb);

    if (err != 0)
        return err;
    err = begin_write(t, file, eb);
    if (err == 0) {
        e = write_fully(openfile_fd(f), offset, iov, iovcnt);
        end_write(t, file);
        if (e != 0)
            err = fail(t, file, e == EFBIG ? ENOSPC : e, "write", eb);
    }
    openfiles_drop(t->open, f);
    return err;
}

int
filetree_write(struct filetree *t, size_t file, uint64_t offset, struct iovec *iov, int iovcnt,
               struct errbuf *eb)
{
    if (!find_home(t, &file, &offset))
        return fail_homeless(t, file, eb);
    return filetree_write_itself(t, file, offset, iov, iovcnt, eb);
}

int
filetree_cut(struct filetree *t, size_t file, struct errbuf *eb)
{
    uint64_t length = t->mi->files[file].length;
    struct openfile *f;
    struct stat st;
    int err = filetree_open(t, file, true, &f, eb);

    if (err != 0)
        return err;
    err = begin_write(t, file, eb);
    if (err == 0) {
        if (fstat(openfile_fd(f), &st) != 0 ||
            ((uint64_t)st.st_size > length && ftruncate(openfile_fd(f), (off_t)length) != 0))
            err = fail(t, file, errno, "cut", eb);
        end_write(t, file);
    }
    openfiles_drop(t->open, f);
    return err;
}

/* Says whether the file may be read; the lock must be held. |*look|: a comparison with the stamp is
 * due. */
static int
may_read(struct filetree *t, size_t file, bool *look)
{
    struct filetree_file *m = filetree_memory(t, file);
    int64_t now = clock_mono().us;

    *look = false;
    if (m == NULL)
        return SPRAT_E_NOMEM;
    if (m->failed == 0 && (m->looked_us == 0 || now - m->looked_us >= FILETREE_LOOK_MS * 1000)) {
        m->looked_us = now;
        *look = true;
    }
    return m->failed;
}

/* True if filetree_read() would read without a look at the file. If another thread holds the lock,
 * it may be waiting for the file system: then false. */
static bool
may_lend(struct filetree *t, size_t file)
{
    const struct filetree_file *m;
    bool ok = false;

    if (!lock_try(&t->lock))
        return false;
    m = t->files != NULL ? &t->files[file] : NULL;
    if (m != NULL)
        ok = m->failed == 0 && m->looked_us != 0 &&
             clock_mono().us - m->looked_us < FILETREE_LOOK_MS * 1000;
    lock_drop(&t->lock);
    return ok;
}

struct openfile *
filetree_lend(struct filetree *t, size_t file, uint64_t offset, size_t len, bool sure)
{
    struct openfile *f = NULL;

    /* Reads of a part file are rare, and its ranges end elsewhere than those of the files. */
    if (!parts_holds(&t->parts, file) && may_lend(t, file))
        f = openfiles_get(t->open, t, file, false);

    if (f != NULL && !sure && !pagecache_has(openfile_fd(f), offset, len)) {
        openfiles_drop(t->open, f);
        return NULL;
    }
    return f;
}

/* Compares the open file with its stamp. The lock is held, so no writer can start meanwhile. Of a
 * file that is being written only the identity is compared. */
static int
compare_stamp(struct filetree *t, size_t file, int fd, struct stat *st)
{
    struct filetree_file *m;
    int e = 0;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m == NULL || fstat(fd, st) != 0) {
        e = m == NULL ? ENOMEM : errno;
    } else {
        struct storage_stamp now = stamp_of(st);
        if (!m->stamp.known)
            m->stamp = now;
        else if (!m->dirty && m->writers == 0 && m->syncs == 0 &&
                 (now.size != m->stamp.size || now.mtime_ns != m->stamp.mtime_ns))
            e = ESTALE;
        else if (now.inode != m->stamp.inode)
            e = ESTALE;
    }
    lock_drop(&t->lock);
    return e;
}

/* Checks that the file is the known one and still has its name. */
static int
look_at(struct filetree *t, size_t file, int fd, struct errbuf *eb)
{
    struct stat by_fd, by_name;
    int e = compare_stamp(t, file, fd, &by_fd);
    int err;

    if (e == ESTALE)
        return filetree_distrust(t, file, SPRAT_E_CHANGED, eb);
    if (e != 0)
        return fail(t, file, e, "look at", eb);
    err = filetree_stat_named(t, file, &by_name, eb);
    if (err == SPRAT_E_NOENT)
        return filetree_distrust(t, file, err, eb);
    if (err == 0 && (by_name.st_ino != by_fd.st_ino || by_name.st_dev != by_fd.st_dev))
        return filetree_distrust(t, file, SPRAT_E_CHANGED, eb);
    return err;
}

static int
read_fully(struct filetree *t, size_t file, int fd, uint64_t offset, uint8_t *dst, size_t len,
           struct errbuf *eb)
{
    while (len > 0) {
        ssize_t n = pread(fd, dst, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(t, file, errno, "read", eb);
        if (n == 0)
            return errbuf_set(eb, SPRAT_E_SHORT, "%s/%s is shorter than it should be", t->dir,
                              filetree_path(t, file));
        dst += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

void
filetree_move_in(struct filetree *t, char *dir, const struct storage_stamp *stamps)
{
    ASSERT(t->dirs_before == NULL);
    lock_take(&t->lock);
    for (size_t i = 0; i < t->mi->file_count; i++) {
        struct filetree_file *m = filetree_memory(t, i);
        if (m == NULL)
            break;
        m->stamp = stamps[i];
        m->found = stamps[i].known;
        m->inode = stamps[i].inode;
        m->looked_us = 0;
        m->failed = 0;
    }
    t->dirs_before = t->dir;
    t->dir = dir;
    t->moves++;
    lock_drop(&t->lock);
    openfiles_forget(t->open, t, SIZE_MAX);
}

/* True if the files were moved since |moves|, which may be the only cause of the error; then the
 * file is trusted again. */
static bool
was_moved(struct filetree *t, size_t file, uint32_t moves)
{
    bool moved;

    lock_take(&t->lock);
    moved = t->moves != moves;
    if (moved && t->files != NULL)
        t->files[file].failed = 0;
    lock_drop(&t->lock);
    return moved;
}

static int
read_once(struct filetree *t, size_t file, uint64_t offset, void *dst, size_t len, bool look,
          struct errbuf *eb)
{
    struct openfile *f;
    int err = filetree_open(t, file, false, &f, eb);

    if (err != 0)
        return err;
    if (look)
        err = look_at(t, file, openfile_fd(f), eb);
    if (err == 0)
        err = read_fully(t, file, openfile_fd(f), offset, dst, len, eb);
    openfiles_drop(t->open, f);
    return err;
}

int
filetree_read(struct filetree *t, size_t file, uint64_t offset, void *dst, size_t len,
              struct errbuf *eb)
{
    uint32_t moves;
    bool look;
    int err;

    if (!find_home(t, &file, &offset))
        return fail_homeless(t, file, eb);
    lock_take(&t->lock);
    err = may_read(t, file, &look);
    moves = t->moves;
    lock_drop(&t->lock);
    if (err != 0)
        return fail_distrusted(t, file, err, eb);
    err = read_once(t, file, offset, dst, len, look, eb);
    if (err != 0 && was_moved(t, file, moves))
        err = read_once(t, file, offset, dst, len, true, eb);
    return err;
}

void
filetree_will_need(struct filetree *t, size_t file, uint64_t offset, uint64_t len)
{
    struct openfile *f;

    if (!find_home(t, &file, &offset) || filetree_open(t, file, false, &f, NULL) != 0)
        return;
    (void)posix_fadvise(openfile_fd(f), (off_t)offset, (off_t)len, POSIX_FADV_WILLNEED);
    openfiles_drop(t->open, f);
}

bool
filetree_is_hole(struct filetree *t, size_t file, uint64_t offset, uint64_t len)
{
    struct openfile *f;
    off_t data;

    if (!find_home(t, &file, &offset) || filetree_open(t, file, false, &f, NULL) != 0)
        return false;
    errno = 0;
    data = lseek(openfile_fd(f), (off_t)offset, SEEK_DATA);
    bool beyond = data < 0 && errno == ENXIO; /* no data up to the end */
    off_t end = beyond ? lseek(openfile_fd(f), 0, SEEK_END) : 0;
    openfiles_drop(t->open, f);
    if (beyond)
        return end >= 0 && (uint64_t)end >= offset + len;
    return data >= 0 && (uint64_t)data >= offset + len;
}

void
filetree_mark(struct filetree *t, size_t file)
{
    struct filetree_file *m;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m != NULL) {
        m->dirty = true;
        m->written = true;
    }
    lock_drop(&t->lock);
}

/* True for a symbolic link of the torrent itself (BEP 47). */
static bool
is_symlink(const struct filetree *t, size_t file)
{
    return file < t->mi->file_count && (t->mi->files[file].attr & ATTR_SYMLINK) != 0;
}

static bool
is_right_kind(const struct filetree *t, size_t file, const struct stat *st)
{
    return is_symlink(t, file) ? S_ISLNK(st->st_mode) : S_ISREG(st->st_mode);
}

int
filetree_look(struct filetree *t, size_t file, struct storage_stamp *out, struct errbuf *eb)
{
    struct storage_stamp s = {.known = false};
    struct filetree_file *m;
    struct stat st;
    bool lost = false;
    int err = is_symlink(t, file) ? safepath_stat(t->dir, filetree_path(t, file), &st, eb)
                                  : filetree_find(t, file, &st, eb);

    if (err == 0 && !is_right_kind(t, file, &st))
        err = errbuf_set(eb, SPRAT_E_EXISTS, "%s/%s is another kind of file", t->dir,
                         filetree_path(t, file));
    if (err == 0)
        s = stamp_of(&st);
    openfiles_forget(t->open, t, file);
    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m != NULL) {
        lost = m->claimed && (!s.known || s.inode != m->inode);
        m->claimed = m->claimed && !lost;
        m->stamp = s;
        m->found = s.known;
        m->inode = s.inode;
        m->failed = 0;
        m->looked_us = 0;
    }
    lock_drop(&t->lock);
    if (lost)
        claims_drop(t->claims, t, file);
    if (out != NULL)
        *out = s;
    return m != NULL ? err : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

int
filetree_peek(struct filetree *t, size_t file, struct errbuf *eb)
{
    struct storage_stamp then, now;
    struct stat st;
    bool ours;
    int err = safepath_find(t->dir, filetree_path(t, file), &st, eb);

    lock_take(&t->lock);
    then = t->files != NULL ? t->files[file].stamp : (struct storage_stamp){.known = false};
    ours = t->files != NULL &&
           (t->files[file].dirty || t->files[file].writers > 0 || t->files[file].syncs > 0);
    lock_drop(&t->lock);
    if (err == SPRAT_E_NOENT)
        return then.known || filetree_has_workname(t, file) ? 0 : err;
    if (err != 0)
        return err;
    now = stamp_of(&st);
    if (then.known && now.inode != then.inode)
        return 0;
    return ours || (then.known && now.size == then.size && now.mtime_ns == then.mtime_ns)
               ? SPRAT_E_AGAIN
               : 0;
}

int
filetree_peek_all(struct filetree *t)
{
    for (size_t i = 0; i < t->mi->file_count; i++) {
        const struct metainfo_file *f = &t->mi->files[i];

        if ((f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0 && f->length > 0 &&
            filetree_peek(t, i, NULL) == 0)
            return 0;
    }
    return SPRAT_E_AGAIN;
}

struct storage_stamp
filetree_get_stamp(struct filetree *t, size_t file)
{
    struct storage_stamp s = {.known = false};

    lock_take(&t->lock);
    if (t->files != NULL)
        s = t->files[file].stamp;
    lock_drop(&t->lock);
    return s;
}

size_t
filetree_take_written(struct filetree *t, uint32_t *files, size_t max)
{
    size_t n = 0;

    lock_take(&t->lock);
    for (size_t i = 0; t->files != NULL && i <= t->mi->file_count && n < max; i++) {
        if (t->files[i].written) {
            t->files[i].written = false;
            files[n++] = (uint32_t)i;
        }
    }
    lock_drop(&t->lock);
    return n;
}
