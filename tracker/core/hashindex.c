/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Linear probing at a load of at most a half. A slot has 32 bits of the hash, so an object moves to
 * a larger table without being read. A table grows while it is in use: each object that is added
 * moves some slots of the old table to the new one, and a search reads both until all are moved.
 * Moved slots stay in the old table, where searches step over them.
 */
#include "tracker/core/hashindex.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

enum { SLOTS_MIN = 64 };

/* The old table has twice as many slots as objects are added before the new one is half full. */
_Static_assert(HASHINDEX_STEPS_MAX >= 2, "the old table is moved in time");

void
hashindex_fini(struct hashindex *x)
{
    free(x->slots);
    free(x->old);
    *x = (struct hashindex){0};
}

static void
put(struct hashindex *x, struct hashindex_slot slot)
{
    uint32_t at = slot.hash & (x->nslots - 1);

    while (x->slots[at].place != 0)
        at = (at + 1) & (x->nslots - 1);
    x->slots[at] = slot;
}

static void
drop_old(struct hashindex *x)
{
    free(x->old);
    x->old = NULL;
    x->moved = 0;
}

/* Moves the next slots of the old table. */
static void
move_some(struct hashindex *x)
{
    uint32_t nold = x->nslots / 2;

    for (x->steps = 0; x->moved < nold && x->steps < HASHINDEX_STEPS_MAX; x->steps++) {
        struct hashindex_slot slot = x->old[x->moved++];

        if (slot.place != 0)
            put(x, slot);
    }
    if (x->moved == nold)
        drop_old(x);
}

static int
grow(struct hashindex *x)
{
    uint32_t nslots = x->nslots > 0 ? x->nslots * 2 : SLOTS_MIN;
    struct hashindex_slot *slots = calloc(nslots, sizeof(*slots));

    if (slots == NULL)
        return SPRAT_E_NOMEM;
    ASSERT(x->old == NULL);
    x->old = x->slots;
    x->moved = 0;
    x->slots = slots;
    x->nslots = nslots;
    return 0;
}

int
hashindex_add(struct hashindex *x, uint32_t hash, uint32_t position)
{
    int err;

    if (x->count >= HASHINDEX_MAX || position == UINT32_MAX)
        return SPRAT_E_LIMIT;
    if (x->count >= x->nslots / 2) {
        err = grow(x);
        if (err != 0)
            return err;
    }
    x->steps = 0;
    if (x->old != NULL)
        move_some(x);
    put(x, (struct hashindex_slot){hash, position + 1});
    x->count++;
    return 0;
}

uint32_t
hashindex_next_old(const struct hashindex *x, uint32_t hash, uint32_t *probe)
{
    uint32_t nold = x->nslots / 2;

    while (*probe - x->nslots < nold) {
        uint32_t at = (hash + (*probe)++ - x->nslots) & (nold - 1);

        if (x->old[at].place == 0)
            break;
        if (x->old[at].hash == hash && at >= x->moved)
            return x->old[at].place - 1;
    }
    *probe = x->nslots + nold;
    return HASHINDEX_NONE;
}

void
hashindex_clear(struct hashindex *x)
{
    drop_old(x);
    if (x->nslots > 0)
        memset(x->slots, 0, (size_t)x->nslots * sizeof(*x->slots));
    x->count = 0;
}
