/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hash map finds a piece's leaves, and a list keeps the pieces in the order of their use.
 */
#include "peer/core/leafcache.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

static bool
match(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct leafset *s = LIST_ENTRY(node, const struct leafset, node);
    uint32_t piece;

    ASSERT(len == sizeof(piece));
    memcpy(&piece, key, sizeof(piece));
    return s->piece == piece;
}

void
leafcache_init(struct leafcache *c, uint32_t leaves_max)
{
    /* A constant is enough: the keys are the few piece numbers of the torrent, so collisions gain
     * an attacker nothing. */
    static const uint64_t seed[2] = {0x6c656166, 0x63616368};

    *c = (struct leafcache){.leaves_max = leaves_max};
    hashmap_init(&c->map, seed, match);
    list_init(&c->by_use);
}

static void
discard(struct leafcache *c, struct leafset *s)
{
    hashmap_remove(&c->map, &s->node);
    list_remove(&s->link);
    c->leaves -= s->count;
    free(s);
}

void
leafcache_fini(struct leafcache *c)
{
    LIST_EACH_SAFE(it, &c->by_use)
        discard(c, LIST_ENTRY(it, struct leafset, link));
    hashmap_fini(&c->map);
}

static struct leafset *
find(const struct leafcache *c, uint32_t piece)
{
    struct hashmap_node *node = hashmap_find(&c->map, &piece, sizeof(piece));

    return node != NULL ? LIST_ENTRY(node, struct leafset, node) : NULL;
}

const struct leafset *
leafcache_find(const struct leafcache *c, uint32_t piece)
{
    return find(c, piece);
}

void
leafcache_touch(struct leafcache *c, uint32_t piece)
{
    struct leafset *s = find(c, piece);

    if (s == NULL)
        return;
    list_remove(&s->link);
    list_push_back(&c->by_use, &s->link);
}

static struct leafset *
add(struct leafcache *c, uint32_t piece, uint32_t count)
{
    struct leafset *s = malloc(sizeof(*s) + (size_t)count * 32);

    if (s == NULL)
        return NULL;
    s->piece = piece;
    s->count = count;
    s->known = 0;
    if (hashmap_add(&c->map, &s->node, &piece, sizeof(piece)) != 0) {
        free(s);
        return NULL;
    }
    list_push_back(&c->by_use, &s->link);
    c->leaves += count;
    while (c->leaves > c->leaves_max && c->by_use.next != &s->link)
        discard(c, LIST_ENTRY(c->by_use.next, struct leafset, link));
    return s;
}

int
leafcache_put(struct leafcache *c, uint32_t piece, uint32_t count, uint32_t first,
              const uint8_t *leaves, uint32_t n)
{
    struct leafset *s = find(c, piece);

    ASSERT(n > 0 && first % LEAFCACHE_STRETCH == 0 && first + n <= count);
    ASSERT(first + n == count || n % LEAFCACHE_STRETCH == 0);
    ASSERT(count <= LEAFCACHE_STRETCH * LEAFCACHE_STRETCHES_MAX);
    if (s == NULL)
        s = add(c, piece, count);
    if (s == NULL)
        return SPRAT_E_NOMEM;
    ASSERT(s->count == count);
    memcpy(s->leaves + (size_t)first * 32, leaves, (size_t)n * 32);
    for (uint32_t i = first; i < first + n; i += LEAFCACHE_STRETCH)
        s->known |= (uint64_t)1 << i / LEAFCACHE_STRETCH;
    leafcache_touch(c, piece);
    return 0;
}

uint32_t
leafset_first_unknown(const struct leafset *s)
{
    for (uint32_t leaf = 0; leaf < s->count; leaf += LEAFCACHE_STRETCH)
        if (!leafset_knows(s, leaf))
            return leaf;
    return s->count;
}
