/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A table of slots with generations. An id has the generation in its high half and the slot number
 * in its low half; generations start at 1, so that no id is 0.
 */
#include "common/ds/slotmap.h"

#include <stdlib.h>

#include "common/base/assert.h"

enum { SLOTMAP_CAP_MIN = 16 };

void
slotmap_init(struct slotmap *m, uint32_t max)
{
    *m = (struct slotmap){.max = max};
}

void
slotmap_fini(struct slotmap *m)
{
    free(m->slots);
    *m = (struct slotmap){0};
}

static bool
grow(struct slotmap *m)
{
    uint32_t cap = m->cap > 0 ? m->cap * 2 : SLOTMAP_CAP_MIN;
    struct slot *slots;

    if (cap > m->max)
        cap = m->max;
    slots = realloc(m->slots, cap * sizeof(*slots));
    if (slots == NULL)
        return false;
    m->slots = slots;
    m->cap = cap;
    return true;
}

/* The lowest free slot, allocated if necessary; |max| of the map if there is none. */
static uint32_t
find_free(struct slotmap *m)
{
    uint32_t i = m->first_free;

    while (i < m->used && m->slots[i].object != NULL)
        i++;
    if (i < m->used)
        return i;
    if (i >= m->max || (i == m->cap && !grow(m)))
        return m->max;
    m->slots[i] = (struct slot){.object = NULL, .generation = 0};
    m->used = i + 1;
    return i;
}

slot_id
slotmap_add(struct slotmap *m, void *object)
{
    uint32_t i = find_free(m);

    ASSERT(object != NULL);
    if (i == m->max)
        return SLOT_NONE;
    m->slots[i].object = object;
    if (++m->slots[i].generation == 0)
        m->slots[i].generation = 1;
    m->first_free = i + 1;
    m->count++;
    return (slot_id)m->slots[i].generation << 32 | i;
}

void *
slotmap_get(const struct slotmap *m, slot_id id)
{
    uint32_t i = slot_index(id);

    if (i >= m->used || m->slots[i].generation != (uint32_t)(id >> 32))
        return NULL;
    return m->slots[i].object;
}

void *
slotmap_remove(struct slotmap *m, slot_id id)
{
    void *object = slotmap_get(m, id);
    uint32_t i = slot_index(id);

    if (object == NULL)
        return NULL;
    m->slots[i].object = NULL;
    if (i < m->first_free)
        m->first_free = i;
    m->count--;
    return object;
}

void *
slotmap_next(const struct slotmap *m, uint32_t *iter)
{
    while (*iter < m->used) {
        void *object = m->slots[(*iter)++].object;

        if (object != NULL)
            return object;
    }
    return NULL;
}
