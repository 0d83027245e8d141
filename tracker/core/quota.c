/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Open addressing with linear probing and deletion by shifting back. All sessions of a user and a
 * torrent have the same hash, so one search finds and counts them. The number of a user's sessions
 * is in the same table, as an entry with torrent 0, which is no torrent's id.
 */
#include "tracker/core/quota.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/prefetch.h"
#include "common/ds/wordhash.h"

enum {
    SIZE_MIN = 16,
    MISSED_SPARE_S = 120, /* an announce may arrive so late */
};

#define NONE UINT32_MAX

struct quota_place {
    uint32_t user; /* 0: the entry is free */
    uint32_t torrent;
    uint32_t peer; /* hash of the session; with torrent 0 the number of sessions */
    uint32_t seen_s : 31;
    uint32_t ended : 1;
};

void
quota_init(struct quota *q, const uint64_t seed[2], const struct quota_limits *limits)
{
    *q = (struct quota){.limits = *limits, .seed = {seed[0], seed[1]}};
}

void
quota_fini(struct quota *q)
{
    for (int i = 0; i < QUOTA_PARTS; i++)
        free(q->parts[i].places);
}

/* ---- entries of the table ---- */

/* The tracker assigns both ids, so an attacker can't choose them. */
static uint64_t
hash_of(const struct quota *q, uint32_t user, uint32_t torrent)
{
    return wordhash_mix(wordhash_mix(q->seed[0], (uint64_t)user << 32 | torrent), q->seed[1]);
}

static struct quota_part *
part_of(struct quota *q, uint64_t hash)
{
    return &q->parts[hash % QUOTA_PARTS];
}

static uint32_t
home_of(const struct quota_part *p, uint64_t hash)
{
    return (uint32_t)(hash >> 32) & (p->size - 1);
}

static uint32_t
next_of(const struct quota_part *p, uint32_t at)
{
    return (at + 1) & (p->size - 1);
}

static void
put(struct quota_part *p, uint64_t hash, const struct quota_place *e)
{
    uint32_t at = home_of(p, hash);

    while (p->places[at].user != 0)
        at = next_of(p, at);
    p->places[at] = *e;
}

static bool
grow(const struct quota *q, struct quota_part *p)
{
    struct quota_part larger = {.size = p->size > 0 ? p->size * 2 : SIZE_MIN, .used = p->used};

    if (p->size >= QUOTA_PART_MAX)
        return false;
    larger.places = calloc(larger.size, sizeof(*larger.places));
    if (larger.places == NULL)
        return false;
    for (uint32_t i = 0; i < p->size; i++)
        if (p->places[i].user != 0)
            put(&larger, hash_of(q, p->places[i].user, p->places[i].torrent), &p->places[i]);
    free(p->places);
    *p = larger;
    return true;
}

/* False when memory is out. */
static bool
add(const struct quota *q, struct quota_part *p, uint64_t hash, const struct quota_place *e)
{
    if (p->used + 1 > p->size / 4 * 3 && !grow(q, p))
        return false;
    put(p, hash, e);
    p->used++;
    return true;
}

/* Frees an entry, and shifts back the entries that were displaced behind it. */
static void
drop(const struct quota *q, struct quota_part *p, uint32_t hole)
{
    for (uint32_t at = next_of(p, hole); p->places[at].user != 0; at = next_of(p, at)) {
        uint32_t home = home_of(p, hash_of(q, p->places[at].user, p->places[at].torrent));

        /* The entry at |at| moves into the hole, unless a search for it begins behind the hole. */
        if (((at - home) & (p->size - 1)) < ((at - hole) & (p->size - 1)))
            continue;
        p->places[hole] = p->places[at];
        hole = at;
    }
    p->places[hole] = (struct quota_place){.user = 0};
    p->used--;
}

/* ---- the number of a user's sessions ---- */

/* Returns NULL if the user has no sessions. */
static struct quota_place *
find_number(struct quota_part *p, uint64_t hash, uint32_t user)
{
    if (p->size == 0)
        return NULL;
    for (uint32_t at = home_of(p, hash); p->places[at].user != 0; at = next_of(p, at))
        if (p->places[at].user == user && p->places[at].torrent == 0)
            return &p->places[at];
    return NULL;
}

uint32_t
quota_count(const struct quota *q, uint32_t user)
{
    uint64_t hash = hash_of(q, user, 0);
    struct quota_part p = q->parts[hash % QUOTA_PARTS];
    const struct quota_place *e = find_number(&p, hash, user);

    return e != NULL ? e->peer : 0;
}

/* Counts a further session, unless the user has the maximum. */
static enum quota_answer
count_one(struct quota *q, uint32_t user)
{
    uint64_t hash = hash_of(q, user, 0);
    struct quota_part *p = part_of(q, hash);
    struct quota_place *e = find_number(p, hash, user), first = {.user = user, .peer = 1};

    if (e == NULL)
        return add(q, p, hash, &first) ? QUOTA_WITHIN : QUOTA_NOMEM;
    if (e->peer >= q->limits.user_max)
        return QUOTA_USER;
    e->peer++;
    return QUOTA_WITHIN;
}

static void
uncount_one(struct quota *q, uint32_t user)
{
    uint64_t hash = hash_of(q, user, 0);
    struct quota_part *p = part_of(q, hash);
    struct quota_place *e = find_number(p, hash, user);

    ASSERT(e != NULL && e->peer > 0);
    if (--e->peer == 0)
        drop(q, p, (uint32_t)(e - p->places));
}

/* ---- silence ---- */

static bool
is_silent(const struct quota_place *e, int64_t unix_s, int64_t silence_s)
{
    return unix_s - (int64_t)e->seen_s > silence_s;
}

/* Examines the next entries of the table, and frees those of silent sessions. An entry that was
 * freed may contain another session now, and is examined again. */
static void
sweep(struct quota *q, int64_t unix_s)
{
    for (int look = 0; look < QUOTA_LOOKS; look++) {
        struct quota_part *p = &q->parts[q->sweep_part];
        const struct quota_place *e;

        if (q->sweep_at >= p->size) {
            q->sweep_part = (q->sweep_part + 1) % QUOTA_PARTS;
            q->sweep_at = 0;
            continue;
        }
        e = &p->places[q->sweep_at];
        if (e->user != 0 && e->torrent != 0 && is_silent(e, unix_s, q->limits.silence_s)) {
            uint32_t user = e->user;

            drop(q, p, q->sweep_at);
            uncount_one(q, user);
        } else {
            q->sweep_at++;
        }
    }
}

/* ---- sessions ---- */

/* The result of a search for a session of a user and a torrent. */
struct found {
    uint32_t own;       /* index of the session, or NONE */
    uint32_t live, all; /* sessions */
    uint32_t longest;   /* index of the live session that has been silent longest, or NONE */
};

static struct found
search(const struct quota_part *p, uint64_t hash, const struct quota_place *wanted)
{
    struct found f = {.own = NONE, .longest = NONE};

    if (p->size == 0)
        return f;
    for (uint32_t at = home_of(p, hash); p->places[at].user != 0; at = next_of(p, at)) {
        const struct quota_place *e = &p->places[at];

        if (e->user != wanted->user || e->torrent != wanted->torrent)
            continue;
        if (e->peer == wanted->peer)
            f.own = at;
        f.all++;
        f.live += !e->ended;
        if (!e->ended && (f.longest == NONE || e->seen_s < p->places[f.longest].seen_s))
            f.longest = at;
    }
    return f;
}

/* Whether a new session of the torrent is allowed; a session that has missed an announce counts as
 * ended then.
 */
static bool
has_room(const struct quota *q, struct quota_part *p, const struct found *f, int64_t unix_s)
{
    uint32_t max = q->limits.torrent_max;
    int64_t missed_s = (int64_t)q->limits.silence_s / 2 + MISSED_SPARE_S;

    if (f->all >= max * QUOTA_ENDED_SHARE)
        return false;
    if (f->live < max)
        return true;
    if (!is_silent(&p->places[f->longest], unix_s, missed_s))
        return false;
    p->places[f->longest].ended = 1;
    return true;
}

static enum quota_answer
add_session(struct quota *q, struct quota_part *p, uint64_t hash, const struct quota_place *e)
{
    enum quota_answer answer = count_one(q, e->user);

    if (answer == QUOTA_WITHIN && !add(q, p, hash, e)) {
        uncount_one(q, e->user);
        answer = QUOTA_NOMEM;
    }
    return answer;
}

void
quota_prefetch(const struct quota *q, uint32_t user, uint32_t torrent)
{
    uint64_t hash;
    const struct quota_part *p;

    if (q->limits.user_max == 0)
        return;
    hash = hash_of(q, user, torrent);
    p = &q->parts[hash % QUOTA_PARTS];
    if (p->size > 0)
        prefetch_line(&p->places[home_of(p, hash)]);
}

enum quota_answer
quota_take(struct quota *q, uint32_t user, uint32_t torrent, uint32_t session, bool ends,
           int64_t unix_s)
{
    struct quota_place e = {
        .user = user,
        .torrent = torrent,
        .peer = session,
        .seen_s = (uint32_t)unix_s & INT32_MAX,
        .ended = ends,
    };
    struct quota_part *p;
    struct found f;
    uint64_t hash;

    if (q->limits.user_max == 0)
        return QUOTA_WITHIN;
    hash = hash_of(q, user, torrent);
    p = part_of(q, hash);
    sweep(q, unix_s);
    f = search(p, hash, &e);
    if (f.own != NONE) {
        p->places[f.own].seen_s = e.seen_s;
        p->places[f.own].ended = e.ended;
        return QUOTA_WITHIN;
    }
    if (!has_room(q, p, &f, unix_s))
        return QUOTA_TORRENT;
    return add_session(q, p, hash, &e);
}
