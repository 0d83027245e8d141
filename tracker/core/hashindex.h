/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An index by keyed hash over objects that stand in somebody's array: open addressing, eight bytes
 * a slot, so that a lookup touches one line here and the object itself. The owner makes the hashes
 * (siphash.h, because strangers choose the keys) and compares the keys. Nothing is taken out but
 * all at once.
 */
#ifndef TRACKER_CORE_HASHINDEX_H
#define TRACKER_CORE_HASHINDEX_H

#include <stdbool.h>
#include <stdint.h>

enum { HASHINDEX_MAX = 1 << 29 }; /* objects */

#define HASHINDEX_NONE UINT32_MAX

struct hashindex_slot {
    uint32_t hash;
    uint32_t place; /* position + 1; 0: unused */
};

/* Embedded; starts as all zero; private but for |count|. */
struct hashindex {
    struct hashindex_slot *slots;
    uint32_t nslots; /* a power of two, at least twice |count|; or 0 */
    uint32_t count;
};

void hashindex_fini(struct hashindex *x);

/* Gets the slot where a search for |hash| begins on its way from memory. */
static inline void
hashindex_prefetch(const struct hashindex *x, uint32_t hash)
{
    if (x->nslots > 0)
        __builtin_prefetch(&x->slots[hash & (x->nslots - 1)]);
}

/* The positions of the objects with |hash|, one after the other: begin with |*probe| 0;
 * HASHINDEX_NONE at the end. */
static inline uint32_t
hashindex_next(const struct hashindex *x, uint32_t hash, uint32_t *probe)
{
    while (*probe < x->nslots) {
        const struct hashindex_slot *s = &x->slots[(hash + (*probe)++) & (x->nslots - 1)];

        if (s->place == 0)
            return HASHINDEX_NONE;
        if (s->hash == hash)
            return s->place - 1;
    }
    return HASHINDEX_NONE;
}

/* Adds an object. NOMEM, and LIMIT for more than HASHINDEX_MAX; nothing is changed then. */
int hashindex_add(struct hashindex *x, uint32_t hash, uint32_t position);

/* Takes all out and keeps the memory. */
void hashindex_clear(struct hashindex *x);

#endif
