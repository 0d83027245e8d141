/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An entry is taken apart into reports, one for each segment that it tells of, and each is counted
 * where it belongs. In doubt nothing counts: clients say it again, and nothing takes it back.
 */
#include "tracker/store/sessionrow.h"

/* What an entry says of one segment. */
struct report {
    uint64_t up, down;
    int64_t rise_s;
    int64_t over_s; /* it was over by then; 0: not that the entry knows */
    int64_t late_s; /* it may be a packet that came so late */
    bool begins;    /* it has the "started": */
    bool sure;      /* nothing of the segment is older than that */
    bool fell;      /* and the entry has the higher counters before it */
    int64_t start_s;
    uint64_t start_up, start_down;
    bool opens; /* the counters of the entry's first announce are known: */
    int64_t open_s;
    uint64_t open_up, open_down;
};

enum place { PLACE_NEWER, PLACE_NOW, PLACE_BEFORE, PLACE_NOWHERE };

static bool
is_lower(uint64_t up, uint64_t down, const struct segment *g)
{
    return up < g->up || down < g->down;
}

/* Is it the same moment by another clock? */
static bool
is_near(int64_t a, int64_t b)
{
    return a - b <= SESSIONROW_SKEW_S && b - a <= SESSIONROW_SKEW_S;
}

/* ---- where it belongs ---- */

/* The client said "stopped", and long after that what is less. */
static bool
began_unheard(const struct session_row *s, const struct report *x)
{
    return s->ended && x->opens && is_lower(x->open_up, x->open_down, &s->now) &&
           x->open_s - s->seen_s > LEDGER_LATE_S;
}

/* Again before anything was moved: if not soon, it is no second report of the same beginning. */
static bool
began_again(const struct session_row *s, const struct report *x)
{
    return s->now.began_s != 0 && s->now.up == 0 && s->now.down == 0 && x->sure &&
           x->start_s > s->now.began_s + LEDGER_LATE_S;
}

/* Told by the same tracker, after what it told before. */
static bool
began_anew(const struct session_row *s, const struct report *x)
{
    return x->begins &&
           (x->fell || is_lower(x->start_up, x->start_down, &s->now) || began_again(s, x));
}

/* By the clock of another tracker than the one that told of |now|. A "started" that comes with
 * counters may be a second one of the present segment; it is not if both are too low for that.
 * Within the same seconds a "stopped" is taken to be before a "started". */
static bool
began_after(const struct session_row *s, const struct report *x)
{
    const struct segment *g = &s->now;
    bool lower = is_lower(x->start_up, x->start_down, g);

    if (!x->begins || x->start_s <= g->began_s || !(lower || began_again(s, x)))
        return false;
    if (!x->sure && (x->start_up > g->up || x->start_down > g->down))
        return false;
    return x->start_s > g->rise_s + SESSIONROW_SKEW_S ||
           (x->sure && s->ended && x->start_s + SESSIONROW_SKEW_S >= s->seen_s);
}

static uint64_t
above(uint64_t v, uint64_t base)
{
    return v > base ? v - base : 0;
}

/* A report of a segment that was over when |now| began, or of |now| itself, which was over as soon:
 * where it counts less. Of a session of which no segment before is known, it is |now|. */
static enum place
place_of_short(const struct session_row *s, const struct report *x)
{
    const struct segment *now = &s->now, *before = &s->before;

    if (before->rise_s == 0)
        return PLACE_NOW;
    return above(x->up, now->up) + above(x->down, now->down) <
                   above(x->up, before->up) + above(x->down, before->down)
               ? PLACE_NOW
               : PLACE_BEFORE;
}

static enum place
place_of(const struct session_row *s, const struct report *x, int64_t run)
{
    int64_t began_s = s->now.began_s;

    if (began_unheard(s, x))
        return PLACE_NEWER;
    if (s->run == run && run != 0)
        return began_anew(s, x) ? PLACE_NEWER : PLACE_NOW;
    if (x->begins && x->sure && began_s != 0 && is_near(x->start_s, began_s))
        return PLACE_NOW;
    if (began_after(s, x))
        return PLACE_NEWER;
    if (began_s == 0 || x->rise_s > began_s + SESSIONROW_SKEW_S + x->late_s)
        return PLACE_NOW;
    if (x->rise_s < began_s - SESSIONROW_SKEW_S)
        return PLACE_BEFORE;
    if (x->over_s != 0 && x->over_s <= began_s + SESSIONROW_SKEW_S)
        return place_of_short(s, x);
    return PLACE_NOWHERE;
}

/* ---- counting it there ---- */

/* True if there was something to count. */
static bool
raise_segment(struct segment *g, uint64_t up, uint64_t down, int64_t rise_s,
              struct session_gain *gain)
{
    uint64_t more_up = above(up, g->up), more_down = above(down, g->down);

    if (more_up == 0 && more_down == 0 && g->rise_s != 0)
        return false;
    gain->up += more_up;
    gain->down += more_down;
    g->up += more_up;
    g->down += more_down;
    if (rise_s > g->rise_s)
        g->rise_s = rise_s;
    return true;
}

static void
begin(struct session_row *s, const struct report *x, int64_t run)
{
    bool unheard = began_unheard(s, x);

    s->before = s->now;
    s->now = (struct segment){.began_s = unheard ? s->seen_s + 1 : x->start_s};
    /* Until then, for all we know, the segment before may have lasted. */
    if (!unheard && !x->sure && s->before.rise_s < x->start_s)
        s->before.rise_s = x->start_s - 1;
    s->run = run;
}

/* As put_aside() in ledger.c. */
static void
put_aside(struct session_row *s, const struct report *x)
{
    if (x->rise_s <= s->now.rise_s)
        return;
    if (is_lower(x->up, x->down, &s->aside) && x->rise_s - s->aside.rise_s <= LEDGER_LATE_S)
        return;
    s->aside = (struct segment){.up = x->up, .down = x->down, .rise_s = x->rise_s};
}

static void
count_now(struct session_row *s, const struct report *x, int64_t run, struct session_gain *gain)
{
    struct segment *g = &s->now;
    bool lower = is_lower(x->up, x->down, g);

    if (g->began_s == 0 && g->up == 0 && g->down == 0 && x->begins && x->sure)
        g->began_s = x->start_s;
    if (raise_segment(g, x->up, x->down, x->rise_s, gain)) {
        /* One higher, one lower: a client that takes back what it downloaded in vain; or another
         * segment, told of by a tracker that was not heard yet. */
        if (s->run != run || lower)
            s->run = 0;
    } else if (lower) {
        put_aside(s, x);
    }
}

/* The segment before. What is older than that was counted or is lost. */
static void
count_before(struct session_row *s, const struct report *x, struct session_gain *gain)
{
    struct segment *g = &s->before;

    if (g->began_s != 0 && x->rise_s <= g->began_s + SESSIONROW_SKEW_S &&
        !(x->begins && x->sure && is_near(x->start_s, g->began_s)))
        return;
    if (is_lower(x->up, x->down, g)) {
        if (!x->begins || !x->sure || x->start_s <= g->rise_s + SESSIONROW_SKEW_S ||
            x->start_s <= g->began_s + SESSIONROW_SKEW_S)
            return;
        *g = (struct segment){.began_s = x->start_s};
    }
    (void)raise_segment(g, x->up, x->down, x->rise_s, gain);
}

static void
count(struct session_row *s, const struct report *x, int64_t run, struct session_gain *gain)
{
    switch (place_of(s, x, run)) {
    case PLACE_NEWER:
        begin(s, x, run);
        count_now(s, x, run, gain);
        break;
    case PLACE_NOW: count_now(s, x, run, gain); break;
    case PLACE_BEFORE: count_before(s, x, gain); break;
    case PLACE_NOWHERE: break;
    }
}

/* What was put aside counts once it is known that a segment had begun, so long before that it can't
 * be a late packet of another. */
static void
count_aside(struct session_row *s, struct session_gain *gain)
{
    struct segment *a = &s->aside;

    if (a->rise_s == 0 || s->now.began_s == 0 || a->rise_s <= s->now.began_s + LEDGER_LATE_S ||
        is_lower(a->up, a->down, &s->now))
        return;
    if (raise_segment(&s->now, a->up, a->down, a->rise_s, gain))
        s->run = 0;
    *a = (struct segment){0};
}

/* ---- what an entry reports ---- */

static struct report
first_report(const struct ledger_entry *e)
{
    bool restarted = (e->flags & LEDGER_RESTARTED) != 0;
    struct report x = {
        .up = restarted ? e->first_up : e->up,
        .down = restarted ? e->first_down : e->down,
        .rise_s = restarted ? e->first_rise_s : e->rise_s,
        .begins = (e->flags & LEDGER_STARTED) != 0,
        .sure = e->start_up == 0 && e->start_down == 0,
        .start_s = e->start_s,
        .start_up = e->start_up,
        .start_down = e->start_down,
        .opens = (e->flags & LEDGER_OPENED) != 0,
        .open_s = e->first_s,
        .open_up = e->open_up,
        .open_down = e->open_down,
    };

    if (restarted)
        x.over_s = e->mid_s;
    else if ((e->flags & LEDGER_ENDED) != 0)
        x.over_s = e->last_s;
    return x;
}

/* If it came with counters, they were not more than these. */
static struct report
last_report(const struct ledger_entry *e)
{
    bool sure = (e->flags & LEDGER_SURE) != 0;

    return (struct report){
        .up = e->up,
        .down = e->down,
        .rise_s = e->rise_s,
        .over_s = (e->flags & LEDGER_ENDED) != 0 ? e->last_s : 0,
        .begins = true,
        .sure = sure,
        .fell = true,
        .start_s = e->segment_s,
        .start_up = sure ? 0 : e->up,
        .start_down = sure ? 0 : e->down,
    };
}

static struct report
aside_report(const struct ledger_entry *e)
{
    return (struct report){
        .up = e->aside_up,
        .down = e->aside_down,
        .rise_s = e->aside_s,
        .late_s = LEDGER_LATE_S,
    };
}

/* The segments between the first and the last count as a whole, unless another tracker told of that
 * time: nobody could say then which of them are in what it told. */
static void
count_mid(struct session_row *s, const struct ledger_entry *e, int64_t run,
          struct session_gain *gain)
{
    if (e->mid_up == 0 && e->mid_down == 0)
        return;
    if (s->run != run && (s->now.rise_s >= (int64_t)e->mid_s - SESSIONROW_SKEW_S ||
                          s->now.began_s >= (int64_t)e->mid_s - SESSIONROW_SKEW_S))
        return;
    s->before = s->now;
    s->now = (struct segment){.began_s = e->mid_s};
    s->run = run;
    (void)raise_segment(&s->now, e->mid_up, e->mid_down, e->mid_s, gain);
}

static void
count_bytes(struct session_row *s, const struct ledger_entry *e, int64_t run,
            struct session_gain *gain)
{
    bool restarted = (e->flags & LEDGER_RESTARTED) != 0;
    struct report first = first_report(e), last = last_report(e), aside = aside_report(e);

    if (e->rise_s == 0)
        return; /* all of it was absurd */
    count(s, &first, run, gain);
    if (restarted && e->aside_s != 0 && e->aside_s < e->segment_s)
        count(s, &aside, run, gain);
    if (restarted) {
        count_mid(s, e, run, gain);
        count(s, &last, run, gain);
    }
    if (e->aside_s != 0 && !(restarted && e->aside_s < e->segment_s))
        count(s, &aside, run, gain);
    count_aside(s, gain);
}

/* ---- the rest ---- */

/* Only the time after the row's last announce: before that, another tracker's entry has it. */
static void
count_time(const struct session_row *s, const struct ledger_entry *e, uint32_t gap_max_s,
           struct session_gain *gain)
{
    int64_t gap = (int64_t)e->first_s - s->seen_s, after = (int64_t)e->last_s - s->seen_s;

    if (after <= 0)
        return;
    gain->seed_s = e->seed_s < after ? e->seed_s : (uint64_t)after;
    if (s->exists && s->seeds && (e->flags & LEDGER_FIRST_SEEDS) != 0 && gap > 0)
        gain->seed_s += gap < gap_max_s ? (uint64_t)gap : gap_max_s;
}

static void
keep_newest(struct session_row *s, const struct ledger_entry *e)
{
    if (e->last_s < s->seen_s)
        return;
    s->seen_s = e->last_s;
    s->left = e->left;
    s->seeds = (e->flags & LEDGER_LAST_SEEDS) != 0;
    s->ended = (e->flags & LEDGER_ENDED) != 0;
}

void
session_row_take(struct session_row *s, const struct ledger_entry *e, int64_t run,
                 uint32_t gap_max_s, struct session_gain *gain)
{
    *gain = (struct session_gain){0};
    if (!s->exists)
        s->run = run;
    count_bytes(s, e, run, gain);
    count_time(s, e, gap_max_s, gain);
    keep_newest(s, e);
    if ((e->flags & LEDGER_COMPLETED) != 0 && s->completed_s == 0) {
        s->completed_s = e->completed_s;
        gain->completed = true;
    }
    s->exists = true;
}
