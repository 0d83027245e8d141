/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Says whether a range of a file can be read without waiting for the disk, and allocates buffers
 * for large reads.
 */
#ifndef COMMON_SYS_PAGECACHE_H
#define COMMON_SYS_PAGECACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if the range [offset, offset + len) is in the page cache; false if it is not, or if the
 * kernel does not support the question. The kernel may drop the pages at any time, so a later read
 * can block all the same. |len| is not 0. Never blocks itself. */
bool pagecache_has(int fd, uint64_t offset, size_t len);

/* Allocates a page-aligned buffer of at least |len| bytes for large reads, to be freed with free().
 * malloc() places large blocks 16 bytes after a page boundary, where copies from the page cache are
 * four times slower on some processors. NULL when memory is out. */
void *pagecache_buffer(size_t len);

#endif
