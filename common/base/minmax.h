/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The smaller and the larger of two numbers, as functions: a macro would evaluate an argument
 * twice.
 */
#ifndef COMMON_BASE_MINMAX_H
#define COMMON_BASE_MINMAX_H

#include <stdint.h>

static inline uint32_t
min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint64_t
min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t
max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline int64_t
max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
