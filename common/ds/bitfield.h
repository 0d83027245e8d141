/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A fixed-size set of bits in wire order: bit 0 is the high bit of byte 0 (BEP 3 "bitfield").
 * Keeps a count of the set bits. Spare bits at the end are always zero.
 */
#ifndef COMMON_DS_BITFIELD_H
#define COMMON_DS_BITFIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded by its users; read the members, write them only through these functions. */
struct bitfield {
    uint8_t *bytes;
    uint32_t nbits;
    uint32_t count; /* number of set bits */
};

/* Initialises all bits to zero. |nbits| may be 0. SPRAT_E_NOMEM. */
int bitfield_init(struct bitfield *b, uint32_t nbits);
void bitfield_fini(struct bitfield *b);

static inline size_t
bitfield_size(uint32_t nbits)
{
    return ((size_t)nbits + 7) / 8;
}

/* False if |i| is out of range. */
static inline bool
bitfield_get(const struct bitfield *b, uint32_t i)
{
    return i < b->nbits && (b->bytes[i >> 3] & (0x80u >> (i & 7))) != 0;
}

/* |i| must be in range. Returns true if the bit changed. */
bool bitfield_set(struct bitfield *b, uint32_t i);
bool bitfield_clear(struct bitfield *b, uint32_t i);

void bitfield_set_all(struct bitfield *b);
void bitfield_clear_all(struct bitfield *b);

/* Loads the content of a wire bitfield. SPRAT_E_PROTOCOL, and no change, if |len| is not exactly
 * bitfield_size(nbits) or a spare bit is set. */
int bitfield_load(struct bitfield *b, const uint8_t *bytes, size_t len);

/* Copies |src| of the same size. */
void bitfield_copy(struct bitfield *dst, const struct bitfield *src);

static inline bool
bitfield_full(const struct bitfield *b)
{
    return b->count == b->nbits;
}

/* The first set (clear) bit at or after |from|; nbits if there is none. */
uint32_t bitfield_next_set(const struct bitfield *b, uint32_t from);
uint32_t bitfield_next_clear(const struct bitfield *b, uint32_t from);

/* True if a bit is set in |a| and not in |b|; both have the same size. */
bool bitfield_has_extra(const struct bitfield *a, const struct bitfield *b);

#endif
