/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Entries in an array with an index by hash. Memory grows with the busiest time between two flushes
 * and is used again, so that an announce allocates nothing once the tracker has run for a while.
 */
#include "tracker/core/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/base/minmax.h"
#include "common/ds/siphash.h"

enum { ENTRIES_MIN = 32 };

_Static_assert(sizeof(struct ledger_key) == 32, "a key is hashed as bytes");

void
ledger_page_fini(struct ledger_page *p)
{
    free(p->entries);
    hashindex_fini(&p->index);
    *p = (struct ledger_page){0};
}

void
ledger_page_clear(struct ledger_page *p)
{
    hashindex_clear(&p->index);
    p->count = 0;
}

void
ledger_init(struct ledger *l, const uint64_t seed[2], uint32_t max, uint32_t gap_max_s)
{
    ASSERT(max <= LEDGER_ENTRIES_MAX);
    *l = (struct ledger){.seed = {seed[0], seed[1]}, .max = max, .gap_max_s = gap_max_s};
}

void
ledger_fini(struct ledger *l)
{
    ledger_page_fini(&l->page);
}

void
ledger_swap(struct ledger *l, struct ledger_page *page)
{
    struct ledger_page full = l->page;

    ASSERT(page->count == 0);
    l->page = *page;
    *page = full;
}

static struct ledger_entry *
find(struct ledger_page *p, const struct ledger_key *key, uint32_t hash)
{
    uint32_t probe = 0, at;

    while ((at = hashindex_next(&p->index, hash, &probe)) != HASHINDEX_NONE)
        if (memcmp(&p->entries[at].key, key, sizeof(*key)) == 0)
            return &p->entries[at];
    return NULL;
}

static int
grow(struct ledger_page *p, uint32_t max)
{
    uint32_t cap = p->cap > 0 ? p->cap * 2 : ENTRIES_MIN;
    struct ledger_entry *entries;

    if (cap > max)
        cap = max;
    entries = aligned_alloc(_Alignof(struct ledger_entry), cap * sizeof(*entries));
    if (entries == NULL)
        return SPRAT_E_NOMEM;
    if (p->count > 0)
        memcpy(entries, p->entries, p->count * sizeof(*entries));
    free(p->entries);
    p->entries = entries;
    p->cap = cap;
    return 0;
}

static uint32_t
room(const struct ledger *l, const struct tracker_announce *a)
{
    return a->event == TRACKER_EVENT_STOPPED ? l->max : l->max - l->max / LEDGER_RESERVE_PARTS;
}

/* A clean entry for a session that has none. */
static int
add(struct ledger *l, const struct ledger_key *key, uint32_t hash, uint32_t max,
    struct ledger_entry **out)
{
    struct ledger_page *p = &l->page;
    int err = 0;

    if (p->count >= max)
        return SPRAT_E_LIMIT;
    if (p->count == p->cap)
        err = grow(p, l->max);
    if (err == 0)
        err = hashindex_add(&p->index, hash, p->count);
    if (err != 0)
        return err;
    *out = &p->entries[p->count++];
    **out = (struct ledger_entry){.key = *key};
    return 0;
}

/* The segment at hand is over; its counters go where they are carried. */
static void
carry_segment(struct ledger_entry *e)
{
    if ((e->flags & LEDGER_RESTARTED) == 0) {
        e->first_up = e->up;
        e->first_down = e->down;
        e->first_rise_s = e->rise_s;
        return;
    }
    e->mid_up += e->up;
    e->mid_down += e->down;
    if (e->mid_up > LEDGER_COUNTER_MAX)
        e->mid_up = LEDGER_COUNTER_MAX;
    if (e->mid_down > LEDGER_COUNTER_MAX)
        e->mid_down = LEDGER_COUNTER_MAX;
}

/* Without its "started" nobody knows when the next segment began, but that it was after "stopped".
 * With one that comes with counters, the client may have begun a while ago, and told another
 * tracker. */
static void
begin_segment(struct ledger_entry *e, const struct tracker_announce *a, int64_t unix_s)
{
    bool started = a->event == TRACKER_EVENT_STARTED;

    carry_segment(e);
    e->segment_s = started ? (uint32_t)unix_s : e->last_s + 1;
    if ((e->flags & LEDGER_RESTARTED) == 0)
        e->mid_s = e->segment_s;
    e->flags |= LEDGER_RESTARTED;
    e->flags &= ~(uint32_t)LEDGER_SURE;
    if (!started || (a->uploaded == 0 && a->downloaded == 0))
        e->flags |= LEDGER_SURE;
    e->up = e->down = 0;
    e->rise_s = 0;
}

/* Has the client begun anew, if its counters are lower now? */
static bool
may_begin(const struct ledger_entry *e, const struct tracker_announce *a, int64_t unix_s)
{
    return a->event == TRACKER_EVENT_STARTED ||
           ((e->flags & LEDGER_ENDED) != 0 && unix_s - e->last_s > LEDGER_LATE_S);
}

/* Notes what is compared with the accounts. */
static void
open_segment(struct ledger_entry *e, const struct tracker_announce *a, int64_t unix_s)
{
    if ((e->flags & LEDGER_OPENED) == 0) {
        e->flags |= LEDGER_OPENED;
        e->open_up = a->uploaded;
        e->open_down = a->downloaded;
    }
    if (a->event == TRACKER_EVENT_STARTED && (e->flags & LEDGER_STARTED) == 0) {
        e->flags |= LEDGER_STARTED;
        e->start_up = a->uploaded;
        e->start_down = a->downloaded;
        e->start_s = (uint32_t)unix_s;
    }
}

/* The newest of those that are put aside; a lower one is newer if it can't be a late packet. */
static void
put_aside(struct ledger_entry *e, const struct tracker_announce *a, int64_t unix_s)
{
    if ((a->uploaded < e->aside_up || a->downloaded < e->aside_down) &&
        unix_s - e->aside_s <= LEDGER_LATE_S)
        return;
    e->aside_up = a->uploaded;
    e->aside_down = a->downloaded;
    e->aside_s = (uint32_t)unix_s;
}

static void
count(struct ledger_entry *e, const struct tracker_announce *a, int64_t unix_s)
{
    if (a->uploaded > LEDGER_COUNTER_MAX || a->downloaded > LEDGER_COUNTER_MAX) {
        e->flags |= LEDGER_ABSURD;
        return;
    }
    if (a->uploaded < e->up || a->downloaded < e->down) {
        if (!may_begin(e, a, unix_s)) {
            put_aside(e, a, unix_s);
            return;
        }
        begin_segment(e, a, unix_s);
    } else if ((e->flags & LEDGER_RESTARTED) == 0) {
        open_segment(e, a, unix_s);
    }
    if (a->uploaded > e->up || a->downloaded > e->down || e->rise_s == 0)
        e->rise_s = (uint32_t)unix_s;
    e->up = a->uploaded;
    e->down = a->downloaded;
}

/* Time between two announces counts as seeding if both said that nothing is left. */
static void
keep_time(const struct ledger *l, struct ledger_entry *e, const struct tracker_announce *a,
          int64_t unix_s)
{
    bool seeds = a->left == 0;
    int64_t gap = e->last_s != 0 ? unix_s - e->last_s : 0;

    if (e->last_s == 0) {
        e->first_s = e->last_s = (uint32_t)unix_s;
        e->flags |= seeds ? (uint32_t)LEDGER_FIRST_SEEDS : 0u;
    }
    if (gap > 0 && seeds && (e->flags & LEDGER_LAST_SEEDS) != 0)
        e->seed_s += gap < l->gap_max_s ? (uint32_t)gap : l->gap_max_s;
    if (gap > 0)
        e->last_s = (uint32_t)unix_s;
    e->flags &= ~(uint32_t)(LEDGER_LAST_SEEDS | LEDGER_ENDED);
    if (a->event == TRACKER_EVENT_STOPPED)
        e->flags |= LEDGER_ENDED;
    else if (seeds)
        e->flags |= LEDGER_LAST_SEEDS;
    e->left = a->left;
}

struct ledger_key
ledger_key_of(const struct tracker_announce *a, uint32_t user, uint32_t torrent)
{
    struct ledger_key key = {.user = user, .torrent = torrent, .key = a->key};

    memcpy(key.peer_id, a->peer_id, sizeof(key.peer_id));
    return key;
}

uint32_t
ledger_prefetch(const struct ledger *l, const struct ledger_key *key)
{
    uint32_t hash = (uint32_t)siphash13(l->seed, key, sizeof(*key));

    hashindex_prefetch(&l->page.index, hash);
    return hash;
}

void
ledger_prefetch_entry(const struct ledger *l, uint32_t hash)
{
    uint32_t probe = 0, at = hashindex_next(&l->page.index, hash, &probe);

    if (at != HASHINDEX_NONE)
        __builtin_prefetch(&l->page.entries[at], 1);
}

int
ledger_put(struct ledger *l, const struct tracker_announce *a, const struct ledger_note *n)
{
    struct ledger_entry *e = find(&l->page, &n->key, n->hash);
    int err;

    if (e == NULL) {
        err = add(l, &n->key, n->hash, room(l, a), &e);
        if (err != 0)
            return err;
    }
    count(e, a, n->unix_s);
    keep_time(l, e, a, n->unix_s);
    if (a->event == TRACKER_EVENT_COMPLETED && (e->flags & LEDGER_COMPLETED) == 0) {
        e->flags |= LEDGER_COMPLETED;
        e->completed_s = (uint32_t)n->unix_s;
    }
    if (n->named_client)
        e->flags |= LEDGER_NAMED_CLIENT;
    if (n->leechers_s > (int64_t)e->leechers_s)
        e->leechers_s = (uint32_t)n->leechers_s;
    return 0;
}
