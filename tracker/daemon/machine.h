/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the system gives this process and says of it.
 */
#ifndef TRACKER_DAEMON_MACHINE_H
#define TRACKER_DAEMON_MACHINE_H

#include <stdint.h>

/* Resident memory in bytes, as /proc tells; 0 where it does not. */
uint64_t machine_memory_bytes(void);

/* Processor time of all threads so far. */
uint64_t machine_cpu_ms(void);

/* Raises the limit on descriptors to |need|, or as far as the system grants, and returns the limit
 * that holds now, which may be more. */
uint64_t machine_raise_files(uint64_t need);

/* Descriptors that are open; a few more may be counted. */
uint64_t machine_open_files(void);

#endif
