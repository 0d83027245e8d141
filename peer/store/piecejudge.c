/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compares digests. Allocates memory only for files whose piece layer is missing.
 */
#include "peer/store/piecejudge.h"

#include <stdlib.h>
#include <string.h>

#include "common/codec/merkle.h"

/* A file whose layer is missing and is collected from its pieces. */
struct made_layer {
    uint8_t *hashes;
    uint32_t count; /* number of collected pieces */
};

struct piecejudge {
    const struct metainfo *mi;
    bool (*piece_hash)(void *user, uint32_t piece, uint8_t out[32]);
    void *user;
    struct made_layer *made; /* one per file; NULL until the first is needed */
};

struct piecejudge *
piecejudge_new(const struct metainfo *mi,
               bool (*piece_hash)(void *user, uint32_t piece, uint8_t out[32]), void *user)
{
    struct piecejudge *j = calloc(1, sizeof(*j));

    if (j != NULL)
        *j = (struct piecejudge){.mi = mi, .piece_hash = piece_hash, .user = user};
    return j;
}

void
piecejudge_free(struct piecejudge *j)
{
    if (j == NULL)
        return;
    for (size_t i = 0; j->made != NULL && i < j->mi->file_count; i++)
        free(j->made[i].hashes);
    free(j->made);
    free(j);
}

/* Collects a piece hash that has no counterpart to compare with. */
static int
make_layer(struct piecejudge *j, size_t file, uint32_t index, const uint8_t hash[32])
{
    const struct metainfo_file *f = &j->mi->files[file];
    struct made_layer *m;

    if (j->made == NULL && (j->made = calloc(j->mi->file_count, sizeof(*j->made))) == NULL)
        return SPRAT_E_NOMEM;
    m = &j->made[file];
    if (m->hashes == NULL && (m->hashes = malloc((size_t)f->piece_count * 32)) == NULL)
        return SPRAT_E_NOMEM;
    memcpy(m->hashes + 32 * (size_t)index, hash, 32);
    m->count++;
    return SPRAT_E_AGAIN;
}

/* The v2 result; 0 also if no file owns the piece. */
static int
judge_v2(struct piecejudge *j, uint32_t piece, const uint8_t *leaves, uint32_t leaf_count)
{
    const struct metainfo *mi = j->mi;
    size_t file = metainfo_file_at(mi, (uint64_t)piece * mi->piece_length);
    const struct metainfo_file *f = &mi->files[file];
    bool one_piece = f->length <= mi->piece_length;
    unsigned height = one_piece ? merkle_log2(merkle_blocks(f->length))
                                : merkle_log2(mi->piece_length / BLOCK_LEN);
    uint32_t index = piece - f->first_piece;
    uint8_t hash[32], expected[32];

    if (!f->has_root || leaf_count == 0)
        return 0;
    if (merkle_root(leaves, leaf_count, 0, height, hash) != 0)
        return SPRAT_E_NOMEM;
    if (one_piece)
        return memcmp(hash, f->root, 32) == 0 ? 0 : SPRAT_E_HASH;
    if (f->layer != NULL)
        return memcmp(hash, f->layer + 32 * (size_t)index, 32) == 0 ? 0 : SPRAT_E_HASH;
    if (j->piece_hash != NULL && j->piece_hash(j->user, piece, expected))
        return memcmp(hash, expected, 32) == 0 ? 0 : SPRAT_E_HASH;
    return make_layer(j, file, index, hash);
}

int
piecejudge_piece(struct piecejudge *j, uint32_t piece, const uint8_t *sha1, const uint8_t *leaves,
                 uint32_t leaf_count)
{
    const struct metainfo *mi = j->mi;
    int v1 = 0, v2;

    if (mi->id.has_v1)
        v1 = memcmp(sha1, mi->pieces + 20 * (size_t)piece, 20) == 0 ? 0 : SPRAT_E_HASH;
    if (!mi->id.has_v2)
        return v1;
    v2 = judge_v2(j, piece, leaves, leaf_count);
    if (!mi->id.has_v1 || v2 == SPRAT_E_NOMEM)
        return v2;
    if (v2 == SPRAT_E_AGAIN)
        return v1; /* the v1 hash alone is enough to trust the bytes */
    return v1 == v2 ? v1 : SPRAT_E_MISMATCH;
}

bool
piecejudge_file_is_whole(struct piecejudge *j, size_t file)
{
    const struct metainfo *mi = j->mi;
    const struct metainfo_file *f = &mi->files[file];
    unsigned leaf_height = merkle_log2(mi->piece_length / BLOCK_LEN);
    uint8_t root[32];

    if (j->made == NULL || j->made[file].count != f->piece_count || f->piece_count == 0)
        return false;
    return merkle_root(j->made[file].hashes, f->piece_count, leaf_height,
                       merkle_log2(f->piece_count), root) == 0 &&
           memcmp(root, f->root, 32) == 0;
}

bool
piecejudge_layers_missing(struct piecejudge *j)
{
    if (j->made == NULL || j->mi->id.has_v1)
        return false;
    for (size_t i = 0; i < j->mi->file_count; i++)
        if (j->made[i].hashes != NULL && !piecejudge_file_is_whole(j, i))
            return true;
    return false;
}
