/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The entries are in an array with an index by hash. Memory grows to what the busiest time between
 * two flushes needs and is then reused, so that an announce allocates nothing once the tracker has
 * run for a while.
 */
#include "tracker/core/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/base/minmax.h"
#include "common/ds/siphash.h"

enum { ENTRIES_MIN = 32 };

_Static_assert(sizeof(struct ledger_key) == 28, "a key is hashed as bytes");
_Static_assert(sizeof(struct ledger_entry) == 128, "two lines of the cache");

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

/* The last entry of the session, or NULL. */
static struct ledger_entry *
find(struct ledger_page *p, const struct ledger_key *key, uint32_t hash)
{
    uint32_t probe = 0, at;

    while ((at = hashindex_next(&p->index, hash, &probe)) != HASHINDEX_NONE) {
        struct ledger_entry *e = &p->entries[at];

        if ((e->flags & LEDGER_CLOSED) == 0 && memcmp(&e->key, key, sizeof(*key)) == 0)
            return e;
    }
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
room_for(const struct ledger *l, const struct tracker_announce *a)
{
    return a->event == TRACKER_EVENT_STOPPED ? l->max : l->max - l->max / LEDGER_RESERVE_PARTS;
}

/* Adds an empty entry for a session that has none. */
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

static bool
is_lower(const uint64_t counters[LEDGER_WAYS], const uint64_t than[LEDGER_WAYS])
{
    return counters[LEDGER_UP] < than[LEDGER_UP] || counters[LEDGER_DOWN] < than[LEDGER_DOWN];
}

/* Whether merging the announce into |e| would lose information that session.h needs. */
static bool
needs_another(const struct ledger_entry *e, const struct tracker_announce *a, int64_t unix_s)
{
    const uint64_t counters[LEDGER_WAYS] = {a->uploaded, a->downloaded};

    if ((e->flags & LEDGER_COUNTED) == 0)
        return false;
    if (e->stop_s != 0 && unix_s > (int64_t)e->stop_s + LEDGER_RESEND_S)
        return true;
    if (a->event == TRACKER_EVENT_STARTED &&
        (e->stop_s != 0 || is_lower(counters, e->top) ||
         (e->start_s != 0 && unix_s > (int64_t)e->start_s + LEDGER_RESEND_S)))
        return true;
    for (int w = 0; w < LEDGER_WAYS; w++)
        if (counters[w] < e->top[w] && unix_s > (int64_t)e->top_s[w] + LEDGER_RESEND_S)
            return true;
    return false;
}

static void
open_entry(struct ledger_entry *e, const uint64_t counters[LEDGER_WAYS], int64_t unix_s)
{
    e->flags |= LEDGER_COUNTED;
    e->open_s = (uint32_t)unix_s;
    for (int w = 0; w < LEDGER_WAYS; w++) {
        e->open[w] = e->top[w] = counters[w];
        e->top_s[w] = (uint32_t)unix_s;
    }
}

static void
count(struct ledger_entry *e, const struct tracker_announce *a, int64_t unix_s)
{
    const uint64_t counters[LEDGER_WAYS] = {a->uploaded, a->downloaded};

    if ((e->flags & LEDGER_COUNTED) == 0)
        open_entry(e, counters, unix_s);
    if (a->event == TRACKER_EVENT_STARTED && a->uploaded == 0 && a->downloaded == 0)
        e->start_s = (uint32_t)unix_s;
    for (int w = 0; w < LEDGER_WAYS; w++)
        if (counters[w] >= e->top[w]) {
            e->top[w] = counters[w];
            e->top_s[w] = (uint32_t)unix_s;
        }
    if (a->event == TRACKER_EVENT_STOPPED && e->stop_s == 0) {
        e->stop_s = (uint32_t)unix_s;
        memcpy(e->stop, counters, sizeof(e->stop));
    }
}

static bool
is_absurd(const struct tracker_announce *a)
{
    return a->uploaded > LEDGER_COUNTER_MAX || a->downloaded > LEDGER_COUNTER_MAX;
}

/* Counts a completion when |left| falls to 0: a client may send "completed" late, or send only
 * "stopped" with nothing left. */
static bool
completes(const struct ledger_entry *e, const struct tracker_announce *a)
{
    return a->event == TRACKER_EVENT_COMPLETED || (e->last_s != 0 && e->left > 0 && a->left == 0);
}

/* Time between two announces counts as seeding if both report nothing left. */
static void
keep_time(const struct ledger *l, struct ledger_entry *e, const struct tracker_announce *a,
          int64_t unix_s)
{
    bool seeds = a->left == 0;
    int64_t gap = e->last_s != 0 ? unix_s - e->last_s : 0;

    if (e->last_s == 0) {
        e->first_s = e->last_s = (uint32_t)unix_s;
        if (seeds)
            e->flags |= LEDGER_FIRST_SEEDS;
    }
    if (gap > 0 && seeds && (e->flags & LEDGER_LAST_SEEDS) != 0)
        e->seed_s += gap < l->gap_max_s ? (uint32_t)gap : l->gap_max_s;
    if (gap > 0)
        e->last_s = (uint32_t)unix_s;
    e->flags &= (uint16_t)~LEDGER_LAST_SEEDS;
    if (a->event != TRACKER_EVENT_STOPPED && seeds)
        e->flags |= LEDGER_LAST_SEEDS;
    e->left = a->left;
}

struct ledger_key
ledger_key_of(const struct tracker_announce *a, uint32_t user, uint32_t torrent)
{
    struct ledger_key key = {.user = user, .torrent = torrent};

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

/* Adds another entry for the session of |e|; returns |e| itself if there is no room. */
static struct ledger_entry *
add_part(struct ledger *l, struct ledger_entry *e, const struct ledger_note *n, uint32_t max)
{
    size_t at = (size_t)(e - l->page.entries);
    uint16_t part = (uint16_t)(e->part + 1);
    struct ledger_entry *next;

    if (part == LEDGER_PARTS_MAX || add(l, &n->key, n->hash, max, &next) != 0)
        return &l->page.entries[at];
    l->page.entries[at].flags |= LEDGER_CLOSED;
    next->part = part;
    return next;
}

int
ledger_put(struct ledger *l, const struct tracker_announce *a, const struct ledger_note *n)
{
    struct ledger_entry *e = find(&l->page, &n->key, n->hash);
    int64_t unix_s = n->unix_s;
    int err = 0;

    if (e != NULL) /* the clock may have been set back */
        unix_s = max_i64(unix_s, e->last_s);
    if (e == NULL)
        err = add(l, &n->key, n->hash, room_for(l, a), &e);
    else if (!is_absurd(a) && needs_another(e, a, unix_s))
        e = add_part(l, e, n, room_for(l, a));
    if (err != 0)
        return err;
    if (is_absurd(a))
        e->flags |= LEDGER_ABSURD;
    else
        count(e, a, unix_s);
    if (completes(e, a) && (e->flags & LEDGER_COMPLETED) == 0) {
        e->flags |= LEDGER_COMPLETED;
        e->completed_s = (uint32_t)unix_s;
    }
    keep_time(l, e, a, unix_s);
    if (n->named_client)
        e->flags |= LEDGER_NAMED_CLIENT;
    if (n->leechers_s > (int64_t)e->leechers_s)
        e->leechers_s = (uint32_t)n->leechers_s;
    return 0;
}
