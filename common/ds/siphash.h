/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SipHash (Aumasson and Bernstein, 2012): a keyed hash of short messages. 1-3 for tables, where it
 * only has to resist chosen keys; 2-4, with its full margin, for values that others see (mac.h).
 */
#ifndef COMMON_DS_SIPHASH_H
#define COMMON_DS_SIPHASH_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

uint64_t siphash13(const uint64_t key[2], const void *data, size_t len);
uint64_t siphash24(const uint64_t key[2], const void *data, size_t len);

/* Reads eight key bytes as a number, least significant byte first. */
static inline uint64_t
siphash_load(const uint8_t p[8])
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

#endif
