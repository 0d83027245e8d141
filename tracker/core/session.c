/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An entry is divided into points: counters with the second at which they arrived. A point is
 * stored in the only segment that it can belong to. A point that can belong to several segments is
 * compared with them once and not stored.
 */
#include "tracker/core/session.h"

#include <string.h>

#include "common/base/minmax.h"

/* Counters of an entry, and for each of them the Unix second at which it was reported. */
struct point {
    uint64_t counters[LEDGER_WAYS];
    int64_t unix_s[LEDGER_WAYS];
};

static uint64_t
above(uint64_t v, uint64_t base)
{
    return v > base ? v - base : 0;
}

/* ---- the sum over all segments ---- */

static uint64_t
worth(const struct session_segment *g, int w)
{
    return max_u64(g->top[w], g->stop[w]);
}

/* Whether it is known that the client's counters began at 0 after segment |i|. */
static bool
is_anew(const struct session *s, unsigned i)
{
    const struct session_segment *g = &s->segments[i];
    int64_t until_s = i + 1 < s->count ? s->segments[i + 1].stop_s : 0;

    if (g->fell || (g->stop[LEDGER_UP] == 0 && g->stop[LEDGER_DOWN] == 0))
        return g->fell;
    for (int k = 0; k < SESSION_STARTS; k++)
        if (s->starts[k] > g->stop_s && (until_s == 0 || s->starts[k] <= until_s + LEDGER_RESEND_S))
            return true;
    return false;
}

/* Segments over which the client may have continued to count are added as one. The sum includes
 * |base|. */
static uint64_t
sum(const struct session *s, int w)
{
    uint64_t all = s->sealed[w], one = 0;

    for (unsigned i = 0; i < s->count; i++) {
        if (i > 0 && is_anew(s, i - 1)) {
            all += one;
            one = 0;
        }
        one = max_u64(one, worth(&s->segments[i], w));
    }
    return all + one;
}

/* ---- the segments that a second can belong to ---- */

/* Indexes |from| to |to|; |count| means a segment after the last one. */
struct range {
    unsigned from, to;
    bool none; /* the second may belong to a sealed segment */
};

static struct range
range_of(const struct session *s, int64_t unix_s)
{
    struct range r = {.none = s->sealed_s != 0 && unix_s <= s->sealed_s + LEDGER_RESEND_S};

    while (r.from < s->count && s->segments[r.from].stop_s != 0 &&
           unix_s > s->segments[r.from].stop_s + LEDGER_RESEND_S)
        r.from++;
    r.to = r.from;
    while (r.to < s->count && s->segments[r.to].stop_s != 0 &&
           unix_s >= s->segments[r.to].stop_s - LEDGER_RESEND_S)
        r.to++;
    return r;
}

static bool
is_certain(struct range r)
{
    return !r.none && r.from == r.to;
}

/* ---- segments ---- */

/* Seals the oldest segment: no later entry changes it. */
static void
seal_oldest(struct session *s)
{
    struct session_segment *oldest = &s->segments[0], *next = &s->segments[1];
    bool anew = is_anew(s, 0);

    for (int w = 0; w < LEDGER_WAYS; w++) {
        uint64_t v = worth(oldest, w);

        if (anew) {
            s->sealed[w] += v;
        } else if (v > next->top[w]) {
            next->top[w] = v;
            next->top_s[w] = v == oldest->top[w] ? oldest->top_s[w] : oldest->stop_s;
        }
    }
    if (anew)
        s->sealed_s = oldest->stop_s;
    s->count--;
    memmove(&s->segments[0], &s->segments[1], s->count * sizeof(s->segments[0]));
}

static struct session_segment *
segment_at(struct session *s, unsigned i)
{
    if (i == s->count)
        s->segments[s->count++] = (struct session_segment){0};
    if (s->count > SESSION_SEGMENTS) {
        seal_oldest(s);
        i--;
    }
    return &s->segments[i];
}

static bool
is_empty(const struct session_segment *g)
{
    return g->stop_s == 0 && g->top_s[LEDGER_UP] == 0 && g->top_s[LEDGER_DOWN] == 0;
}

static bool
is_worthless(const struct session_segment *g)
{
    return worth(g, LEDGER_UP) == 0 && worth(g, LEDGER_DOWN) == 0 && g->stop_s != 0;
}

static bool
is_lower_than_stop(const struct session_segment *g, const struct session_segment *before)
{
    for (int w = 0; w < LEDGER_WAYS; w++)
        if ((g->top_s[w] != 0 && g->top[w] < before->stop[w]) ||
            (g->stop_s != 0 && g->stop[w] < before->stop[w]))
            return true;
    return false;
}

static void
forget_top(struct session_segment *g, int w)
{
    g->top[w] = 0;
    g->top_s[w] = 0;
}

/* Puts a cut between |left| and |right|, and drops counters that may belong to either side. */
static void
set_cut(struct session_segment *left, struct session_segment *right,
        const uint64_t stop[LEDGER_WAYS], int64_t unix_s)
{
    for (int w = 0; w < LEDGER_WAYS; w++) {
        if (left->top_s[w] >= unix_s - LEDGER_RESEND_S)
            forget_top(left, w);
        if (right != NULL && right->top_s[w] <= unix_s + LEDGER_RESEND_S)
            forget_top(right, w);
        left->stop[w] = stop[w];
    }
    left->stop_s = unix_s;
}

/* Divides segment |i| at a cut. */
static void
cut(struct session *s, unsigned i, const uint64_t stop[LEDGER_WAYS], int64_t unix_s)
{
    struct session_segment *left = segment_at(s, i), right = *left;

    set_cut(left, &right, stop, unix_s);
    left->fell = false;
    if (is_empty(&right))
        return;
    left->fell = is_lower_than_stop(&right, left);
    if (is_worthless(&right)) { /* the cut was inferred from silence, and the real "stopped" has
                                   arrived now */
        left->fell = left->fell || right.fell;
        return;
    }
    i = (unsigned)(left - s->segments) + 1;
    memmove(&s->segments[i + 1], &s->segments[i], (s->count - i) * sizeof(s->segments[0]));
    s->segments[i] = right;
    if (++s->count > SESSION_SEGMENTS)
        seal_oldest(s);
}

/* Of two cuts so close that they may be the same one, the cut with the higher counters is kept: the
 * other may have been inferred from silence, or end a segment with less traffic. */
static void
move_cut(struct session *s, struct range r, const struct point *p)
{
    struct session_segment *left = &s->segments[r.from], *right = NULL;

    if (r.none || r.from + 1 != r.to || r.from == s->count)
        return;
    if (r.to < s->count)
        right = left + 1;
    if (p->counters[LEDGER_UP] < left->stop[LEDGER_UP] ||
        p->counters[LEDGER_DOWN] < left->stop[LEDGER_DOWN] ||
        memcmp(p->counters, left->stop, sizeof(left->stop)) == 0)
        return;
    set_cut(left, right, p->counters, p->unix_s[LEDGER_UP]);
}

/* Lower counters after a cut, which are not late, prove that the client began at 0 again. */
static void
note_fall(struct session *s, const struct point *p, int w)
{
    for (unsigned i = 0; i < s->count; i++) {
        struct session_segment *g = &s->segments[i];
        int64_t until_s = i + 1 < s->count ? s->segments[i + 1].stop_s : 0;

        if (g->stop_s != 0 && p->counters[w] < g->stop[w] &&
            p->unix_s[w] > g->stop_s + LEDGER_RESEND_S && (until_s == 0 || p->unix_s[w] <= until_s))
            g->fell = true;
    }
}

/* Stores the time of a "started" with both counters at 0. Copies of the same announce arrive close
 * together, and the last time is kept. When the array is full, the new time replaces the oldest. */
static void
note_start(struct session *s, int64_t unix_s)
{
    int at = 0;

    for (int k = 0; k < SESSION_STARTS; k++) {
        if (s->starts[k] != 0 && s->starts[k] - LEDGER_RESEND_S <= unix_s &&
            unix_s <= s->starts[k] + LEDGER_RESEND_S) {
            s->starts[k] = max_i64(s->starts[k], unix_s);
            return;
        }
        if (s->starts[k] < s->starts[at])
            at = k;
    }
    s->starts[at] = max_i64(s->starts[at], unix_s);
}

/* ---- points ---- */

static void
take_stop(struct session *s, const struct point *p)
{
    struct range r = range_of(s, p->unix_s[LEDGER_UP]);

    if (is_certain(r))
        cut(s, r.from, p->counters, p->unix_s[LEDGER_UP]);
    else
        move_cut(s, r, p);
}

/* Stores counters that can belong to one segment only. */
static void
raise(struct session *s, const struct point *p)
{
    for (int w = 0; w < LEDGER_WAYS; w++) {
        struct range r = range_of(s, p->unix_s[w]);
        struct session_segment *g;

        note_fall(s, p, w);
        if (!is_certain(r))
            continue;
        g = segment_at(s, r.from);
        if (p->counters[w] > g->top[w] ||
            (p->counters[w] == g->top[w] && p->unix_s[w] > g->top_s[w])) {
            g->top[w] = p->counters[w];
            g->top_s[w] = p->unix_s[w];
        }
    }
}

/* The least by which the point exceeds the counters of the segments that it can belong to. */
static uint64_t
weigh(const struct session *s, const struct point *p, int w)
{
    struct range r = range_of(s, p->unix_s[w]);
    uint64_t high = 0;

    if (r.none)
        return 0;
    for (unsigned i = r.from; i <= r.to && i < s->count; i++)
        high = max_u64(high, worth(&s->segments[i], w));
    return above(p->counters[w], high);
}

/* ---- entries ---- */

/* The points of an entry. */
struct points {
    struct point open, top, stop;
};

static struct points
points_of(const struct ledger_entry *e)
{
    struct points p = {0};

    for (int w = 0; w < LEDGER_WAYS; w++) {
        p.open.counters[w] = e->open[w];
        p.open.unix_s[w] = e->open_s;
        p.top.counters[w] = e->top[w];
        p.top.unix_s[w] = e->top_s[w];
        p.stop.counters[w] = e->stop[w];
        p.stop.unix_s[w] = e->stop_s;
    }
    return p;
}

/* The first counters are the baseline, since it is unknown how long the client took to transfer
 * them. */
static void
take_base(struct session *s, const struct ledger_entry *e)
{
    if (s->first_s != 0 && s->first_s <= (int64_t)e->open_s)
        return;
    s->first_s = e->open_s;
    memcpy(s->base, e->open, sizeof(s->base));
}

/* Infers a cut if a client has crashed, or its "stopped" was lost. */
static void
cut_after_silence(struct session *s, const struct ledger_entry *e, const struct session_rules *r)
{
    static const uint64_t none[LEDGER_WAYS];
    int64_t silence_s = max_i64(r->gap_max_s, 2 * LEDGER_RESEND_S);
    struct range at = range_of(s, e->start_s);

    if (e->start_s == 0 || e->open[LEDGER_UP] != 0 || e->open[LEDGER_DOWN] != 0 || !s->exists ||
        (int64_t)e->open_s - s->seen_s <= silence_s || !is_certain(at) || at.from == s->count)
        return;
    cut(s, at.from, none, e->start_s);
    s->segments[s->count - 1].fell = true;
}

/* Adds the entry to the evidence, and computes the sums. Cuts are added first, since they decide
 * which points are unambiguous. */
static void
take_entry(struct session *s, const struct ledger_entry *e, const struct session_rules *r,
           uint64_t all[LEDGER_WAYS])
{
    struct points p = points_of(e);

    cut_after_silence(s, e, r);
    if (e->stop_s != 0)
        take_stop(s, &p.stop);
    raise(s, &p.open);
    raise(s, &p.top);
    if (e->start_s != 0)
        note_start(s, e->start_s);
    for (int w = 0; w < LEDGER_WAYS; w++) {
        uint64_t more = max_u64(weigh(s, &p.open, w), weigh(s, &p.top, w));

        if (e->stop_s != 0)
            more = max_u64(more, weigh(s, &p.stop, w));
        all[w] = above(sum(s, w) + more, s->base[w]);
    }
}

/* The most bytes that the session can have transferred. */
static uint64_t
possible(const struct session *s, const struct ledger_entry *e, const struct session_rules *r)
{
    int64_t last_s = max_i64(s->seen_s, (int64_t)e->last_s);
    uint64_t seconds = (uint64_t)max_i64(last_s - s->first_s, 0) + LEDGER_RESEND_S + r->back_s;

    return r->rate_possible > UINT64_MAX / seconds ? UINT64_MAX : r->rate_possible * seconds;
}

static void
add_bytes(struct session *s, const struct ledger_entry *e, const struct session_rules *r,
          struct session_gain *gain)
{
    struct session with;
    uint64_t all[LEDGER_WAYS], most;

    if ((e->flags & LEDGER_COUNTED) == 0)
        return;
    take_base(s, e);
    with = *s;
    most = possible(s, e, r);
    take_entry(&with, e, r, all);
    for (int w = 0; w < LEDGER_WAYS; w++) {
        uint64_t more = above(all[w], s->counted[w]);

        gain->held[w] =
            max_u64(above(all[w], max_u64(most, s->counted[w])), above(more, r->room[w]));
    }
    if (gain->held[LEDGER_UP] > 0 || gain->held[LEDGER_DOWN] > 0)
        return;
    *s = with;
    for (int w = 0; w < LEDGER_WAYS; w++) {
        gain->bytes[w] = above(all[w], s->counted[w]);
        s->counted[w] += gain->bytes[w];
    }
}

/* Counts only time after the session's last announce: the entry of another tracker has counted the
 * time before. */
static void
add_time(const struct session *s, const struct ledger_entry *e, uint32_t gap_max_s,
         struct session_gain *gain)
{
    int64_t gap = (int64_t)e->first_s - s->seen_s, after = (int64_t)e->last_s - s->seen_s;

    if (after <= 0)
        return;
    gain->seed_s = e->seed_s < after ? e->seed_s : (uint64_t)after;
    if (s->exists && s->seeds && (e->flags & LEDGER_FIRST_SEEDS) != 0 && gap > 0)
        gain->seed_s += gap < gap_max_s ? (uint64_t)gap : gap_max_s;
}

/* A session completes once: when its client sends "completed", or when |left| has fallen to 0, at
 * any tracker. */
static void
complete(struct session *s, const struct ledger_entry *e, struct session_gain *gain)
{
    if (s->completed_s != 0)
        return;
    if ((e->flags & LEDGER_COMPLETED) != 0)
        gain->completed_s = e->completed_s;
    else if (s->exists && s->left > 0 && (e->flags & LEDGER_FIRST_SEEDS) != 0 &&
             (int64_t)e->first_s >= s->seen_s)
        gain->completed_s = e->first_s;
    else if (s->exists && s->left == 0 && e->left > 0 && (int64_t)e->last_s < s->seen_s)
        gain->completed_s = s->seen_s;
    s->completed_s = gain->completed_s;
}

static void
keep_newest(struct session *s, const struct ledger_entry *e, int64_t run)
{
    if ((int64_t)e->last_s < s->seen_s)
        return;
    s->seen_s = e->last_s;
    s->run = run;
    s->left = e->left;
    s->seeds = (e->flags & LEDGER_LAST_SEEDS) != 0;
}

/* Entries of one run arrive in the order of time. If an entry seems to be older than the one
 * before, the clock was set back, and the whole entry is in fact later. */
static struct ledger_entry
in_order(const struct session *s, const struct ledger_entry *e, int64_t run)
{
    struct ledger_entry later = *e;
    uint32_t by_s = (uint32_t)max_i64(s->seen_s - (int64_t)e->first_s, 0);

    if (s->run != run || by_s == 0)
        return later;
    later.first_s += by_s;
    later.last_s += by_s;
    later.open_s += by_s;
    for (int w = 0; w < LEDGER_WAYS; w++)
        later.top_s[w] += by_s;
    later.start_s += later.start_s != 0 ? by_s : 0;
    later.stop_s += later.stop_s != 0 ? by_s : 0;
    return later;
}

void
session_add(struct session *s, const struct ledger_entry *e, const struct session_rules *r,
            struct session_gain *gain)
{
    struct ledger_entry later = in_order(s, e, r->run);

    *gain = (struct session_gain){0};
    add_bytes(s, &later, r, gain);
    add_time(s, &later, r->gap_max_s, gain);
    complete(s, &later, gain);
    keep_newest(s, &later, r->run);
    s->exists = true;
}
