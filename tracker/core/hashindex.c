/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Linear probing at a load of at most a half. A slot has 32 bits of the hash, so the table can grow
 * without reading the objects.
 */
#include "tracker/core/hashindex.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

enum { SLOTS_MIN = 64 };

void
hashindex_fini(struct hashindex *x)
{
    free(x->slots);
    *x = (struct hashindex){0};
}

static void
put(struct hashindex_slot *slots, uint32_t nslots, struct hashindex_slot slot)
{
    uint32_t at = slot.hash & (nslots - 1);

    while (slots[at].place != 0)
        at = (at + 1) & (nslots - 1);
    slots[at] = slot;
}

static int
grow(struct hashindex *x)
{
    uint32_t nslots = x->nslots > 0 ? x->nslots * 2 : SLOTS_MIN;
    struct hashindex_slot *slots = calloc(nslots, sizeof(*slots));

    if (slots == NULL)
        return SPRAT_E_NOMEM;
    for (uint32_t i = 0; i < x->nslots; i++)
        if (x->slots[i].place != 0)
            put(slots, nslots, x->slots[i]);
    free(x->slots);
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
    put(x->slots, x->nslots, (struct hashindex_slot){hash, position + 1});
    x->count++;
    return 0;
}

void
hashindex_clear(struct hashindex *x)
{
    if (x->nslots > 0)
        memset(x->slots, 0, (size_t)x->nslots * sizeof(*x->slots));
    x->count = 0;
}
