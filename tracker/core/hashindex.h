/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hash index for the objects of an array: open addressing with slots of eight bytes, so that a
 * search touches one cache line here, and the object itself. The owner of the array computes the
 * hashes (with siphash.h, since strangers choose the keys) and compares the keys. Objects can't be
 * removed one by one, only all together. The table grows by a few slots with each object that is
 * added, so that no call waits for a table of millions.
 */
#ifndef TRACKER_CORE_HASHINDEX_H
#define TRACKER_CORE_HASHINDEX_H

#include <stddef.h>
#include <stdint.h>

enum {
    HASHINDEX_MAX = 1 << 29, /* objects */
    HASHINDEX_STEPS_MAX = 8, /* slots that hashindex_add() moves */
};

#define HASHINDEX_NONE UINT32_MAX

struct hashindex_slot {
    uint32_t hash;
    uint32_t place; /* index of the object + 1; 0: unused */
};

/* Embedded; starts as all zero; private except |count| and |steps|. */
struct hashindex {
    struct hashindex_slot *slots;
    uint32_t nslots; /* a power of two, at least twice |count|; or 0 */
    uint32_t count;
    struct hashindex_slot *old; /* the table of half as many slots that is moved; or NULL */
    uint32_t moved;             /* slots of it that are in |slots|, too */
    uint32_t steps;             /* slots that the last hashindex_add() moved */
};

void hashindex_fini(struct hashindex *x);

/* Prefetches the slot at which a search for |hash| begins. */
static inline void
hashindex_prefetch(const struct hashindex *x, uint32_t hash)
{
    if (x->nslots > 0)
        __builtin_prefetch(&x->slots[hash & (x->nslots - 1)]);
}

/* The rest of a search: hashindex_next() in the old table. */
uint32_t hashindex_next_old(const struct hashindex *x, uint32_t hash, uint32_t *probe);

/* Returns the indexes of the objects with |hash|, one in each call: begin with |*probe| 0;
 * HASHINDEX_NONE at the end. */
static inline uint32_t
hashindex_next(const struct hashindex *x, uint32_t hash, uint32_t *probe)
{
    while (*probe < x->nslots) {
        const struct hashindex_slot *s = &x->slots[(hash + (*probe)++) & (x->nslots - 1)];

        if (s->place == 0)
            *probe = x->nslots;
        else if (s->hash == hash)
            return s->place - 1;
    }
    return x->old != NULL ? hashindex_next_old(x, hash, probe) : HASHINDEX_NONE;
}

/* Adds an object. NOMEM, or LIMIT for more than HASHINDEX_MAX; then nothing is changed. */
int hashindex_add(struct hashindex *x, uint32_t hash, uint32_t position);

/* Removes all objects and keeps the memory. */
void hashindex_clear(struct hashindex *x);

#endif
