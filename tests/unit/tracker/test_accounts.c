/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ledgers into accounts. What random announces come to, flushed at random moments, must be what
 * they would come to one by one.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/rng.h"
#include "tests/unit/tracker/tmpdb.h"
#include "tracker/store/accounts.h"

static const uint64_t seed[2] = {1, 2};

enum { GAP_S = 100, RUN = 77 };

struct bank {
    struct tmpdb db;
    struct ledger ledger;
    int64_t run, seq;
};

static void
bank_open(struct bank *b, unsigned torrents)
{
    *b = (struct bank){.run = RUN};
    tmpdb_open(&b->db, torrents);
    ledger_init(&b->ledger, seed, 100000, GAP_S);
}

static void
bank_close(struct bank *b)
{
    ledger_fini(&b->ledger);
    tmpdb_close(&b->db);
}

static struct tracker_announce
announce(uint8_t peer, uint64_t up, uint64_t down, uint64_t left, enum tracker_event event)
{
    struct tracker_announce a = {
        .uploaded = up, .downloaded = down, .left = left, .event = event, .key = peer};

    memcpy(a.peer_id, "-qB4650-", 8);
    a.peer_id[19] = peer;
    return a;
}

static void
note_leechers(struct bank *b, uint32_t torrent, struct tracker_announce a, int64_t unix_s,
              int64_t leechers_s)
{
    struct ledger_note n = {
        .key = ledger_key_of(&a, 1, torrent), .unix_s = unix_s, .leechers_s = leechers_s};

    n.hash = ledger_prefetch(&b->ledger, &n.key);
    cr_assert_eq(ledger_put(&b->ledger, &a, &n), 0);
}

static void
note(struct bank *b, uint32_t torrent, struct tracker_announce a, int64_t unix_s)
{
    note_leechers(b, torrent, a, unix_s, unix_s);
}

static struct accounts_result
apply(struct bank *b, int64_t seq)
{
    struct accounts_batch batch = {.run = b->run,
                                   .seq = seq,
                                   .unix_s = 1,
                                   .pages = &b->ledger.page,
                                   .npages = 1,
                                   .rate_possible = 1 << 30,
                                   .gap_max_s = GAP_S,
                                   .alone = true};
    struct accounts_result r;
    struct errbuf eb;

    cr_assert_eq(accounts_apply(b->db.registry, &batch, &r, &eb), 0, "%s", eb.text);
    return r;
}

static struct accounts_result
flush(struct bank *b)
{
    struct accounts_result r = apply(b, ++b->seq);

    cr_assert_not(r.replayed);
    ledger_page_clear(&b->ledger.page);
    return r;
}

static int
take_total(void *ctx, const struct registry_total *t)
{
    ((struct registry_total *)ctx)[t->hash[0]] = *t;
    return 0;
}

/* The total of |torrent|; all zero if there is none. */
static struct registry_total
total(struct bank *b, uint32_t torrent)
{
    struct registry_total all[256];
    struct errbuf eb;

    memset(all, 0, sizeof(all));
    cr_assert_eq(registry_each_total(b->db.registry, 1, 0, 256, take_total, all, &eb), 0);
    return all[torrent];
}

static void
is(struct bank *b, uint64_t up, uint64_t down)
{
    struct registry_total t = total(b, 1);

    cr_assert_eq(t.uploaded, up, "%lu", (unsigned long)t.uploaded);
    cr_assert_eq(t.downloaded_raw, down, "%lu", (unsigned long)t.downloaded_raw);
}

Test(accounts, differences_add_up)
{
    struct bank b;

    bank_open(&b, 1);
    note(&b, 1, announce(1, 0, 0, 9, TRACKER_EVENT_STARTED), 10);
    flush(&b);
    is(&b, 0, 0);
    note(&b, 1, announce(1, 100, 10, 9, TRACKER_EVENT_NONE), 20);
    flush(&b);
    note(&b, 1, announce(1, 90, 5, 9, TRACKER_EVENT_NONE), 20);
    flush(&b);
    is(&b, 100, 10);
    note(&b, 1, announce(1, 150, 10, 9, TRACKER_EVENT_NONE), 30);
    note(&b, 1, announce(2, 7, 7, 9, TRACKER_EVENT_NONE), 30);
    flush(&b);
    is(&b, 157, 17);
    bank_close(&b);
}

Test(accounts, a_batch_counts_once)
{
    struct accounts_result r;
    struct bank b;

    bank_open(&b, 1);
    note(&b, 1, announce(1, 5, 5, 9, TRACKER_EVENT_NONE), 20);
    r = apply(&b, 1);
    cr_assert(!r.replayed && r.entries == 1);
    r = apply(&b, 1);
    cr_assert(r.replayed && r.entries == 0);
    is(&b, 5, 5);
    r = apply(&b, 2);
    cr_assert_not(r.replayed, "another number, which adds nothing because counters are absolute");
    is(&b, 5, 5);
    r = apply(&b, 1);
    cr_assert(r.replayed, "an older one");
    bank_close(&b);
}

Test(accounts, beginnings)
{
    struct bank b;

    bank_open(&b, 1);
    note(&b, 1, announce(1, 100, 100, 9, TRACKER_EVENT_NONE), 20);
    flush(&b);
    note(&b, 1, announce(1, 30, 130, 9, TRACKER_EVENT_STARTED), 30);
    flush(&b);
    is(&b, 130, 230);
    note(&b, 1, announce(1, 40, 140, 9, TRACKER_EVENT_STOPPED), 40);
    flush(&b);
    is(&b, 140, 240);
    note(&b, 1, announce(1, 5, 5, 9, TRACKER_EVENT_NONE), 40 + LEDGER_LATE_S);
    flush(&b);
    is(&b, 140, 240);
    note(&b, 1, announce(1, 41, 141, 9, TRACKER_EVENT_STOPPED), 300);
    flush(&b);
    note(&b, 1, announce(1, 5, 5, 9, TRACKER_EVENT_NONE), 301 + LEDGER_LATE_S);
    note(&b, 1, announce(1, 6, 7, 9, TRACKER_EVENT_NONE), 302 + LEDGER_LATE_S);
    flush(&b);
    is(&b, 147, 248);
    bank_close(&b);
}

Test(accounts, strangers_are_left_out)
{
    struct accounts_result r;
    struct bank b;

    bank_open(&b, 1);
    note(&b, 99, announce(1, 5, 5, 9, TRACKER_EVENT_NONE), 20);
    note(&b, 1, announce(1, 5, 5, 9, TRACKER_EVENT_NONE), 20);
    r = flush(&b);
    cr_assert(r.entries == 2 && r.strangers == 1);
    is(&b, 5, 5);
    bank_close(&b);
}

Test(accounts, seed_time_goes_on_over_flushes)
{
    struct bank b;

    bank_open(&b, 1);
    for (int64_t s = 10; s <= 50; s += 10) {
        note(&b, 1, announce(1, 0, 0, 0, TRACKER_EVENT_NONE), s);
        flush(&b);
    }
    cr_assert_eq(total(&b, 1).seed_s, 40);
    note(&b, 1, announce(1, 0, 0, 0, TRACKER_EVENT_STOPPED), 1000);
    flush(&b);
    cr_assert_eq(total(&b, 1).seed_s, 40 + GAP_S);
    note(&b, 1, announce(1, 0, 0, 0, TRACKER_EVENT_STARTED), 1010);
    flush(&b);
    cr_assert_eq(total(&b, 1).seed_s, 40 + GAP_S);
    bank_close(&b);
}

Test(accounts, sums_stop)
{
    struct bank b;

    bank_open(&b, 1);
    for (int i = 0; i < 200; i++) {
        note(&b, 1, announce((uint8_t)i, LEDGER_COUNTER_MAX, 0, 0, TRACKER_EVENT_NONE), 10);
        if (i % 50 == 0)
            flush(&b);
    }
    flush(&b);
    is(&b, (uint64_t)ACCOUNTS_SUM_MAX, 0);
    bank_close(&b);
}

Test(accounts, old_sessions_are_forgotten)
{
    struct errbuf eb;
    struct bank b;

    bank_open(&b, 1);
    note(&b, 1, announce(1, 100, 0, 0, TRACKER_EVENT_NONE), 1000);
    flush(&b);
    cr_assert_eq(accounts_forget(b.db.registry, 1000, &eb), 0);
    note(&b, 1, announce(1, 101, 0, 0, TRACKER_EVENT_NONE), 1001);
    flush(&b);
    is(&b, 101, 0);
    cr_assert_eq(accounts_forget(b.db.registry, 1002, &eb), 0);
    note(&b, 1, announce(1, 102, 0, 0, TRACKER_EVENT_NONE), 1003);
    flush(&b);
    is(&b, 203, 0);
    bank_close(&b);
}

/* ---- random announces ---- */

/* What one announce after the other comes to: the rules of ledger.h without a ledger. */
struct model {
    uint64_t up, down, total_up, total_down;
    int64_t seen_s;
    bool ended;
};

static void
model_take(struct model *m, const struct tracker_announce *a, int64_t unix_s)
{
    bool lower = a->uploaded < m->up || a->downloaded < m->down;

    if (lower &&
        (a->event == TRACKER_EVENT_STARTED || (m->ended && unix_s - m->seen_s > LEDGER_LATE_S)))
        m->up = m->down = 0;
    if (a->uploaded > m->up) {
        m->total_up += a->uploaded - m->up;
        m->up = a->uploaded;
    }
    if (a->downloaded > m->down) {
        m->total_down += a->downloaded - m->down;
        m->down = a->downloaded;
    }
    m->ended = a->event == TRACKER_EVENT_STOPPED;
    m->seen_s = unix_s;
}

/* One client: what it says next, and now and then what it said before, once more. */
struct client {
    struct tracker_announce now, before;
    bool began;
};

static struct tracker_announce
client_say(struct client *c, struct rng *rng, uint8_t peer)
{
    uint32_t what = rng_below(rng, 20);

    if (c->began && what == 0)
        return c->before;
    c->before = c->now;
    c->before.event = TRACKER_EVENT_NONE;
    if (!c->began || what == 1) {
        c->now = announce(peer, rng_below(rng, 3), rng_below(rng, 3), 1, TRACKER_EVENT_STARTED);
        c->before = c->now;
        c->began = true;
    } else {
        c->now.uploaded += rng_below(rng, 1000);
        c->now.downloaded += rng_below(rng, 1000);
        c->now.event = what == 2   ? TRACKER_EVENT_STOPPED
                       : what == 3 ? TRACKER_EVENT_COMPLETED
                                   : TRACKER_EVENT_NONE;
        if (what == 2)
            c->before = c->now;
    }
    return c->now;
}

static void
play(uint64_t number)
{
    struct client clients[4][3] = {0};
    struct model models[4][3] = {0};
    int64_t unix_s = 1000;
    struct rng rng;
    struct bank b;

    rng_init(&rng, number);
    bank_open(&b, 4);
    for (int step = 0; step < 600; step++) {
        uint32_t t = rng_below(&rng, 4), p = rng_below(&rng, 3);
        struct tracker_announce a = client_say(&clients[t][p], &rng, (uint8_t)p);

        unix_s += rng_below(&rng, 60);
        model_take(&models[t][p], &a, unix_s);
        note(&b, t + 1, a, unix_s);
        if (rng_below(&rng, 12) == 0) {
            flush(&b);
            b.run += rng_below(&rng, 2); /* the daemon begins anew too */
        }
    }
    flush(&b);
    for (uint32_t t = 0; t < 4; t++) {
        uint64_t up = 0, down = 0;

        for (int p = 0; p < 3; p++) {
            up += models[t][p].total_up;
            down += models[t][p].total_down;
        }
        cr_assert_eq(total(&b, t + 1).uploaded, up, "seed %lu", (unsigned long)number);
        cr_assert_eq(total(&b, t + 1).downloaded_raw, down, "seed %lu", (unsigned long)number);
    }
    bank_close(&b);
}

Test(accounts, flushed_at_any_moment_they_are_the_same)
{
    for (uint64_t number = 1; number <= 12; number++)
        play(number);
}

/* ---- signals ---- */

static int
take_signal(void *ctx, const struct registry_signal *s)
{
    strcat(ctx, s->kind);
    strcat(ctx, " ");
    return 0;
}

Test(accounts, signals_are_listed)
{
    struct tracker_announce a = announce(1, 0, 0, 0, TRACKER_EVENT_NONE);
    char kinds[200] = "";
    struct errbuf eb;
    struct bank b;

    bank_open(&b, 1);
    note(&b, 1, a, 1000);
    flush(&b);
    a.uploaded = UINT64_C(3) << 30;
    note(&b, 1, a, 1001);
    flush(&b);
    memset(a.peer_id, '?', sizeof(a.peer_id));
    note(&b, 1, a, 1001);
    flush(&b);
    cr_assert_eq(registry_each_signal(b.db.registry, 0, 10, take_signal, kinds, &eb), 0);
    cr_assert_str_eq(kinds, "rate unknown-client ");
    cr_assert_str_eq(accounts_signal_name(99), "unknown");
    bank_close(&b);
}

/* The tracker tells how long ago there was a leecher by a clock of its own, whose seconds may begin
 * at any moment of a second of the calendar. */
Test(accounts, a_second_without_leechers_may_be_rounding)
{
    struct bank b;

    bank_open(&b, 1);
    note(&b, 1, announce(1, 0, 0, 0, TRACKER_EVENT_NONE), 1000);
    flush(&b);
    note_leechers(&b, 1, announce(1, 50, 0, 0, TRACKER_EVENT_NONE), 1000, 999);
    cr_assert_eq(flush(&b).signals, 0);
    note_leechers(&b, 1, announce(1, 60, 0, 0, TRACKER_EVENT_NONE), 1001, 998);
    cr_assert_eq(flush(&b).signals, 1);
    bank_close(&b);
}
