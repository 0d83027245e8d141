/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hash table with device and inode as key, a list of guards by last use, both under one mutex,
 * and fcntl() locks.
 *
 * A lock covers bytes far beyond the end of any file, so that it blocks no reading or writing where
 * locks are mandatory. All locks start at the same byte, so they conflict. The length of a lock is
 * its holder's process id, since F_OFD_GETLK does not report one.
 */
#include "peer/store/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/assert.h"
#include "common/crypto/random.h"
#include "common/ds/hashmap.h"
#include "common/ds/list.h"
#include "common/sys/lock.h"

#define LOCK_AT ((off_t)1 << 62)
enum {
    PROGRAM_MAX = 32,
    ORIGIN_LOOKS_MAX = 8, /* claims whose |origin| is compared with that of a new claim */
};

struct inode {
    uint64_t dev, ino;
};

struct claim {
    struct hashmap_node node;
    struct list link;  /* in |all|; newest first */
    struct list guard; /* in |guards| if it has a guard; least recently used first */
    struct inode inode;
    const void *owner;
    size_t file;
    int fd;            /* the guard; -1: closed, or no descriptor was available */
    uint32_t open;     /* number of open descriptors of writers */
    uint64_t ticket;   /* distinguishes this claim from an earlier one of the same file */
    bool left;         /* no descriptor is open; the file had these values when the last one
                          closed: */
    uint64_t size;
    int64_t mtime_ns;
    struct claim_origin *origin;
    char path[];
};

/* The strings that the claims of one torrent share, since there can be 100,000 claims. */
struct claim_origin {
    uint32_t refs;
    const char *torrent;
    char dir[]; /* followed by the torrent's name */
};

struct claims {
    struct lock lock;
    struct hashmap map;
    struct list all, guards;
    uint32_t guard_count, guards_max;
    uint64_t tickets;
};

static bool
match_inode(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct claim *cl = (const struct claim *)(const void *)node; /* the first member */

    return memcmp(&cl->inode, key, len) == 0;
}

struct claims *
claims_new(uint32_t guards_max)
{
    struct claims *c = calloc(1, sizeof(*c));
    uint64_t seed[2];

    if (c == NULL)
        return NULL;
    random_bytes(seed, sizeof(seed));
    hashmap_init(&c->map, seed, match_inode);
    lock_init(&c->lock);
    list_init(&c->all);
    list_init(&c->guards);
    c->guards_max = guards_max;
    return c;
}

void
claims_free(struct claims *c)
{
    if (c == NULL)
        return;
    ASSERT(list_empty(&c->all));
    hashmap_fini(&c->map);
    lock_fini(&c->lock);
    free(c);
}

/* --- the kernel's locks --- */

static int
set_lock(int fd, short type)
{
    struct flock l = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = LOCK_AT, .l_len = (off_t)getpid()};

    return fcntl(fd, F_OFD_SETLK, &l);
}

/* The process whose lock keeps |fd| from a lock of |type|; 0 if there is none, -1 if the process is
 * unknown. */
static pid_t
lock_holder(int fd, short type)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = LOCK_AT, .l_len = 1};

    if (fcntl(fd, F_OFD_GETLK, &l) != 0 || l.l_type == F_UNLCK)
        return 0;
    return l.l_start == LOCK_AT && l.l_len > 0 && l.l_len <= INT32_MAX ? (pid_t)l.l_len : -1;
}

/* Returns 0, or EAGAIN if another descriptor has a conflicting lock. File systems without locks
 * grant all. */
static int
try_lock(int fd, short type)
{
    if (set_lock(fd, type) == 0)
        return 0;
    return errno == EAGAIN || errno == EACCES ? EAGAIN : 0;
}

void
claims_unlock(int fd)
{
    struct flock l = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = LOCK_AT};

    (void)fcntl(fd, F_OFD_SETLK, &l);
}

/* Describes a process as "another process, NAME (pid 123),". The name is missing if the pid is
 * unknown here: it may belong to another machine. */
static void
describe_process(pid_t pid, char *out, size_t size)
{
    char path[64], name[PROGRAM_MAX] = "";
    int fd;
    ssize_t n = -1;

    snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
    if (pid > 0 && (fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0) {
        n = read(fd, name, sizeof(name) - 1);
        close(fd);
    }
    name[n > 0 ? n : 0] = '\0';
    name[strcspn(name, "\n")] = '\0';
    if (name[0] != '\0')
        snprintf(out, size, "another process, %s (pid %ld),", name, (long)pid);
    else
        snprintf(out, size, "another process");
}

/* --- messages --- */

static const char advice[] = "choose another directory for one of the two torrents (-o)";

/* The error for |who|, which wants the file of the claim |cl|. */
static int
fail_claimed(const struct claim *cl, const struct claimant *who, int err, struct errbuf *eb)
{
    if (cl->owner == who->owner)
        return errbuf_set(eb, err,
                          "%s and %s are one file in %s, since the file system there does not tell "
                          "the two names apart: choose a directory on another file system (-o)",
                          cl->path, who->path, who->dir);
    return errbuf_set(
        eb, err, "%s/%s of %s is the same file as %s/%s of %s, which writes to it: %s", who->dir,
        who->path, who->torrent, cl->origin->dir, cl->path, cl->origin->torrent, advice);
}

/* The error for |who|, whose file is locked by a process. |doing|: what that process does with the
 * file. */
static int
fail_locked(const struct claimant *who, pid_t pid, const char *doing, int err, struct errbuf *eb)
{
    char process[PROGRAM_MAX + 64];

    if (pid == getpid())
        return errbuf_set(
            eb, err,
            "%s/%s of %s is also a file of another torrent in this process, which %s it: %s",
            who->dir, who->path, who->torrent, doing, advice);
    describe_process(pid, process, sizeof(process));
    return errbuf_set(
        eb, err,
        "%s/%s of %s: %s %s this file: wait until that process ends, or choose another directory "
        "(-o)",
        who->dir, who->path, who->torrent, process, doing);
}

/* --- the table --- */

static int
inode_of(int fd, struct inode *out)
{
    struct statx st;

    /* Asks for no more: the time of a file on NFS would cost a write to the server. */
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_TYPE, &st) != 0)
        return errno;
    *out = (struct inode){((uint64_t)st.stx_dev_major << 32) | st.stx_dev_minor, st.stx_ino};
    return 0;
}

/* |c->lock| must be held. */
static struct claim *
find(struct claims *c, const struct inode *inode)
{
    struct hashmap_node *node = hashmap_find(&c->map, inode, sizeof(*inode));

    return node != NULL ? LIST_ENTRY(node, struct claim, node) : NULL;
}

static bool
is_of(const struct claim *cl, const void *owner, size_t file)
{
    return cl->owner == owner && (file == SIZE_MAX || cl->file == file);
}

static void
look(int fd, uint64_t *size, int64_t *mtime_ns)
{
    struct stat st = {.st_size = 0};

    (void)fstat(fd, &st);
    *size = (uint64_t)st.st_size;
    *mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* Remembers the file's size and time before its last descriptor |fd| closes, so that later changes
 * by other programs are noticed. */
static void
leave(struct claim *cl, int fd)
{
    look(fd, &cl->size, &cl->mtime_ns);
    cl->left = true;
}

static void
close_guard(struct claims *c, struct claim *cl)
{
    if (cl->open == 0)
        leave(cl, cl->fd);
    close(cl->fd);
    cl->fd = -1;
    list_remove(&cl->guard);
    c->guard_count--;
}

/* Opens the guard. Without one, the lock lasts as long as |fd| is open. */
static void
keep_guard(struct claims *c, struct claim *cl, int fd)
{
    cl->fd = c->guards_max > 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (cl->fd < 0)
        return;
    list_push_back(&c->guards, &cl->guard);
    if (++c->guard_count > c->guards_max)
        close_guard(c, LIST_ENTRY(c->guards.next, struct claim, guard));
}

static void
use_guard(struct claims *c, struct claim *cl)
{
    list_remove(&cl->guard);
    list_push_back(&c->guards, &cl->guard);
}

static struct claim_origin *
origin_new(const struct claimant *who)
{
    size_t torrent = strlen(who->torrent) + 1, dir = strlen(who->dir) + 1;
    struct claim_origin *p = malloc(sizeof(*p) + dir + torrent);

    if (p == NULL)
        return NULL;
    p->refs = 1;
    memcpy(p->dir, who->dir, dir);
    p->torrent = memcpy(p->dir + dir, who->torrent, torrent);
    return p;
}

/* Returns the |origin| of one of the newest claims if it has the same strings, else a new one; NULL
 * when memory is out. */
static struct claim_origin *
origin_of(struct claims *c, const struct claimant *who)
{
    int looks = 0;

    LIST_EACH(it, &c->all) {
        struct claim_origin *p = LIST_ENTRY(it, struct claim, link)->origin;

        if (strcmp(p->dir, who->dir) == 0 && strcmp(p->torrent, who->torrent) == 0) {
            p->refs++;
            return p;
        }
        if (++looks == ORIGIN_LOOKS_MAX)
            break;
    }
    return origin_new(who);
}

static void
origin_drop(struct claim_origin *p)
{
    if (--p->refs == 0)
        free(p);
}

static struct claim *
claim_new(struct claims *c, const struct claimant *who, const struct inode *inode)
{
    size_t path = strlen(who->path) + 1;
    struct claim *cl = calloc(1, sizeof(*cl) + path);

    if (cl == NULL || (cl->origin = origin_of(c, who)) == NULL) {
        free(cl);
        return NULL;
    }
    memcpy(cl->path, who->path, path);
    cl->inode = *inode;
    cl->owner = who->owner;
    cl->file = who->file;
    cl->fd = -1;
    cl->ticket = ++c->tickets;
    list_init(&cl->guard);
    return cl;
}

static void
claim_free(struct claim *cl)
{
    origin_drop(cl->origin);
    free(cl);
}

/* |who| has claimed the file already. If no descriptor of this process was open, another program
 * may have written to the file meanwhile. */
static int
claim_again(struct claims *c, struct claim *cl, const struct claimant *who, int fd,
            struct errbuf *eb)
{
    uint64_t size;
    int64_t mtime_ns;

    if (cl->fd >= 0) {
        use_guard(c, cl);
        return 0;
    }
    if (try_lock(fd, F_WRLCK) != 0) {
        pid_t pid = lock_holder(fd, F_WRLCK);

        if (pid != getpid()) /* otherwise another descriptor of this process has the lock:
                                claims_close() keeps it */
            return fail_locked(who, pid, "uses", SPRAT_E_EXISTS, eb);
    }
    look(fd, &size, &mtime_ns);
    if (cl->left && (size != cl->size || mtime_ns != cl->mtime_ns))
        return errbuf_set(eb, SPRAT_E_CHANGED, "%s/%s was changed by another program", who->dir,
                          who->path);
    cl->left = false;
    keep_guard(c, cl, fd);
    return 0;
}

static int
claim_first(struct claims *c, const struct inode *inode, const struct claimant *who, int fd,
            struct claim **out, struct errbuf *eb)
{
    struct claim *cl;

    if (try_lock(fd, F_WRLCK) != 0)
        return fail_locked(who, lock_holder(fd, F_WRLCK), "uses", SPRAT_E_EXISTS, eb);
    cl = claim_new(c, who, inode);
    if (cl == NULL || hashmap_add(&c->map, &cl->node, &cl->inode, sizeof(cl->inode)) != 0) {
        if (cl != NULL)
            claim_free(cl);
        claims_unlock(fd);
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    list_push_front(&c->all, &cl->link);
    keep_guard(c, cl, fd);
    *out = cl;
    return 0;
}

static int
fail_look(const struct claimant *who, int e, struct errbuf *eb)
{
    return errbuf_set(eb, sprat_err_from_errno(e), "can't look at %s/%s: %s", who->dir, who->path,
                      strerror(e));
}

int
claims_write(struct claims *c, const struct claimant *who, int fd, struct claimed *out,
             struct errbuf *eb)
{
    struct inode in;
    struct claim *cl;
    int err, e = inode_of(fd, &in);

    if (e != 0)
        return fail_look(who, e, eb);
    lock_take(&c->lock);
    cl = find(c, &in);
    if (cl == NULL)
        err = claim_first(c, &in, who, fd, &cl, eb);
    else if (is_of(cl, who->owner, who->file))
        err = claim_again(c, cl, who, fd, eb);
    else
        err = fail_claimed(cl, who, SPRAT_E_EXISTS, eb);
    if (err == 0) {
        cl->open++;
        *out = (struct claimed){in.ino, cl->ticket};
    }
    lock_drop(&c->lock);
    return err;
}

void
claims_close(struct claims *c, uint64_t ticket, int fd)
{
    struct inode in;
    struct claim *cl;

    if (ticket == 0 || inode_of(fd, &in) != 0)
        return;
    lock_take(&c->lock);
    cl = find(c, &in);
    if (cl != NULL && cl->ticket == ticket) {
        cl->open--;
        if (cl->fd < 0 && cl->open == 0)
            leave(cl, fd);
        else if (cl->fd < 0) /* |fd| may have the lock, which the guard, a copy of |fd|, keeps */
            keep_guard(c, cl, fd);
    }
    lock_drop(&c->lock);
}

int
claims_read(struct claims *c, const struct claimant *who, int fd, struct errbuf *eb)
{
    struct inode in;
    struct claim *cl;
    int err = 0, e = inode_of(fd, &in);

    if (e != 0)
        return fail_look(who, e, eb);
    lock_take(&c->lock);
    cl = find(c, &in);
    if (cl != NULL && !is_of(cl, who->owner, who->file))
        err = fail_claimed(cl, who, SPRAT_E_BUSY, eb);
    lock_drop(&c->lock);
    if (cl == NULL && try_lock(fd, F_RDLCK) != 0)
        err = fail_locked(who, lock_holder(fd, F_RDLCK), "is writing to", SPRAT_E_BUSY, eb);
    return err;
}

int
claims_explain(struct claims *c, const struct claimant *who, int fd, struct errbuf *eb)
{
    struct inode in;
    struct claim *cl = NULL;
    pid_t pid;

    lock_take(&c->lock);
    if (fd >= 0 && inode_of(fd, &in) == 0 && (cl = find(c, &in)) != NULL)
        fail_claimed(cl, who, SPRAT_E_EXISTS, eb);
    lock_drop(&c->lock);
    if (cl != NULL)
        return SPRAT_E_EXISTS;
    if (fd >= 0 && (pid = lock_holder(fd, F_RDLCK)) != 0)
        return fail_locked(who, pid, "is writing to", SPRAT_E_EXISTS, eb);
    return errbuf_set(
        eb, SPRAT_E_EXISTS,
        "another program created %s/%s after %s was started: move that file away, or choose "
        "another directory (-o)",
        who->dir, who->path, who->torrent);
}

static void
drop(struct claims *c, struct claim *cl)
{
    hashmap_remove(&c->map, &cl->node);
    list_remove(&cl->link);
    if (cl->fd >= 0) {
        close(cl->fd);
        list_remove(&cl->guard);
        c->guard_count--;
    }
    claim_free(cl);
}

void
claims_drop(struct claims *c, const void *owner, size_t file)
{
    lock_take(&c->lock);
    LIST_EACH_SAFE(it, &c->all) {
        struct claim *cl = LIST_ENTRY(it, struct claim, link);

        if (!is_of(cl, owner, file))
            continue;
        drop(c, cl);
        if (file != SIZE_MAX)
            break;
    }
    lock_drop(&c->lock);
}
