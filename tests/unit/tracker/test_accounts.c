/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ledgers into accounts: that the database keeps sessions as session.h has them, credits users and
 * torrents with what they come to, and takes each batch once.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/sys/db.h"
#include "tests/unit/tracker/tmpdb.h"
#include "tracker/core/allowance.h"
#include "tracker/core/session.h"
#include "tracker/store/accounts.h"

static const uint64_t seed[2] = {1, 2};

enum { GAP_S = 100, RUN = 77, R = LEDGER_RESEND_S };

#define RATE (UINT64_C(1) << 50)

struct bank {
    struct tmpdb db;
    struct ledger ledger;
    int64_t run, seq;
    uint64_t rate;
};

static void
bank_open(struct bank *b, unsigned torrents)
{
    *b = (struct bank){.run = RUN, .rate = RATE};
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
        .uploaded = up, .downloaded = down, .left = left, .event = event, .key = (uint32_t)up};

    memcpy(a.peer_id, "-qB4650-", 8);
    a.peer_id[19] = peer;
    return a;
}

static void
note(struct bank *b, uint32_t torrent, struct tracker_announce a, int64_t unix_s)
{
    struct ledger_note n = {
        .key = ledger_key_of(&a, 1, torrent), .unix_s = unix_s, .leechers_s = unix_s};

    n.hash = ledger_prefetch(&b->ledger, &n.key);
    cr_assert_eq(ledger_put(&b->ledger, &a, &n), 0);
}

static struct accounts_result
apply(struct bank *b, int64_t seq)
{
    struct accounts_batch batch = {.run = b->run,
                                   .seq = seq,
                                   .unix_s = 1,
                                   .pages = &b->ledger.page,
                                   .npages = 1,
                                   .rate_possible = b->rate,
                                   .gap_max_s = GAP_S};
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

static struct registry_stats
stats(struct bank *b)
{
    struct registry_stats s;
    struct errbuf eb;

    cr_assert_eq(registry_stats(b->db.registry, &s, &eb), 0, "%s", eb.text);
    return s;
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
    note(&b, 1, announce(2, 0, 0, 9, TRACKER_EVENT_STARTED), 30);
    note(&b, 1, announce(2, 7, 7, 9, TRACKER_EVENT_COMPLETED), 31);
    flush(&b);
    is(&b, 157, 17);
    cr_assert_eq(total(&b, 1).completed, 31);
    bank_close(&b);
}

/* "key" differs with each announce: it does not tell sessions apart. */
Test(accounts, the_peer_id_tells_sessions_apart)
{
    struct bank b;

    bank_open(&b, 1);
    for (uint64_t up = 0; up <= 100; up += 10) {
        note(&b, 1, announce(1, up, 0, 9, TRACKER_EVENT_NONE), 10 + (int64_t)up);
        flush(&b);
    }
    is(&b, 100, 0);
    bank_close(&b);
}

Test(accounts, a_batch_counts_once)
{
    struct accounts_result r;
    struct bank b;

    bank_open(&b, 1);
    note(&b, 1, announce(1, 0, 0, 0, TRACKER_EVENT_STARTED), 20);
    note(&b, 1, announce(1, 5, 5, 0, TRACKER_EVENT_NONE), 30);
    r = apply(&b, 1);
    cr_assert(!r.replayed && r.entries == 1);
    r = apply(&b, 1);
    cr_assert(r.replayed && r.entries == 0);
    is(&b, 5, 5);
    cr_assert_eq(total(&b, 1).seed_s, 10);
    cr_assert_eq(total(&b, 1).seed_s, 10);
    r = apply(&b, 2);
    cr_assert_not(r.replayed, "another number, which adds nothing because counters are absolute");
    is(&b, 5, 5);
    r = apply(&b, 1);
    cr_assert(r.replayed, "an older one");
    bank_close(&b);
}

Test(accounts, strangers_are_left_out)
{
    struct accounts_result r;
    struct bank b;

    bank_open(&b, 1);
    note(&b, 99, announce(1, 0, 0, 9, TRACKER_EVENT_STARTED), 20);
    note(&b, 1, announce(1, 0, 0, 9, TRACKER_EVENT_STARTED), 20);
    note(&b, 1, announce(1, 5, 5, 9, TRACKER_EVENT_NONE), 21);
    r = flush(&b);
    cr_assert(r.entries == 2 && r.strangers == 1);
    is(&b, 5, 5);
    bank_close(&b);
}

Test(accounts, sums_stop)
{
    struct bank b;

    bank_open(&b, 1);
    for (int i = 0; i < 200; i++) {
        note(&b, 1, announce((uint8_t)i, 0, 0, 0, TRACKER_EVENT_STARTED), 1000000);
        note(&b, 1, announce((uint8_t)i, LEDGER_COUNTER_MAX, 0, 0, TRACKER_EVENT_NONE), 1000000);
        if (i % 50 == 0)
            flush(&b);
    }
    flush(&b);
    is(&b, (uint64_t)ACCOUNTS_SUM_MAX, 0);
    cr_assert_eq(stats(&b).uploaded, (uint64_t)ACCOUNTS_SUM_MAX);
    bank_close(&b);
}

/* Each session could have moved that alone, but the user's line not all of it; and when the line
 * has had the time, the rest counts. */
Test(accounts, many_sessions_have_one_line)
{
    enum { SESSIONS = 600, MOVED = 1000 * (200 + R) };
    const int64_t times[] = {1000000, 1000200, 2000000};
    const uint64_t counters[] = {0, MOVED, MOVED};
    struct bank b;

    bank_open(&b, 1);
    b.rate = 1000;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < SESSIONS; i++) {
            struct tracker_announce a = announce(1, counters[round], 0, 0, TRACKER_EVENT_NONE);

            memcpy(a.peer_id + 8, &i, sizeof(i));
            note(&b, 1, a, times[round]);
        }
        flush(&b);
        cr_assert_leq(total(&b, 1).uploaded, 1000 * (uint64_t)(ALLOWANCE_IDLE_S + R) +
                                                 (round == 2 ? SESSIONS * (uint64_t)MOVED : 0));
    }
    is(&b, SESSIONS * (uint64_t)MOVED, 0);
    bank_close(&b);
}

/* ---- forgetting ---- */

/* Looks at all sessions; returns in how many parts. */
static unsigned
forget(struct bank *b, int64_t before)
{
    struct accounts_forgetter at = {0};
    struct errbuf eb;
    unsigned parts = 0;

    do {
        cr_assert_eq(accounts_forget(b->db.registry, before, &at, &eb), 0, "%s", eb.text);
        parts++;
    } while (at.user != 0);
    return parts;
}

static int64_t
number_of(struct bank *b, const char *sql)
{
    sqlite3_stmt *q;
    sqlite3 *db;
    int64_t n;

    cr_assert_eq(sqlite3_open(b->db.path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(q), SQLITE_ROW);
    n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

Test(accounts, a_forgotten_session_counts_nothing_twice)
{
    struct bank b;

    bank_open(&b, 1);
    note(&b, 1, announce(1, 0, 0, 0, TRACKER_EVENT_STARTED), 900);
    note(&b, 1, announce(1, 100, 0, 0, TRACKER_EVENT_NONE), 1000);
    flush(&b);
    forget(&b, 1000);
    note(&b, 1, announce(1, 101, 0, 0, TRACKER_EVENT_NONE), 1001);
    flush(&b);
    is(&b, 101, 0);
    forget(&b, 1002);
    cr_assert_eq(number_of(&b, "SELECT count(*) FROM sessions"), 0);
    note(&b, 1, announce(1, 110, 0, 0, TRACKER_EVENT_NONE), 1003);
    flush(&b);
    is(&b, 101, 0);
    note(&b, 1, announce(1, 120, 0, 0, TRACKER_EVENT_NONE), 1010);
    flush(&b);
    is(&b, 111, 0);
    bank_close(&b);
}

/* A tracker that was cut off tells of the time before a session was forgotten. */
Test(accounts, what_comes_after_its_session_was_forgotten_is_left_out)
{
    struct accounts_result r;
    struct bank b;

    bank_open(&b, 1);
    note(&b, 1, announce(1, 0, 0, 0, TRACKER_EVENT_STARTED), 900);
    note(&b, 1, announce(1, 100, 0, 0, TRACKER_EVENT_NONE), 1000);
    flush(&b);
    forget(&b, 2000);
    b.run++;
    note(&b, 1, announce(1, 50, 0, 0, TRACKER_EVENT_NONE), 950);
    r = flush(&b);
    cr_assert(r.late == 1 && r.entries == 1);
    note(&b, 1, announce(1, 200, 0, 0, TRACKER_EVENT_NONE), 2500);
    flush(&b);
    note(&b, 1, announce(1, 60, 0, 0, TRACKER_EVENT_NONE), 960);
    cr_assert_eq(flush(&b).late, 1, "nor is it an earlier baseline");
    is(&b, 100, 0);
    bank_close(&b);
}

/* A client that takes another peer id each time leaves nothing for ever; and no transaction looks
 * at more than its part. */
Test(accounts, many_sessions_are_forgotten_in_parts)
{
    struct bank b;

    bank_open(&b, 2);
    for (int i = 0; i < 2 * ACCOUNTS_FORGET_ROWS + 100; i++) {
        struct tracker_announce a = announce(1, 0, 0, 0, TRACKER_EVENT_STARTED);

        memcpy(a.peer_id + 8, &i, sizeof(i));
        note(&b, 1 + (uint32_t)i % 2, a, 1000 + i % 3);
    }
    flush(&b);
    cr_assert_eq(forget(&b, 1002), 3);
    cr_assert_eq(number_of(&b, "SELECT min(seen) FROM sessions"), 1002);
    cr_assert_eq(forget(&b, 1003), 1);
    cr_assert_eq(number_of(&b, "SELECT count(*) FROM sessions"), 0);
    cr_assert_eq(number_of(&b, "SELECT count(*) FROM batches"), 1);
    forget(&b, 1003 + ACCOUNTS_BATCHES_S);
    cr_assert_eq(number_of(&b, "SELECT count(*) FROM batches"), 0);
    bank_close(&b);
}

/* ---- the rows are the sessions ---- */

/* The counters of a session that is lived without a database. */
struct life {
    struct session session;
    uint64_t up, down, counters[2];
};

static struct tracker_announce
live_on(struct life *l, struct rng *rng, uint8_t peer)
{
    static const enum tracker_event events[] = {TRACKER_EVENT_NONE, TRACKER_EVENT_NONE,
                                                TRACKER_EVENT_STOPPED, TRACKER_EVENT_STARTED};
    enum tracker_event event = events[rng_below(rng, 4)];

    if (event == TRACKER_EVENT_STARTED)
        l->counters[0] = l->counters[1] = 0;
    else if (rng_below(rng, 3) != 0)
        l->counters[rng_below(rng, 2)] += rng_below(rng, 1000);
    return announce(peer, l->counters[0], l->counters[1], rng_below(rng, 2), event);
}

/* The entries of the ledger, as the database gets them. */
static void
live_through(struct bank *b, struct life *lives)
{
    struct session_rules rules = {
        .run = b->run, .gap_max_s = GAP_S, .rate_possible = RATE, .room = {UINT64_MAX, UINT64_MAX}};

    for (uint32_t i = 0; i < b->ledger.page.count; i++) {
        const struct ledger_entry *e = &b->ledger.page.entries[i];
        struct life *l = &lives[e->key.peer_id[19]];
        struct session_gain gain;

        session_add(&l->session, e, &rules, &gain);
        l->up += gain.bytes[LEDGER_UP];
        l->down += gain.bytes[LEDGER_DOWN];
    }
}

static void
compare(uint64_t number)
{
    struct life lives[6] = {0};
    int64_t now_s = 100000;
    struct rng rng;
    struct bank b;

    rng_init(&rng, number);
    bank_open(&b, 1);
    for (int step = 0; step < 250; step++) {
        uint8_t peer = (uint8_t)rng_below(&rng, 6);
        uint64_t up = 0, down = 0;

        now_s += rng_below(&rng, rng_below(&rng, 3) == 0 ? 3 * R : 20);
        note(&b, 1, live_on(&lives[peer], &rng, peer),
             now_s - (int64_t)rng_below(&rng, 2) * rng_below(&rng, 5 * R));
        if (rng_below(&rng, 2) != 0)
            continue;
        b.run = RUN + (int64_t)rng_below(&rng, 3);
        live_through(&b, lives);
        flush(&b);
        for (int i = 0; i < 6; i++) {
            up += lives[i].up;
            down += lives[i].down;
        }
        is(&b, up, down);
    }
    cr_assert_gt(number_of(&b, "SELECT count(*) FROM sessions WHERE older IS NOT NULL"), 0);
    bank_close(&b);
}

Test(accounts, the_database_has_sessions_as_they_are)
{
    for (uint64_t number = 1; number <= 8; number++)
        compare(number);
}

/* Whatever is in the file, it can be read and written, and nothing is taken away. */
Test(accounts, a_spoiled_row_goes_on)
{
    static const char *const spoils[] = {
        "UPDATE sessions SET older = x'01'",
        "UPDATE sessions SET older = x'02'",
        "UPDATE sessions SET older = randomblob(500)",
        "UPDATE sessions SET older = x'01' || zeroblob(24) || x'ff'",
        "UPDATE sessions SET older = x'01' || zeroblob(25) || zeroblob(57 * 9)",
        "UPDATE sessions SET older = 'text', peer_id = peer_id",
        "UPDATE sessions SET top_uploaded = -1, top_uploaded_at = -1, stop_at = -5",
        "UPDATE sessions SET top_uploaded = 9223372036854775807, base_uploaded = -7",
        "UPDATE sessions SET first = 9223372036854775807, start = 1 << 60, seen = -1",
        "UPDATE sessions SET uploaded = -1, downloaded = 9223372036854775807, run = -1",
    };
    struct bank b;
    uint64_t before = 0;

    bank_open(&b, 1);
    for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
        int64_t now_s = 10000 + (int64_t)i * 4 * R;
        sqlite3 *db;

        note(&b, 1, announce(1, 0, 0, 9, TRACKER_EVENT_STARTED), now_s);
        note(&b, 1, announce(1, 10 * (i + 1), 10, 9, TRACKER_EVENT_STOPPED), now_s + R + 9);
        flush(&b);
        cr_assert_eq(sqlite3_open(b.db.path, &db), SQLITE_OK);
        cr_assert_eq(sqlite3_exec(db, spoils[i], NULL, NULL, NULL), SQLITE_OK, "%s",
                     sqlite3_errmsg(db));
        sqlite3_close(db);
        cr_assert_geq(total(&b, 1).uploaded, before);
        before = total(&b, 1).uploaded;
    }
    flush(&b);
    bank_close(&b);
}

/* ---- sums and signals ---- */

/* The row of sums against the tables that it sums up. */
static void
check_sums(struct bank *b)
{
    struct registry_stats s = stats(b);

    cr_assert_eq(s.users, (uint64_t)number_of(b, "SELECT count(*) FROM users"));
    cr_assert_eq(s.users_enabled, (uint64_t)number_of(b, "SELECT sum(enabled) FROM users"));
    cr_assert_eq(s.torrents,
                 (uint64_t)number_of(b, "SELECT count(*) FROM torrents WHERE removed = 0"));
    cr_assert_eq(s.torrents_removed,
                 (uint64_t)number_of(b, "SELECT count(*) FROM torrents WHERE removed <> 0"));
    cr_assert_eq(s.uploaded, (uint64_t)number_of(b, "SELECT sum(uploaded) FROM users"));
    cr_assert_eq(s.downloaded, (uint64_t)number_of(b, "SELECT sum(downloaded) FROM users"));
    cr_assert_eq(s.downloaded_raw, (uint64_t)number_of(b, "SELECT sum(downloaded_raw) FROM users"));
    cr_assert_eq(s.completed, (uint64_t)number_of(b, "SELECT sum(completed) FROM torrents"));
    cr_assert_eq(s.seed_s, (uint64_t)number_of(b, "SELECT sum(seed_s) FROM totals"));
    cr_assert_eq(s.signals, (uint64_t)number_of(b, "SELECT count(*) FROM signals"));
}

Test(accounts, the_row_of_sums_follows_the_tables)
{
    struct registry_user u = {.name = "bert", .enabled = true};
    struct registry_torrent t = {.has_v1 = true};
    uint8_t passkey[ACCESS_PASSKEY_LEN];
    struct errbuf eb;
    struct bank b;

    bank_open(&b, 2);
    check_sums(&b);
    cr_assert_eq(registry_add_user(b.db.registry, &u, passkey, &eb), 0);
    u.enabled = false;
    cr_assert_eq(registry_set_user(b.db.registry, &u, &eb), 0);
    cr_assert_eq(registry_remove_torrent(b.db.registry, 2, "it is bad", &eb), 0);
    check_sums(&b);
    note(&b, 1, announce(1, 0, 0, 9, TRACKER_EVENT_STARTED), 1000);
    note(&b, 1, announce(1, 70, 60, 0, TRACKER_EVENT_COMPLETED), 1010);
    note(&b, 1, announce(1, UINT64_MAX, 60, 0, TRACKER_EVENT_NONE), 1050);
    flush(&b);
    check_sums(&b);
    cr_assert(stats(&b).seed_s == 40 && stats(&b).signals == 1 && stats(&b).completed == 1);
    u.id = 1;
    u.enabled = false;
    cr_assert_eq(registry_set_user(b.db.registry, &u, &eb), 0);
    cr_assert_eq(registry_set_user(b.db.registry, &u, &eb), 0, "again");
    cr_assert_eq(registry_remove_torrent(b.db.registry, 2, "it is worse", &eb), 0, "again");
    check_sums(&b);
    t.v1[0] = 2;
    cr_assert_eq(registry_add_torrent(b.db.registry, &t, &eb), 0, "after its removal");
    t.v1[0] = 9;
    t.id = 0;
    cr_assert_eq(registry_add_torrent(b.db.registry, &t, &eb), 0);
    t.v1[0] = 1;
    cr_assert_eq(registry_add_torrent(b.db.registry, &t, &eb), SPRAT_E_EXISTS);
    check_sums(&b);
    bank_close(&b);
}

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
    a.uploaded = UINT64_MAX;
    note(&b, 1, a, 1001);
    flush(&b);
    memset(a.peer_id, '?', sizeof(a.peer_id));
    a.uploaded = 0;
    note(&b, 1, a, 1002);
    flush(&b);
    cr_assert_eq(registry_each_signal(b.db.registry, 0, 10, take_signal, kinds, &eb), 0);
    cr_assert_str_eq(kinds, "unknown-client absurd-counters ");
    bank_close(&b);
}
