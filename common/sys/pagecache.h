/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether a range of a file can be read without waiting for a disk, and memory to read much into.
 */
#ifndef COMMON_SYS_PAGECACHE_H
#define COMMON_SYS_PAGECACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if the range [offset, offset + len) is in the page cache, as far as the kernel tells; false
 * where it does not tell. A true answer may be out of date at once, so that reading may wait after
 * all. |len| is not 0. Never waits itself. */
bool pagecache_has(int fd, uint64_t offset, size_t len);

/* A buffer of at least |len| bytes for large reads, at the beginning of a page; for free().
 * malloc() puts large ones 16 bytes behind that, where copies from the page cache are four times
 * slower on some processors. NULL when memory is out. */
void *pagecache_buffer(size_t len);

#endif
