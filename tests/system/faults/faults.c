/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A library to be preloaded into a program under test (LD_PRELOAD). It makes calls on files fail as
 * its control block says, and keeps a journal of what was written but not synced, with what stood
 * there before, so that a test can play a power failure after it killed the program: whatever no
 * sync covered may or may not have reached the disk. It knows nothing of BitTorrent or SQLite.
 *
 * One lock is held over each change and its record, so that the journal has them in their order.
 */
#include "tests/system/faults/faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

enum { UNDO_MAX = 65536 };

static struct faults {
    pthread_mutex_t lock;
    pthread_once_t once;
    const char *roots;
    const char *mounts; /* NULL: the kernel's */
    struct faults_control *control;
    char journal_path[PATH_MAX];
    int journal;  /* -1: none */
    uint64_t end; /* of the journal */
    unsigned kept;
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT, .journal = -1};

/* The C library's own function of that name. */
#define REAL(name)                                                                                 \
    static __typeof__(&name) real;                                                                 \
    if (real == NULL)                                                                              \
    real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int
real_openat(int at, const char *path, int flags, mode_t mode)
{
    REAL(openat);
    return real(at, path, flags, mode);
}

static ssize_t
real_pread(int fd, void *buf, size_t len, off_t offset)
{
    REAL(pread);
    return real(fd, buf, len, offset);
}

static ssize_t
real_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    REAL(pwrite);
    return real(fd, buf, len, offset);
}

/* The end of the last whole record: a kill may have cut off the one behind it. */
static uint64_t
whole_records(int fd, uint64_t size)
{
    struct faults_record rec;
    uint64_t at = 0, next;

    while (real_pread(fd, &rec, sizeof(rec), (off_t)at) == (ssize_t)sizeof(rec)) {
        next = at + sizeof(rec) + rec.data_len;
        if (next > size)
            break;
        at = next;
    }
    return at;
}

static void
start(void)
{
    const char *journal = getenv("SPRAT_FAULTS_JOURNAL"), *control = getenv("SPRAT_FAULTS_CONTROL");
    struct stat st;
    int fd;

    faults.mounts = getenv("SPRAT_FAULTS_MOUNTS");
    faults.roots = getenv("SPRAT_FAULTS_ROOT");
    if (faults.roots == NULL)
        return;
    if (control != NULL && (fd = real_openat(AT_FDCWD, control, O_RDWR | O_CLOEXEC, 0)) >= 0) {
        void *p =
            mmap(NULL, sizeof(struct faults_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p != MAP_FAILED)
            faults.control = p;
        close(fd);
    }
    if (journal != NULL) {
        snprintf(faults.journal_path, sizeof(faults.journal_path), "%s", journal);
        faults.journal = real_openat(AT_FDCWD, journal, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (faults.journal < 0 || fstat(faults.journal, &st) != 0)
            abort();
        faults.end = whole_records(faults.journal, (uint64_t)st.st_size);
    }
}

/* --- which calls are meant --- */

static bool
is_watched(const char *path)
{
    const char *root = faults.roots;

    while (root != NULL) {
        size_t len = strcspn(root, ":");
        if (len > 0 && strncmp(path, root, len) == 0)
            return true;
        root = root[len] == ':' ? root + len + 1 : NULL;
    }
    return false;
}

/* The path of an open file; false if it is not watched. */
static bool
path_of_fd(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t n;

    pthread_once(&faults.once, start);
    if (faults.roots == NULL || fd < 0 || (fd == faults.journal))
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_MAX - 1);
    if (n <= 0)
        return false;
    path[n] = '\0';
    return is_watched(path);
}

/* The path that |rel| means from the directory |at|; false if it is not watched. */
static bool
path_from(int at, const char *rel, char path[PATH_MAX])
{
    char dir[PATH_MAX];
    char link[64];
    ssize_t n;

    pthread_once(&faults.once, start);
    if (faults.roots == NULL || rel == NULL)
        return false;
    if (rel[0] == '/') {
        snprintf(path, PATH_MAX, "%s", rel);
        return is_watched(path);
    }
    if (at == AT_FDCWD)
        snprintf(link, sizeof(link), "/proc/self/cwd");
    else
        snprintf(link, sizeof(link), "/proc/self/fd/%d", at);
    n = readlink(link, dir, sizeof(dir) - 1);
    if (n <= 0)
        return false;
    dir[n] = '\0';
    if ((size_t)snprintf(path, PATH_MAX, "%s/%s", dir, rel) >= PATH_MAX)
        return false;
    return is_watched(path);
}

/* Counts a call; the errno it is to fail with, -1 for a short write, or 0. */
static int
fault(enum faults_op op, const char *path)
{
    struct faults_control *c = faults.control;
    uint64_t n;

    if (c == NULL)
        return 0;
    c->calls[op]++;
    if ((c->flags & FAULTS_HOLD) != 0)
        return 0;
    if ((c->ops & (1u << op)) == 0 || strstr(path, c->match) == NULL)
        return 0;
    n = c->seen++;
    if (n < c->from || n - c->from >= c->count)
        return 0;
    c->hits++;
    if ((c->flags & FAULTS_DELAY) != 0) {
        usleep(c->delay_us);
        return 0;
    }
    return (c->flags & FAULTS_SHORT) != 0 && op == FAULTS_WRITE ? -1 : c->err;
}

/* Waits while calls like this one are held. To be called without the lock. */
static void
wait_while_held(enum faults_op op, const char *path)
{
    struct faults_control *c = faults.control;
    bool held = false;

    while (c != NULL && (c->flags & FAULTS_HOLD) != 0 && (c->ops & (1u << op)) != 0 &&
           strstr(path, c->match) != NULL) {
        if (!held)
            c->hits++;
        held = true;
        usleep(1000);
    }
}

/* --- the journal --- */

static void
journal_bytes(const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = real_pwrite(faults.journal, p, len, (off_t)faults.end);
        if (n <= 0)
            abort();
        p += n;
        len -= (size_t)n;
        faults.end += (uint64_t)n;
    }
}

/* One write for both, so that a kill never leaves half a record but at the very end. */
static void
journal_put(struct faults_record *rec, const void *data)
{
    char *both = malloc(sizeof(*rec) + rec->data_len);

    if (both == NULL)
        abort();
    memcpy(both, rec, sizeof(*rec));
    if (rec->data_len > 0)
        memcpy(both + sizeof(*rec), data, rec->data_len);
    journal_bytes(both, sizeof(*rec) + rec->data_len);
    free(both);
}

static struct faults_record
record_of(enum faults_record_type type, const struct stat *st)
{
    return (struct faults_record){
        .type = type,
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };
}

/* Notes a change of [offset, offset + len) that is about to be made. The lock is held. */
static void
note_write(int fd, uint64_t offset, uint64_t len)
{
    struct stat st;
    struct faults_record rec;
    char *before;
    ssize_t n;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || len == 0)
        return;
    rec = record_of(FAULTS_REC_WRITE, &st);
    rec.offset = offset;
    rec.len = len;
    before = malloc(len);
    if (before == NULL)
        abort();
    for (uint64_t at = 0; at < len; at += (uint64_t)n, rec.data_len += (uint32_t)n) {
        n = real_pread(fd, before + at, len - at, (off_t)(offset + at));
        if (n <= 0)
            break;
    }
    journal_put(&rec, before);
    free(before);
}

/* Notes what happened to a name in the directory that holds |path|. The lock is held. */
static void
note_name(enum faults_record_type type, const char *path, const char *data, size_t len)
{
    char dir[PATH_MAX];
    struct stat st;
    struct faults_record rec;
    char *slash;

    snprintf(dir, sizeof(dir), "%s", path);
    slash = strrchr(dir, '/');
    if (slash == NULL)
        return;
    *slash = '\0';
    if (stat(dir[0] != '\0' ? dir : "/", &st) != 0)
        return;
    rec = record_of(type, &st);
    rec.data_len = (uint32_t)len;
    journal_put(&rec, data);
}

/* Makes a second link to a file that is about to lose its name; an empty string if there is none.
 */
static void
keep(const char *path, char kept[PATH_MAX])
{
    if ((size_t)snprintf(kept, PATH_MAX, "%s.%d.%u", faults.journal_path, (int)getpid(),
                         faults.kept++) >= PATH_MAX ||
        link(path, kept) != 0)
        kept[0] = '\0';
}

struct undo {
    uint64_t at; /* in the journal */
    struct faults_record rec;
};

static void
undo_one(int fd, const struct undo *u)
{
    char *data = calloc(1, u->rec.len);

    if (data == NULL || real_pread(faults.journal, data, u->rec.data_len,
                                   (off_t)(u->at + sizeof(u->rec))) != (ssize_t)u->rec.data_len)
        abort();
    (void)!real_pwrite(fd, data, u->rec.len, (off_t)u->rec.offset);
    free(data);
}

/* Brings back what stood in the file at its last sync, as file systems do that throw away pages
 * they could not write. The file keeps its length. The lock is held. */
static void
drop_unsynced(int fd, const struct stat *st)
{
    struct undo *all = malloc(UNDO_MAX * sizeof(*all));
    struct faults_record rec;
    size_t n = 0;

    for (uint64_t at = 0; all != NULL && at < faults.end; at += sizeof(rec) + rec.data_len) {
        if (real_pread(faults.journal, &rec, sizeof(rec), (off_t)at) != (ssize_t)sizeof(rec))
            break;
        if (rec.ino != st->st_ino || rec.dev != st->st_dev)
            continue;
        if (rec.type == FAULTS_REC_WRITE && n < UNDO_MAX)
            all[n++] = (struct undo){at, rec};
        if (rec.type == FAULTS_REC_SYNC || rec.type == FAULTS_REC_SYNC_FAILED) {
            size_t left = 0;
            for (size_t i = 0; i < n; i++)
                if (all[i].at >= rec.position)
                    all[left++] = all[i];
            n = left;
        }
    }
    while (n > 0)
        undo_one(fd, &all[--n]);
    free(all);
}

/* --- calls on names --- */

static int
do_open(int at, const char *path, int flags, mode_t mode)
{
    char whole[PATH_MAX];
    bool created = false;
    struct stat st;
    int fd, e;

    if (!path_from(at, path, whole)) {
        bool table = faults.mounts != NULL && strcmp(path, "/proc/self/mountinfo") == 0;
        return real_openat(at, table ? faults.mounts : path, flags, mode);
    }
    wait_while_held(FAULTS_OPEN, whole);
    if ((e = fault(FAULTS_OPEN, whole)) > 0) {
        errno = e;
        return -1;
    }
    if ((flags & O_CREAT) == 0 || faults.journal < 0)
        return real_openat(at, path, flags, mode);
    pthread_mutex_lock(&faults.lock);
    created = lstat(whole, &st) != 0;
    fd = real_openat(at, path, flags, mode);
    e = errno;
    if (fd >= 0 && created)
        note_name(FAULTS_REC_CREATE, whole, whole, strlen(whole));
    pthread_mutex_unlock(&faults.lock);
    errno = e;
    return fd;
}

static mode_t
mode_of(int flags, va_list ap)
{
    return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                                          \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        mode_t mode = mode_of(flags, ap);                                                          \
        va_end(ap);                                                                                \
        return do_open(AT_FDCWD, path, flags, mode);                                               \
    }
#define DEFINE_OPENAT(name)                                                                        \
    int name(int at, const char *path, int flags, ...)                                             \
    {                                                                                              \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        mode_t mode = mode_of(flags, ap);                                                          \
        va_end(ap);                                                                                \
        return do_open(at, path, flags, mode);                                                     \
    }

DEFINE_OPEN(open)
DEFINE_OPEN(open64)
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);

int
__open_2(const char *path, int flags)
{
    return do_open(AT_FDCWD, path, flags, 0);
}

int
__open64_2(const char *path, int flags)
{
    return do_open(AT_FDCWD, path, flags, 0);
}

int
__openat_2(int at, const char *path, int flags)
{
    return do_open(at, path, flags, 0);
}

int
__openat64_2(int at, const char *path, int flags)
{
    return do_open(at, path, flags, 0);
}

int
mkdirat(int at, const char *path, mode_t mode)
{
    char whole[PATH_MAX];
    int rc, e;

    REAL(mkdirat);
    if (!path_from(at, path, whole))
        return real(at, path, mode);
    if ((e = fault(FAULTS_MKDIR, whole)) > 0) {
        errno = e;
        return -1;
    }
    pthread_mutex_lock(&faults.lock);
    rc = real(at, path, mode);
    e = errno;
    if (rc == 0 && faults.journal >= 0)
        note_name(FAULTS_REC_MKDIR, whole, whole, strlen(whole));
    pthread_mutex_unlock(&faults.lock);
    errno = e;
    return rc;
}

int
mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int
unlinkat(int at, const char *path, int flags)
{
    char whole[PATH_MAX], both[2 * PATH_MAX], kept[PATH_MAX] = "";
    int rc, e;

    REAL(unlinkat);
    if (!path_from(at, path, whole))
        return real(at, path, flags);
    if ((e = fault(FAULTS_UNLINK, whole)) > 0) {
        errno = e;
        return -1;
    }
    pthread_mutex_lock(&faults.lock);
    if (faults.journal >= 0 && (flags & AT_REMOVEDIR) == 0)
        keep(whole, kept);
    rc = real(at, path, flags);
    e = errno;
    if (rc == 0 && kept[0] != '\0') {
        int n = snprintf(both, sizeof(both), "%s%c%s", whole, '\0', kept);
        note_name(FAULTS_REC_UNLINK, whole, both, (size_t)n);
    } else if (kept[0] != '\0') {
        (void)real(AT_FDCWD, kept, 0);
    }
    pthread_mutex_unlock(&faults.lock);
    errno = e;
    return rc;
}

int
unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int
renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    char old[PATH_MAX], new[PATH_MAX], all[3 * PATH_MAX], kept[PATH_MAX] = "";
    int rc, e;

    REAL(renameat2);
    if (!path_from(from_at, from, old) || !path_from(to_at, to, new))
        return real(from_at, from, to_at, to, flags);
    if ((e = fault(FAULTS_RENAME, new)) > 0) {
        errno = e;
        return -1;
    }
    pthread_mutex_lock(&faults.lock);
    if (faults.journal >= 0)
        keep(new, kept);
    rc = real(from_at, from, to_at, to, flags);
    e = errno;
    if (rc == 0 && faults.journal >= 0) {
        int n = snprintf(all, sizeof(all), "%s%c%s%c%s", old, '\0', new, '\0', kept);
        note_name(FAULTS_REC_RENAME, new, all, (size_t)n);
    }
    pthread_mutex_unlock(&faults.lock);
    errno = e;
    return rc;
}

int
renameat(int from_at, const char *from, int to_at, const char *to)
{
    return renameat2(from_at, from, to_at, to, 0);
}

int
rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* --- looks --- */

/* Waits or fails as the control says; true if the call must not be made. */
static bool
is_refused(int at, const char *path)
{
    char whole[PATH_MAX];
    int e;

    if (!path_from(at, path, whole))
        return false;
    wait_while_held(FAULTS_LOOK, whole);
    e = fault(FAULTS_LOOK, whole);
    if (e > 0)
        errno = e;
    return e > 0;
}

#define DEFINE_LOOK(name, type)                                                                    \
    int name(const char *restrict path, struct type *restrict st)                                  \
    {                                                                                              \
        REAL(name);                                                                                \
        return is_refused(AT_FDCWD, path) ? -1 : real(path, st);                                   \
    }

DEFINE_LOOK(stat, stat)
DEFINE_LOOK(lstat, stat)
DEFINE_LOOK(stat64, stat64)
DEFINE_LOOK(lstat64, stat64)
DEFINE_LOOK(statvfs, statvfs)
DEFINE_LOOK(statvfs64, statvfs64)

int
fstatat(int at, const char *restrict path, struct stat *restrict st, int flags)
{
    REAL(fstatat);
    return is_refused(at, path) ? -1 : real(at, path, st, flags);
}

int
fstatat64(int at, const char *restrict path, struct stat64 *restrict st, int flags)
{
    REAL(fstatat64);
    return is_refused(at, path) ? -1 : real(at, path, st, flags);
}

int
access(const char *path, int mode)
{
    REAL(access);
    return is_refused(AT_FDCWD, path) ? -1 : real(path, mode);
}

int
faccessat(int at, const char *path, int mode, int flags)
{
    REAL(faccessat);
    return is_refused(at, path) ? -1 : real(at, path, mode, flags);
}

char *
realpath(const char *restrict path, char *restrict out)
{
    REAL(realpath);
    return is_refused(AT_FDCWD, path) ? NULL : real(path, out);
}

/* --- calls on open files --- */

static int
do_sync(int fd, int (*real)(int))
{
    char path[PATH_MAX];
    struct stat st;
    struct faults_record rec;
    uint64_t position;
    int rc, e;

    if (!path_of_fd(fd, path))
        return real(fd);
    wait_while_held(FAULTS_SYNC, path);
    pthread_mutex_lock(&faults.lock);
    position = faults.end;
    e = fault(FAULTS_SYNC, path);
    if (e > 0 && faults.journal >= 0 && fstat(fd, &st) == 0) {
        if ((faults.control->flags & FAULTS_DROP) != 0)
            drop_unsynced(fd, &st);
        rec = record_of(FAULTS_REC_SYNC_FAILED, &st);
        rec.position = position;
        journal_put(&rec, NULL);
    }
    /* What a sync keeps is what was there when it began. */
    (void)fstat(fd, &st);
    pthread_mutex_unlock(&faults.lock);
    if (e > 0) {
        errno = e;
        return -1;
    }
    rc = real(fd);
    e = errno;
    if (rc == 0 && faults.journal >= 0) {
        pthread_mutex_lock(&faults.lock);
        rec = record_of(FAULTS_REC_SYNC, &st);
        rec.position = position;
        journal_put(&rec, NULL);
        pthread_mutex_unlock(&faults.lock);
    }
    errno = e;
    return rc;
}

int
fsync(int fd)
{
    REAL(fsync);
    return do_sync(fd, real);
}

int
fdatasync(int fd)
{
    REAL(fdatasync);
    return do_sync(fd, real);
}

/* Makes no promise that survives a power failure, so it covers nothing. */
int
sync_file_range(int fd, off64_t offset, off64_t len, unsigned flags)
{
    char path[PATH_MAX];
    int e;

    REAL(sync_file_range);
    if (path_of_fd(fd, path) && (e = fault(FAULTS_SYNC, path)) > 0) {
        errno = e;
        return -1;
    }
    return real(fd, offset, len, flags);
}

static ssize_t
do_write(int fd, const void *buf, size_t len, off_t offset, bool watched, const char *path)
{
    ssize_t n;
    int e;

    if (!watched)
        return real_pwrite(fd, buf, len, offset);
    wait_while_held(FAULTS_WRITE, path);
    e = fault(FAULTS_WRITE, path);
    if (e > 0) {
        errno = e;
        return -1;
    }
    if (e < 0 && len > 1)
        len /= 2;
    pthread_mutex_lock(&faults.lock);
    if (faults.journal >= 0)
        note_write(fd, (uint64_t)offset, len);
    n = real_pwrite(fd, buf, len, offset);
    e = errno;
    pthread_mutex_unlock(&faults.lock);
    errno = e;
    return n;
}

ssize_t
pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    char path[PATH_MAX];

    return do_write(fd, buf, len, offset, path_of_fd(fd, path), path);
}

ssize_t
pwrite64(int fd, const void *buf, size_t len, off64_t offset)
{
    return pwrite(fd, buf, len, offset);
}

ssize_t
write(int fd, const void *buf, size_t len)
{
    char path[PATH_MAX];
    off_t at;
    ssize_t n;

    REAL(write);
    if (!path_of_fd(fd, path))
        return real(fd, buf, len);
    at = (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
    if (at < 0)
        return real(fd, buf, len);
    n = do_write(fd, buf, len, at, true, path);
    if (n > 0)
        (void)lseek(fd, at + n, SEEK_SET);
    return n;
}

/* Flags say how, never what, so the plain call does for all. */
ssize_t
pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    char path[PATH_MAX];
    size_t len = 0;
    char *all, *at;
    ssize_t n;
    int e;

    REAL(pwritev2);
    if (offset < 0 || !path_of_fd(fd, path))
        return real(fd, iov, count, offset, flags);
    for (int i = 0; i < count; i++)
        len += iov[i].iov_len;
    at = all = malloc(len + 1);
    if (all == NULL)
        abort();
    for (int i = 0; i < count; at += iov[i++].iov_len)
        memcpy(at, iov[i].iov_base, iov[i].iov_len);
    n = do_write(fd, all, len, offset, true, path);
    e = errno;
    free(all);
    errno = e;
    return n;
}

ssize_t
pwritev64v2(int fd, const struct iovec *iov, int count, off64_t offset, int flags)
{
    return pwritev2(fd, iov, count, offset, flags);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    return pwritev2(fd, iov, count, offset, 0);
}

ssize_t
pwritev64(int fd, const struct iovec *iov, int count, off64_t offset)
{
    return pwritev2(fd, iov, count, offset, 0);
}

/* True if a read is to fail, with errno set. */
static bool
read_fails(int fd)
{
    char path[PATH_MAX];
    int e = path_of_fd(fd, path) ? fault(FAULTS_READ, path) : 0;

    if (e > 0)
        errno = e;
    return e > 0;
}

ssize_t
read(int fd, void *buf, size_t len)
{
    REAL(read);
    return read_fails(fd) ? -1 : real(fd, buf, len);
}

ssize_t
pread(int fd, void *buf, size_t len, off_t offset)
{
    return read_fails(fd) ? -1 : real_pread(fd, buf, len, offset);
}

ssize_t
pread64(int fd, void *buf, size_t len, off64_t offset)
{
    return pread(fd, buf, len, offset);
}

ssize_t __read_chk(int fd, void *buf, size_t len, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t len, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t len, off64_t offset, size_t room);

ssize_t
__read_chk(int fd, void *buf, size_t len, size_t room)
{
    if (len > room)
        abort();
    return read(fd, buf, len);
}

ssize_t
__pread_chk(int fd, void *buf, size_t len, off_t offset, size_t room)
{
    if (len > room)
        abort();
    return pread(fd, buf, len, offset);
}

ssize_t
__pread64_chk(int fd, void *buf, size_t len, off64_t offset, size_t room)
{
    if (len > room)
        abort();
    return pread(fd, buf, len, offset);
}

ssize_t
preadv(int fd, const struct iovec *iov, int count, off_t offset)
{
    REAL(preadv);
    return read_fails(fd) ? -1 : real(fd, iov, count, offset);
}

ssize_t
preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    REAL(preadv2);
    return read_fails(fd) ? -1 : real(fd, iov, count, offset, flags);
}

ssize_t
sendfile(int out, int in, off_t *offset, size_t len)
{
    REAL(sendfile);
    return read_fails(in) ? -1 : real(out, in, offset, len);
}

ssize_t
sendfile64(int out, int in, off64_t *offset, size_t len)
{
    return sendfile(out, in, offset, len);
}

/* What a shorter file loses counts as written over. */
int
ftruncate(int fd, off_t len)
{
    char path[PATH_MAX];
    struct stat st;
    int rc, e;

    REAL(ftruncate);
    if (!path_of_fd(fd, path))
        return real(fd, len);
    if ((e = fault(FAULTS_TRUNCATE, path)) > 0) {
        errno = e;
        return -1;
    }
    pthread_mutex_lock(&faults.lock);
    if (faults.journal >= 0 && fstat(fd, &st) == 0 && st.st_size != len) {
        if (st.st_size > len)
            note_write(fd, (uint64_t)len, (uint64_t)(st.st_size - len));
        else
            note_write(fd, (uint64_t)len - 1, 1);
    }
    rc = real(fd, len);
    e = errno;
    pthread_mutex_unlock(&faults.lock);
    errno = e;
    return rc;
}

int
ftruncate64(int fd, off64_t len)
{
    return ftruncate(fd, len);
}

static int
allocation_fault(int fd)
{
    char path[PATH_MAX];
    int e = path_of_fd(fd, path) ? fault(FAULTS_TRUNCATE, path) : 0;

    return e > 0 ? e : 0;
}

int
fallocate(int fd, int mode, off_t offset, off_t len)
{
    int e = allocation_fault(fd);

    REAL(fallocate);
    if (e != 0) {
        errno = e;
        return -1;
    }
    return real(fd, mode, offset, len);
}

int
fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
    return fallocate(fd, mode, offset, len);
}

int
posix_fallocate(int fd, off_t offset, off_t len)
{
    int e = allocation_fault(fd);

    REAL(posix_fallocate);
    return e != 0 ? e : real(fd, offset, len);
}

int
posix_fallocate64(int fd, off64_t offset, off64_t len)
{
    return posix_fallocate(fd, offset, len);
}
