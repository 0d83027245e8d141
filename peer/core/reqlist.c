/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An array with a moving head. The first request allocates the memory and reqlist_clear() frees it,
 * so that an idle peer costs none.
 */
#include "peer/core/reqlist.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

enum { REQLIST_CAP_MIN = 16 };

void
reqlist_init(struct reqlist *l, uint32_t max)
{
    *l = (struct reqlist){.max = max};
}

void
reqlist_fini(struct reqlist *l)
{
    free(l->items);
    *l = (struct reqlist){0};
}

/* Makes room after the last request: moves all to the front if half of the array is free there,
 * else grows. */
static int
make_room(struct reqlist *l)
{
    struct request *items;
    uint32_t cap;

    if (l->head > 0 && l->head >= l->cap / 2) {
        memmove(l->items, l->items + l->head, l->count * sizeof(*l->items));
        l->head = 0;
        return 0;
    }
    cap = l->cap > 0 ? l->cap * 2 : REQLIST_CAP_MIN;
    items = realloc(l->items, cap * sizeof(*items));
    if (items == NULL)
        return SPRAT_E_NOMEM;
    l->items = items;
    l->cap = cap;
    return 0;
}

int
reqlist_push(struct reqlist *l, const struct request *r)
{
    if (l->count >= l->max)
        return SPRAT_E_LIMIT;
    if (l->head + l->count == l->cap && make_room(l) != 0)
        return SPRAT_E_NOMEM;
    l->items[l->head + l->count++] = *r;
    return 0;
}

uint32_t
reqlist_find(const struct reqlist *l, uint32_t piece, uint32_t begin)
{
    for (uint32_t i = 0; i < l->count; i++) {
        const struct request *r = reqlist_at(l, i);

        if (r->piece == piece && r->begin == begin)
            return i;
    }
    return REQLIST_NONE;
}

void
reqlist_remove(struct reqlist *l, uint32_t i)
{
    ASSERT(i < l->count);
    l->count--;
    if (i == 0)
        l->head = l->count > 0 ? l->head + 1 : 0;
    else
        memmove(reqlist_at(l, i), reqlist_at(l, i + 1), (l->count - i) * sizeof(*l->items));
}

void
reqlist_clear(struct reqlist *l)
{
    free(l->items);
    *l = (struct reqlist){.max = l->max};
}
