/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ledgers of several trackers into one set of accounts, in any order. What random clients moved
 * must be what is counted, where accounts.h promises that, and never more.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/sys/db.h"
#include "tests/unit/tracker/tmpdb.h"
#include "tracker/store/accounts.h"

static const uint64_t seed[2] = {3, 4};

enum { GAP_S = 4000, TRACKERS = 3, TORRENTS_MAX = 24, QUEUE_MAX = 4096 };

/* What was swapped out and is under way. */
struct batch {
    struct ledger_page page;
    int64_t oldest_s;
};

struct node {
    struct ledger ledger;
    int64_t oldest_s; /* of what is in the ledger; 0: nothing is */
    struct batch queue[QUEUE_MAX];
    unsigned first, count;
};

struct fleet {
    struct tmpdb db;
    struct node nodes[TRACKERS];
};

static struct fleet *
fleet_new(unsigned torrents)
{
    struct fleet *f = calloc(1, sizeof(*f));

    cr_assert_not_null(f);
    tmpdb_open(&f->db, torrents);
    for (int i = 0; i < TRACKERS; i++)
        ledger_init(&f->nodes[i].ledger, seed, 1000, GAP_S);
    return f;
}

static void
fleet_free(struct fleet *f)
{
    for (int i = 0; i < TRACKERS; i++)
        ledger_fini(&f->nodes[i].ledger);
    tmpdb_close(&f->db);
    free(f);
}

struct said {
    uint64_t up, down;
    enum tracker_event event;
};

/* The client of a torrent says it to a tracker. */
static void
say(struct fleet *f, unsigned node, uint32_t torrent, struct said what, int64_t unix_s)
{
    struct tracker_announce a = {.peer_id = "-qB4650-",
                                 .key = 1,
                                 .uploaded = what.up,
                                 .downloaded = what.down,
                                 .event = what.event};
    struct ledger_note n = {
        .key = ledger_key_of(&a, 1, torrent), .unix_s = unix_s, .leechers_s = unix_s};

    n.hash = ledger_prefetch(&f->nodes[node].ledger, &n.key);
    cr_assert_eq(ledger_put(&f->nodes[node].ledger, &a, &n), 0);
    if (f->nodes[node].oldest_s == 0)
        f->nodes[node].oldest_s = unix_s;
}

/* The tracker flushes: a batch is under way. */
static void
flush(struct fleet *f, unsigned node)
{
    struct node *n = &f->nodes[node];
    struct batch *b = &n->queue[n->first + n->count];

    if (n->oldest_s == 0)
        return;
    cr_assert_lt(n->first + n->count, QUEUE_MAX);
    ledger_swap(&n->ledger, &b->page);
    b->oldest_s = n->oldest_s;
    n->oldest_s = 0;
    n->count++;
}

/* The oldest batch of a tracker that is under way arrives. */
static void
deliver(struct fleet *f, unsigned node)
{
    struct node *n = &f->nodes[node];
    struct accounts_batch batch = {.run = node + 1,
                                   .seq = n->first + 1,
                                   .unix_s = 1,
                                   .pages = &n->queue[n->first].page,
                                   .npages = 1,
                                   .rate_possible = UINT64_C(1) << 40,
                                   .gap_max_s = GAP_S};
    struct accounts_result r;
    struct errbuf eb;

    if (n->count == 0)
        return;
    cr_assert_eq(accounts_apply(f->db.registry, &batch, &r, &eb), 0, "%s", eb.text);
    cr_assert_not(r.replayed);
    ledger_page_fini(&n->queue[n->first].page);
    n->first++;
    n->count--;
}

static void
arrive(struct fleet *f, unsigned node)
{
    flush(f, node);
    deliver(f, node);
}

static int
take_total(void *ctx, const struct registry_total *t)
{
    ((struct registry_total *)ctx)[t->hash[0]] = *t;
    return 0;
}

static void
totals(struct fleet *f, struct registry_total all[256])
{
    struct errbuf eb;

    memset(all, 0, 256 * sizeof(all[0]));
    cr_assert_eq(registry_each_total(f->db.registry, 1, 0, 256, take_total, all, &eb), 0);
}

static struct registry_total
total(struct fleet *f)
{
    struct registry_total all[256];

    totals(f, all);
    return all[1];
}

static uint64_t
completions(struct fleet *f)
{
    struct registry_stats s;
    struct errbuf eb;

    cr_assert_eq(registry_stats(f->db.registry, &s, &eb), 0);
    return s.completed;
}

/* ---- cases ---- */

#define S TRACKER_EVENT_STARTED
#define N TRACKER_EVENT_NONE
#define C TRACKER_EVENT_COMPLETED
#define E TRACKER_EVENT_STOPPED

struct line {
    int64_t unix_s;
    unsigned node;
    uint64_t up;
    enum tracker_event event;
};

/* All is said, then the batches arrive in |order|; digits are trackers. */
static void
check(const char *name, const struct line *lines, size_t count, const char *order, uint64_t up)
{
    struct fleet *f = fleet_new(1);

    for (size_t i = 0; i < count; i++)
        say(f, lines[i].node, 1, (struct said){lines[i].up, 0, lines[i].event}, lines[i].unix_s);
    for (const char *p = order; *p != '\0'; p++)
        arrive(f, (unsigned)(*p - '0'));
    cr_assert_eq(total(f).uploaded, up, "%s, order %s: %lu, not %lu", name, order,
                 (unsigned long)total(f).uploaded, (unsigned long)up);
    fleet_free(f);
}

#define CHECK(name, order, up, ...)                                                                \
    do {                                                                                           \
        const struct line lines_[] = {__VA_ARGS__};                                                \
        check(name, lines_, sizeof(lines_) / sizeof(lines_[0]), order, up);                        \
    } while (0)

Test(accounts_fleet, a_segment_that_another_tracker_saw_begin)
{
    for (int i = 0; i < 2; i++)
        CHECK("stopped and began elsewhere", i == 0 ? "01" : "10", 550, {100, 0, 500, N},
              {200, 1, 500, E}, {210, 1, 0, S}, {300, 1, 50, N});
    for (int i = 0; i < 2; i++)
        CHECK("crashed and began elsewhere", i == 0 ? "01" : "10", 550, {100, 0, 500, N},
              {210, 1, 0, S}, {300, 1, 50, N});
    for (int i = 0; i < 2; i++)
        CHECK("and came back", i == 0 ? "01" : "10", 560, {100, 0, 500, N}, {210, 1, 0, S},
              {300, 1, 50, N}, {400, 0, 60, E});
}

Test(accounts_fleet, a_segment_counts_once_for_all_who_saw_it)
{
    for (int i = 0; i < 2; i++)
        CHECK("told to both", i == 0 ? "01" : "10", 560, {100, 0, 500, N}, {100, 1, 500, N},
              {200, 0, 0, S}, {201, 1, 0, S}, {300, 0, 50, N}, {300, 1, 60, N});
    for (int i = 0; i < 2; i++)
        CHECK("two of them", i == 0 ? "01" : "10", 1100, {100, 0, 500, N}, {200, 0, 0, S},
              {200, 1, 0, S}, {300, 0, 600, N}, {300, 1, 600, N});
    for (int i = 0; i < 2; i++)
        CHECK("in the same second", i == 0 ? "01" : "10", 500, {100, 0, 0, S}, {100, 1, 0, S},
              {100, 0, 500, C}, {101, 1, 500, C});
    CHECK("a clock that is late", "01", 500, {100, 0, 0, S}, {99, 1, 0, S}, {200, 0, 500, N},
          {198, 1, 500, N});
}

Test(accounts_fleet, between_two_that_are_known)
{
    CHECK("a segment late", "120", 500 + 60 + 7, {90, 1, 500, N}, {200, 0, 0, S}, {250, 0, 60, N},
          {400, 2, 0, S}, {500, 2, 7, N});
    CHECK("all of it twice", "10", 500 + 60 + 7, {90, 0, 500, N}, {91, 1, 500, N}, {200, 0, 0, S},
          {201, 1, 0, S}, {250, 0, 60, N}, {251, 1, 60, N}, {400, 0, 0, S}, {400, 1, 0, S},
          {500, 0, 7, N}, {500, 1, 7, N});
}

Test(accounts_fleet, in_doubt_nothing_counts)
{
    CHECK("older than the two", "210", 600 + 7, {90, 0, 500, N}, {200, 1, 0, S}, {300, 1, 600, N},
          {400, 2, 0, S}, {500, 2, 7, N});
    CHECK("so close to the beginning", "01", 0, {100, 0, 0, S}, {101, 1, 500, N});
}

Test(accounts_fleet, what_is_put_aside_waits_for_its_beginning)
{
    struct fleet *f = fleet_new(1);

    say(f, 0, 1, (struct said){500, 0, N}, 100);
    arrive(f, 0);
    say(f, 1, 1, (struct said){0, 0, S}, 1000);
    flush(f, 1);
    say(f, 0, 1, (struct said){50, 0, E}, 2000);
    arrive(f, 0);
    cr_assert_eq(total(f).uploaded, 500);
    deliver(f, 1);
    cr_assert_eq(total(f).uploaded, 550);
    fleet_free(f);
}

Test(accounts_fleet, an_older_entry_changes_no_state)
{
    struct fleet *f = fleet_new(1);

    say(f, 0, 1, (struct said){5, 0, E}, 100);
    flush(f, 0);
    say(f, 1, 1, (struct said){6, 0, N}, 90);
    arrive(f, 1);
    say(f, 1, 1, (struct said){6, 0, N}, 200);
    arrive(f, 1);
    deliver(f, 0);
    cr_assert_eq(total(f).seed_s, 110);
    say(f, 1, 1, (struct said){6, 0, N}, 300);
    arrive(f, 1);
    cr_assert_eq(total(f).seed_s, 210, "it had not stopped");
    cr_assert_eq(total(f).seen, 300);
    fleet_free(f);
}

Test(accounts_fleet, seed_time_counts_once)
{
    struct fleet *f = fleet_new(1);

    for (unsigned i = 0; i < 20; i++)
        say(f, i % 2, 1, (struct said){0, 0, N}, 1000 + i * 10);
    arrive(f, 1);
    cr_assert_eq(total(f).seed_s, 180);
    arrive(f, 0);
    cr_assert_eq(total(f).seed_s, 180);
    fleet_free(f);
}

Test(accounts_fleet, a_completion_counts_once)
{
    struct fleet *f = fleet_new(1);

    say(f, 0, 1, (struct said){0, 9, C}, 100);
    say(f, 1, 1, (struct said){0, 9, C}, 101);
    arrive(f, 0);
    arrive(f, 1);
    say(f, 0, 1, (struct said){0, 9, C}, 200);
    arrive(f, 0);
    cr_assert_eq(completions(f), 1);
    fleet_free(f);
}

/* A file as version 1 left it: 500 bytes in the session of 1, which is over for an hour. */
static void
make_version_1(const char *path)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(
        sqlite3_exec(
            db,
            "DROP TABLE sessions;"
            "CREATE TABLE sessions ("
            " user INTEGER NOT NULL, torrent INTEGER NOT NULL, peer_id BLOB NOT NULL,"
            " key INTEGER NOT NULL,"
            " uploaded INTEGER NOT NULL, downloaded INTEGER NOT NULL, remaining INTEGER NOT NULL,"
            " seeds INTEGER NOT NULL, ended INTEGER NOT NULL, seen INTEGER NOT NULL,"
            " PRIMARY KEY (user, torrent, peer_id, key)) WITHOUT ROWID;"
            "INSERT INTO sessions VALUES (1, 1, x'2d7142343635302d000000000000000000000000', 1,"
            " 500, 0, 0, 1, 0, 1000);"
            "INSERT INTO totals VALUES (1, 1, 500, 0, 0, 0, 900, 1000);"
            "UPDATE torrents SET completed = 1;"
            "PRAGMA user_version = 1;",
            NULL, NULL, NULL),
        SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(accounts_fleet, a_file_of_version_1_goes_on)
{
    struct fleet *f = fleet_new(1);
    struct errbuf eb;

    registry_close(f->db.registry);
    make_version_1(f->db.path);
    cr_assert_eq(registry_open(f->db.path, false, &f->db.registry, &eb), 0, "%s", eb.text);
    say(f, 0, 1, (struct said){520, 0, C}, 1100);
    arrive(f, 0);
    cr_assert_eq(total(f).uploaded, 520);
    cr_assert_eq(total(f).seed_s, 100);
    cr_assert_eq(completions(f), 1, "it had completed");
    say(f, 1, 1, (struct said){0, 0, S}, 900);
    say(f, 1, 1, (struct said){10, 0, N}, 950);
    arrive(f, 1);
    cr_assert_eq(total(f).uploaded, 520, "its counters were reported after that");
    say(f, 1, 1, (struct said){0, 0, S}, 1200);
    say(f, 1, 1, (struct said){10, 0, N}, 1250);
    arrive(f, 1);
    cr_assert_eq(total(f).uploaded, 530);
    fleet_free(f);
}

/* ---- random clients ---- */

enum custom {
    TELLS_ALL, /* each tracker hears of a beginning, and one of the rest */
    SHRINKS,   /* one hears of a beginning; each segment is smaller than the one before */
    CHAOS,     /* at any time, to any tracker, with clocks that differ */
};

struct client {
    struct said now, before;
    uint64_t moved_up, moved_down; /* in segments that are over */
    uint64_t max;                  /* of a counter in this segment */
    int64_t first_s, began_s, said_s;
    unsigned before_to;
    bool lives, completed;
};

struct game {
    struct fleet *fleet;
    struct rng rng;
    struct client clients[TORRENTS_MAX];
    enum custom custom;
    unsigned nodes;
    int64_t now_s;
    int64_t cut_until_s[TRACKERS];
    int64_t skew_s[TRACKERS];
};

static void
tell(struct game *g, unsigned node, uint32_t c, struct said what)
{
    say(g->fleet, node, c + 1, what, g->now_s + g->skew_s[node]);
    g->clients[c].said_s = g->now_s;
}

/* Is all that was said before |unix_s| in the accounts? */
static bool
is_settled(const struct game *g, int64_t unix_s)
{
    for (unsigned i = 0; i < g->nodes; i++) {
        const struct node *n = &g->fleet->nodes[i];
        int64_t oldest_s = n->count > 0 ? n->queue[n->first].oldest_s : n->oldest_s;

        if (oldest_s != 0 && oldest_s <= unix_s + 5)
            return false;
    }
    return true;
}

static void
client_start(struct game *g, uint32_t i)
{
    struct client *c = &g->clients[i];
    unsigned node = rng_below(&g->rng, g->nodes);

    if (g->custom != CHAOS && c->began_s != 0 &&
        (g->now_s - c->began_s < 2 * LEDGER_LATE_S ||
         !is_settled(g, g->custom == SHRINKS ? c->said_s : c->began_s)))
        return;
    c->moved_up += c->now.up;
    c->moved_down += c->now.down;
    c->max = g->custom != SHRINKS      ? 1 << 20
             : c->max == 0             ? 1 << 30
             : c->now.up < c->now.down ? c->now.up
                                       : c->now.down;
    c->now = (struct said){0, 0, S};
    if (g->custom == CHAOS || g->custom == SHRINKS)
        tell(g, node, i, c->now);
    else
        for (unsigned n = 0; n < g->nodes; n++)
            tell(g, n, i, c->now);
    c->before = (struct said){0, 0, N};
    c->before_to = node;
    c->lives = true;
    c->began_s = g->now_s;
    if (c->first_s == 0)
        c->first_s = g->now_s;
}

static void
client_move(struct game *g, struct client *c)
{
    uint64_t step = g->custom == SHRINKS ? c->max / 20 : 5000;

    c->now.up += rng_below(&g->rng, (uint32_t)step + 1);
    c->now.down += rng_below(&g->rng, (uint32_t)step + 1);
    if (c->now.up > c->max)
        c->now.up = c->max;
    if (c->now.down > c->max)
        c->now.down = c->max;
}

static void
client_go(struct game *g, uint32_t i)
{
    struct client *c = &g->clients[i];
    unsigned node = rng_below(&g->rng, g->nodes);
    uint32_t what = rng_below(&g->rng, 12);

    if (g->custom != CHAOS && g->now_s - c->said_s < (g->custom == SHRINKS ? 130 : 10))
        return;
    if (!c->lives || what == 0) {
        client_start(g, i);
        return;
    }
    if (what == 1) {
        tell(g, c->before_to, i, c->before);
        return;
    }
    client_move(g, c);
    c->now.event = what == 2 ? E : what == 3 ? C : N;
    if (g->custom == CHAOS && what == 4)
        c->now.event = S;
    c->completed |= what == 3;
    tell(g, node, i, c->now);
    if (what > 9)
        tell(g, (node + 1) % g->nodes, i, c->now);
    c->before = c->now;
    c->before.event = N;
    c->before_to = node;
    c->lives = what != 2;
}

static void
node_go(struct game *g, unsigned i)
{
    if (rng_below(&g->rng, 3) == 0)
        flush(g->fleet, i);
    if (rng_below(&g->rng, 150) == 0)
        g->cut_until_s[i] = g->now_s + rng_below(&g->rng, 20000);
    while (g->now_s >= g->cut_until_s[i] && g->fleet->nodes[i].count > 0 &&
           rng_below(&g->rng, 3) != 0)
        deliver(g->fleet, i);
}

static void
settle(struct game *g)
{
    unsigned left = g->nodes;

    for (unsigned i = 0; i < g->nodes; i++)
        flush(g->fleet, i);
    while (left > 0) {
        unsigned i = rng_below(&g->rng, g->nodes);

        deliver(g->fleet, i);
        left = 0;
        for (unsigned n = 0; n < g->nodes; n++)
            left += g->fleet->nodes[n].count;
    }
}

static void
judge(struct game *g, uint64_t number)
{
    struct registry_total all[256];
    uint64_t completed = 0;

    totals(g->fleet, all);
    for (uint32_t i = 0; i < TORRENTS_MAX; i++) {
        const struct client *c = &g->clients[i];
        uint64_t up = c->moved_up + c->now.up, down = c->moved_down + c->now.down;
        const struct registry_total *t = &all[i + 1];

        completed += c->completed;
        cr_assert_leq(t->seed_s, (uint64_t)(g->now_s + 4 - c->first_s), "time counts once");
        cr_assert(t->uploaded <= up && t->downloaded_raw <= down,
                  "custom %d, seed %lu, client %u: %lu of %lu, %lu of %lu", g->custom,
                  (unsigned long)number, i, (unsigned long)t->uploaded, (unsigned long)up,
                  (unsigned long)t->downloaded_raw, (unsigned long)down);
        if (g->custom != CHAOS)
            cr_assert(t->uploaded == up && t->downloaded_raw == down,
                      "custom %d, seed %lu, client %u: %lu of %lu, %lu of %lu", g->custom,
                      (unsigned long)number, i, (unsigned long)t->uploaded, (unsigned long)up,
                      (unsigned long)t->downloaded_raw, (unsigned long)down);
    }
    cr_assert_eq(completions(g->fleet), completed);
}

static void
play(enum custom custom, uint64_t number)
{
    struct game g = {.custom = custom, .now_s = 100000, .fleet = fleet_new(TORRENTS_MAX)};

    rng_init(&g.rng, number);
    g.nodes = 1 + rng_below(&g.rng, TRACKERS);
    for (unsigned i = 0; i < g.nodes; i++)
        g.skew_s[i] = rng_below(&g.rng, 3);
    for (int step = 0; step < 1500; step++) {
        g.now_s += rng_below(&g.rng, custom == CHAOS ? 4 : 30);
        client_go(&g, rng_below(&g.rng, TORRENTS_MAX));
        if (step % 8 == 0)
            for (unsigned i = 0; i < g.nodes; i++)
                node_go(&g, i);
    }
    settle(&g);
    judge(&g, number);
    fleet_free(g.fleet);
}

enum { GAMES = 5 };

Test(accounts_fleet, all_is_counted_if_each_tracker_hears_of_beginnings)
{
    for (uint64_t number = 1; number <= GAMES; number++)
        play(TELLS_ALL, number);
}

Test(accounts_fleet, all_is_counted_if_segments_shrink)
{
    for (uint64_t number = 1; number <= GAMES; number++)
        play(SHRINKS, number);
}

Test(accounts_fleet, nothing_is_counted_twice)
{
    for (uint64_t number = 1; number <= GAMES; number++)
        play(CHAOS, number);
}
