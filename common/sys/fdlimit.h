/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How many descriptors the process may have open.
 */
#ifndef COMMON_SYS_FDLIMIT_H
#define COMMON_SYS_FDLIMIT_H

#include <stdint.h>

/* Raises the soft limit to |want|, as far as the hard one allows; never lowers it. Returns the soft
 * limit as it is then. */
uint32_t fdlimit_raise(uint32_t want);

#endif
