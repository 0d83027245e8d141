/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The theorem of session.h: every loss, repetition and delay of small cases, and random ones that
 * are larger. What clients really moved is known to truth.h, which judges.
 */
#include <criterion/criterion.h>

#include "common/base/rng.h"
#include "tests/unit/tracker/truth.h"

#define S TRACKER_EVENT_STARTED
#define N TRACKER_EVENT_NONE
#define C TRACKER_EVENT_COMPLETED
#define E TRACKER_EVENT_STOPPED

enum { R = LEDGER_RESEND_S, ARRIVALS_MAX = 64 };

/* ---- every case ---- */

/* What one client says over its life. */
struct life {
    const char *name;
    struct truth_said said[8];
    unsigned count;
};

/* Two streams of a client: its addresses, or the two hashes of a hybrid. */
enum { STREAMS = 2 };

/* What becomes of an announce on one stream. */
enum fate { LOST, IN_TIME, LATE, TWICE, FATES };

struct arrival {
    unsigned said, tracker;
    int64_t unix_s;
};

static const struct life lives[] = {
    {"long segments",
     {{0, {0, 0}, S, 0}, {5000, {10, 90}, E, 0}, {5010, {0, 0}, S, 1}, {9000, {7, 50}, E, 1}},
     4},
    {"the second moves more",
     {{0, {0, 0}, S, 0}, {500, {10, 9}, E, 0}, {501, {0, 0}, S, 1}, {2000, {70, 50}, N, 1}},
     4},
    {"over at once",
     {{0, {0, 0}, S, 0}, {5, {10, 90}, C, 0}, {9, {10, 90}, E, 0}, {12, {0, 0}, S, 1}},
     4},
    {"two that are short",
     {{0, {0, 0}, S, 0}, {60, {10, 90}, E, 0}, {61, {0, 0}, S, 1}, {130, {50, 20}, E, 1}},
     4},
    {"no stopped",
     {{0, {0, 0}, S, 0}, {1000, {10, 90}, N, 0}, {1001, {0, 0}, S, 1}, {9000, {50, 20}, N, 1}},
     4},
    {"silence",
     {{0, {0, 0}, S, 0}, {1000, {10, 90}, N, 0}, {9000, {0, 0}, S, 1}, {9400, {20, 200}, E, 1}},
     4},
    {"unheard beginnings",
     {{0, {1, 0}, N, 0}, {1000, {10, 90}, E, 0}, {1200, {4, 4}, N, 1}, {9400, {20, 20}, E, 1}},
     4},
    {"three",
     {{0, {0, 0}, S, 0}, {400, {9, 9}, E, 0}, {800, {5, 50}, E, 1}, {1300, {7, 7}, E, 2}},
     4},
};

static int
by_time(const void *x, const void *y)
{
    const struct arrival *a = x, *b = y;

    return a->unix_s != b->unix_s ? (a->unix_s > b->unix_s) - (a->unix_s < b->unix_s)
                                  : (int)a->said - (int)b->said;
}

/* Streams go to one tracker, or each to its own, or change the tracker with each announce. */
static unsigned
tracker_of(unsigned ntrackers, unsigned said, unsigned stream)
{
    switch (ntrackers) {
    case 1: return 0;
    case 2: return stream;
    default: return (said + stream) % ntrackers;
    }
}

static unsigned
arrivals_of(const struct life *l, unsigned ntrackers, uint64_t fates, struct arrival *out)
{
    unsigned n = 0;

    for (unsigned i = 0; i < l->count; i++)
        for (unsigned stream = 0; stream < STREAMS; stream++, fates /= FATES) {
            struct arrival a = {i, tracker_of(ntrackers, i, stream), l->said[i].made_s + stream};

            if (fates % FATES == IN_TIME || fates % FATES == TWICE)
                out[n++] = a;
            a.unix_s = l->said[i].made_s + R;
            if (fates % FATES == LATE || fates % FATES == TWICE)
                out[n++] = a;
        }
    qsort(out, n, sizeof(*out), by_time);
    return n;
}

/* Orders in which batches come in: as they are made; or all of one tracker before the next. */
enum { ORDERS = 4 };

static void
deliver_all(struct truth *t, unsigned order)
{
    for (unsigned i = 0; i < t->ntrackers; i++) {
        unsigned k = order == 1 ? i : order == 2 ? t->ntrackers - 1 - i : (i + 1) % t->ntrackers;

        while (truth_deliver(t, k))
            continue;
    }
}

/* |flush|: 1: each announce is a batch; 2: two are; 0: all are one. */
static unsigned
play(const struct life *l, unsigned ntrackers, uint64_t fates, unsigned order, unsigned flush)
{
    struct arrival arrivals[ARRIVALS_MAX];
    unsigned n = arrivals_of(l, ntrackers, fates, arrivals), whole;
    struct truth *t = truth_new(1, ntrackers, l->name, fates);

    for (unsigned i = 0; i < l->count; i++) {
        struct truth_said s = l->said[i];

        s.made_s += 100000;
        truth_say(t, 0, s);
    }
    for (unsigned i = 0; i < n; i++) {
        truth_arrive(t, 0, arrivals[i].said, arrivals[i].tracker, 100000 + arrivals[i].unix_s);
        if (flush > 0 && i % flush == 0)
            truth_flush(t, arrivals[i].tracker);
        if (order == 0)
            truth_deliver(t, arrivals[i].tracker);
    }
    for (unsigned i = 0; i < ntrackers; i++)
        truth_flush(t, i);
    deliver_all(t, order);
    whole = truth_judge(t);
    truth_free(t);
    return whole;
}

static uint64_t
number_of_fates(const struct life *l)
{
    uint64_t n = 1;

    for (unsigned i = 0; i < l->count * STREAMS; i++)
        n *= FATES;
    return n;
}

static uint64_t
every_case(unsigned ntrackers)
{
    uint64_t whole = 0;

    for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++)
        for (uint64_t fates = 0; fates < number_of_fates(&lives[i]); fates++) {
            unsigned order = ntrackers == 1 ? 0 : (unsigned)(fates % ORDERS);

            whole += play(&lives[i], ntrackers, fates, order, (unsigned)(fates / 7 % 3));
        }
    return whole;
}

Test(session_truth, every_case_at_one_tracker)
{
    cr_assert_gt(every_case(1), 1000);
}

Test(session_truth, every_case_at_two_trackers)
{
    cr_assert_gt(every_case(2), 1000);
}

Test(session_truth, every_case_at_three_trackers)
{
    cr_assert_gt(every_case(3), 1000);
}

/* Each announce goes to a tracker of its own, and their batches come in in every order. */
static unsigned
permute(const struct life *l, unsigned *order, unsigned from)
{
    unsigned whole = 0;
    struct truth *t;

    for (unsigned i = from; i < l->count; i++) {
        unsigned was = order[from];

        order[from] = order[i];
        order[i] = was;
        whole += permute(l, order, from + 1);
        order[i] = order[from];
        order[from] = was;
    }
    if (from < l->count)
        return whole;
    t = truth_new(1, l->count, l->name, 0);
    for (unsigned i = 0; i < l->count; i++) {
        struct truth_said s = l->said[i];

        s.made_s += 100000;
        truth_arrive(t, 0, truth_say(t, 0, s), i, s.made_s);
        truth_flush(t, i);
    }
    for (unsigned i = 0; i < l->count; i++)
        truth_deliver(t, order[i]);
    whole = truth_judge(t);
    truth_free(t);
    return whole;
}

Test(session_truth, entries_come_in_in_every_order)
{
    static const struct life l = {"three whole segments",
                                  {{0, {0, 0}, S, 0},
                                   {1000, {9, 40}, E, 0},
                                   {1001, {0, 0}, S, 1},
                                   {3000, {20, 50}, E, 1},
                                   {3100, {0, 0}, S, 2},
                                   {5000, {10, 10}, E, 2}},
                                  6};
    unsigned order[] = {0, 1, 2, 3, 4, 5};

    cr_assert_eq(permute(&l, order, 0), 720, "the theorem applies to each order");
}

/* ---- random worlds ---- */

enum { STEPS = 400, CLIENTS = 6 };

/* A client of a random world, and the copies of its announces that are still to arrive. */
struct actor {
    bool lives, crashes;
    unsigned segment, streams;
    uint64_t counters[LEDGER_WAYS];
    int64_t next_s;
};

struct flight {
    struct arrival at;
    unsigned client;
    bool used;
};

struct world {
    struct truth *truth;
    struct rng rng;
    struct actor actors[CLIENTS];
    struct flight flights[ARRIVALS_MAX];
    int64_t now_s;
    unsigned loss; /* of 100 */
    bool kills;
};

static void
send_copies(struct world *w, unsigned client, unsigned said)
{
    for (unsigned stream = 0; stream < w->actors[client].streams; stream++) {
        unsigned i = 0;

        if (rng_below(&w->rng, 100) < w->loss)
            continue;
        while (i < ARRIVALS_MAX && w->flights[i].used)
            i++;
        if (i == ARRIVALS_MAX)
            return;
        w->flights[i] = (struct flight){
            .at = {said, rng_below(&w->rng, w->truth->ntrackers),
                   w->now_s + rng_below(&w->rng, rng_below(&w->rng, 3) == 0 ? R + 1 : 3)},
            .client = client,
            .used = true};
    }
}

static void
act(struct world *w, unsigned client)
{
    struct actor *a = &w->actors[client];
    enum tracker_event event = N;

    if (w->truth->clients[client].count == TRUTH_SAID_MAX || a->segment + 1 == TRUTH_SEGMENTS_MAX)
        return;
    if (!a->lives) {
        event = S;
        a->segment += w->truth->clients[client].count > 0;
        a->counters[0] = a->counters[1] = 0;
        a->lives = true;
    } else {
        for (int way = 0; way < LEDGER_WAYS; way++)
            a->counters[way] += rng_below(&w->rng, 2) * rng_below(&w->rng, 1000);
        if (rng_below(&w->rng, 4) == 0) {
            a->lives = false;
            event = a->crashes && rng_below(&w->rng, 2) == 0 ? N : E;
        }
    }
    send_copies(w, client,
                truth_say(w->truth, client,
                          (struct truth_said){.made_s = w->now_s,
                                              .counters = {a->counters[0], a->counters[1]},
                                              .event = event,
                                              .segment = a->segment}));
    a->next_s = w->now_s + 1 +
                rng_below(&w->rng, rng_below(&w->rng, 5) == 0   ? 3 * TRUTH_GAP_S
                                   : rng_below(&w->rng, 3) == 0 ? 60
                                                                : 2000);
}

static void
land(struct world *w)
{
    for (unsigned i = 0; i < ARRIVALS_MAX; i++) {
        struct flight *f = &w->flights[i];

        if (!f->used || f->at.unix_s > w->now_s)
            continue;
        truth_arrive(w->truth, f->client, f->at.said, f->at.tracker, w->now_s);
        if (rng_below(&w->rng, 20) == 0) /* once more */
            truth_arrive(w->truth, f->client, f->at.said, f->at.tracker, w->now_s);
        f->used = false;
    }
}

static void
trackers_go(struct world *w)
{
    for (unsigned i = 0; i < w->truth->ntrackers; i++) {
        if (rng_below(&w->rng, 20) == 0)
            truth_flush(w->truth, i);
        if (rng_below(&w->rng, 60) == 0) /* it was cut off until now */
            while (truth_deliver(w->truth, i))
                continue;
        if (w->kills && rng_below(&w->rng, 4000) == 0)
            truth_kill(w->truth, i);
    }
}

/* The time of the next thing to happen. */
static int64_t
next_s(const struct world *w)
{
    int64_t next = INT64_MAX;

    for (unsigned i = 0; i < CLIENTS; i++)
        if (w->actors[i].next_s < next)
            next = w->actors[i].next_s;
    for (unsigned i = 0; i < ARRIVALS_MAX; i++)
        if (w->flights[i].used && w->flights[i].at.unix_s < next)
            next = w->flights[i].at.unix_s;
    return next;
}

static void
finish(struct world *w)
{
    bool more = true;

    for (int64_t end_s = w->now_s + R; w->now_s <= end_s; w->now_s++)
        land(w);
    for (unsigned i = 0; i < w->truth->ntrackers; i++)
        truth_flush(w->truth, i);
    while (more) {
        more = false;
        for (unsigned i = 0; i < w->truth->ntrackers; i++)
            more |= truth_deliver(w->truth, i);
    }
}

static unsigned
play_world(uint64_t number, unsigned ntrackers)
{
    struct world w = {.now_s = 100000};
    unsigned whole;

    rng_init(&w.rng, number);
    w.truth = truth_new(CLIENTS, ntrackers, "world", number);
    w.loss = rng_below(&w.rng, 2) * rng_below(&w.rng, 40);
    w.kills = rng_below(&w.rng, 3) == 0;
    for (unsigned i = 0; i < CLIENTS; i++)
        w.actors[i] = (struct actor){.streams = 1 + rng_below(&w.rng, 4),
                                     .crashes = rng_below(&w.rng, 4) == 0,
                                     .next_s = w.now_s + rng_below(&w.rng, 1000)};
    for (int step = 0; step < STEPS; step++) {
        int64_t next = next_s(&w);

        if (next > w.now_s)
            w.now_s = next;
        land(&w);
        for (unsigned i = 0; i < CLIENTS; i++)
            if (w.actors[i].next_s <= w.now_s)
                act(&w, i);
        trackers_go(&w);
    }
    finish(&w);
    whole = truth_judge(w.truth);
    truth_free(w.truth);
    return whole;
}

Test(session_truth, random_worlds)
{
    unsigned whole = 0;

    for (uint64_t number = 1; number <= 2000; number++)
        whole += play_world(number, number % 2 == 0 ? 1 : 3);
    cr_assert_gt(whole, 300, "%u", whole);
}
