/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The limit of file descriptors that the process may have open.
 */
#ifndef COMMON_SYS_FDLIMIT_H
#define COMMON_SYS_FDLIMIT_H

#include <stdint.h>

/* Raises the soft limit to |want|, as far as the hard limit allows; never lowers it. Returns the
 * new soft limit. */
uint32_t fdlimit_raise(uint32_t want);

#endif
