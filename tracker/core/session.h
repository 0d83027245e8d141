/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The account of one session (ledger.h): the bytes that are counted, and the evidence for them.
 * session_add() adds an entry of a tracker's ledger, and returns what the user is credited with. No
 * clock, no I/O; time is an argument.
 *
 * Evidence. An entry reports counters, each at the second in which its tracker received them. A
 * "stopped" is a cut: announces after it belong to a later segment. The cuts divide the time of a
 * session into segments, and the value of a segment is the highest counter reported in it. An
 * announce is at most LEDGER_RESEND_S late, so counters that arrive less than that before or after
 * a cut may belong to either side. Such counters are compared once with the higher of the two
 * sides, credited as far as they exceed it, and not stored. That loses nothing: the "stopped"
 * itself has the last counters of the segment before the cut, and later announces repeat the
 * counters of the segment after it.
 *
 * Where a cut comes from:
 *
 *  "stopped"                  a cut. The segment after it counts from 0 once it is known that the
 *                             client does: a "started" with both counters at 0 came after the cut,
 *                             or lower counters than those of "stopped" came later than any late
 *                             announce. Until then the client may have gone on counting, and only
 *                             what is above the segment before counts
 *  "started" with both        a cut as well, if nothing at all was heard of the session for a long
 *  counters at 0              time (|gap_max_s|, and at least twice LEDGER_RESEND_S): its client
 *                             crashed, or its "stopped" was lost
 *  anything else              no cut. A late "started" alone never makes one
 *
 * The sum over all segments, less the counters of the very first announce (|base|), depends on the
 * evidence and not on its order. The highest value that this sum ever had is what counts. Repeating
 * an entry changes nothing.
 *
 * Theorem. Suppose that each announce arrives at most LEDGER_RESEND_S after it was made, by the
 * clock of its tracker; and that a client's counters begin at 0 in each segment, only rise within
 * it, and end with those of its "stopped" if it makes one. Then, for uploaded and downloaded each
 * by itself:
 *
 *  1. Never more than the truth. No more is counted than was moved, whatever announces are lost,
 *     repeated or reordered, whichever tracker of a fleet receives them, in whatever order and
 *     however late the trackers' entries come in, and whatever is lost with a tracker that is
 *     killed.
 *  2. Exactly the truth, if the entries that came in have these announces: the first of the session
 *     that arrived, with counters at 0; the last one of each segment, made later than twice
 *     LEDGER_RESEND_S after the segment before it ended, which is a "stopped" in all segments but
 *     the last, and in that one a "stopped" or an announce that came in behind all these; and of
 *     each segment behind another a "started" with both counters at 0 that arrived after all copies
 *     of the "stopped" before it, and before its own segment's. And if the session has at most
 *     SESSION_SEGMENTS segments, or each "stopped" came in before those that are SESSION_SEGMENTS
 *     segments younger.
 *
 * If the last announce of a segment is lost, the traffic after the last announce that arrived is
 * not counted. A segment that ends within twice LEDGER_RESEND_S counts only as far as it exceeds
 * its neighbours. A client that does not reset its counters at "stopped" and "started" counts once
 * too.
 *
 * Implausible counters are not evidence. If an entry would make the session count more than
 * |rate_possible| allows since the session began and LEDGER_RESEND_S before, or the user more than
 * |room|, it changes nothing, and the excess is reported in |held|. It counts if the client reports
 * it again when enough time has passed.
 */
#ifndef TRACKER_CORE_SESSION_H
#define TRACKER_CORE_SESSION_H

#include "tracker/core/ledger.h"

enum {
    SESSION_SEGMENTS = 4, /* the last ones, which later entries may still change */
    SESSION_STARTS = SESSION_SEGMENTS,
};

/* Times are Unix seconds by the clock of the tracker that received the announce. */
struct session_segment {
    uint64_t top[LEDGER_WAYS];  /* the highest counters that can belong to this segment only */
    int64_t top_s[LEDGER_WAYS]; /* when they were last reported; 0: never */
    uint64_t stop[LEDGER_WAYS]; /* the counters of the cut at its end */
    int64_t stop_s;             /* when the cut arrived; 0: the segment is open */
    bool fell;                  /* lower counters arrived after the cut and were not late */
};

/* All zero if there is none yet. */
struct session {
    bool exists;
    struct session_segment segments[SESSION_SEGMENTS + 1]; /* one more while one is inserted */
    unsigned count;
    int64_t starts[SESSION_STARTS]; /* the last "started" with both counters at 0, in any order;
                                     * 0: none */
    uint64_t sealed[LEDGER_WAYS];   /* the value of all segments before these, */
    int64_t sealed_s;               /* and the time of their last cut; 0: there are none */
    uint64_t base[LEDGER_WAYS];     /* the counters of the first announce, */
    int64_t first_s;                /* and its time */
    uint64_t counted[LEDGER_WAYS];

    uint64_t left;       /* at the last announce, */
    bool seeds;          /* which reported nothing left and was not "stopped" */
    int64_t seen_s;      /* its time, */
    int64_t run;         /* and the run of the tracker that received it */
    int64_t completed_s; /* 0: not */
};

struct session_rules {
    int64_t run;            /* random for each start of a tracker, never 0 */
    uint32_t gap_max_s;     /* time between two announces that counts as seeding */
    uint32_t back_s;        /* seconds by which the tracker's clock was set back during its run */
    uint64_t rate_possible; /* bytes a second */
    uint64_t room[LEDGER_WAYS]; /* bytes that the user can be credited with (allowance.h) */
};

struct session_gain {
    uint64_t bytes[LEDGER_WAYS]; /* to be credited */
    uint64_t held[LEDGER_WAYS];  /* implausible: not credited */
    uint64_t seed_s;
    int64_t completed_s; /* 0: this entry did not complete it */
};

void session_add(struct session *s, const struct ledger_entry *e, const struct session_rules *r,
                 struct session_gain *gain);

#endif
