/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of open pieces: pieces of which at least one block is stored, and which are not
 * verified.
 */
#include "peer/core/swarm_pieces.h"

#include <stdlib.h>
#include <string.h>

static bool
piece_matches(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct swarm_piece *op = LIST_ENTRY(node, struct swarm_piece, node);

    return memcmp(&op->piece, key, len) == 0;
}

void
pieces_init(struct swarm *s)
{
    uint64_t seed[2] = {rng_u64(&s->rng), rng_u64(&s->rng)};

    hashmap_init(&s->pieces.map, seed, piece_matches);
    list_init(&s->pieces.list);
}

struct swarm_piece *
pieces_find(const struct swarm *s, uint32_t piece)
{
    struct hashmap_node *node = hashmap_find(&s->pieces.map, &piece, sizeof(piece));

    return node != NULL ? LIST_ENTRY(node, struct swarm_piece, node) : NULL;
}

void
pieces_remove(struct swarm *s, struct swarm_piece *op)
{
    hashmap_remove(&s->pieces.map, &op->node);
    list_remove(&op->link);
    free(op->leaves);
    free(op);
}

static bool
has_leaves(const struct swarm *s, uint32_t piece)
{
    size_t file;
    uint32_t index;

    return s->tree != NULL && geometry_v2_file(&s->geo, piece, &file, &index);
}

struct swarm_piece *
pieces_add(struct swarm *s, uint32_t piece)
{
    struct swarm_piece *op = pieces_find(s, piece);

    if (op != NULL)
        return op;
    op = calloc(1, sizeof(*op));
    if (op == NULL)
        return NULL;
    op->piece = piece;
    op->blocks = geometry_blocks(&s->geo, piece);
    op->since = s->clock.now;
    list_init(&op->link);
    if (has_leaves(s, piece) && (op->leaves = calloc(op->blocks, SHA256_LEN)) == NULL) {
        free(op);
        return NULL;
    }
    if (hashmap_add(&s->pieces.map, &op->node, &op->piece, sizeof(op->piece)) != 0) {
        free(op->leaves);
        free(op);
        return NULL;
    }
    list_push_back(&s->pieces.list, &op->link);
    return op;
}

void
piece_set_state(struct swarm *s, struct swarm_piece *op, enum piece_state state)
{
    op->state = state;
    op->since = s->clock.now;
}

void
pieces_fini(struct swarm *s)
{
    LIST_EACH_SAFE (it, &s->pieces.list)
        pieces_remove(s, LIST_ENTRY(it, struct swarm_piece, link));
    hashmap_fini(&s->pieces.map);
}
