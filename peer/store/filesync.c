/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rarer work on a torrent's files: syncing, creating empty files and links, deleting.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/store/filetree.h"
#include "peer/store/safepath.h"

enum { GATHER_LEN = 64 << 10 };

/* Detects a file that was removed or replaced while it was open: syncing it was useless, since the
 * file under its name is another one. */
static int
check_name(struct filetree *t, size_t file, const struct stat *synced, struct errbuf *eb)
{
    struct stat st;
    int err = filetree_stat_named(t, file, &st, eb);

    if (err == SPRAT_E_NOENT)
        return filetree_distrust(t, file, err, eb);
    if (err == 0 && (st.st_ino != synced->st_ino || st.st_dev != synced->st_dev))
        return filetree_distrust(t, file, SPRAT_E_CHANGED, eb);
    return err;
}

static int
fail_sync(const struct filetree *t, const char *path, struct errbuf *eb)
{
    return errbuf_set(eb, sprat_err_from_errno(errno), "can't sync %s/%s: %s", t->dir, path,
                      strerror(errno));
}

static void
set_doubtful(struct filetree *t)
{
    lock_take(&t->lock);
    t->doubtful = true;
    lock_drop(&t->lock);
}

bool
filetree_is_doubtful(struct filetree *t)
{
    bool doubtful;

    lock_take(&t->lock);
    doubtful = t->doubtful;
    lock_drop(&t->lock);
    return doubtful;
}

/* Opens, stamps and syncs one file. The stamp is taken first, so that the data on disk is never
 * older than the stamp. fsync() is used and not fdatasync(), since the modification time must be
 * stored too. */
static int
sync_file(struct filetree *t, size_t file, struct stat *st, struct errbuf *eb)
{
    const char *path = filetree_path(t, file);
    struct openfile *held = openfiles_get(t->open, t, file, true);
    int fd, err = 0;

    if (held != NULL)
        fd = openfile_fd(held);
    else if ((err = safepath_open(t->dir, path, SAFEPATH_READ, 0, &fd, NULL, eb)) != 0)
        return err;
    if (fstat(fd, st) != 0) {
        err = fail_sync(t, path, eb);
    } else if (fsync(fd) != 0) {
        err = fail_sync(t, path, eb);
        set_doubtful(t);
    }
    if (err == 0)
        err = check_name(t, file, st, eb);
    if (held != NULL)
        openfiles_drop(t->open, held);
    else
        close(fd);
    return err;
}

/* Keeps the stamp, or marks the file as dirty again. */
static void
end_sync(struct filetree *t, size_t file, const struct stat *st)
{
    struct filetree_file *m;

    lock_take(&t->lock);
    m = &t->files[file];
    m->syncs--;
    if (st == NULL) {
        m->dirty = true;
        m->named = false;
    } else {
        m->stamp = stamp_of(st);
        m->written = true; /* its new stamp must be stored */
    }
    lock_drop(&t->lock);
}

/* Takes the next dirty file at or after |from|; false if there is none. A write under way keeps the
 * file dirty, so that the next sync includes it. A name that an earlier session created but did not
 * sync can't be recognised, so the first sync of each file includes its name. */
static bool
take_dirty(struct filetree *t, size_t *from)
{
    bool found = false;

    lock_take(&t->lock);
    for (; t->files != NULL && *from <= t->mi->file_count && !found; (*from)++) {
        struct filetree_file *m = &t->files[*from];
        if (!m->dirty)
            continue;
        found = true;
        m->dirty = m->writers > 0;
        m->syncs++;
        m->naming = !m->named;
        m->named = true;
    }
    lock_drop(&t->lock);
    return found;
}

/* Takes the next file at or after |from| whose name must be synced. */
static bool
take_naming(struct filetree *t, size_t *from)
{
    bool found = false;

    lock_take(&t->lock);
    for (; t->files != NULL && *from <= t->mi->file_count && !found; (*from)++) {
        found = t->files[*from].naming;
        t->files[*from].naming = false;
    }
    lock_drop(&t->lock);
    return found;
}

/* Marks the file for a complete new sync after the sync of its name failed. */
static void
unname(struct filetree *t, size_t file)
{
    lock_take(&t->lock);
    t->files[file].dirty = true;
    t->files[file].named = false;
    lock_drop(&t->lock);
}

/* Syncs the directories of files that are new in this session. This comes after all files were
 * synced, since a file may have been created meanwhile in a directory that was synced already. */
static int
sync_names(struct filetree *t, struct errbuf *eb)
{
    const char *synced_dir = NULL; /* a path in the last synced directory */
    int first_err = 0;

    for (size_t next = 0; take_naming(t, &next);) {
        const char *path = filetree_path(t, next - 1);
        int err = 0;

        if (synced_dir != NULL && safepath_is_beside(synced_dir, path))
            continue;
        err = safepath_sync_dirs(t->dir, path, first_err == 0 ? eb : NULL);
        if (err == 0)
            synced_dir = path;
        else
            unname(t, next - 1);
        if (first_err == 0)
            first_err = err;
    }
    return first_err;
}

int
filetree_sync(struct filetree *t, struct errbuf *eb)
{
    int err, first_err = 0;

    if (filetree_is_doubtful(t))
        return errbuf_set(eb, SPRAT_E_IO, "what was written to %s may be lost: a sync failed",
                          t->dir);
    for (size_t next = 0; take_dirty(t, &next);) {
        struct stat st;

        err = sync_file(t, next - 1, &st, first_err == 0 ? eb : NULL);
        end_sync(t, next - 1, err == 0 ? &st : NULL);
        if (first_err == 0)
            first_err = err;
    }
    err = sync_names(t, first_err == 0 ? eb : NULL);
    return first_err != 0 ? first_err : err;
}

/* The path up from the link's directory, then the target. */
char *
filetree_link_text(const char *path, const char *target)
{
    size_t common = 0, depth = 0;
    char *text, *end;

    for (size_t i = 0; path[i] != '\0' && path[i] == target[i]; i++)
        if (path[i] == '/')
            common = i + 1;
    for (const char *c = path + common; *c != '\0'; c++)
        depth += *c == '/';
    text = malloc(depth * 3 + strlen(target + common) + 1);
    if (text == NULL)
        return NULL;
    for (end = text; depth > 0; depth--)
        end = stpcpy(end, "../");
    strcpy(end, target + common);
    return text;
}

static int
make_link(struct filetree *t, const struct metainfo_file *f, struct errbuf *eb)
{
    char *text = filetree_link_text(f->path, f->symlink);
    int err;

    if (text == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = safepath_symlink(t->dir, f->path, text, eb);
    free(text);
    return err;
}

static int
make_empty(struct filetree *t, const struct metainfo_file *f, struct errbuf *eb)
{
    int fd, err = safepath_open(t->dir, f->path, SAFEPATH_EITHER,
                                (f->attr & ATTR_EXECUTABLE) != 0 ? 0777 : 0666, &fd, NULL, eb);

    if (err == 0)
        close(fd);
    return err;
}

/* Creates all files of one kind, then syncs their names; consecutive files in one directory need
 * one sync. */
static int
make_all(struct filetree *t, bool (*is_meant)(const struct metainfo_file *f),
         int (*make)(struct filetree *t, const struct metainfo_file *f, struct errbuf *eb),
         struct errbuf *eb)
{
    const struct metainfo *mi = t->mi;
    const char *synced_dir = NULL;
    int err = 0;

    for (size_t i = 0; i < mi->file_count && err == 0; i++)
        if (is_meant(&mi->files[i]) && parts_wants(&t->parts, i))
            err = make(t, &mi->files[i], eb);
    for (size_t i = 0; i < mi->file_count && err == 0; i++) {
        const char *path = mi->files[i].path;

        if (!is_meant(&mi->files[i]) || !parts_wants(&t->parts, i) ||
            (synced_dir != NULL && safepath_is_beside(synced_dir, path)))
            continue;
        err = safepath_sync_dirs(t->dir, path, eb);
        synced_dir = path;
    }
    return err;
}

static bool
is_empty(const struct metainfo_file *f)
{
    return f->length == 0 && (f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0;
}

/* Copies one range of the part file. */
static int
gather_piece(struct filetree *t, size_t file, uint32_t piece, uint8_t *buf, struct errbuf *eb)
{
    const struct metainfo_file *f = &t->mi->files[file];
    uint64_t begin = (uint64_t)piece * t->mi->piece_length, end = begin + t->mi->piece_length;
    uint64_t from = begin > f->offset ? begin : f->offset;
    uint64_t until = end < f->offset + f->length ? end : f->offset + f->length;
    int err = 0;

    for (uint64_t at = from; at < until && err == 0; at += GATHER_LEN) {
        size_t n = until - at < GATHER_LEN ? (size_t)(until - at) : GATHER_LEN;
        struct iovec iov = {.iov_base = buf, .iov_len = n};

        if (filetree_is_hole(t, file, at - f->offset, n))
            continue;
        err = filetree_read(t, file, at - f->offset, buf, n, eb);
        if (err == SPRAT_E_SHORT || err == SPRAT_E_NOENT) {
            err = 0; /* the data was never there: the piece is missing */
            break;
        }
        if (err == 0)
            err = filetree_write_itself(t, file, at - f->offset, &iov, 1, eb);
    }
    return err;
}

int
filetree_gather(struct filetree *t, size_t file, struct errbuf *eb)
{
    const struct metainfo_file *f = &t->mi->files[file];
    uint32_t first = (uint32_t)(f->offset / t->mi->piece_length);
    uint32_t last = (uint32_t)((f->offset + f->length - 1) / t->mi->piece_length);
    uint8_t *buf = malloc(GATHER_LEN);
    uint64_t at;
    int err = 0;

    if (buf == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    /* Only the first and last piece of a file can be shared with other files. */
    if (parts_locate(&t->parts, file, 0, &at))
        err = gather_piece(t, file, first, buf, eb);
    if (err == 0 && last != first && parts_locate(&t->parts, file, f->length - 1, &at))
        err = gather_piece(t, file, last, buf, eb);
    free(buf);
    return err;
}

int
filetree_drop_parts(struct filetree *t, struct errbuf *eb)
{
    openfiles_forget(t->open, t, t->mi->file_count);
    return safepath_unlink(t->dir, t->parts.name, eb);
}

int
filetree_finish(struct filetree *t, struct errbuf *eb)
{
    int err;

    if (!t->writable)
        return 0;
    err = make_all(t, is_empty, make_empty, eb);
    /* Links come last, so that no file is ever written through a link. */
    return err != 0 ? err : make_all(t, filetree_is_link, make_link, eb);
}

/* Deletes a file of the torrent; a directory or link with its name stays. */
static int
remove_file(struct filetree *t, size_t file, struct errbuf *eb)
{
    bool is_link = (t->mi->files[file].attr & ATTR_SYMLINK) != 0;
    const char *path;
    struct stat st;
    int err;

    if (!is_link)
        (void)filetree_find(t, file, &st, NULL); /* finds which of its names it has */
    path = filetree_path(t, file);
    err = safepath_stat(t->dir, path, &st, eb);
    if (err == SPRAT_E_NOENT)
        return 0;
    if (err == 0 && (is_link ? !S_ISLNK(st.st_mode) : !S_ISREG(st.st_mode)))
        err = errbuf_set(eb, SPRAT_E_EXISTS, "%s/%s was not removed: it is another kind of file",
                         t->dir, path);
    return err != 0 ? err : safepath_unlink(t->dir, path, eb);
}

int
filetree_remove(struct filetree *t, struct errbuf *eb)
{
    const struct metainfo *mi = t->mi;
    int first_err = 0;

    openfiles_forget(t->open, t, SIZE_MAX);
    first_err = filetree_drop_parts(t, eb);
    for (size_t i = 0; i < mi->file_count; i++) {
        int err = 0;
        if ((mi->files[i].attr & ATTR_PAD) == 0 && !parts_holds(&t->parts, i))
            err = remove_file(t, i, first_err == 0 ? eb : NULL);
        if (first_err == 0)
            first_err = err;
    }
    for (size_t i = mi->file_count; i > 0; i--)
        if ((mi->files[i - 1].attr & ATTR_PAD) == 0)
            safepath_prune(t->dir, mi->files[i - 1].path);
    return first_err;
}
