/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The conditions of the theorem are looked for in what the accounts have been told, and not in what
 * they made of it.
 */
#include "tests/unit/tracker/truth.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t seed[2] = {5, 6};

struct truth *
truth_new(unsigned nclients, unsigned ntrackers, const char *name, uint64_t number)
{
    struct truth *t = calloc(1, sizeof(*t));

    cr_assert_not_null(t);
    t->nclients = nclients;
    t->ntrackers = ntrackers;
    t->name = name;
    t->number = number;
    for (unsigned i = 0; i < ntrackers; i++) {
        ledger_init(&t->trackers[i].ledger, seed, 10000, TRUTH_GAP_S);
        t->trackers[i].run = 1 + i;
    }
    return t;
}

static void
batch_free(struct truth_batch *b)
{
    if (b == NULL)
        return;
    ledger_page_fini(&b->page);
    free(b);
}

void
truth_free(struct truth *t)
{
    for (unsigned i = 0; i < t->ntrackers; i++) {
        struct truth_tracker *k = &t->trackers[i];

        for (; k->first < k->end; k->first++)
            batch_free(k->queue[k->first]);
        batch_free(k->now);
        ledger_fini(&k->ledger);
    }
    free(t);
}

unsigned
truth_say(struct truth *t, unsigned client, struct truth_said what)
{
    struct truth_client *c = &t->clients[client];

    cr_assert_lt(c->count, TRUTH_SAID_MAX);
    c->said[c->count] = what;
    return c->count++;
}

static struct truth_batch *
batch_of(struct truth_tracker *k)
{
    if (k->now == NULL)
        k->now = calloc(1, sizeof(*k->now));
    cr_assert_not_null(k->now);
    return k->now;
}

void
truth_arrive(struct truth *t, unsigned client, unsigned said, unsigned tracker, int64_t unix_s)
{
    const struct truth_said *s = &t->clients[client].said[said];
    struct truth_tracker *k = &t->trackers[tracker];
    struct truth_batch *b = batch_of(k);
    struct tracker_announce a = {.peer_id = {(uint8_t)client},
                                 .uploaded = s->counters[LEDGER_UP],
                                 .downloaded = s->counters[LEDGER_DOWN],
                                 .event = s->event};
    struct ledger_note n = {.key = ledger_key_of(&a, 1, 1), .unix_s = unix_s, .leechers_s = unix_s};

    n.hash = ledger_prefetch(&k->ledger, &n.key);
    cr_assert_eq(ledger_put(&k->ledger, &a, &n), 0);
    cr_assert_lt(b->count, TRUTH_ARRIVALS_MAX);
    b->arrivals[b->count++] = (struct truth_arrival){client, said, unix_s};
}

void
truth_flush(struct truth *t, unsigned tracker)
{
    struct truth_tracker *k = &t->trackers[tracker];

    if (k->now == NULL)
        return;
    cr_assert_lt(k->end, TRUTH_BATCHES_MAX);
    ledger_swap(&k->ledger, &k->now->page);
    k->queue[k->end++] = k->now;
    k->now = NULL;
}

void
truth_kill(struct truth *t, unsigned tracker)
{
    struct truth_tracker *k = &t->trackers[tracker];

    truth_flush(t, tracker);
    while (k->first < k->end)
        batch_free(k->queue[k->first++]);
    k->run += TRUTH_TRACKERS_MAX;
}

/* ---- the accounts ---- */

/* The most that can be counted: what the client moved in all segments until now. */
static uint64_t
moved(const struct truth_client *c, int w)
{
    uint64_t all = 0;

    for (unsigned i = 0; i < c->count; i++)
        if (i + 1 == c->count || c->said[i + 1].segment != c->said[i].segment)
            all += c->said[i].counters[w];
    return all;
}

static void
add_entry(struct truth *t, const struct truth_tracker *k, const struct ledger_entry *e)
{
    unsigned client = e->key.peer_id[0];
    struct truth_client *c = &t->clients[client];
    struct session_rules rules = {.run = k->run,
                                  .gap_max_s = TRUTH_GAP_S,
                                  .rate_possible = UINT64_C(1) << 40,
                                  .room = {UINT64_MAX, UINT64_MAX}};
    struct session_gain gain;
    struct session again;

    c->lossy |= e->part + 1 == LEDGER_PARTS_MAX;
    session_add(&c->session, e, &rules, &gain);
    for (int w = 0; w < LEDGER_WAYS; w++) {
        cr_assert_eq(gain.held[w], 0);
        c->credited[w] += gain.bytes[w];
        cr_assert_leq(c->credited[w], moved(c, w), "%s %lu, client %u: %lu of %lu are counted",
                      t->name, (unsigned long)t->number, client, (unsigned long)c->credited[w],
                      (unsigned long)moved(c, w));
    }
    again = c->session;
    rules.run = INT64_MAX; /* as if another tracker had heard all of it too */
    session_add(&again, e, &rules, &gain);
    for (int w = 0; w < LEDGER_WAYS; w++)
        cr_assert_eq(gain.bytes[w], 0, "%s %lu: an entry that is repeated counts again", t->name,
                     (unsigned long)t->number);
}

bool
truth_deliver(struct truth *t, unsigned tracker)
{
    struct truth_tracker *k = &t->trackers[tracker];
    struct truth_batch *b;

    if (k->first == k->end)
        return false;
    b = k->queue[k->first++];
    for (uint32_t i = 0; i < b->page.count; i++)
        add_entry(t, k, &b->page.entries[i]);
    for (unsigned i = 0; i < b->count; i++) {
        struct truth_client *c = &t->clients[b->arrivals[i].client];

        cr_assert_lt(c->stored_count, sizeof(c->stored) / sizeof(c->stored[0]));
        c->stored[c->stored_count++] = b->arrivals[i];
    }
    batch_free(b);
    return true;
}

/* ---- the theorem ---- */

static bool
begins_at_0(const struct truth_client *c)
{
    int64_t first_s = INT64_MAX;
    bool zero = false;

    for (unsigned i = 0; i < c->stored_count; i++) {
        const struct truth_said *s = &c->said[c->stored[i].said];
        bool is_zero = s->counters[LEDGER_UP] == 0 && s->counters[LEDGER_DOWN] == 0;

        if (c->stored[i].unix_s < first_s)
            zero = is_zero;
        else if (c->stored[i].unix_s == first_s)
            zero = zero && is_zero;
        if (c->stored[i].unix_s < first_s)
            first_s = c->stored[i].unix_s;
    }
    return zero;
}

static unsigned
last_of(const struct truth_client *c, unsigned segment)
{
    unsigned last = 0;

    for (unsigned i = 0; i < c->count; i++)
        if (c->said[i].segment == segment)
            last = i;
    return last;
}

/* When the last copy of an announce came that the accounts have; -1: they have none. */
static int64_t
came_s(const struct truth_client *c, unsigned said)
{
    int64_t last = -1;

    for (unsigned i = 0; i < c->stored_count; i++)
        if (c->stored[i].said == said && c->stored[i].unix_s > last)
            last = c->stored[i].unix_s;
    return last;
}

/* A "started" of |segment| at 0 came after all copies of the "stopped" before it, and before all of
 * its own. */
static bool
shows_start(const struct truth_client *c, unsigned segment, int64_t stop_s)
{
    int64_t end_s = INT64_MAX;

    for (unsigned i = 0; i < c->stored_count; i++)
        if (c->stored[i].said == last_of(c, segment) &&
            c->said[c->stored[i].said].event == TRACKER_EVENT_STOPPED &&
            c->stored[i].unix_s < end_s)
            end_s = c->stored[i].unix_s;
    for (unsigned i = 0; i < c->stored_count; i++) {
        const struct truth_said *s = &c->said[c->stored[i].said];

        if (s->segment == segment && s->event == TRACKER_EVENT_STARTED &&
            s->counters[LEDGER_UP] == 0 && s->counters[LEDGER_DOWN] == 0 &&
            c->stored[i].unix_s > stop_s && c->stored[i].unix_s <= end_s)
            return true;
    }
    return false;
}

/* The announce came into the accounts behind each "stopped" of the segments before. */
static bool
comes_in_last(const struct truth_client *c, unsigned said)
{
    unsigned stops = c->said[said].segment;

    for (unsigned i = 0; i < c->stored_count; i++) {
        const struct truth_said *s = &c->said[c->stored[i].said];
        bool again = false;

        for (unsigned k = 0; k < i; k++)
            again |= c->stored[k].said == c->stored[i].said;
        if (c->stored[i].said == said && stops == 0)
            return true;
        stops -= s->event == TRACKER_EVENT_STOPPED && !again && c->stored[i].said < said;
    }
    return false;
}

static bool
is_whole(const struct truth_client *c)
{
    unsigned segments = c->count > 0 ? c->said[c->count - 1].segment + 1 : 0;

    if (c->lossy || segments > SESSION_SEGMENTS || !begins_at_0(c))
        return false;
    for (unsigned g = 0; g < segments; g++) {
        unsigned last = last_of(c, g), stop = g > 0 ? last_of(c, g - 1) : 0;

        if (came_s(c, last) < 0)
            return false;
        if (c->said[last].event != TRACKER_EVENT_STOPPED &&
            (g + 1 < segments || !comes_in_last(c, last)))
            return false;
        if (g > 0 && (c->said[last].made_s <= c->said[stop].made_s + 2 * LEDGER_RESEND_S ||
                      !shows_start(c, g, came_s(c, stop))))
            return false;
    }
    return segments > 0;
}

unsigned
truth_judge(struct truth *t)
{
    unsigned whole = 0;

    for (unsigned i = 0; i < t->nclients; i++) {
        const struct truth_client *c = &t->clients[i];

        if (!is_whole(c))
            continue;
        whole++;
        for (int w = 0; w < LEDGER_WAYS; w++)
            cr_assert_eq(c->credited[w], moved(c, w),
                         "%s %lu, client %u: %lu are counted, and it moved %lu", t->name,
                         (unsigned long)t->number, i, (unsigned long)c->credited[w],
                         (unsigned long)moved(c, w));
    }
    return whole;
}
