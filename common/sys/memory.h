/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How malloc() treats large buffers and free pages. A torrent of 100,000 files is loaded through
 * copies of several MiB that live for a moment; glibc raises its limit for mmap() after the first
 * of them, and from then on such copies are cut out of the heap and leave holes that stay.
 */
#ifndef COMMON_SYS_MEMORY_H
#define COMMON_SYS_MEMORY_H

enum { MEMORY_LARGE = 1024 * 1024 }; /* bytes; buffers that are kept, such as blocks, are smaller */

/* Buffers of MEMORY_LARGE bytes and more go back to the system when they are freed. Called once, at
 * the start of a program. Does nothing with a C library that has no such setting. */
void memory_init(void);

/* Returns the free pages inside the heaps of all threads to the system. A thread that allocates
 * meanwhile may wait for it. Does nothing with a C library that has no such call. */
void memory_give_back(void);

#endif
