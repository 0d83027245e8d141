/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The functions of a storage on the loop's thread. storagequeue.c submits the jobs, storagejob.c
 * runs them on the workers, and storagenames.c knows the files' names.
 */
#include "peer/store/storage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/magic.h"
#include "common/sys/file.h"
#include "common/sys/paths.h"
#include "peer/store/layout.h"
#include "peer/store/safepath.h"
#include "peer/store/storagequeue.h"

enum { READ_MAX = 1 << 20 };

/* Opens the save directory, or creates it if |make|. */
static int
prepare_dir(const char *dir, bool make, char **out, struct disk_lane *lane, struct errbuf *eb)
{
    struct stat st;
    bool there = stat(dir, &st) == 0;
    int err;

    if (!there && make && (err = file_make_dirs(dir, 0777, eb)) != 0)
        return err;
    if (!there && stat(dir, &st) != 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "can't open the directory %s: %s", dir,
                          strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return errbuf_set(eb, SPRAT_E_INVAL, "%s is not a directory", dir);
    atomic_store(&lane->device, st.st_dev);
    return path_absolute(dir, out, eb);
}

/* The save directory, without a look at the disk if |opt| allows that. */
static int
choose_dir(const struct storage_options *opt, char **out, struct disk_lane *lane, struct errbuf *eb)
{
    disk_lane_init(opt->disk, lane, opt->dir);
    if (!opt->dir_later)
        return prepare_dir(opt->dir, opt->writable, out, lane, eb);
    if (opt->dir[0] != '/')
        return path_absolute(opt->dir, out, eb);
    *out = strdup(opt->dir);
    return *out != NULL ? 0 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

int
storage_new(const struct storage_options *opt, struct storage **out, struct errbuf *eb)
{
    struct storage *s = calloc(1, sizeof(*s));
    char *dir = NULL;
    int err;

    if (s == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = choose_dir(opt, &dir, &s->lane, eb);
    if (err == 0) {
        err = filetree_init(&s->tree, disk_openfiles(opt->disk),
                            opt->verifies ? NULL : disk_claims(opt->disk), opt->mi, dir,
                            opt->writable, opt->selection);
        free(dir);
        if (err == 0 && (err = filetree_use_worknames(&s->tree, opt->worknames)) != 0)
            filetree_fini(&s->tree);
        if (err != 0)
            errbuf_set(eb, err, "out of memory");
    }
    if (err != 0) {
        free(s);
        return err;
    }
    MAGIC_SET(s, STORAGE_MAGIC);
    s->disk = opt->disk;
    s->done = opt->done;
    s->mi = opt->mi;
    s->key_base = (uintptr_t)s / sizeof(*s);
    list_init(&s->held);
    list_init(&s->spare);
    disk_attach(s->disk);
    *out = s;
    return 0;
}

static void
storage_free(struct storage *s)
{
    void (*closed)(void *user) = s->closed;
    void *user = s->closed_user;

    filemove_free(s->move);
    free(s->clean_from);
    free(s->lacking);
    free(s->whole);
    bitfield_fini(&s->stored);
    filetree_fini(&s->tree);
    disk_detach(s->disk);
    MAGIC_CLEAR(s);
    free(s);
    if (closed != NULL)
        closed(user);
}

void
storage_hold(struct storage *s)
{
    s->holding = true;
}

void
storage_let_go(struct storage *s)
{
    s->holding = false;
    storagequeue_flush(s);
}

void
storage_close(struct storage *s, void (*closed)(void *user), void *user)
{
    MAGIC_CHECK(s, STORAGE_MAGIC);
    ASSERT(!s->closing);
    s->closed = closed;
    s->closed_user = user;
    storagequeue_close(s, storage_free);
}

int
storage_write(struct storage *s, uint32_t piece, uint32_t begin, const uint8_t *data, uint32_t len,
              const uint8_t *leaf, storage_done_fn done, void *user)
{
    struct storage_job j = storagequeue_job(s, OP_WRITE, piece, done, user);

    ASSERT(s->tree.writable && layout_valid(s->mi, piece, begin, len));
    ASSERT(begin % BLOCK_LEN == 0 && len <= BLOCK_LEN);
    j.begin = begin;
    j.len = len;
    j.src = data;
    if (leaf != NULL) {
        j.judge = true;
        memcpy(j.expected, leaf, 32);
    }
    return storagequeue_submit(s, &j, DISK_ORDERED);
}

int
storage_read(struct storage *s, uint32_t piece, uint32_t begin, uint32_t len, uint8_t *dst,
             storage_done_fn done, void *user)
{
    struct storage_job j = storagequeue_job(s, OP_READ, piece, done, user);

    ASSERT(layout_valid(s->mi, piece, begin, len) && len <= READ_MAX);
    j.begin = begin;
    j.len = len;
    j.dst = dst;
    return storagequeue_submit(s, &j, DISK_READ);
}

bool
storage_lend(struct storage *s, uint32_t piece, uint32_t begin, uint32_t len, bool sure,
             struct storage_loan *loan)
{
    struct layout_walk w;
    struct layout_range r;

    MAGIC_CHECK(s, STORAGE_MAGIC);
    ASSERT(!s->closing && layout_valid(s->mi, piece, begin, len));
    layout_walk_init(&w, s->mi, piece, begin, len);
    if (!layout_walk_next(&w, &r) || !r.stored || r.len != len)
        return false;
    loan->file = filetree_lend(&s->tree, r.file, r.offset, len, sure);
    if (loan->file == NULL)
        return false;
    loan->fd = openfile_fd(loan->file);
    loan->offset = r.offset;
    return true;
}

void
storage_give_back(struct storage *s, struct storage_loan *loan)
{
    openfiles_drop(s->tree.open, loan->file);
    loan->file = NULL;
}

int
storage_verify(struct storage *s, uint32_t piece, storage_done_fn done, void *user)
{
    if (!s->mi->id.has_v1)
        return SPRAT_E_INVAL;
    return storagequeue_submit_piece(s, OP_VERIFY, DISK_ORDERED, piece, done, user);
}

int
storage_rehash(struct storage *s, uint32_t piece, bool skip_holes, storage_done_fn done, void *user)
{
    struct storage_job j = storagequeue_job(s, OP_REHASH, piece, done, user);

    j.skip_holes = skip_holes;
    return storagequeue_submit(s, &j, DISK_BACKGROUND);
}

int
storage_leaves(struct storage *s, uint32_t piece, storage_done_fn done, void *user)
{
    return storagequeue_submit_piece(s, OP_LEAVES, DISK_BACKGROUND, piece, done, user);
}

int
storage_forget(struct storage *s, uint32_t piece, storage_done_fn done, void *user)
{
    return storagequeue_submit_piece(s, OP_FORGET, DISK_ORDERED, piece, done, user);
}

int
storage_scan(struct storage *s, uint32_t piece, size_t file, storage_done_fn done, void *user)
{
    struct storage_job j = storagequeue_job(s, OP_SCAN, piece, done, user);

    j.file = file;
    return storagequeue_submit(s, &j, DISK_BACKGROUND);
}

int
storage_is_varied(struct storage *s, uint32_t piece, size_t file, storage_done_fn done, void *user)
{
    struct storage_job j = storagequeue_job(s, OP_VARIED, piece, done, user);

    j.file = file;
    return storagequeue_submit(s, &j, DISK_BACKGROUND);
}

int
storage_find_room(struct storage *s, const struct bitfield *have, struct storage_room *room,
                  storage_done_fn done, void *user)
{
    struct storage_job j = storagequeue_job(s, OP_FIND_ROOM, STORAGEQUEUE_NO_PIECE, done, user);

    ASSERT(s->tree.writable);
    j.have = have;
    j.room = room;
    return storagequeue_submit(s, &j, DISK_SLOW);
}

int
storage_peek(struct storage *s, size_t file, storage_done_fn done, void *user)
{
    struct storage_job j = storagequeue_job(s, OP_PEEK, STORAGEQUEUE_NO_PIECE, done, user);

    ASSERT(file <= s->mi->file_count || file == SIZE_MAX);
    j.file = file;
    return storagequeue_submit(s, &j, DISK_SLOW);
}

int
storage_cut(struct storage *s, const bool *files, storage_done_fn done, void *user)
{
    struct storage_job j = storagequeue_job(s, OP_CUT, STORAGEQUEUE_NO_PIECE, done, user);

    ASSERT(s->tree.writable);
    j.files = files;
    return storagequeue_submit(s, &j, DISK_SLOW);
}

int
storage_look(struct storage *s, storage_done_fn done, void *user)
{
    return storagequeue_submit_piece(s, OP_LOOK, DISK_SLOW, STORAGEQUEUE_NO_PIECE, done, user);
}

int
storage_sync(struct storage *s, storage_done_fn done, void *user)
{
    return storagequeue_submit_piece(s, OP_SYNC, DISK_SLOW, STORAGEQUEUE_NO_PIECE, done, user);
}

int
storage_gather(struct storage *s, storage_done_fn done, void *user)
{
    ASSERT(s->tree.writable);
    return storagequeue_submit_piece(s, OP_GATHER, DISK_SLOW, STORAGEQUEUE_NO_PIECE, done, user);
}

int
storage_call(struct storage *s, int (*fn)(void *user, struct errbuf *why), storage_done_fn done,
             void *user)
{
    struct storage_job j = storagequeue_job(s, OP_CALL, STORAGEQUEUE_NO_PIECE, done, user);

    j.call = fn;
    return storagequeue_submit(s, &j, DISK_SLOW);
}

bool
storage_doubtful(struct storage *s)
{
    return filetree_is_doubtful(&s->tree);
}

int
storage_rewrite(struct storage *s, uint32_t piece, storage_done_fn done, void *user)
{
    ASSERT(s->tree.writable);
    return storagequeue_submit_piece(s, OP_REWRITE, DISK_BACKGROUND, piece, done, user);
}

int
storage_finish(struct storage *s, storage_done_fn done, void *user)
{
    return storagequeue_submit_piece(s, OP_FINISH, DISK_SLOW, STORAGEQUEUE_NO_PIECE, done, user);
}

/* Marks the files that have a missing piece. */
static void
find_lacking(struct storage *s, const struct bitfield *have)
{
    for (size_t i = 0; i < s->mi->file_count; i++) {
        const struct metainfo_file *f = &s->mi->files[i];

        s->lacking[i] = false;
        for (uint32_t p = 0; p < f->piece_count && !s->lacking[i]; p++)
            s->lacking[i] = !bitfield_get(have, f->first_piece + p);
    }
}

int
storage_prepare(struct storage *s, const struct bitfield *have, bool reserve, storage_done_fn done,
                void *user)
{
    ASSERT(s->tree.writable);
    if (s->lacking == NULL)
        s->lacking = malloc((s->mi->file_count + 1) * sizeof(*s->lacking));
    if (s->lacking == NULL)
        return SPRAT_E_NOMEM;
    find_lacking(s, have);
    return storagequeue_submit_piece(s, reserve ? OP_RESERVE : OP_PREPARE, DISK_SLOW,
                                     STORAGEQUEUE_NO_PIECE, done, user);
}

int
storage_move(struct storage *s, const char *to, storage_done_fn done, void *user)
{
    if (s->move == NULL)
        s->move = filemove_new(&s->tree, to);
    if (s->move == NULL)
        return SPRAT_E_NOMEM;
    return storagequeue_submit_piece(s, OP_MOVE, DISK_SLOW, STORAGEQUEUE_NO_PIECE, done, user);
}

struct storage_stamp
storage_move_stamp(const struct storage *s, size_t file)
{
    return *filemove_stamp(s->move, file);
}

void
storage_move_in(struct storage *s)
{
    filemove_finish(s->move);
    filemove_free(s->move);
    s->move = NULL;
}

int
storage_clean(struct storage *s, const char *from, storage_done_fn done, void *user)
{
    free(s->clean_from);
    s->clean_from = strdup(from);
    if (s->clean_from == NULL)
        return SPRAT_E_NOMEM;
    return storagequeue_submit_piece(s, OP_CLEAN, DISK_SLOW, STORAGEQUEUE_NO_PIECE, done, user);
}

void
storage_release(struct storage *s)
{
    filetree_release(&s->tree);
}

int
storage_remove_files(struct storage *s, storage_done_fn done, void *user)
{
    return storagequeue_submit_piece(s, OP_REMOVE, DISK_SLOW, STORAGEQUEUE_NO_PIECE, done, user);
}

const struct metainfo *
storage_metainfo(const struct storage *s)
{
    return s->mi;
}

const char *
storage_dir(const struct storage *s)
{
    return s->tree.dir;
}

struct disk *
storage_disk(const struct storage *s)
{
    return s->disk;
}

struct doneq *
storage_doneq(const struct storage *s)
{
    return s->done;
}

struct storage_stamp
storage_file_stamp(struct storage *s, size_t file)
{
    return filetree_get_stamp(&s->tree, file);
}

void
storage_mark(struct storage *s, size_t file)
{
    filetree_mark(&s->tree, file);
}

size_t
storage_take_written(struct storage *s, uint32_t *files, size_t max)
{
    return filetree_take_written(&s->tree, files, max);
}
