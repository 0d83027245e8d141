/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signals tell the operator that a session (session.h) reported something that an honest client
 * does not report. No code acts on a signal. A signal against an honest user is worse than a
 * missing one, so in case of doubt there is none. No clock, no I/O.
 *
 *  no-leechers       the session uploaded, and the swarm's last leecher had gone more than
 *                    LEDGER_RESEND_S before the session's previous announce. That time is for
 *                    blocks in flight, late announces and rounding to seconds. Only announces to
 *                    the same run of a tracker are compared, since clocks differ, and a tracker
 *                    that has just started does not know earlier leechers. Leechers at other
 *                    trackers of the fleet count
 *  rate              the session reported more than is possible, which is not credited (session.h)
 *  unknown-client    the peer id of a new session is not that of a known client, nor of one that a
 *                    rule allows
 *  absurd-counters   the client reported counters above LEDGER_COUNTER_MAX
 */
#ifndef TRACKER_CORE_SIGNALS_H
#define TRACKER_CORE_SIGNALS_H

#include "tracker/core/session.h"

/*  X(id, name, what |worst| is) */
#define SIGNALS_TABLE(X)                                                                           \
    X(NO_LEECHERS, "no-leechers", "bytes uploaded while the swarm had no leecher")                 \
    X(RATE, "rate", "bytes beyond what is possible, which were not credited")                      \
    X(UNKNOWN_CLIENT, "unknown-client", "1")                                                       \
    X(ABSURD, "absurd-counters", "1")

enum signal_kind {
#define X(id, name, unit) SIGNAL_##id,
    SIGNALS_TABLE(X)
#undef X
        SIGNAL_KINDS,
};

/* The name of a kind; "unknown" for another number. Static. */
const char *signals_name(int kind);

struct signal {
    enum signal_kind kind;
    uint64_t worst;
};

/* Returns the number of signals that an entry raises, and fills them in. |before| is the session
 * before the entry was added, and |gain| the result of adding it. */
unsigned signals_find(const struct ledger_entry *e, const struct session *before,
                      const struct session_rules *r, const struct session_gain *gain,
                      struct signal out[SIGNAL_KINDS]);

#endif
