/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The loop's side of a storage: creates jobs, submits them to the disk, reports their results, and
 * frees the storage after the last job was reported.
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
#include "peer/store/storagejob.h"

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
choose_dir(const struct storage_options *opt, char **out, struct disk_lane *lane,
           struct errbuf *eb)
{
    disk_lane_init(lane, opt->dir);
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

/* The result for the owner. */
static void
report(struct storage_job *j)
{
    const struct storage_job *const c = j;
    bool sha1_op = c->op == OP_VERIFY || c->op == OP_REHASH;
    struct storage_result res = {
        .err = c->err,
        .why = c->err == 0 ? "" : c->why != NULL ? c->why : sprat_strerror(c->err),
        .piece = c->piece, .begin = c->begin, .len = c->len,
        .file = c->file, .data = c->dst,
    };

    if (c->hashed && sha1_op && c->storage->mi->id.has_v1)
        res.sha1 = c->digest;
    if (c->hashed && c->op == OP_WRITE) {
        res.leaves = c->digest;
        res.leaf_count = 1;
    } else if (c->leaves != NULL) {
        res.leaves = c->leaves;
        res.leaf_count = c->leaf_count;
    }
    if (j->done != NULL)
        j->done(j->user, &res);
}

static struct storage_job *
job_new(struct storage *s)
{
    struct list *link = list_pop_front(&s->spare);

    return link != NULL ? LIST_ENTRY(link, struct storage_job, job.link)
                        : malloc(sizeof(struct storage_job));
}

static void
job_free(struct storage *s, struct storage_job *j)
{
    free(j->leaves);
    free(j->why);
    MAGIC_CLEAR(j);
    list_push_front(&s->spare, &j->job.link);
}

static void
drop_spare(struct storage *s)
{
    struct list *link;

    while ((link = list_pop_front(&s->spare)) != NULL)
        free(LIST_ENTRY(link, struct storage_job, job.link));
}

/* Runs on the loop's thread when a job is done. */
static void
on_done(struct doneq_item *item)
{
    struct storage_job *j = LIST_ENTRY(item, struct storage_job, done_item);
    struct storage *s = j->storage;

    MAGIC_CHECK(j, STORAGE_JOB_MAGIC);
    MAGIC_CHECK(s, STORAGE_MAGIC);
    if (j->op == OP_MOVE && j->err != 0 && j->err != SPRAT_E_AGAIN) {
        filemove_free(s->move);
        s->move = NULL;
    }
    if (j->op != OP_CLOSE) {
        report(j);
        job_free(s, j);
    }
    if (--s->pending > 0)
        return;
    drop_spare(s);
    if (s->closing)
        storage_free(s);
}

static void
job_init(struct storage_job *j, struct storage *s, enum storage_op op)
{
    *j = (struct storage_job){.op = op, .storage = s};
    MAGIC_SET(j, STORAGE_JOB_MAGIC);
    j->job.class = &storage_job_class;
    j->done_item.run = on_done;
}

void
storage_hold(struct storage *s)
{
    s->holding = true;
}

static void
push_held(struct storage *s)
{
    if (s->held_count > 0)
        disk_submit_all(s->disk, &s->lane, &s->held);
    s->held_count = 0;
}

void
storage_let_go(struct storage *s)
{
    s->holding = false;
    push_held(s);
}

static int
hold(struct storage *s, struct storage_job *j)
{
    int err = disk_take_room(s->disk, &s->lane);

    if (err != 0)
        return err;
    list_init(&j->job.link);
    list_push_back(&s->held, &j->job.link);
    if (++s->held_count == DISK_BATCH_MAX)
        push_held(s);
    return 0;
}

void
storage_close(struct storage *s, void (*closed)(void *user), void *user)
{
    MAGIC_CHECK(s, STORAGE_MAGIC);
    ASSERT(!s->closing);
    s->closing = true;
    s->closed = closed;
    s->closed_user = user;
    s->pending++;
    job_init(&s->close_job, s, OP_CLOSE);
    s->close_job.job.lane = &s->lane;
    doneq_expect(s->done);
    storage_let_go(s);
    disk_submit_to(s->disk, &s->close_job.job, 0);
}

/* Submits a job; an error changes nothing. */
static int
submit(struct storage *s, const struct storage_job *from, enum disk_class class)
{
    struct storage_job *j = job_new(s);
    int err;

    if (j == NULL)
        return SPRAT_E_NOMEM;
    *j = *from;
    j->job.key = s->key_base + j->piece;
    j->job.lane = &s->lane;
    doneq_expect(s->done);
    err = class == DISK_ORDERED && s->holding ? hold(s, j) : disk_submit(s->disk, &j->job, class);
    if (err != 0) {
        doneq_unexpect(s->done);
        list_init(&j->job.link);
        job_free(s, j);
        if (s->pending == 0)
            drop_spare(s);
        return err;
    }
    s->pending++;
    return 0;
}

/* Creates a job for a whole piece, or (UINT32_MAX) for the torrent. */
static int
submit_piece(struct storage *s, enum storage_op op, enum disk_class class, uint32_t piece,
             storage_done_fn done, void *user)
{
    struct storage_job j;

    MAGIC_CHECK(s, STORAGE_MAGIC);
    ASSERT(!s->closing && (piece == UINT32_MAX || piece < s->mi->piece_count));
    job_init(&j, s, op);
    j.piece = piece;
    j.done = done;
    j.user = user;
    return submit(s, &j, class);
}

int
storage_write(struct storage *s, uint32_t piece, uint32_t begin, const uint8_t *data, uint32_t len,
              const uint8_t *leaf, storage_done_fn done, void *user)
{
    struct storage_job j;

    MAGIC_CHECK(s, STORAGE_MAGIC);
    ASSERT(!s->closing && s->tree.writable && layout_valid(s->mi, piece, begin, len));
    ASSERT(begin % BLOCK_LEN == 0 && len <= BLOCK_LEN);
    job_init(&j, s, OP_WRITE);
    j.piece = piece;
    j.begin = begin;
    j.len = len;
    j.src = data;
    j.done = done;
    j.user = user;
    if (leaf != NULL) {
        j.judge = true;
        memcpy(j.expected, leaf, 32);
    }
    return submit(s, &j, DISK_ORDERED);
}

int
storage_read(struct storage *s, uint32_t piece, uint32_t begin, uint32_t len, uint8_t *dst,
             storage_done_fn done, void *user)
{
    struct storage_job j;

    MAGIC_CHECK(s, STORAGE_MAGIC);
    ASSERT(!s->closing && layout_valid(s->mi, piece, begin, len) && len <= READ_MAX);
    job_init(&j, s, OP_READ);
    j.piece = piece;
    j.begin = begin;
    j.len = len;
    j.dst = dst;
    j.done = done;
    j.user = user;
    return submit(s, &j, DISK_READ);
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
    return submit_piece(s, OP_VERIFY, DISK_ORDERED, piece, done, user);
}

int
storage_rehash(struct storage *s, uint32_t piece, bool skip_holes, storage_done_fn done, void *user)
{
    struct storage_job j;

    ASSERT(!s->closing && piece < s->mi->piece_count);
    job_init(&j, s, OP_REHASH);
    j.piece = piece;
    j.skip_holes = skip_holes;
    j.done = done;
    j.user = user;
    return submit(s, &j, DISK_BACKGROUND);
}

int
storage_leaves(struct storage *s, uint32_t piece, storage_done_fn done, void *user)
{
    return submit_piece(s, OP_LEAVES, DISK_BACKGROUND, piece, done, user);
}

int
storage_forget(struct storage *s, uint32_t piece, storage_done_fn done, void *user)
{
    return submit_piece(s, OP_FORGET, DISK_ORDERED, piece, done, user);
}

int
storage_scan(struct storage *s, uint32_t piece, size_t file, storage_done_fn done, void *user)
{
    struct storage_job j;

    ASSERT(!s->closing && piece < s->mi->piece_count);
    job_init(&j, s, OP_SCAN);
    j.piece = piece;
    j.file = file;
    j.done = done;
    j.user = user;
    return submit(s, &j, DISK_BACKGROUND);
}

int
storage_is_varied(struct storage *s, uint32_t piece, size_t file, storage_done_fn done, void *user)
{
    struct storage_job j;

    ASSERT(!s->closing && piece < s->mi->piece_count);
    job_init(&j, s, OP_VARIED);
    j.piece = piece;
    j.file = file;
    j.done = done;
    j.user = user;
    return submit(s, &j, DISK_BACKGROUND);
}

int
storage_find_room(struct storage *s, const struct bitfield *have, struct storage_room *room,
                  storage_done_fn done, void *user)
{
    struct storage_job j;

    ASSERT(!s->closing && s->tree.writable);
    job_init(&j, s, OP_FIND_ROOM);
    j.piece = UINT32_MAX;
    j.have = have;
    j.room = room;
    j.done = done;
    j.user = user;
    return submit(s, &j, DISK_SLOW);
}

int
storage_peek(struct storage *s, size_t file, storage_done_fn done, void *user)
{
    struct storage_job j;

    ASSERT(!s->closing && (file <= s->mi->file_count || file == SIZE_MAX));
    job_init(&j, s, OP_PEEK);
    j.piece = UINT32_MAX;
    j.file = file;
    j.done = done;
    j.user = user;
    return submit(s, &j, DISK_SLOW);
}

bool
storage_wants(const struct storage *s, size_t file)
{
    return parts_wants(&s->tree.parts, file);
}

int
storage_cut(struct storage *s, const bool *files, storage_done_fn done, void *user)
{
    struct storage_job j;

    ASSERT(!s->closing && s->tree.writable);
    job_init(&j, s, OP_CUT);
    j.piece = UINT32_MAX;
    j.files = files;
    j.done = done;
    j.user = user;
    return submit(s, &j, DISK_SLOW);
}

int
storage_look(struct storage *s, storage_done_fn done, void *user)
{
    return submit_piece(s, OP_LOOK, DISK_SLOW, UINT32_MAX, done, user);
}

int
storage_sync(struct storage *s, storage_done_fn done, void *user)
{
    return submit_piece(s, OP_SYNC, DISK_SLOW, UINT32_MAX, done, user);
}

int
storage_gather(struct storage *s, storage_done_fn done, void *user)
{
    ASSERT(s->tree.writable);
    return submit_piece(s, OP_GATHER, DISK_SLOW, UINT32_MAX, done, user);
}

bool
storage_has_file(const char *dir, const char *path, const char *work)
{
    struct stat st;

    return safepath_stat(dir, path, &st, NULL) == 0 ||
           (work != NULL && safepath_stat(dir, work, &st, NULL) == 0);
}

bool
storage_is_there(struct storage *s, size_t file)
{
    return filetree_is_there(&s->tree, file);
}

const char *
storage_path(const struct storage *s, size_t file)
{
    return filetree_path(&s->tree, file);
}

void
storage_expect(struct storage *s, size_t file, uint64_t inode)
{
    if (s->tree.names != NULL)
        filetree_expect(&s->tree, file, inode);
}

bool
storage_has_worknames(const struct storage *s)
{
    return atomic_load(&s->tree.working) > 0;
}

int
storage_set_stored(struct storage *s, const struct bitfield *pieces)
{
    if (s->tree.names == NULL || !s->tree.writable)
        return 0;
    if (s->whole == NULL)
        s->whole = calloc(s->mi->file_count + 1, sizeof(*s->whole));
    if (s->whole == NULL ||
        (s->stored.nbits == 0 && bitfield_init(&s->stored, s->mi->piece_count) != 0))
        return SPRAT_E_NOMEM;
    bitfield_copy(&s->stored, pieces);
    return 0;
}

void
storage_add_stored(struct storage *s, const uint32_t *pieces, size_t count)
{
    for (size_t i = 0; i < count && s->stored.nbits > 0; i++)
        (void)bitfield_set(&s->stored, pieces[i]);
}

static bool
is_stored(const struct storage *s, size_t file)
{
    const struct metainfo_file *f = &s->mi->files[file];

    return bitfield_next_clear(&s->stored, f->first_piece) >= f->first_piece + f->piece_count;
}

bool
storage_rename_due(struct storage *s)
{
    if (s->stored.nbits == 0 || !storage_has_worknames(s))
        return false;
    for (size_t i = 0; i < s->mi->file_count; i++)
        if (filetree_is_working(&s->tree, i) && is_stored(s, i))
            return true;
    return false;
}

int
storage_rename(struct storage *s, storage_done_fn done, void *user)
{
    ASSERT(s->tree.writable && s->whole != NULL);
    for (size_t i = 0; i < s->mi->file_count; i++)
        s->whole[i] = filetree_is_working(&s->tree, i) && is_stored(s, i);
    return submit_piece(s, OP_RENAME, DISK_SLOW, UINT32_MAX, done, user);
}

bool
storage_is_fetched(const struct storage *s, size_t file)
{
    return filetree_is_fetched(&s->tree, file);
}

int
storage_call(struct storage *s, int (*fn)(void *user, struct errbuf *why), storage_done_fn done,
             void *user)
{
    struct storage_job j;

    ASSERT(!s->closing);
    job_init(&j, s, OP_CALL);
    j.piece = UINT32_MAX;
    j.call = fn;
    j.done = done;
    j.user = user;
    return submit(s, &j, DISK_SLOW);
}

size_t
storage_home(const struct storage *s, size_t file)
{
    return parts_holds(&s->tree.parts, file) ? s->mi->file_count : file;
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
    return submit_piece(s, OP_REWRITE, DISK_BACKGROUND, piece, done, user);
}

int
storage_finish(struct storage *s, storage_done_fn done, void *user)
{
    return submit_piece(s, OP_FINISH, DISK_SLOW, UINT32_MAX, done, user);
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
    return submit_piece(s, reserve ? OP_RESERVE : OP_PREPARE, DISK_SLOW, UINT32_MAX, done, user);
}

int
storage_move(struct storage *s, const char *to, storage_done_fn done, void *user)
{
    if (s->move == NULL)
        s->move = filemove_new(&s->tree, to);
    if (s->move == NULL)
        return SPRAT_E_NOMEM;
    return submit_piece(s, OP_MOVE, DISK_SLOW, UINT32_MAX, done, user);
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
    return submit_piece(s, OP_CLEAN, DISK_SLOW, UINT32_MAX, done, user);
}

void
storage_release(struct storage *s)
{
    filetree_release(&s->tree);
}

int
storage_remove_files(struct storage *s, storage_done_fn done, void *user)
{
    return submit_piece(s, OP_REMOVE, DISK_SLOW, UINT32_MAX, done, user);
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
