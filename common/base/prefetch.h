/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The size of a cache line, and the prefetching of memory that will be read soon.
 */
#ifndef COMMON_BASE_PREFETCH_H
#define COMMON_BASE_PREFETCH_H

/* Bytes of a cache line on x86-64 and most ARM64 processors. Data that different threads write is
 * aligned to it, so that no two of them share a line. */
enum { CACHE_LINE = 64 };

/* Starts to load the cache line at |p|, which may be any address. GCC regards a function that only
 * calls __builtin_prefetch() as having no effect and drops calls of it; the empty instruction keeps
 * them. */
static inline void
prefetch_line(const void *p)
{
    __builtin_prefetch(p);
    __asm__ volatile("");
}

#endif
