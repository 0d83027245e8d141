/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The announcer's state for users: one line per tracker, with a hybrid's two hashes merged. These
 * functions read the state and change nothing.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/announce_impl.h"

bool
announcer_idle(const struct announcer *a)
{
    if (a->state != ANNOUNCER_STOPPED)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t h = 0; h < a->hashes; h++)
            if (a->trackers[i].hashes[h].heard || a->trackers[i].hashes[h].flying)
                return false;
    return true;
}

uint32_t
announcer_count(const struct announcer *a)
{
    return a->count;
}

uint32_t
announcer_tracker_of(const struct announcer *a, uint32_t id)
{
    ASSERT(id / a->hashes < a->count);
    return id / a->hashes;
}

/* Did the last round end before this tracker, so that it is not needed? */
static bool
is_spared(const struct announcer *a, uint32_t tracker)
{
    if (a->walking || !a->enough)
        return false;
    for (uint32_t i = 0; i < a->count && a->order[i] != tracker; i++)
        if (a->trackers[a->order[i]].used == a->round)
            return a->trackers[tracker].used != a->round;
    return false;
}

/* When this hash is announced next, as far as is known. */
static struct mono
next_of(const struct announcer *a, uint32_t tracker, const struct announce_hash *j)
{
    const struct announce_tracker *t = &a->trackers[tracker];

    if (a->state != ANNOUNCER_RUNNING || t->unsupported || j->never || j->flying ||
        is_spared(a, tracker) || (announce_one_stays(a) && tracker != a->current))
        return MONO_NEVER;
    if (j->failures > 0)
        return a->enough && t->used != a->round ? mono_max(j->retry_at, a->round_at) : j->retry_at;
    return t->used == a->round && j->working ? announcer_due_at(a, t) : MONO_NEVER;
}

/* Why a tracker with this URL is never asked. */
static void
say_unsupported(const char *url, char *out, size_t size)
{
    const char *colon = strstr(url, "://");

    if (strncasecmp(url, "wss://", 6) == 0 || strncasecmp(url, "ws://", 5) == 0)
        snprintf(out, size, "Sprat cannot speak WebTorrent trackers");
    else if (colon == NULL || colon == url)
        snprintf(out, size,
                 "this is not a URL: a tracker's begins with http://, https:// or udp://");
    else
        snprintf(out, size, "Sprat speaks http, https and udp to trackers, and not \"%.*s\"",
                 (int)(colon - url < 40 ? colon - url : 40), url);
}

static void
add_hash(struct announce_status *st, bool v2, const struct announce_hash *j)
{
    struct announce_hash_status *hash = &st->hashes[st->hash_count++];

    *hash = (struct announce_hash_status){.v2 = v2,
                                          .working = j->working,
                                          .err = j->err,
                                          .seeders = j->seeders,
                                          .leechers = j->leechers};
    st->asked |= j->asked;
    st->asking |= j->flying;
    st->working |= j->working;
    if (j->failures > st->failures)
        st->failures = j->failures;
    if (j->seeders > st->seeders)
        st->seeders = j->seeders;
    if (j->leechers > st->leechers)
        st->leechers = j->leechers;
    if (j->peers > st->peers)
        st->peers = j->peers;
}

/* The message of the hash that failed, or else of a hash with a warning. If only one hash failed,
 * the message names it. */
static void
say(const struct announcer *a, const struct announce_tracker *t, struct announce_status *st)
{
    const struct announce_hash *chosen = NULL;
    const char *which = "";

    for (uint32_t h = 0; h < a->hashes; h++) {
        const struct announce_hash *j = &t->hashes[h];

        if (j->message != NULL && (chosen == NULL || (chosen->err == 0 && j->err != 0)))
            chosen = j;
    }
    if (chosen == NULL)
        return;
    if (chosen->err != 0 && st->working)
        which = a->v2[chosen - t->hashes] ? "for the v2 hash: " : "for the v1 hash: ";
    snprintf(st->message, sizeof(st->message), "%s%s", which, chosen->message);
}

static bool
is_slow(const struct announcer *a, const struct announce_tracker *t, struct mono now)
{
    for (uint32_t h = 0; h < a->hashes; h++)
        if (t->hashes[h].flying && !t->hashes[h].waits &&
            mono_diff_ms(now, t->hashes[h].asked_at) >= ANNOUNCE_SLOW_S * 1000)
            return true;
    return false;
}

void
announcer_status(const struct announcer *a, uint32_t tracker, struct announce_status *st,
                 struct mono now)
{
    const struct announce_tracker *t = &a->trackers[tracker];

    ASSERT(tracker < a->count);
    *st = (struct announce_status){.url = t->url,
                                   .tier = t->tier,
                                   .unsupported = t->unsupported,
                                   .next = MONO_NEVER};
    for (uint32_t h = 0; h < a->hashes; h++) {
        add_hash(st, a->v2[h], &t->hashes[h]);
        st->next = mono_min(st->next, next_of(a, tracker, &t->hashes[h]));
        if (!st->working && st->err == 0)
            st->err = t->hashes[h].err;
    }
    if (st->working)
        st->err = 0;
    st->slow = is_slow(a, t, now);
    if (st->unsupported) {
        say_unsupported(t->url, st->message, sizeof(st->message));
    } else if (st->slow && st->failures == 0 && !st->working) {
        st->err = SPRAT_E_TIMEOUT;
        snprintf(st->message, sizeof(st->message), "no answer within %d s; still waiting",
                 ANNOUNCE_SLOW_S);
    } else {
        say(a, t, st);
    }
}
