/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bits in wire order with a running count.
 */
#include "common/ds/bitfield.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

int
bitfield_init(struct bitfield *b, uint32_t nbits)
{
    size_t size = bitfield_size(nbits);

    b->bytes = calloc(size > 0 ? size : 1, 1);
    if (b->bytes == NULL)
        return SPRAT_E_NOMEM;
    b->nbits = nbits;
    b->count = 0;
    return 0;
}

void
bitfield_fini(struct bitfield *b)
{
    free(b->bytes);
    *b = (struct bitfield){0};
}

bool
bitfield_set(struct bitfield *b, uint32_t i)
{
    uint8_t mask = (uint8_t)(0x80u >> (i & 7));

    ASSERT(i < b->nbits);
    if (b->bytes[i >> 3] & mask)
        return false;
    b->bytes[i >> 3] |= mask;
    b->count++;
    return true;
}

bool
bitfield_clear(struct bitfield *b, uint32_t i)
{
    uint8_t mask = (uint8_t)(0x80u >> (i & 7));

    ASSERT(i < b->nbits);
    if (!(b->bytes[i >> 3] & mask))
        return false;
    b->bytes[i >> 3] &= (uint8_t)~mask;
    b->count--;
    return true;
}

/* The byte mask of the spare bits after the last one; 0 if there are none. */
static uint8_t
spare_mask(uint32_t nbits)
{
    return (nbits & 7) != 0 ? (uint8_t)(0xffu >> (nbits & 7)) : 0;
}

void
bitfield_set_all(struct bitfield *b)
{
    size_t size = bitfield_size(b->nbits);

    if (size == 0)
        return;
    memset(b->bytes, 0xff, size);
    b->bytes[size - 1] &= (uint8_t)~spare_mask(b->nbits);
    b->count = b->nbits;
}

void
bitfield_clear_all(struct bitfield *b)
{
    memset(b->bytes, 0, bitfield_size(b->nbits));
    b->count = 0;
}

int
bitfield_load(struct bitfield *b, const uint8_t *bytes, size_t len)
{
    if (len != bitfield_size(b->nbits))
        return SPRAT_E_PROTOCOL;
    if (len > 0 && (bytes[len - 1] & spare_mask(b->nbits)) != 0)
        return SPRAT_E_PROTOCOL;
    b->count = 0;
    for (size_t i = 0; i < len; i++) {
        b->bytes[i] = bytes[i];
        b->count += (uint32_t)__builtin_popcount(bytes[i]);
    }
    return 0;
}

void
bitfield_copy(struct bitfield *dst, const struct bitfield *src)
{
    ASSERT(dst->nbits == src->nbits);
    memcpy(dst->bytes, src->bytes, bitfield_size(src->nbits));
    dst->count = src->count;
}

/* Finds the first set bit of |b| xor |flip|; skips whole bytes at once. */
static uint32_t
scan(const struct bitfield *b, uint32_t from, uint8_t flip)
{
    size_t size = bitfield_size(b->nbits);
    size_t i = from >> 3;
    uint8_t v;
    uint32_t bit;

    if (from >= b->nbits)
        return b->nbits;
    v = (uint8_t)((b->bytes[i] ^ flip) & (0xffu >> (from & 7)));
    while (v == 0) {
        if (++i == size)
            return b->nbits;
        v = b->bytes[i] ^ flip;
    }
    bit = (uint32_t)(i * 8) + (uint32_t)__builtin_clz((unsigned)v << 24);
    return bit < b->nbits ? bit : b->nbits;
}

uint32_t
bitfield_next_set(const struct bitfield *b, uint32_t from)
{
    return scan(b, from, 0);
}

uint32_t
bitfield_next_clear(const struct bitfield *b, uint32_t from)
{
    return scan(b, from, 0xff);
}

bool
bitfield_has_extra(const struct bitfield *a, const struct bitfield *b)
{
    size_t size = bitfield_size(a->nbits);

    ASSERT(a->nbits == b->nbits);
    for (size_t i = 0; i < size; i++)
        if (a->bytes[i] & ~b->bytes[i])
            return true;
    return false;
}
