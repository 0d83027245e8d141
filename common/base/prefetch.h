/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory that will be read soon.
 */
#ifndef COMMON_BASE_PREFETCH_H
#define COMMON_BASE_PREFETCH_H

/* Gets the cache line at |p|, which need not be anything's, on its way from memory. GCC takes a
 * function that does nothing but __builtin_prefetch() for one without any effect and leaves calls
 * of it out; the empty instruction keeps them. */
static inline void
prefetch_line(const void *p)
{
    __builtin_prefetch(p);
    __asm__ volatile("");
}

#endif
