/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Raises RLIMIT_NOFILE. The soft limit is 1024 on most systems, for programs that use select(2).
 */
#include "common/sys/fdlimit.h"

#include <sys/resource.h>

enum { FDLIMIT_USUAL = 1024 };

uint32_t
fdlimit_raise(uint32_t want)
{
    struct rlimit lim, higher;

    if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
        return FDLIMIT_USUAL;
    if (lim.rlim_cur < want) {
        higher = lim;
        higher.rlim_cur = lim.rlim_max < want ? lim.rlim_max : want;
        if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
            lim = higher;
    }
    return lim.rlim_cur < UINT32_MAX ? (uint32_t)lim.rlim_cur : UINT32_MAX;
}
