/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The resources of this process: its memory, processor time and descriptors.
 */
#ifndef TRACKER_DAEMON_MACHINE_H
#define TRACKER_DAEMON_MACHINE_H

#include <stdint.h>

/* Resident memory in bytes, from /proc; 0 where there is none. */
uint64_t machine_memory_bytes(void);

/* Processor time of all threads so far, in milliseconds. */
uint64_t machine_cpu_ms(void);

/* The number of open descriptors; the result may be a few too high. */
uint64_t machine_open_files(void);

#endif
