/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the kernel's clocks.
 */
#include "common/sys/clock.h"

#include <errno.h>
#include <time.h>

#include "common/base/assert.h"

struct mono
clock_mono(void)
{
    struct timespec ts;
    int rc = clock_gettime(CLOCK_MONOTONIC, &ts);

    ASSERT(rc == 0);
    return (struct mono){(int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000};
}

int64_t
clock_unix_us(void)
{
    struct timespec ts;
    int rc = clock_gettime(CLOCK_REALTIME, &ts);

    ASSERT(rc == 0);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_unix_offset_us(void)
{
    return clock_unix_us() - clock_mono().us;
}

int64_t
clock_unix(void)
{
    return clock_unix_us() / 1000000;
}

void
clock_sleep_ms(unsigned ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}
