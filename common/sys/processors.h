/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How many processors there are to work with.
 */
#ifndef COMMON_SYS_PROCESSORS_H
#define COMMON_SYS_PROCESSORS_H

/* Those that the process may run on (its affinity), 1 at least. */
unsigned processors_usable(void);

#endif
