/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signals are reasons for a person to look at a user: what a session (session.h) reported that an
 * honest client does not report. Nothing acts on a signal. A signal that accuses an honest member
 * is worse than none, so in doubt there is none. No clock, no I/O.
 *
 *  no-leechers       the session uploaded, and the swarm's last leecher had gone more than
 *                    LEDGER_RESEND_S before the session's previous announce. In this time blocks
 *                    that were in flight arrive, a late announce comes in, and a second is rounded.
 *                    Only announces to the same run of a tracker are compared: two clocks differ,
 *                    and a tracker that starts does not know who leeched before. A leecher that
 *                    another tracker of the fleet was told of is a leecher
 *  rate              the session reported more than is possible (session.h), which was held aside
 *  unknown-client    a new session's peer id is of no known client, and of none that a rule allows
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

/* The name of a kind; "unknown" for a number that is none. Static. */
const char *signals_name(int kind);

struct signal {
    enum signal_kind kind;
    uint64_t worst;
};

/* The signals that an entry raises; returns how many. |before| is the session as it was when the
 * entry was added, and |gain| what that came to. */
unsigned signals_find(const struct ledger_entry *e, const struct session *before,
                      const struct session_rules *r, const struct session_gain *gain,
                      struct signal out[SIGNAL_KINDS]);

#endif
