/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a user's line can have moved in all sessions together: each byte that is credited keeps a
 * line of the fastest plausible rate busy, and a line cannot be busy longer than until now. A line
 * that was idle has ALLOWANCE_IDLE_S in hand, as trackers of a fleet may tell of that time later;
 * and LEDGER_RESEND_S more, as an announce may be so late. No clock, no I/O.
 */
#ifndef TRACKER_CORE_ALLOWANCE_H
#define TRACKER_CORE_ALLOWANCE_H

#include "tracker/core/ledger.h"

enum { ALLOWANCE_IDLE_S = 2 * 86400 };

/* Until when the line was busy in each way, in unix milliseconds. All zero is an idle line. */
struct allowance {
    int64_t busy_ms[LEDGER_WAYS];
};

/* How many bytes can be credited at |now_s|. |rate|: bytes a second. */
uint64_t allowance_room(const struct allowance *a, int way, int64_t now_s, uint64_t rate);

/* |bytes| are credited, no more than there is room for. */
void allowance_use(struct allowance *a, int way, int64_t now_s, uint64_t rate, uint64_t bytes);

#endif
