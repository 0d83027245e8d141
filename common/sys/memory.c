/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A fixed M_MMAP_THRESHOLD also ends glibc's own adjustment of it.
 */
#include "common/sys/memory.h"

#include <malloc.h>

void
memory_init(void)
{
#ifdef M_MMAP_THRESHOLD
    (void)mallopt(M_MMAP_THRESHOLD, MEMORY_LARGE);
#endif
}

void
memory_give_back(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}
