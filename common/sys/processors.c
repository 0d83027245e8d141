/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asks the kernel for the affinity mask and, failing that, for the number of online processors.
 */
#include "common/sys/processors.h"

#include <sched.h>
#include <unistd.h>

unsigned
processors_usable(void)
{
    cpu_set_t set;
    long n;

    /* The mask of a machine with more than CPU_SETSIZE processors does not fit into cpu_set_t. */
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        n = CPU_COUNT(&set);
    else
        n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}
