/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the system gives this process and says of it.
 */
#ifndef TRACKER_DAEMON_MACHINE_H
#define TRACKER_DAEMON_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/* Resident memory in bytes, as /proc tells; 0 where it does not. */
uint64_t machine_memory_bytes(void);

/* Processor time of all threads so far. */
uint64_t machine_cpu_ms(void);

/* Raises the limit on descriptors to |need|, or as far as the system grants; true if that is
 * enough. */
bool machine_files(uint64_t need);

#endif
