/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each kind of signal has one condition.
 */
#include "tracker/core/signals.h"

#include "common/base/minmax.h"
#include "tracker/core/knownclients.h"

static const char *const names[] = {
#define X(id, name, unit) name,
    SIGNALS_TABLE(X)
#undef X
};

const char *
signals_name(int kind)
{
    return kind >= 0 && kind < SIGNAL_KINDS ? names[kind] : "unknown";
}

/* Each time may be rounded by a second, since the seconds of the two clocks begin at different
 * moments. After the clock was set back, the previous announce seems later than it was. */
static uint64_t
no_leechers(const struct ledger_entry *e, const struct session *before,
            const struct session_rules *r, const struct session_gain *gain)
{
    int64_t room_s = LEDGER_RESEND_S + 2 + (int64_t)r->back_s;

    if (!before->exists || before->run != r->run || (int64_t)e->first_s < before->seen_s ||
        e->leechers_s == 0)
        return 0;
    return (int64_t)e->leechers_s + room_s < before->seen_s ? gain->bytes[LEDGER_UP] : 0;
}

static uint64_t
rate(const struct session_gain *gain)
{
    return max_u64(gain->held[LEDGER_UP], gain->held[LEDGER_DOWN]);
}

static uint64_t
unknown_client(const struct ledger_entry *e, const struct session *before)
{
    return !before->exists && (e->flags & LEDGER_NAMED_CLIENT) == 0 &&
           !knownclients_has(e->key.peer_id);
}

unsigned
signals_find(const struct ledger_entry *e, const struct session *before,
             const struct session_rules *r, const struct session_gain *gain,
             struct signal out[SIGNAL_KINDS])
{
    const uint64_t worst[SIGNAL_KINDS] = {
        [SIGNAL_NO_LEECHERS] = no_leechers(e, before, r, gain),
        [SIGNAL_RATE] = rate(gain),
        [SIGNAL_UNKNOWN_CLIENT] = unknown_client(e, before),
        [SIGNAL_ABSURD] = (e->flags & LEDGER_ABSURD) != 0,
    };
    unsigned n = 0;

    for (int kind = 0; kind < SIGNAL_KINDS; kind++)
        if (worst[kind] > 0)
            out[n++] = (struct signal){.kind = (enum signal_kind)kind, .worst = worst[kind]};
    return n;
}
