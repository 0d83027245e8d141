/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A row of blocks that fills and empties from the front; the number of bytes that passed gives a
 * slot's position.
 */
#include "peer/core/ahead.h"

#include <string.h>

#include "common/base/assert.h"

enum { UNIT = BLOCK_HEAD_LEN + BLOCK_LEN }; /* bytes of a header and a whole block */

_Static_assert(BLOCK_LEN == 0x4000, "the header below says so");
/* the length and id of a PIECE with a full block (BEP 3) */
static const uint8_t whole_block[5] = {0, 0, 0x40, 9, 7};

static uint8_t *
unit_of(struct block *b)
{
    return b->head + sizeof(b->head) - BLOCK_HEAD_LEN;
}

int
ahead_spans(struct ahead *a, struct block_pool *pool, struct wire_span spans[AHEAD_MAX])
{
    uint32_t want = a->want > 0 ? a->want : 1;

    ASSERT(a->count == 0);
    for (; a->count < want; a->count++) {
        struct block *b = block_take_ahead(pool);

        if (b == NULL)
            break;
        a->slots[a->count] = b;
        spans[a->count] = (struct wire_span){unit_of(b), UNIT};
    }
    return (int)a->count;
}

/* Returns the blocks from slot |first| on to the pool. */
static void
drop_from(struct ahead *a, uint32_t first)
{
    while (a->count > first)
        block_drop(a->slots[--a->count]);
}

void
ahead_filled(struct ahead *a, size_t len)
{
    uint32_t touched = (uint32_t)((len + UNIT - 1) / UNIT);
    bool full = len == (size_t)a->count * UNIT;

    ASSERT(a->used == 0 && a->filled == 0 && touched <= a->count);
    a->want = full ? 2 * a->count : touched + 1;
    if (a->want > AHEAD_MAX)
        a->want = AHEAD_MAX;
    a->filled = len;
    drop_from(a, touched);
}

size_t
ahead_left(const struct ahead *a)
{
    return a->filled - a->used;
}

/* |len| bytes are consumed; after the last byte the row is empty. */
static void
went_by(struct ahead *a, size_t len)
{
    a->used += len;
    if (a->used == a->filled)
        ahead_fini(a);
}

struct block *
ahead_take(struct ahead *a)
{
    size_t left = ahead_left(a), n = left < UNIT ? left : UNIT;
    struct block **slot = &a->slots[a->used / UNIT], *b = *slot;

    if (a->used % UNIT != 0 || n < BLOCK_HEAD_LEN ||
        memcmp(unit_of(b), whole_block, sizeof(whole_block)) != 0)
        return NULL;
    b->len = (uint32_t)(n - BLOCK_HEAD_LEN);
    block_adopt(b);
    *slot = NULL;
    went_by(a, n);
    return b;
}

const uint8_t *
ahead_bytes(const struct ahead *a, size_t *len)
{
    size_t at = a->used % UNIT, left = ahead_left(a);

    *len = left < UNIT - at ? left : UNIT - at;
    return left > 0 ? unit_of(a->slots[a->used / UNIT]) + at : NULL;
}

void
ahead_consume(struct ahead *a, size_t len)
{
    struct block **slot = &a->slots[a->used / UNIT];

    ASSERT(len <= UNIT - a->used % UNIT && len <= ahead_left(a));
    if ((a->used + len) % UNIT == 0) {
        block_drop(*slot);
        *slot = NULL;
    }
    went_by(a, len);
}

void
ahead_fini(struct ahead *a)
{
    drop_from(a, 0);
    a->filled = a->used = 0;
}
