/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the clocks. Loops, threads and main functions use it; the cores get the time as an argument
 * instead.
 */
#ifndef COMMON_SYS_CLOCK_H
#define COMMON_SYS_CLOCK_H

#include <stdint.h>

#include "common/base/mono.h"

/* The monotonic clock (it stops while the machine sleeps, and settimeofday() does not change it).
 */
struct mono clock_mono(void);

/* Sleeps; only for a thread that no other thread waits for. */
void clock_sleep_ms(unsigned ms);

/* Seconds and microseconds since 1970, for times that are shown or stored. */
int64_t clock_unix(void);
int64_t clock_unix_us(void);

/* The difference between clock_unix_us() and clock_mono(); it changes when the wall clock is set.
 */
int64_t clock_unix_offset_us(void);

#endif
