/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Announces go in rounds. A round walks the trackers in the order of BEP 12, each with all of the
 * torrent's hashes, until one takes an announce; then comes the next round after that tracker's
 * interval, from the first tier again. A round in which all failed is followed by one when the
 * first of them may be tried again. "completed" and "stopped" go beside the rounds to all who know
 * us.
 */
#include "peer/core/announce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/assert.h"

enum {
    HASHES_MAX = 2,
    COMPLETED_TRIES = 3, /* failures in a row until a tracker is spared the "completed" */
    WANT_DOUBLINGS_MAX = 8,
    MS_PER_S = 1000,
};

/* One hash at one tracker. */
struct job {
    enum announce_event event; /* of the request under way */
    bool flying;
    bool heard;     /* the tracker has us on its list */
    bool completed; /* is yet to be told "completed" */
    bool never;     /* it wants to be asked no more (BEP 31) */
    bool working;   /* the last try was right */
    unsigned failures;
    uint64_t round; /* the last one it took part in */
    struct mono retry_at;
    int err;
    char *message; /* of at most ANNOUNCE_MESSAGE_MAX bytes; NULL: none, as of most */
    uint32_t seeders, leechers;
};

struct tracker {
    char *url;
    unsigned tier;
    struct job jobs[HASHES_MAX];
};

enum announcer_state { ANNOUNCER_STOPPED, ANNOUNCER_RUNNING };

struct announcer {
    struct rng *rng;
    struct tracker *trackers; /* an id is an index here times hashes, plus the hash's index */
    uint32_t *order;          /* of trackers: by tier, the best of each first */
    uint32_t count;
    uint32_t hashes;
    bool v2[HASHES_MAX]; /* which hash is which */
    enum announcer_state state;
    uint64_t round; /* its number */
    bool walking;   /* a round is under way, at order[at] */
    uint32_t at;
    struct mono round_at; /* when the next one begins */
    bool answered;        /* the last round found a tracker: */
    uint32_t winner;
    struct mono answered_at;
    uint32_t interval_s, min_interval_s; /* as it told, within bounds */
    bool want;
    unsigned wanted_rounds; /* in a row that were early for want of peers */
    bool quiet;             /* nothing is due before |quiet_until|, which is the expiry */
    struct mono quiet_until;
};

/* --- making one ------------------------------------------------------------------------------ */

static bool
is_known_scheme(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0 ||
           strncasecmp(url, "udp://", 6) == 0;
}

/* Adds a tracker unless the URL is in or unusable; false when memory is out. */
static bool
add_tracker(struct announcer *a, const char *url, unsigned tier)
{
    struct tracker *t = &a->trackers[a->count];

    if (!is_known_scheme(url))
        return true;
    for (uint32_t i = 0; i < a->count; i++)
        if (strcmp(a->trackers[i].url, url) == 0)
            return true;
    t->url = strdup(url);
    if (t->url == NULL)
        return false;
    t->tier = tier;
    a->order[a->count] = a->count;
    a->count++;
    return true;
}

/* Trackers of one tier are asked in random order at first (BEP 12). */
static void
shuffle_tiers(struct announcer *a)
{
    for (uint32_t begin = 0, end; begin < a->count; begin = end) {
        end = begin + 1;
        while (end < a->count && a->trackers[a->order[end]].tier == a->trackers[begin].tier)
            end++;
        for (uint32_t i = end - 1; i > begin; i--) {
            uint32_t k = begin + rng_below(a->rng, i - begin + 1), was = a->order[i];

            a->order[i] = a->order[k];
            a->order[k] = was;
        }
    }
}

static bool
add_all(struct announcer *a, const struct metainfo *mi, const char *const *extra,
        size_t extra_count)
{
    unsigned tier = 0;

    for (size_t i = 0; i < extra_count; i++)
        if (!add_tracker(a, extra[i], tier++))
            return false;
    for (size_t i = 0; i < mi->tier_count; i++, tier++)
        for (size_t k = 0; k < mi->tiers[i].count; k++)
            if (!add_tracker(a, mi->tiers[i].urls[k], tier))
                return false;
    return true;
}

struct announcer *
announcer_new(const struct metainfo *mi, const char *const *extra, size_t extra_count,
              struct rng *rng)
{
    struct announcer *a = calloc(1, sizeof(*a));
    size_t max = extra_count + 1;

    if (a == NULL)
        return NULL;
    a->rng = rng;
    a->round_at = MONO_NEVER;
    if (mi->has_v1)
        a->v2[a->hashes++] = false;
    if (mi->has_v2)
        a->v2[a->hashes++] = true;
    for (size_t i = 0; i < mi->tier_count; i++)
        max += mi->tiers[i].count;
    a->trackers = calloc(max, sizeof(*a->trackers));
    a->order = calloc(max, sizeof(*a->order));
    if (a->trackers == NULL || a->order == NULL || !add_all(a, mi, extra, extra_count)) {
        announcer_free(a);
        return NULL;
    }
    shuffle_tiers(a);
    return a;
}

void
announcer_free(struct announcer *a)
{
    if (a == NULL)
        return;
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t h = 0; h < a->hashes; h++)
            free(a->trackers[i].jobs[h].message);
        free(a->trackers[i].url);
    }
    free(a->trackers);
    free(a->order);
    free(a);
}

void
announcer_use(struct announcer *a, struct rng *rng)
{
    a->rng = rng;
}

/* --- when ------------------------------------------------------------------------------------ */

static struct mono
add_s(struct mono t, int64_t s)
{
    return mono_add_ms(t, s * MS_PER_S);
}

/* After a round that found its tracker: the interval, or sooner when peers are wanted, but later
 * each time that this happens in a row, and never sooner than the tracker allows. */
static struct mono
after_answer(const struct announcer *a)
{
    uint32_t wait_s = a->interval_s, early_s;

    if (a->want) {
        early_s = (uint32_t)ANNOUNCE_WANT_MORE_S << a->wanted_rounds;
        if (early_s < a->min_interval_s)
            early_s = a->min_interval_s;
        if (early_s < wait_s)
            wait_s = early_s;
    }
    return add_s(a->answered_at, wait_s);
}

/* After a round in which all failed: when the first of them may be tried again. */
static struct mono
after_failure(const struct announcer *a)
{
    struct mono at = MONO_NEVER;

    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t h = 0; h < a->hashes; h++)
            if (!a->trackers[i].jobs[h].never)
                at = mono_min(at, a->trackers[i].jobs[h].retry_at);
    return at;
}

static void
round_end(struct announcer *a)
{
    a->walking = false;
    a->round_at = a->answered ? after_answer(a) : after_failure(a);
}

static void
round_begin(struct announcer *a)
{
    bool early =
        a->answered && a->want && mono_before(a->round_at, add_s(a->answered_at, a->interval_s));

    if (!early)
        a->wanted_rounds = 0;
    else if (a->wanted_rounds < WANT_DOUBLINGS_MAX)
        a->wanted_rounds++;
    a->walking = true;
    a->answered = false;
    a->at = 0;
    a->round++;
}

void
announcer_start(struct announcer *a, struct mono now)
{
    if (a->state == ANNOUNCER_RUNNING)
        return;
    a->quiet = false;
    a->state = ANNOUNCER_RUNNING;
    a->answered = false;
    a->round_at = now;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t h = 0; h < a->hashes; h++) {
            a->trackers[i].jobs[h].failures = 0;
            a->trackers[i].jobs[h].retry_at = now;
            a->trackers[i].jobs[h].completed = false;
        }
}

void
announcer_stop(struct announcer *a, struct mono now)
{
    (void)now;
    a->quiet = false;
    a->state = ANNOUNCER_STOPPED;
    a->walking = false;
    a->round_at = MONO_NEVER;
}

void
announcer_completed(struct announcer *a, struct mono now)
{
    if (a->state != ANNOUNCER_RUNNING)
        return;
    a->quiet = false;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t h = 0; h < a->hashes; h++) {
            struct job *j = &a->trackers[i].jobs[h];

            j->completed = j->heard || j->flying;
            if (j->completed)
                j->retry_at = now;
        }
}

void
announcer_want_peers(struct announcer *a, bool want, struct mono now)
{
    (void)now;
    if (a->want == want)
        return;
    a->quiet = false;
    a->want = want;
    a->wanted_rounds = 0;
    if (a->state == ANNOUNCER_RUNNING && !a->walking && a->answered)
        a->round_at = after_answer(a);
}

/* --- whom ------------------------------------------------------------------------------------ */

static bool
may_try(const struct job *j, struct mono now)
{
    return !j->flying && !j->never && mono_due(j->retry_at, now);
}

/* Does the round still wait for, or have to ask, this job of the tracker where it is? */
static bool
is_open(const struct announcer *a, const struct job *j, struct mono now)
{
    return j->flying || (j->round != a->round && may_try(j, now));
}

/* Goes on with the round past trackers that failed or may not be asked yet. */
static void
round_advance(struct announcer *a, struct mono now)
{
    for (; a->at < a->count; a->at++) {
        struct tracker *t = &a->trackers[a->order[a->at]];

        for (uint32_t h = 0; h < a->hashes; h++)
            if (is_open(a, &t->jobs[h], now))
                return;
    }
    round_end(a);
}

/* Beside the rounds: what has an event to be told, or failed at the tracker that works. */
static bool
is_due_aside(const struct announcer *a, uint32_t tracker, const struct job *j, struct mono now)
{
    if (!may_try(j, now))
        return false;
    if (j->completed && j->heard)
        return true;
    return !a->walking && a->answered && a->winner == tracker && j->failures > 0;
}

/* A job's time has come: what is to be said? */
static enum announce_event
event_of(const struct announcer *a, const struct job *j)
{
    if (a->state == ANNOUNCER_STOPPED)
        return ANNOUNCE_STOPPED;
    if (!j->heard)
        return ANNOUNCE_STARTED;
    return j->completed ? ANNOUNCE_COMPLETED : ANNOUNCE_NONE;
}

static bool
is_due(const struct announcer *a, uint32_t tracker, const struct job *j, struct mono now)
{
    if (a->state == ANNOUNCER_STOPPED)
        return j->heard && !j->flying;
    if (is_due_aside(a, tracker, j, now))
        return true;
    return a->walking && tracker == a->order[a->at] && j->round != a->round && may_try(j, now);
}

static void
emit(struct announcer *a, uint32_t tracker, uint32_t hash, struct announce_job *out)
{
    struct job *j = &a->trackers[tracker].jobs[hash];

    j->event = event_of(a, j);
    j->flying = true;
    if (a->walking && tracker == a->order[a->at])
        j->round = a->round;
    *out = (struct announce_job){
        .id = tracker * a->hashes + hash,
        .url = a->trackers[tracker].url,
        .v2 = a->v2[hash],
        .event = j->event,
    };
}

/* When the job is due beside the rounds. */
static struct mono
aside_at(const struct announcer *a, uint32_t tracker, const struct job *j)
{
    if (j->flying || j->never)
        return MONO_NEVER;
    return is_due_aside(a, tracker, j, j->retry_at) ? j->retry_at : MONO_NEVER;
}

static struct mono
find_expiry(const struct announcer *a)
{
    struct mono at = a->state == ANNOUNCER_RUNNING && !a->walking ? a->round_at : MONO_NEVER;

    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t h = 0; h < a->hashes; h++) {
            const struct job *j = &a->trackers[i].jobs[h];

            if (a->state == ANNOUNCER_RUNNING)
                at = mono_min(at, aside_at(a, i, j));
            else if (j->heard && !j->flying)
                return (struct mono){0};
        }
    if (a->walking)
        for (uint32_t h = 0; h < a->hashes; h++) {
            const struct job *j = &a->trackers[a->order[a->at]].jobs[h];

            if (j->round != a->round && !j->flying && !j->never)
                at = mono_min(at, j->retry_at);
        }
    return at;
}

bool
announcer_next(struct announcer *a, struct announce_job *job, struct mono now)
{
    if (a->quiet && !mono_due(a->quiet_until, now))
        return false;
    a->quiet = false;
    if (a->walking)
        round_advance(a, now);
    /* A round that took long may be over when the next one is due already. */
    if (a->state == ANNOUNCER_RUNNING && !a->walking && mono_due(a->round_at, now)) {
        round_begin(a);
        round_advance(a, now);
    }
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t h = 0; h < a->hashes; h++)
            if (is_due(a, i, &a->trackers[i].jobs[h], now)) {
                emit(a, i, h, job);
                return true;
            }
    a->quiet = true;
    a->quiet_until = find_expiry(a);
    return false;
}

struct mono
announcer_expiry(const struct announcer *a)
{
    return a->quiet ? a->quiet_until : find_expiry(a);
}

/* --- what came of it ------------------------------------------------------------------------- */

static uint32_t
clamp_s(int64_t s, int64_t low, int64_t high)
{
    return (uint32_t)(s < low ? low : s > high ? high : s);
}

/* Keeps what the tracker says to people; control characters are not for terminals. */
static void
keep_message(struct job *j, const char *message)
{
    free(j->message);
    j->message = message != NULL && *message != '\0' ? strndup(message, ANNOUNCE_MESSAGE_MAX) : NULL;
    for (char *p = j->message; p != NULL && *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
}

/* Twice as long after each failure, a quarter more or less, so that a tracker that comes back is
 * not met by everybody at once. */
static int64_t
backoff_ms(struct announcer *a, unsigned failures)
{
    int64_t s = ANNOUNCE_RETRY_MIN_S, ms;

    for (unsigned i = 1; i < failures && s < ANNOUNCE_RETRY_MAX_S; i++)
        s *= 2;
    ms = (s < ANNOUNCE_RETRY_MAX_S ? s : ANNOUNCE_RETRY_MAX_S) * MS_PER_S;
    return ms - ms / 4 + rng_below(a->rng, (uint32_t)ms / 2 + 1);
}

static void
on_failure(struct announcer *a, struct job *j, const struct announce_result *res, struct mono now)
{
    j->failures++;
    if (res->retry_in_s < 0)
        j->never = true;
    else if (res->retry_in_s > 0)
        j->retry_at =
            add_s(now, clamp_s(res->retry_in_s, ANNOUNCE_RETRY_MIN_S, ANNOUNCE_INTERVAL_MAX_S));
    else
        j->retry_at = mono_add_ms(now, backoff_ms(a, j->failures));
    if (j->failures >= COMPLETED_TRIES || !j->heard)
        j->completed = false;
}

static void
on_success(struct job *j, const struct announce_result *res, struct mono now)
{
    j->failures = 0;
    j->retry_at = now;
    j->seeders = res->seeders;
    j->leechers = res->leechers;
    j->heard = true;
    if (j->event == ANNOUNCE_COMPLETED)
        j->completed = false;
}

/* A tracker that works is asked first in its tier from now on. */
static void
move_to_front(struct announcer *a, uint32_t at)
{
    uint32_t tracker = a->order[at];

    while (at > 0 && a->trackers[a->order[at - 1]].tier == a->trackers[tracker].tier) {
        a->order[at] = a->order[at - 1];
        at--;
    }
    a->order[at] = tracker;
}

/* The round's tracker took an announce: its intervals hold, the longer ones of several. */
static void
round_answered(struct announcer *a, uint32_t tracker, const struct announce_result *res,
               struct mono now)
{
    uint32_t interval_s = res->interval_s > 0 ? res->interval_s : ANNOUNCE_INTERVAL_DEFAULT_S;
    uint32_t min_s = clamp_s(res->min_interval_s, 0, ANNOUNCE_INTERVAL_MAX_S);

    interval_s = clamp_s(interval_s, ANNOUNCE_INTERVAL_MIN_S, ANNOUNCE_INTERVAL_MAX_S);
    if (interval_s < min_s)
        interval_s = min_s;
    if (!a->answered || interval_s > a->interval_s)
        a->interval_s = interval_s;
    if (!a->answered || min_s > a->min_interval_s)
        a->min_interval_s = min_s;
    a->answered = true;
    a->winner = tracker;
    a->answered_at = now;
}

/* A result of the round came: the tracker's other hash is waited for, then the round is over or
 * goes on. */
static void
round_on_result(struct announcer *a, uint32_t tracker, const struct announce_result *res,
                struct mono now)
{
    if (res->err == 0)
        round_answered(a, tracker, res, now);
    for (uint32_t h = 0; h < a->hashes; h++)
        if (is_open(a, &a->trackers[tracker].jobs[h], now))
            return;
    if (a->answered) {
        move_to_front(a, a->at);
        round_end(a);
    } else {
        round_advance(a, now);
    }
}

void
announcer_on_result(struct announcer *a, uint32_t id, const struct announce_result *res,
                    struct mono now)
{
    uint32_t tracker = id / a->hashes;
    struct job *j;

    ASSERT(tracker < a->count);
    j = &a->trackers[tracker].jobs[id % a->hashes];
    if (!j->flying)
        return;
    a->quiet = false;
    j->flying = false;
    j->working = res->err == 0;
    j->err = res->err;
    keep_message(j, res->message);
    if (j->event == ANNOUNCE_STOPPED)
        j->heard = false; /* also if it failed: a tracker forgets us by itself */
    else if (res->err == 0)
        on_success(j, res, now);
    else
        on_failure(a, j, res, now);
    if (a->walking && tracker == a->order[a->at] && j->round == a->round)
        round_on_result(a, tracker, res, now);
}

/* --- asked from outside ---------------------------------------------------------------------- */

bool
announcer_idle(const struct announcer *a)
{
    if (a->state != ANNOUNCER_STOPPED)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t h = 0; h < a->hashes; h++)
            if (a->trackers[i].jobs[h].heard || a->trackers[i].jobs[h].flying)
                return false;
    return true;
}

uint32_t
announcer_count(const struct announcer *a)
{
    return a->count * a->hashes;
}

/* When this tracker will be asked next as far as is known. */
static struct mono
next_of(const struct announcer *a, uint32_t tracker, const struct job *j)
{
    if (a->state != ANNOUNCER_RUNNING || j->never || j->flying)
        return MONO_NEVER;
    if (j->failures > 0)
        return j->retry_at;
    return !a->walking && a->answered && a->winner == tracker ? a->round_at : MONO_NEVER;
}

void
announcer_status(const struct announcer *a, uint32_t id, struct announce_status *st)
{
    uint32_t tracker = id / a->hashes;
    const struct job *j;

    ASSERT(tracker < a->count);
    j = &a->trackers[tracker].jobs[id % a->hashes];
    *st = (struct announce_status){
        .url = a->trackers[tracker].url,
        .v2 = a->v2[id % a->hashes],
        .tier = a->trackers[tracker].tier,
        .working = j->working,
        .err = j->err,
        .seeders = j->seeders,
        .leechers = j->leechers,
        .next = next_of(a, tracker, j),
    };
    snprintf(st->message, sizeof(st->message), "%s", j->message != NULL ? j->message : "");
}
