/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the accounts know of a session (ledger.h), and what an entry of some tracker's ledger adds
 * to it: the rules of accounts.h. No database, no clock.
 *
 * Entries come in any order of time, as each tracker of a fleet flushes when it can. So a session
 * has the last two segments that are known, and each report is first given its place by when it was
 * made: in the present segment, in the one before, or after both. Reports of one tracker come in
 * order. The clocks of two may differ by SESSIONROW_SKEW_S, and what was said so close to a
 * beginning counts only if it is clear on which side it was.
 */
#ifndef TRACKER_STORE_SESSIONROW_H
#define TRACKER_STORE_SESSIONROW_H

#include "tracker/core/ledger.h"

enum { SESSIONROW_SKEW_S = 2 };

/* From one "started" to the next. */
struct segment {
    uint64_t up, down; /* the highest that were counted */
    int64_t began_s;   /* nothing of it is older; 0: not known */
    int64_t rise_s;    /* when the highest were reported; 0: nothing was */
};

/* All zero if there is none yet. */
struct session_row {
    bool exists;
    struct segment now, before;
    /* Counters that are lower than those of |now| though they are newer: a late packet, or the
     * first sign of a segment of which nobody told yet that it began. */
    struct segment aside;
    int64_t run; /* of the daemon which alone told of |now|; 0: several */

    uint64_t left;
    bool seeds, ended;   /* at the last announce */
    int64_t seen_s;      /* of the last announce */
    int64_t completed_s; /* 0: not */
};

struct session_gain {
    uint64_t up, down, seed_s;
    bool completed; /* it had not been */
};

/* |run| is that of the batch; time between two announces counts as seeding up to |gap_max_s|. */
void session_row_take(struct session_row *s, const struct ledger_entry *e, int64_t run,
                      uint32_t gap_max_s, struct session_gain *gain);

#endif
