/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Counts the usable processors.
 */
#ifndef COMMON_SYS_PROCESSORS_H
#define COMMON_SYS_PROCESSORS_H

/* The number of processors that the process may run on (its affinity), at least 1. */
unsigned processors_usable(void);

#endif
