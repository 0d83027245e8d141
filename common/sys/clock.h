/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The clocks. The cores get the time as an argument and never call this: loops, threads and
 * mains do.
 */
#ifndef COMMON_SYS_CLOCK_H
#define COMMON_SYS_CLOCK_H

#include <stdint.h>

#include "common/base/mono.h"

/* The monotonic clock (it stands still while the machine sleeps, and no settimeofday moves it). */
struct mono clock_mono(void);

/* Only for a thread that nobody waits for. */
void clock_sleep_ms(unsigned ms);

/* Seconds and microseconds since 1970, for what is shown or stored. */
int64_t clock_unix(void);
int64_t clock_unix_us(void);

/* What to add to clock_mono() for that; it changes when the wall clock is set. */
int64_t clock_unix_offset_us(void);

#endif
