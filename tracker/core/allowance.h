/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Limits what a user can be credited with in all sessions together. Each credited byte keeps an
 * imaginary line of the fastest plausible rate busy for some time, and the line must not be busy
 * beyond now. After an idle time at most ALLOWANCE_IDLE_S of it can be used later, since trackers
 * of a fleet may report late; LEDGER_RESEND_S are added, since an announce may be that late. No
 * clock, no I/O.
 */
#ifndef TRACKER_CORE_ALLOWANCE_H
#define TRACKER_CORE_ALLOWANCE_H

#include "tracker/core/ledger.h"

enum { ALLOWANCE_IDLE_S = 2 * 86400 };

/* The time until which the line is busy in each direction, in Unix milliseconds. All zero is an
 * idle line. */
struct allowance {
    int64_t busy_ms[LEDGER_WAYS];
};

/* The number of bytes that can be credited at |now_s|. |rate| is in bytes per second. */
uint64_t allowance_room(const struct allowance *a, int way, int64_t now_s, uint64_t rate);

/* Credits |bytes|, at most what allowance_room() returns. */
void allowance_use(struct allowance *a, int way, int64_t now_s, uint64_t rate, uint64_t bytes);

#endif
