/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Announces go in rounds, as announce.h says. A round stores no path: after every change it walks
 * from its first tracker past those that failed, are slow, or name no peers, to the first tracker
 * that has to be asked, is being asked, or is enough. "completed" and "stopped" go, independently
 * of rounds, to all trackers that have us on their lists.
 */
#include "peer/core/announce.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/assert.h"
#include "peer/core/announce_impl.h"

enum {
    COMPLETED_TRIES = 3, /* failures in a row after which a tracker gets no "completed" any more */
    EARLY_DOUBLINGS_MAX = 8,
    MS_PER_S = 1000,
};

/* --- construction ---------------------------------------------------------------------------- */

static bool
is_known_scheme(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0 ||
           strncasecmp(url, "udp://", 6) == 0;
}

/* Adds a tracker unless its URL is a duplicate; false when memory is out. */
static bool
add_tracker(struct announcer *a, const char *url, unsigned tier)
{
    struct announce_tracker *t = &a->trackers[a->count];

    for (uint32_t i = 0; i < a->count; i++)
        if (strcmp(a->trackers[i].url, url) == 0)
            return true;
    t->url = strdup(url);
    if (t->url == NULL)
        return false;
    t->tier = tier;
    t->unsupported = !is_known_scheme(url);
    a->order[a->count] = a->count;
    a->count++;
    return true;
}

/* The order within a tier is random at first (BEP 12). */
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
add_all(struct announcer *a, const struct announce_urls *urls)
{
    unsigned tier = 0;

    a->extra_tiers = (unsigned)urls->extra_count;
    for (size_t i = 0; i < urls->extra_count; i++)
        if (!add_tracker(a, urls->extra[i], tier++))
            return false;
    for (size_t i = 0; i < urls->tier_count; i++, tier++)
        for (size_t k = 0; k < urls->tiers[i].count; k++)
            if (!add_tracker(a, urls->tiers[i].urls[k], tier))
                return false;
    return true;
}

struct announcer *
announcer_new(const struct identity *id, const struct announce_urls *urls, struct rng *rng)
{
    struct announcer *a = calloc(1, sizeof(*a));
    size_t max = urls->extra_count + 1;

    if (a == NULL)
        return NULL;
    a->rng = rng;
    a->round_at = MONO_NEVER;
    a->one = urls->one;
    a->current = ANNOUNCE_NO_TRACKER;
    if (id->has_v1)
        a->v2[a->hashes++] = false;
    if (id->has_v2)
        a->v2[a->hashes++] = true;
    for (size_t i = 0; i < urls->tier_count; i++)
        max += urls->tiers[i].count;
    a->room = (uint32_t)max;
    a->trackers = calloc(max, sizeof(*a->trackers));
    a->order = calloc(max, sizeof(*a->order));
    if (a->trackers == NULL || a->order == NULL || !add_all(a, urls)) {
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
            free(a->trackers[i].hashes[h].message);
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

/* --- the times of rounds --------------------------------------------------------------------- */

static struct mono
add_s(struct mono t, int64_t s)
{
    return mono_add_ms(t, s * MS_PER_S);
}

/* The delay before an early round, longer after each early round in a row. */
static uint32_t
early_wait_s(const struct announcer *a)
{
    uint32_t first_s = a->lack == ANNOUNCE_LACK_FEW ? ANNOUNCE_WANT_MORE_S : ANNOUNCE_ALONE_S;

    return first_s << a->early_rounds;
}

/* A leecher without a connection has its delays bounded for an hour. */
static bool
is_freshly_alone(const struct announcer *a, struct mono answered_at)
{
    return a->lack == ANNOUNCE_LACK_ALONE &&
           mono_before(answered_at, add_s(a->alone_since, ANNOUNCE_ALONE_LONG_S));
}

/* After an answer: the interval, or sooner while peers are lacking, but later each time that this
 * happens in a row, and never sooner than the tracker allows. */
static struct mono
after_answer(const struct announcer *a, const struct announce_tracker *t)
{
    struct mono at = add_s(t->answered_at, t->interval_s), early, allowed;
    uint32_t early_s = early_wait_s(a);

    if (a->lack == ANNOUNCE_LACK_NONE)
        return at;
    if (early_s > ANNOUNCE_ALONE_MAX_S && is_freshly_alone(a, t->answered_at))
        early_s = ANNOUNCE_ALONE_MAX_S;
    allowed = add_s(t->answered_at, t->min_interval_s);
    early = add_s(t->answered_at, early_s);
    /* A leecher that has just lost its last connection may have another one in a moment. */
    if (a->lack != ANNOUNCE_LACK_FEW)
        early = mono_max(early, add_s(a->lack_since, ANNOUNCE_ALONE_S / 2));
    return mono_min(at, mono_max(early, allowed));
}

static bool
is_working(const struct announcer *a, const struct announce_tracker *t)
{
    for (uint32_t h = 0; h < a->hashes; h++)
        if (t->hashes[h].working && t->hashes[h].heard)
            return true;
    return false;
}

/* Has the tracker answered the last announce of a hash, and is no further one under way? */
static bool
has_answered(const struct announcer *a, const struct announce_tracker *t)
{
    for (uint32_t h = 0; h < a->hashes; h++)
        if (t->hashes[h].working && t->hashes[h].heard && !t->hashes[h].flying)
            return true;
    return false;
}

struct mono
announcer_due_at(const struct announcer *a, const struct announce_tracker *t)
{
    return has_answered(a, t) ? after_answer(a, t) : MONO_NEVER;
}

/* When the next round begins: when a tracker that the last round relied on is due, or, if they were
 * not enough, when the first failed tracker may be asked again. */
static struct mono
next_round(const struct announcer *a)
{
    bool stays = announce_one_stays(a);
    struct mono at = MONO_NEVER;

    for (uint32_t i = 0; i < a->count; i++) {
        const struct announce_tracker *t = &a->trackers[i];

        if (stays && i != a->current)
            continue;
        if (t->used == a->round)
            at = mono_min(at, announcer_due_at(a, t));
        for (uint32_t h = 0; h < a->hashes && !a->enough; h++)
            if (!(t->hashes[h].working && t->hashes[h].heard) && !t->hashes[h].flying &&
                !t->hashes[h].never && !t->unsupported)
                at = mono_min(at, t->hashes[h].retry_at);
    }
    return at;
}

/* --- rounds ---------------------------------------------------------------------------------- */

static void
round_begin(struct announcer *a, struct mono now)
{
    a->early = false;
    for (uint32_t i = 0; i < a->count; i++) {
        struct announce_tracker *t = &a->trackers[i];

        if (!mono_due(announcer_due_at(a, t), now))
            continue;
        t->due_round = a->round + 1;
        if (t->used == a->round && mono_before(now, add_s(t->answered_at, t->interval_s)))
            a->early = true;
    }
    if (a->early && a->early_rounds < EARLY_DOUBLINGS_MAX)
        a->early_rounds++;
    a->walking = true;
    a->round++;
}

/* Moves a working tracker to the front of its tier. */
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

/* The round ends at order[at], or past all of them. */
static void
round_end(struct announcer *a, uint32_t at)
{
    a->walking = false;
    a->enough = at < a->count;
    for (uint32_t i = 0; i < a->count && !a->enough; i++)
        if (a->trackers[a->order[i]].used == a->round) {
            at = i;
            break;
        }
    if (at < a->count)
        move_to_front(a, at);
    a->round_at = next_round(a);
}

static bool
may_try(const struct announce_tracker *t, const struct announce_hash *j, struct mono now)
{
    return !t->unsupported && !j->flying && !j->never && mono_due(j->retry_at, now);
}

/* Does the round have to ask this hash of the tracker? */
static bool
is_open(const struct announcer *a, const struct announce_tracker *t, const struct announce_hash *j,
        struct mono now)
{
    return may_try(t, j, now) && j->round != a->round &&
           (!j->working || !j->heard || t->due_round == a->round);
}

/* Is a tracker after order[at] known to have peers, and does it have us on its list? */
static bool
is_better_behind(const struct announcer *a, uint32_t at)
{
    for (uint32_t i = at + 1; i < a->count; i++) {
        const struct announce_tracker *t = &a->trackers[a->order[i]];

        if (is_working(a, t) && !t->nobody)
            return true;
    }
    return false;
}

/* Is the working tracker order[at] enough, or does the round ask others too? */
static bool
is_enough(const struct announcer *a, uint32_t at)
{
    if (a->one)
        return true;
    if (a->trackers[a->order[at]].nobody)
        return a->lack == ANNOUNCE_LACK_NONE && !is_better_behind(a, at);
    return !a->early || a->lack == ANNOUNCE_LACK_NONE || a->lack == ANNOUNCE_LACK_FEW;
}

enum verdict { VERDICT_ASK, VERDICT_WAIT, VERDICT_ENOUGH, VERDICT_PAST };

/* What the round does with the tracker order[at]. */
static enum verdict
judge(struct announcer *a, uint32_t at, struct mono now)
{
    struct announce_tracker *t = &a->trackers[a->order[at]];

    a->at_slow = (struct mono){0};
    for (uint32_t h = 0; h < a->hashes; h++) {
        const struct announce_hash *j = &t->hashes[h];

        if (is_open(a, t, j, now))
            return VERDICT_ASK;
        if (j->flying && (j->waits || a->one))
            a->at_slow = MONO_NEVER;
        else if (j->flying)
            a->at_slow = mono_max(a->at_slow, add_s(j->asked_at, ANNOUNCE_SLOW_S));
    }
    if (!mono_due(a->at_slow, now))
        return VERDICT_WAIT;
    if (!has_answered(a, t))
        return VERDICT_PAST;
    t->used = a->round;
    return is_enough(a, at) ? VERDICT_ENOUGH : VERDICT_PAST;
}

static void
walk(struct announcer *a, struct mono now)
{
    uint32_t only = announce_one_only(a);

    for (a->at = 0; a->at < a->count; a->at++) {
        if (only != ANNOUNCE_NO_TRACKER && a->order[a->at] != only)
            continue;
        switch (judge(a, a->at, now)) {
        case VERDICT_ASK: a->at_due = true; return;
        case VERDICT_WAIT: a->at_due = false; return;
        case VERDICT_ENOUGH: round_end(a, a->at); return;
        case VERDICT_PAST: break;
        }
    }
    round_end(a, a->count);
}

/* Brings the round up to date with |now|. At the end of a long round the next one may be due
 * already. */
static void
settle(struct announcer *a, struct mono now)
{
    a->quiet = false;
    if (a->state != ANNOUNCER_RUNNING)
        return;
    for (int i = 0; i < 2; i++) {
        if (!a->walking && !mono_due(a->round_at, now))
            return;
        if (!a->walking)
            round_begin(a, now);
        walk(a, now);
        if (a->walking)
            return;
    }
}

/* Does a tracker that ended the last round still work, as far as we know? It may have failed to
 * take a "completed" since then; as long as that is tried again, it is not given up. */
static bool
is_relied_on(const struct announcer *a)
{
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t h = 0; h < a->hashes; h++) {
            const struct announce_hash *j = &a->trackers[i].hashes[h];

            if (a->trackers[i].used == a->round && j->heard && !j->never &&
                (j->working || j->completed))
                return true;
        }
    return false;
}

/* --- inputs ---------------------------------------------------------------------------------- */

void
announcer_start(struct announcer *a, struct mono now)
{
    if (a->state == ANNOUNCER_RUNNING)
        return;
    a->quiet = false;
    a->state = ANNOUNCER_RUNNING;
    a->enough = false;
    a->early_rounds = 0;
    a->round_at = now;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t h = 0; h < a->hashes; h++) {
            struct announce_hash *j = &a->trackers[i].hashes[h];

            j->failures = 0;
            j->retry_at = now;
            j->completed = false;
            j->working = false;
        }
    settle(a, now);
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
            struct announce_hash *j = &a->trackers[i].hashes[h];

            j->completed = j->heard || j->flying;
            if (j->completed)
                j->retry_at = now;
        }
}

void
announcer_lack(struct announcer *a, enum announce_lack lack, struct mono now)
{
    if (a->lack == lack)
        return;
    if (a->lack == ANNOUNCE_LACK_NONE && mono_due(add_s(a->lack_since, ANNOUNCE_CALM_S), now))
        a->early_rounds = 0;
    if (lack == ANNOUNCE_LACK_ALONE)
        a->alone_since = now;
    a->lack = lack;
    a->lack_since = now;
    a->quiet = false;
    if (a->state == ANNOUNCER_RUNNING && !a->walking)
        a->round_at = next_round(a);
}

static int
make_room(struct announcer *a)
{
    uint32_t room = a->room + 8, *order;
    struct announce_tracker *trackers;

    if (a->count < a->room)
        return 0;
    trackers = realloc(a->trackers, room * sizeof(*trackers));
    if (trackers == NULL)
        return SPRAT_E_NOMEM;
    memset(&trackers[a->count], 0, (room - a->count) * sizeof(*trackers));
    a->trackers = trackers;
    order = realloc(a->order, room * sizeof(*order));
    if (order == NULL)
        return SPRAT_E_NOMEM;
    a->order = order;
    a->room = room;
    return 0;
}

/* Moves the last tracker of |a->order| to the end of its own tier. */
static void
sort_in_last(struct announcer *a)
{
    uint32_t at = a->count - 1, last = a->order[at];

    while (at > 0 && a->trackers[a->order[at - 1]].tier > a->trackers[last].tier) {
        a->order[at] = a->order[at - 1];
        at--;
    }
    a->order[at] = last;
}

int
announcer_add(struct announcer *a, const char *url, struct mono now)
{
    uint32_t before = a->count;
    int err = make_room(a);

    if (err != 0 || !add_tracker(a, url, a->extra_tiers))
        return SPRAT_E_NOMEM;
    if (a->count == before)
        return 0;
    for (uint32_t i = 0; i < before; i++)
        if (a->trackers[i].tier >= a->extra_tiers)
            a->trackers[i].tier++;
    a->extra_tiers++;
    sort_in_last(a);
    /* A round that ended before the new tracker was known continues; at the start, the first round
     * begins. */
    if (a->state == ANNOUNCER_RUNNING && a->round > 0)
        a->walking = true;
    else if (a->state == ANNOUNCER_RUNNING)
        a->round_at = now;
    settle(a, now);
    return 1;
}

/* --- jobs ------------------------------------------------------------------------------------ */

/* Independently of rounds: hashes with an event to announce, or that failed at a tracker that
 * works. */
static bool
is_due_aside(const struct announcer *a, const struct announce_tracker *t,
             const struct announce_hash *j, struct mono now)
{
    if (j->leaving)
        return !j->flying && mono_due(j->retry_at, now);
    if (!may_try(t, j, now) ||
        !((j->completed && j->heard) ||
          (!a->walking && t->used == a->round && j->failures > 0 && is_working(a, t))))
        return false;
    return !a->one || announce_one_only(a) == (uint32_t)(t - a->trackers);
}

/* The event of a job that is due. */
static enum announce_event
event_of(const struct announcer *a, const struct announce_hash *j)
{
    if (a->state == ANNOUNCER_STOPPED || j->leaving)
        return ANNOUNCE_STOPPED;
    if (!j->heard)
        return ANNOUNCE_STARTED;
    return j->completed ? ANNOUNCE_COMPLETED : ANNOUNCE_NONE;
}

/* Is the round about to ask this tracker? */
static bool
is_at(const struct announcer *a, uint32_t tracker)
{
    return a->walking && a->at_due && a->order[a->at] == tracker;
}

static bool
is_due(const struct announcer *a, uint32_t tracker, const struct announce_hash *j, struct mono now)
{
    const struct announce_tracker *t = &a->trackers[tracker];

    if (a->state == ANNOUNCER_STOPPED)
        return j->heard && !j->flying;
    return is_due_aside(a, t, j, now) || (is_at(a, tracker) && is_open(a, t, j, now));
}

static void
emit(struct announcer *a, uint32_t tracker, uint32_t hash, struct announce_job *out,
     struct mono now)
{
    struct announce_hash *j = &a->trackers[tracker].hashes[hash];

    j->event = event_of(a, j);
    j->flying = true;
    j->waits = false;
    j->asked = true;
    j->asked_at = now;
    if (is_at(a, tracker))
        j->round = a->round;
    *out = (struct announce_job){
        .id = tracker * a->hashes + hash,
        .url = a->trackers[tracker].url,
        .v2 = a->v2[hash],
        .event = j->event,
    };
}

/* When the job is due independently of rounds. */
static struct mono
aside_at(const struct announcer *a, const struct announce_tracker *t, const struct announce_hash *j)
{
    return is_due_aside(a, t, j, mono_max(j->retry_at, (struct mono){0})) ? j->retry_at
                                                                          : MONO_NEVER;
}

static struct mono
round_expiry(const struct announcer *a)
{
    if (a->state != ANNOUNCER_RUNNING)
        return MONO_NEVER;
    if (!a->walking)
        return a->round_at;
    return a->at_due ? (struct mono){0} : a->at_slow;
}

static struct mono
find_expiry(const struct announcer *a)
{
    struct mono at = round_expiry(a);

    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t h = 0; h < a->hashes; h++) {
            const struct announce_hash *j = &a->trackers[i].hashes[h];

            if (a->state == ANNOUNCER_RUNNING)
                at = mono_min(at, aside_at(a, &a->trackers[i], j));
            else if (j->heard && !j->flying)
                return (struct mono){0};
        }
    return at;
}

bool
announcer_next(struct announcer *a, struct announce_job *job, struct mono now)
{
    if (a->quiet && !mono_due(a->quiet_until, now))
        return false;
    settle(a, now);
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t h = 0; h < a->hashes; h++)
            if (is_due(a, i, &a->trackers[i].hashes[h], now)) {
                emit(a, i, h, job, now);
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

/* --- results --------------------------------------------------------------------------------- */

static uint32_t
clamp_s(int64_t s, int64_t low, int64_t high)
{
    return (uint32_t)(s < low ? low : s > high ? high : s);
}

/* Keeps the tracker's message for users, without control characters, which a terminal would
 * obey. */
static void
keep_message(struct announce_hash *j, const char *message)
{
    free(j->message);
    j->message =
        message != NULL && *message != '\0' ? strndup(message, ANNOUNCE_MESSAGE_MAX) : NULL;
    for (char *p = j->message; p != NULL && *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
}

/* The delay doubles with each failure, ± a quarter at random, so that not all peers come at once
 * when the tracker is back. */
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
on_failure(struct announcer *a, struct announce_hash *j, const struct announce_result *res,
           struct mono now)
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

/* The tracker took an announce: from now on its intervals hold, the longer one of its hashes. */
static void
tracker_answered(const struct announcer *a, struct announce_tracker *t,
                 const struct announce_result *res, struct mono now)
{
    uint32_t interval_s = res->interval_s > 0 ? res->interval_s : ANNOUNCE_INTERVAL_DEFAULT_S;
    uint32_t min_s = clamp_s(res->min_interval_s, 0, ANNOUNCE_INTERVAL_MAX_S);
    bool first = t->answered_round != a->round;
    /* Some trackers list the asking peer itself. */
    bool nobody = res->peers == 0 || res->seeders + res->leechers == 1;

    interval_s = clamp_s(interval_s, ANNOUNCE_INTERVAL_MIN_S, ANNOUNCE_INTERVAL_MAX_S);
    if (interval_s < min_s)
        interval_s = min_s;
    if (first || interval_s > t->interval_s)
        t->interval_s = interval_s;
    if (first || min_s > t->min_interval_s)
        t->min_interval_s = min_s;
    t->nobody = nobody && (first || t->nobody);
    t->answered_round = a->round;
    t->answered_at = now;
}

static void
on_success(struct announcer *a, struct announce_tracker *t, struct announce_hash *j,
           const struct announce_result *res, struct mono now)
{
    j->failures = 0;
    j->retry_at = now;
    j->seeders = res->seeders;
    j->leechers = res->leechers;
    j->peers = res->peers;
    j->heard = true;
    if (j->event == ANNOUNCE_COMPLETED)
        j->completed = false;
    tracker_answered(a, t, res, now);
    announce_one_take(a, (uint32_t)(t - a->trackers), now);
}

void
announcer_on_line(struct announcer *a, uint32_t id, bool waits, struct mono now)
{
    struct announce_hash *j =
        &a->trackers[announcer_tracker_of(a, id)].hashes[id % a->hashes];

    if (!j->flying)
        return;
    j->waits = waits;
    j->asked_at = now;
    settle(a, now);
}

void
announcer_on_result(struct announcer *a, uint32_t id, const struct announce_result *res,
                    struct mono now)
{
    struct announce_tracker *t = &a->trackers[announcer_tracker_of(a, id)];
    struct announce_hash *j = &t->hashes[id % a->hashes];

    if (!j->flying)
        return;
    j->flying = false;
    j->waits = false;
    j->working = res->err == 0 && !j->leaving;
    j->err = res->err;
    keep_message(j, res->message);
    if (j->event == ANNOUNCE_STOPPED) /* also after a failure: it drops us after a while */
        j->heard = j->leaving = false;
    else if (res->err == 0)
        on_success(a, t, j, res, now);
    else
        on_failure(a, j, res, now);
    if (!is_relied_on(a))
        a->enough = false;
    /* The late answer of a slow tracker may name the peers that a round did not find. */
    if (a->state == ANNOUNCER_RUNNING && !a->enough)
        a->walking = true;
    else if (a->state == ANNOUNCER_RUNNING && !a->walking)
        a->round_at = next_round(a);
    settle(a, now);
}
