/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The workers' side of a storage: runs its jobs, writes runs of blocks, and reads. Uses no data of
 * the loop except the job.
 */
#include "peer/store/storagejob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/magic.h"
#include "common/crypto/shamany.h"
#include "peer/store/layout.h"
#include "peer/store/storagehash.h"
#include "peer/store/storagescan.h"
#include "peer/store/warmhash.h"

enum { IOV_MAX_RUN = DISK_BATCH_MAX };

static struct storage_job *
job_of(const struct disk_job *job)
{
    struct storage_job *j =
        (struct storage_job *)((uintptr_t)job - offsetof(struct storage_job, job));

    MAGIC_CHECK(j, STORAGE_JOB_MAGIC);
    return j;
}

void
storagejob_fail(struct storage_job *j, int err, const char *why)
{
    j->err = err;
    if (err != 0)
        j->why = strdup(why);
}

int
storagejob_read(struct storage *s, uint32_t piece, uint32_t begin, uint32_t len, uint8_t *dst,
                struct errbuf *eb)
{
    struct layout_walk w;
    struct layout_range r;
    int err = 0;

    layout_walk_init(&w, s->mi, piece, begin, len);
    while (err == 0 && layout_walk_next(&w, &r)) {
        if (r.stored)
            err = filetree_read(&s->tree, r.file, r.offset, dst, r.len, eb);
        else
            memset(dst, 0, r.len);
        dst += r.len;
        len -= (uint32_t)r.len;
    }
    if (err == 0)
        memset(dst, 0, len); /* the gap after the last file of a v2 torrent */
    return err;
}

/* The piece that a warmhash reader reads. */
struct piece_ref {
    struct storage *storage;
    uint32_t piece;
};

static int
read_for_warmhash(void *ctx, uint32_t begin, uint32_t len, uint8_t *dst, struct errbuf *eb)
{
    const struct piece_ref *p = ctx;

    return storagejob_read(p->storage, p->piece, begin, len, dst, eb);
}

static struct warmhash_reader
warm_reader(struct disk_worker *w, struct piece_ref *ref)
{
    return (struct warmhash_reader){
        .read = read_for_warmhash,
        .ctx = ref,
        .scratch = w->scratch,
        .scratch_len = DISK_SCRATCH_LEN,
    };
}

static struct warmhash_key
warm_key(const struct storage_job *j)
{
    return (struct warmhash_key){
        .owner = j->storage,
        .piece = j->piece,
        .span = metainfo_piece_len(j->storage->mi, j->piece),
    };
}

/* Hashes the blocks of a batch as Merkle leaves and compares them where requested. */
static void
hash_blocks(struct storage_job *const *jobs, size_t n)
{
    const void *data[DISK_BATCH_MAX] = {NULL};
    size_t len[DISK_BATCH_MAX] = {0};
    uint8_t out[DISK_BATCH_MAX * 32];

    for (size_t i = 0; i < n; i++) {
        data[i] = jobs[i]->src;
        len[i] = jobs[i]->len;
    }
    sha256_many(data, len, n, out);
    for (size_t i = 0; i < n; i++) {
        memcpy(jobs[i]->digest, out + 32 * i, 32);
        jobs[i]->hashed = true;
        if (jobs[i]->judge && memcmp(jobs[i]->digest, jobs[i]->expected, 32) != 0)
            storagejob_fail(jobs[i], SPRAT_E_HASH, "a block does not match its hash");
    }
}

/* Fills |iov| with |len| bytes from offset |skip| of |n| adjacent blocks. */
static int
gather(struct storage_job *const *jobs, size_t n, uint64_t skip, uint64_t len, struct iovec *iov)
{
    int count = 0;

    for (size_t i = 0; i < n && len > 0; i++) {
        uint64_t have = jobs[i]->len;
        if (skip >= have) {
            skip -= have;
            continue;
        }
        uint64_t take = have - skip < len ? have - skip : len;
        iov[count++] = (struct iovec){
            .iov_base = (void *)((uintptr_t)jobs[i]->src + skip), /* pwritev() only reads the
                                                                     bytes */
            .iov_len = (size_t)take,
        };
        len -= take;
        skip = 0;
    }
    return count;
}

/* Writes adjacent blocks of one piece. |*whole|: all their bytes are stored. */
static int
write_run(struct storage_job *const *jobs, size_t n, bool *whole, struct errbuf *eb)
{
    struct storage *s = jobs[0]->storage;
    uint64_t len = 0, at = 0;
    struct layout_walk w;
    struct layout_range r;
    int err = 0;

    for (size_t i = 0; i < n; i++)
        len += jobs[i]->len;
    *whole = true;
    layout_walk_init(&w, s->mi, jobs[0]->piece, jobs[0]->begin, len);
    while (err == 0 && layout_walk_next(&w, &r)) {
        struct iovec iov[IOV_MAX_RUN];
        if (r.stored)
            err = filetree_write(&s->tree, r.file, r.offset, iov, gather(jobs, n, at, r.len, iov),
                                 eb);
        else
            *whole = false;
        at += r.len;
    }
    return err;
}

/* Writes one run of blocks and adds it to the piece's hash. */
static void
do_run(struct disk_worker *w, struct storage_job *const *jobs, size_t n)
{
    struct piece_ref ref = {.storage = jobs[0]->storage, .piece = jobs[0]->piece};
    struct warmhash_reader reader = warm_reader(w, &ref);
    struct warmhash_key key = warm_key(jobs[0]);
    struct errbuf eb;
    bool whole;
    int err = write_run(jobs, n, &whole, &eb);

    for (size_t i = 0; i < n; i++) {
        storagejob_fail(jobs[i], err, eb.text);
        if (err == 0 && ref.storage->mi->id.has_v1)
            warmhash_on_write(w->warm, &key, jobs[i]->begin, whole ? jobs[i]->src : NULL,
                              jobs[i]->len, &reader);
    }
}

/* True if |next| follows |prev| in the same piece. */
static bool
is_adjacent(const struct storage_job *prev, const struct storage_job *next)
{
    return next->piece == prev->piece && next->begin == prev->begin + prev->len;
}

/* Runs a batch of writes: hashes all blocks together, whatever their pieces, then writes runs of
 * adjacent blocks. */
static void
do_writes(struct disk_worker *w, struct storage_job *const *jobs, size_t n)
{
    if (jobs[0]->storage->mi->id.has_v2)
        hash_blocks(jobs, n);
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        if (jobs[i]->err != 0) {
            i = end;
            continue;
        }
        while (end < n && jobs[end]->err == 0 && is_adjacent(jobs[end - 1], jobs[end]))
            end++;
        do_run(w, jobs + i, end - i);
        i = end;
    }
}

static int
do_verify(struct disk_worker *w, struct storage_job *j, struct errbuf *eb)
{
    struct piece_ref ref = {.storage = j->storage, .piece = j->piece};
    struct warmhash_reader reader = warm_reader(w, &ref);
    struct warmhash_key key = warm_key(j);
    int err = warmhash_final(w->warm, &key, &reader, j->digest, eb);

    j->hashed = err == 0;
    return err;
}

/* A save directory that does not exist has no files. */
static int
look_at_dir(const struct storage *s, struct errbuf *eb)
{
    const char *dir = s->tree.dir;
    struct stat st;

    if (stat(dir, &st) != 0 && errno == ENOENT)
        return 0;
    if (stat(dir, &st) != 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "can't open the directory %s: %s", dir,
                          strerror(errno));
    return S_ISDIR(st.st_mode) ? 0 : errbuf_set(eb, SPRAT_E_INVAL, "%s is not a directory", dir);
}

/* Looks at every file; reports the first error other than a missing file. */
static int
do_look(struct storage_job *j, struct errbuf *eb)
{
    struct storage *s = j->storage;
    int first_err = look_at_dir(s, eb);

    if (first_err != 0) {
        j->file = SIZE_MAX;
        return first_err;
    }
    for (size_t i = 0; i < s->mi->file_count && !s->closing; i++) {
        int err = 0;
        if ((s->mi->files[i].attr & ATTR_PAD) == 0)
            err = filetree_look(&s->tree, i, NULL, first_err == 0 ? eb : NULL);
        if (first_err == 0 && err != SPRAT_E_NOENT)
            first_err = err;
    }
    if (s->tree.parts.any) /* if its name belongs to another kind of file, opening it fails later */
        (void)filetree_look(&s->tree, s->mi->file_count, NULL, NULL);
    else if (s->tree.parts.bytes != NULL && s->tree.writable)
        (void)filetree_drop_parts(&s->tree, NULL); /* all its data was moved out */
    return first_err;
}

/* Copies the data of wanted files out of the part file. */
static int
gather_parts(struct storage *s, struct errbuf *eb)
{
    const struct parts *p = &s->tree.parts;
    int err = 0;

    for (size_t i = 0; i < s->mi->file_count && err == 0; i++) {
        if (!parts_holds(p, i) || !parts_wants(p, i))
            continue;
        err = filetree_look(&s->tree, i, NULL, eb); /* an earlier try may have created it */
        if (err == 0 || err == SPRAT_E_NOENT)
            err = filetree_gather(&s->tree, i, eb);
    }
    if (err == 0)
        err = filetree_sync(&s->tree, eb);
    return err;
}

static int
do_reserve(struct storage *s, struct errbuf *eb)
{
    int err = filetree_prepare(&s->tree, s->lacking, eb);

    return err == 0 ? filetree_reserve(&s->tree, eb) : err;
}

static int
do_rewrite(struct disk_worker *w, struct storage_job *j, struct errbuf *eb)
{
    struct filetree *t = &j->storage->tree;
    struct layout_walk walk;
    struct layout_range r;
    int err = 0;

    layout_walk_init(&walk, j->storage->mi, j->piece, 0,
                     metainfo_piece_len(j->storage->mi, j->piece));
    while (err == 0 && layout_walk_next(&walk, &r)) {
        for (uint64_t at = 0; err == 0 && r.stored && at < r.len; at += DISK_SCRATCH_LEN) {
            size_t n = r.len - at < DISK_SCRATCH_LEN ? (size_t)(r.len - at) : DISK_SCRATCH_LEN;
            struct iovec iov = {.iov_base = w->scratch, .iov_len = n};

            err = filetree_read(t, r.file, r.offset + at, w->scratch, n, eb);
            if (err == 0)
                err = filetree_write(t, r.file, r.offset + at, &iov, 1, eb);
        }
    }
    return err;
}

static int
do_cut(struct storage *s, const bool *files, struct errbuf *eb)
{
    int err = 0;

    for (size_t i = 0; i < s->mi->file_count && err == 0; i++)
        if (files[i])
            err = filetree_cut(&s->tree, i, eb);
    return err;
}

/* Forgets the storage's hashes on this worker, and passes the job to the next worker. True on the
 * last worker. */
static bool
do_close(struct disk_worker *w, struct storage_job *j)
{
    warmhash_forget(w->warm, j->storage, UINT32_MAX);
    if (w->index + 1 == disk_threads(w->disk))
        return true;
    disk_submit_to(w->disk, &j->job, w->index + 1);
    return false;
}

/* Updates the device of the save directory after a job that has created or changed it. */
static void
find_device(struct storage *s)
{
    struct stat st;

    if (stat(s->tree.dir, &st) == 0)
        atomic_store(&s->lane.device, st.st_dev);
}

static void
do_one(struct disk_worker *w, struct storage_job *j)
{
    struct storage *s = j->storage;
    struct errbuf eb;
    int err = 0;

    switch (j->op) {
    case OP_READ: err = storagejob_read(s, j->piece, j->begin, j->len, j->dst, &eb); break;
    case OP_VERIFY: err = do_verify(w, j, &eb); break;
    case OP_REHASH: err = storagehash_piece(w, j, s->mi->id.has_v1, s->mi->id.has_v2, &eb); break;
    case OP_LEAVES: err = storagehash_piece(w, j, false, true, &eb); break;
    case OP_REWRITE: err = do_rewrite(w, j, &eb); break;
    case OP_FORGET: warmhash_forget(w->warm, s, j->piece); break;
    case OP_SCAN: err = storagescan_piece(w, j, &eb); break;
    case OP_VARIED: err = storagescan_varied(w, j, &eb); break;
    case OP_FIND_ROOM: err = filetree_find_room(&s->tree, j->have, j->room, &eb); break;
    case OP_PEEK:
        err = j->file == SIZE_MAX ? filetree_peek_all(&s->tree)
                                  : filetree_peek(&s->tree, j->file, &eb);
        break;
    case OP_CUT: err = do_cut(s, j->files, &eb); break;
    case OP_CALL: err = j->call(j->user, &eb); break;
    case OP_LOOK: err = do_look(j, &eb); break;
    case OP_SYNC: err = filetree_sync(&s->tree, &eb); break;
    case OP_GATHER: err = gather_parts(s, &eb); break;
    case OP_FINISH: err = filetree_finish(&s->tree, &eb); break;
    case OP_REMOVE: err = filetree_remove(&s->tree, &eb); break;
    case OP_PREPARE: err = filetree_prepare(&s->tree, s->lacking, &eb); break;
    case OP_RESERVE: err = do_reserve(s, &eb); break;
    case OP_MOVE: err = filemove_step(s->move, &eb); break;
    case OP_RENAME: err = filetree_end_worknames(&s->tree, s->whole, &eb); break;
    case OP_CLEAN: err = filemove_clean(&s->tree, s->clean_from, &eb); break;
    case OP_WRITE:
    case OP_CLOSE: UNREACHABLE();
    }
    if (j->op == OP_MOVE || disk_lane_is_guess(&s->lane))
        find_device(s);
    storagejob_fail(j, err, eb.text);
}

/* True for a piece smaller than the scratch buffer. */
static bool
is_small_rehash(const struct storage_job *j)
{
    return j->op == OP_REHASH && storagehash_room(j) < DISK_SCRATCH_LEN;
}

static bool
jobs_join(const struct disk_job *first, const struct disk_job *next)
{
    const struct storage_job *a = job_of(first), *b;

    if (next->class != &storage_job_class)
        return false;
    b = job_of(next);
    if (b->op != a->op || b->storage != a->storage)
        return false;
    return a->op == OP_WRITE || (is_small_rehash(a) && is_small_rehash(b));
}

/* Passes finished jobs of one storage back to its loop. */
static void
send_back(struct storage_job *const *jobs, size_t n)
{
    struct doneq *done = jobs[0]->storage->done;
    struct list items;

    list_init(&items);
    for (size_t i = 0; i < n; i++)
        list_push_back(&items, &jobs[i]->done_item.link);
    doneq_put_all(done, &items, n);
}

static void
run_jobs(struct disk_worker *w, struct disk_job *const *jobs, size_t n)
{
    struct storage_job *mine[DISK_BATCH_MAX];

    for (size_t i = 0; i < n; i++)
        mine[i] = job_of(jobs[i]);
    if (mine[0]->op == OP_CLOSE) {
        if (do_close(w, mine[0]))
            send_back(mine, 1);
        return;
    }
    if (mine[0]->storage->closing)
        for (size_t i = 0; i < n; i++)
            storagejob_fail(mine[i], SPRAT_E_CANCELLED, "cancelled");
    else if (mine[0]->op == OP_WRITE)
        do_writes(w, mine, n);
    else if (is_small_rehash(mine[0]))
        storagehash_small(w, mine, n);
    else
        do_one(w, mine[0]);
    send_back(mine, n);
}

const struct disk_job_class storage_job_class = {.joins = jobs_join, .run = run_jobs};
