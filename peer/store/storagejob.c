/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The workers' side of a storage: writes runs of blocks, reads, hashes. Uses no data of the loop
 * except the job.
 */
#include "peer/store/storagejob.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/magic.h"
#include "common/crypto/sha.h"
#include "peer/store/layout.h"
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

static void
set_error(struct storage_job *j, int err, const char *why)
{
    j->err = err;
    if (err != 0)
        j->why = strdup(why);
}

/* Reads a range of a piece; bytes that no file stores read as zeros. */
static int
read_stretch(struct storage *s, uint32_t piece, uint32_t begin, uint32_t len, uint8_t *dst,
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

    return read_stretch(p->storage, p->piece, begin, len, dst, eb);
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
            set_error(jobs[i], SPRAT_E_HASH, "a block does not match its hash");
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
        set_error(jobs[i], err, eb.text);
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

/* True if the piece lies completely in holes of sparse files: it is all zeros. */
static bool
is_hole(struct storage *s, uint32_t piece, uint32_t span)
{
    struct layout_walk w;
    struct layout_range r;

    layout_walk_init(&w, s->mi, piece, 0, span);
    while (layout_walk_next(&w, &r))
        if (r.stored && !filetree_is_hole(&s->tree, r.file, r.offset, r.len))
            return false;
    return true;
}

/* Tells the kernel to read ahead: several workers read pieces of one file at a time, which the
 * kernel's own readahead takes for random access. */
static void
read_ahead(struct storage *s, uint32_t piece, uint32_t span)
{
    struct layout_walk w;
    struct layout_range r;

    layout_walk_init(&w, s->mi, piece, 0, span);
    while (layout_walk_next(&w, &r))
        if (r.stored)
            filetree_will_need(&s->tree, r.file, r.offset, r.len);
}

/* Hashes the leaves that begin in a chunk read into |buf|; the last block of the data can be short.
 */
static void
hash_chunk_leaves(const uint8_t *buf, uint32_t begin, uint32_t len, uint32_t data, uint8_t *leaves)
{
    const void *ptr[DISK_SCRATCH_LEN / BLOCK_LEN];
    size_t lens[DISK_SCRATCH_LEN / BLOCK_LEN];
    size_t n = 0;

    for (uint32_t at = 0; at < len && begin + at < data; at += BLOCK_LEN, n++) {
        uint32_t left = data - begin - at;
        ptr[n] = buf + at;
        lens[n] = left < BLOCK_LEN ? left : BLOCK_LEN;
    }
    if (n > 0)
        sha256_many(ptr, lens, n, leaves + 32 * (size_t)(begin / BLOCK_LEN));
}

struct rehash {
    struct sha *sha; /* v1, or NULL */
    uint8_t *leaves; /* v2, or NULL */
    uint32_t span, data, leaf_count;
};

/* Reads a piece in chunks and updates both hashes. */
static int
rehash_chunks(struct disk_worker *w, struct storage_job *j, const struct rehash *h,
              struct errbuf *eb)
{
    bool hole = is_hole(j->storage, j->piece, h->span);
    uint32_t end = h->sha != NULL ? h->span : h->data;
    int err = 0;

    if (hole && j->skip_holes)
        return errbuf_set(eb, SPRAT_E_NOENT, "nothing was ever written there");
    if (hole)
        memset(w->scratch, 0, DISK_SCRATCH_LEN);
    else
        read_ahead(j->storage, j->piece, h->span);
    for (uint32_t at = 0; at < end && err == 0; at += DISK_SCRATCH_LEN) {
        uint32_t n = end - at < DISK_SCRATCH_LEN ? end - at : DISK_SCRATCH_LEN;
        if (!hole)
            err = read_stretch(j->storage, j->piece, at, n, w->scratch, eb);
        if (err == 0 && h->sha != NULL)
            sha_update(h->sha, w->scratch, n);
        if (err == 0 && h->leaves != NULL)
            hash_chunk_leaves(w->scratch, at, n, h->data, h->leaves);
    }
    return err;
}

/* Looks at every file; reports the first error other than a missing file. */
static int
do_look(struct storage *s, struct errbuf *eb)
{
    int first_err = 0;

    for (size_t i = 0; i < s->mi->file_count && !s->closing; i++) {
        int err = 0;
        if ((s->mi->files[i].attr & ATTR_PAD) == 0)
            err = filetree_look(&s->tree, i, NULL, first_err == 0 ? eb : NULL);
        if (first_err == 0 && err != SPRAT_E_NOENT)
            first_err = err;
    }
    if (s->tree.parts.any) /* another kind of file in its place fails to open later */
        (void)filetree_look(&s->tree, s->mi->file_count, NULL, NULL);
    else if (s->tree.parts.bytes != NULL && s->tree.writable)
        (void)filetree_drop_parts(&s->tree, NULL); /* all its data was moved out */
    return first_err;
}

static int
do_rehash(struct disk_worker *w, struct storage_job *j, bool v1, bool v2, struct errbuf *eb)
{
    const struct metainfo *mi = j->storage->mi;
    struct rehash h = {
        .span = metainfo_piece_len(mi, j->piece),
        .data = layout_piece_data(mi, j->piece),
    };
    int err = 0;

    h.leaf_count = (h.data + BLOCK_LEN - 1) / BLOCK_LEN;
    if (v1 && (h.sha = sha_new(SHA_1)) == NULL)
        err = SPRAT_E_NOMEM;
    if (v2 && h.leaf_count > 0 && (h.leaves = malloc((size_t)h.leaf_count * 32)) == NULL)
        err = SPRAT_E_NOMEM;
    err = err != 0 ? errbuf_set(eb, err, "out of memory") : rehash_chunks(w, j, &h, eb);
    if (err == 0) {
        if (h.sha != NULL)
            sha_final(h.sha, j->digest);
        j->hashed = true;
        j->leaves = h.leaves;
        j->leaf_count = h.leaf_count;
    } else {
        free(h.leaves);
    }
    sha_free(h.sha);
    return err;
}

/* The blocks of small pieces in the scratch buffer. */
struct small_blocks {
    const void *ptr[DISK_SCRATCH_LEN / BLOCK_LEN];
    size_t len[DISK_SCRATCH_LEN / BLOCK_LEN];
    size_t count;
};

/* The bytes of the scratch buffer that a piece needs. */
static uint32_t
small_room(const struct storage_job *j)
{
    return (metainfo_piece_len(j->storage->mi, j->piece) + BLOCK_LEN - 1) / BLOCK_LEN * BLOCK_LEN;
}

/* Reads a small piece into the scratch buffer, hashes it for v1 at once, and lists its blocks for
 * v2. */
static int
read_small(struct storage_job *j, bool hole, uint8_t *dst, struct small_blocks *b,
           struct errbuf *eb)
{
    const struct metainfo *mi = j->storage->mi;
    uint32_t span = metainfo_piece_len(mi, j->piece), data = layout_piece_data(mi, j->piece);
    int err = 0;

    if (hole && j->skip_holes)
        return errbuf_set(eb, SPRAT_E_NOENT, "nothing was ever written there");
    if (hole)
        memset(dst, 0, span);
    else
        err = read_stretch(j->storage, j->piece, 0, span, dst, eb);
    if (err != 0)
        return err;
    if (mi->id.has_v2 && data > 0) {
        j->leaf_count = (data + BLOCK_LEN - 1) / BLOCK_LEN;
        if ((j->leaves = malloc((size_t)j->leaf_count * 32)) == NULL)
            return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
        for (uint32_t at = 0; at < data; at += BLOCK_LEN, b->count++) {
            b->ptr[b->count] = dst + at;
            b->len[b->count] = data - at < BLOCK_LEN ? data - at : BLOCK_LEN;
        }
    }
    if (mi->id.has_v1)
        sha1(dst, span, j->digest);
    j->hashed = true;
    return 0;
}

/* Rehashes pieces that fit into the scratch buffer together, so that their leaves are hashed
 * together. */
static void
rehash_together(struct disk_worker *w, struct storage_job *const *jobs, size_t n)
{
    struct small_blocks b = {.count = 0};
    uint8_t leaves[DISK_SCRATCH_LEN / BLOCK_LEN * 32], *next = leaves, *dst = w->scratch;
    bool hole[DISK_BATCH_MAX];

    for (size_t i = 0; i < n; i++) {
        uint32_t span = metainfo_piece_len(jobs[i]->storage->mi, jobs[i]->piece);
        hole[i] = is_hole(jobs[i]->storage, jobs[i]->piece, span);
        if (!hole[i])
            read_ahead(jobs[i]->storage, jobs[i]->piece, span);
    }
    for (size_t i = 0; i < n; i++) {
        struct errbuf eb;
        int err = read_small(jobs[i], hole[i], dst, &b, &eb);
        set_error(jobs[i], err, eb.text);
        dst += small_room(jobs[i]);
    }
    sha256_many(b.ptr, b.len, b.count, leaves);
    for (size_t i = 0; i < n; i++) {
        size_t len = 32 * (size_t)jobs[i]->leaf_count;
        if (jobs[i]->leaves == NULL)
            continue;
        memcpy(jobs[i]->leaves, next, len);
        next += len;
    }
}

/* Splits a batch of small pieces into groups that fit. */
static void
do_small_rehashes(struct disk_worker *w, struct storage_job *const *jobs, size_t n)
{
    for (size_t i = 0, end; i < n; i = end) {
        uint32_t room = 0;
        for (end = i; end < n && room + small_room(jobs[end]) <= DISK_SCRATCH_LEN; end++)
            room += small_room(jobs[end]);
        rehash_together(w, jobs + i, end - i);
    }
}

/* Copies wanted files out of the part file. */
static int
do_gather(struct storage *s, struct errbuf *eb)
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

static bool
is_zero(const uint8_t *p, size_t len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* The result of a scan of a piece's blocks. */
struct scan {
    bool bytes; /* some block has data */
    bool gap;   /* some block is empty */
};

/* Scans one range of a file block by block; missing bytes count as a gap. */
static int
scan_range(struct disk_worker *w, struct storage *s, const struct layout_range *r,
           struct scan *scan, struct errbuf *eb)
{
    if (filetree_is_hole(&s->tree, r->file, r->offset, r->len)) {
        scan->gap = true;
        return 0;
    }
    for (uint64_t at = 0; at < r->len; at += BLOCK_LEN) {
        size_t n = r->len - at < BLOCK_LEN ? (size_t)(r->len - at) : BLOCK_LEN;
        int err;

        memset(w->scratch, 0, n); /* a short file leaves the rest unchanged */
        err = filetree_read(&s->tree, r->file, r->offset + at, w->scratch, n, eb);
        if (err != 0 && err != SPRAT_E_SHORT && err != SPRAT_E_NOENT)
            return err;
        if (is_zero(w->scratch, n))
            scan->gap = true;
        else
            scan->bytes = true;
        if (err != 0) {
            scan->gap = scan->gap || at + n < r->len;
            return 0;
        }
    }
    return 0;
}

static int
do_scan(struct disk_worker *w, struct storage_job *j, struct errbuf *eb)
{
    struct storage *s = j->storage;
    struct scan scan = {false, false};
    struct layout_walk walk;
    struct layout_range r;
    int err = 0;

    layout_walk_init(&walk, s->mi, j->piece, 0, metainfo_piece_len(s->mi, j->piece));
    while (err == 0 && layout_walk_next(&walk, &r))
        if (r.stored && r.file == j->file)
            err = scan_range(w, s, &r, &scan, eb);
    if (err != 0 || !scan.bytes)
        return err;
    return errbuf_set(eb, scan.gap ? SPRAT_E_SHORT : SPRAT_E_EXISTS, "%s/%s holds something else",
                      s->tree.dir, filetree_path(&s->tree, j->file));
}

/* True if the range is more than |*first| repeated; |*first| is set to its first byte if |*any| is
 * false. */
static int
vary_range(struct disk_worker *w, struct storage *s, const struct layout_range *r, bool *any,
           uint8_t *first, bool *varied, struct errbuf *eb)
{
    for (uint64_t at = 0; at < r->len && !*varied; at += DISK_SCRATCH_LEN) {
        size_t n = r->len - at < DISK_SCRATCH_LEN ? (size_t)(r->len - at) : DISK_SCRATCH_LEN;
        int err = filetree_read(&s->tree, r->file, r->offset + at, w->scratch, n, eb);

        if (err != 0)
            return err;
        if (!*any)
            *first = w->scratch[0];
        *any = true;
        *varied = w->scratch[0] != *first || memcmp(w->scratch, w->scratch + 1, n - 1) != 0;
    }
    return 0;
}

static int
do_varied(struct disk_worker *w, struct storage_job *j, struct errbuf *eb)
{
    struct storage *s = j->storage;
    bool any = false, varied = false;
    struct layout_walk walk;
    struct layout_range r;
    uint8_t first = 0;
    int err = 0;

    layout_walk_init(&walk, s->mi, j->piece, 0, metainfo_piece_len(s->mi, j->piece));
    while (err == 0 && !varied && layout_walk_next(&walk, &r))
        if (r.stored && r.file == j->file)
            err = vary_range(w, s, &r, &any, &first, &varied, eb);
    if (err != 0 || varied)
        return err;
    return errbuf_set(eb, SPRAT_E_MISMATCH, "%s/%s holds one byte repeated there", s->tree.dir,
                      filetree_path(&s->tree, j->file));
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

/* Passes the job to the next worker, so that each forgets the storage; true when all have done so.
 */
static bool
do_close(struct disk_worker *w, struct storage_job *j)
{
    warmhash_forget(w->warm, j->storage, UINT32_MAX);
    if (w->index + 1 == disk_threads(w->disk))
        return true;
    disk_submit_to(w->disk, &j->job, w->index + 1);
    return false;
}

/* The directory may have been made by the job, or be another one now. */
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
    case OP_READ: err = read_stretch(s, j->piece, j->begin, j->len, j->dst, &eb); break;
    case OP_VERIFY: err = do_verify(w, j, &eb); break;
    case OP_REHASH: err = do_rehash(w, j, s->mi->id.has_v1, s->mi->id.has_v2, &eb); break;
    case OP_LEAVES: err = do_rehash(w, j, false, true, &eb); break;
    case OP_REWRITE: err = do_rewrite(w, j, &eb); break;
    case OP_FORGET: warmhash_forget(w->warm, s, j->piece); break;
    case OP_SCAN: err = do_scan(w, j, &eb); break;
    case OP_VARIED: err = do_varied(w, j, &eb); break;
    case OP_FIND_ROOM: err = filetree_find_room(&s->tree, j->have, j->room, &eb); break;
    case OP_PEEK:
        err = j->file == SIZE_MAX ? filetree_peek_all(&s->tree)
                                  : filetree_peek(&s->tree, j->file, &eb);
        break;
    case OP_CUT: err = do_cut(s, j->files, &eb); break;
    case OP_CALL: err = j->call(j->user, &eb); break;
    case OP_LOOK: err = do_look(s, &eb); break;
    case OP_SYNC: err = filetree_sync(&s->tree, &eb); break;
    case OP_GATHER: err = do_gather(s, &eb); break;
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
    set_error(j, err, eb.text);
}

/* True for a piece smaller than the scratch buffer. */
static bool
is_small_rehash(const struct storage_job *j)
{
    return j->op == OP_REHASH && small_room(j) < DISK_SCRATCH_LEN;
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
            set_error(mine[i], SPRAT_E_CANCELLED, "cancelled");
    else if (mine[0]->op == OP_WRITE)
        do_writes(w, mine, n);
    else if (is_small_rehash(mine[0]))
        do_small_rehashes(w, mine, n);
    else
        do_one(w, mine[0]);
    send_back(mine, n);
}

const struct disk_job_class storage_job_class = {.joins = jobs_join, .run = run_jobs};
