/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hashes pieces from disk. A piece of several scratch buffers is read in chunks, and each chunk is
 * hashed for v1 and v2 while it is in the cache. Small pieces share the scratch buffer, so that the
 * leaves of many are hashed together.
 */
#include "peer/store/storagehash.h"

#include <stdlib.h>
#include <string.h>

#include "common/crypto/sha.h"
#include "common/crypto/shamany.h"
#include "peer/store/layout.h"

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
            err = storagejob_read(j->storage, j->piece, at, n, w->scratch, eb);
        if (err == 0 && h->sha != NULL)
            sha_update(h->sha, w->scratch, n);
        if (err == 0 && h->leaves != NULL)
            hash_chunk_leaves(w->scratch, at, n, h->data, h->leaves);
    }
    return err;
}

int
storagehash_piece(struct disk_worker *w, struct storage_job *j, bool v1, bool v2, struct errbuf *eb)
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

uint32_t
storagehash_room(const struct storage_job *j)
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
        err = storagejob_read(j->storage, j->piece, 0, span, dst, eb);
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
        storagejob_fail(jobs[i], err, eb.text);
        dst += storagehash_room(jobs[i]);
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

void
storagehash_small(struct disk_worker *w, struct storage_job *const *jobs, size_t n)
{
    for (size_t i = 0, end; i < n; i = end) {
        uint32_t room = 0;
        for (end = i; end < n && room + storagehash_room(jobs[end]) <= DISK_SCRATCH_LEN; end++)
            room += storagehash_room(jobs[end]);
        rehash_together(w, jobs + i, end - i);
    }
}
