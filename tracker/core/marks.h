/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Marks: one byte of the hash of each entry of an array, in an array of their own. A search
 * compares sixteen marks at once, and then only the entries whose mark is equal.
 */
#ifndef TRACKER_CORE_MARKS_H
#define TRACKER_CORE_MARKS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define MARKS_NONE UINT32_MAX

enum { MARKS_STEP = 16 };

/* Bytes for |n| marks, rounded up since they are read in steps. */
static inline size_t
marks_len(uint32_t n)
{
    return ((size_t)n + MARKS_STEP - 1) / MARKS_STEP * MARKS_STEP;
}

/* A bit for each of MARKS_STEP marks, set if it equals |mark|; the lowest bit is for the first one.
 */
static inline uint32_t
marks_equal(const uint8_t *marks, uint8_t mark)
{
#ifdef __SSE2__
    __m128i row = _mm_loadu_si128((const __m128i *)(const void *)marks);

    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(row, _mm_set1_epi8((char)mark)));
#else
    uint32_t bits = 0;

    for (unsigned i = 0; i < MARKS_STEP; i++)
        bits |= (uint32_t)(marks[i] == mark) << i;
    return bits;
#endif
}

/* The position of the first of |n| marks that equals |mark|, from |pos| on, or MARKS_NONE. */
static inline uint32_t
marks_next(const uint8_t *marks, uint32_t n, uint8_t mark, uint32_t pos)
{
    uint32_t at = pos / MARKS_STEP * MARKS_STEP, hits;

    for (uint32_t all = UINT32_MAX << pos % MARKS_STEP; at < n; at += MARKS_STEP) {
        hits = marks_equal(marks + at, mark) & all;
        all = UINT32_MAX;
        if (hits != 0) {
            pos = at + (uint32_t)__builtin_ctz(hits);
            return pos < n ? pos : MARKS_NONE;
        }
    }
    return MARKS_NONE;
}

#endif
