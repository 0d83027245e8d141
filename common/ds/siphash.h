/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SipHash (Aumasson and Bernstein, 2012): a keyed hash of short messages. 1-3 for tables, where it
 * only has to resist chosen keys; 2-4, with its full margin, for values that others see (mac.h).
 */
#ifndef COMMON_DS_SIPHASH_H
#define COMMON_DS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash13(const uint64_t key[2], const void *data, size_t len);
uint64_t siphash24(const uint64_t key[2], const void *data, size_t len);

/* Up to eight bytes as a number, least significant first: how a key of bytes is read. */
static inline uint64_t
siphash_load(const uint8_t *p, size_t len)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

#endif
