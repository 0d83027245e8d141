/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The choice of the one tracker of a private torrent (BEP 27): when it is given up, and what
 * happens when another one takes over.
 */
#include <string.h>

#include "peer/core/announce_impl.h"

enum { GIVEN_UP_AFTER = 3 }; /* failures in a row of a tracker that has us on its list */

/* A tracker that does not answer the first announce is given up at once: no peers are lost by
 * that. */
static bool
is_given_up(const struct announcer *a, const struct announce_tracker *t)
{
    for (uint32_t h = 0; h < a->hashes; h++) {
        const struct announce_hash *j = &t->hashes[h];

        if (j->working && j->heard)
            return false;
        if (!j->never && j->failures < (j->heard ? GIVEN_UP_AFTER : 1))
            return false;
    }
    return true;
}

bool
announce_one_stays(const struct announcer *a)
{
    return a->one && a->current != ANNOUNCE_NO_TRACKER && !is_given_up(a, &a->trackers[a->current]);
}

static bool
is_asked(const struct announcer *a, const struct announce_tracker *t)
{
    for (uint32_t h = 0; h < a->hashes; h++)
        if (t->hashes[h].flying && t->hashes[h].event != ANNOUNCE_STOPPED)
            return true;
    return false;
}

uint32_t
announce_one_only(const struct announcer *a)
{
    for (uint32_t i = 0; a->one && i < a->count; i++)
        if (is_asked(a, &a->trackers[i]))
            return i;
    return announce_one_stays(a) ? a->current : ANNOUNCE_NO_TRACKER;
}

/* The tracker gets "stopped", once. */
static void
leave(const struct announcer *a, struct announce_tracker *t, struct mono now)
{
    for (uint32_t h = 0; h < a->hashes; h++) {
        struct announce_hash *j = &t->hashes[h];

        j->completed = false;
        j->working = false;
        j->leaving = j->heard && !j->never;
        j->heard = j->leaving;
        if (j->leaving)
            j->retry_at = now;
    }
}

void
announce_one_take(struct announcer *a, uint32_t tracker, struct mono now)
{
    if (!a->one || a->current == tracker)
        return;
    if (announce_one_stays(a)) { /* a late answer, from before announcer_limit() */
        leave(a, &a->trackers[tracker], now);
        return;
    }
    a->current = tracker;
    for (uint32_t i = 0; i < a->count; i++)
        if (i != tracker)
            leave(a, &a->trackers[i], now);
}

/* The host of a URL: between "://", or the '@' behind it, and a port, path or query. */
static size_t
find_host(const char *url, const char **host)
{
    const char *begin = strstr(url, "://"), *at;
    size_t len;

    begin = begin != NULL ? begin + 3 : url;
    len = strcspn(begin, "/?#");
    at = memchr(begin, '@', len);
    if (at != NULL) {
        len -= (size_t)(at + 1 - begin);
        begin = at + 1;
    }
    *host = begin;
    if (*begin == '[')
        return strcspn(begin, "]/?#");
    return strcspn(begin, ":/?#") < len ? strcspn(begin, ":/?#") : len;
}

/* FNV-1a of the host in lower case; never 0. The hash only tells the few trackers of one torrent
 * apart. */
static uint64_t
hash_host(const char *url)
{
    const char *host;
    size_t len = find_host(url, &host);
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)host[i];

        hash = (hash ^ (c >= 'A' && c <= 'Z' ? c | 0x20u : c)) * 0x100000001b3;
    }
    return hash | 1;
}

uint64_t
announcer_origin(const struct announcer *a)
{
    return a->one && a->current != ANNOUNCE_NO_TRACKER ? hash_host(a->trackers[a->current].url) : 0;
}

bool
announcer_may_switch(const struct announcer *a)
{
    uint64_t first = 0;

    for (uint32_t i = 0; i < a->count && a->one; i++) {
        uint64_t host = hash_host(a->trackers[i].url);

        if (a->trackers[i].unsupported || host == first)
            continue;
        if (first != 0)
            return true;
        first = host;
    }
    return false;
}

bool
announcer_is_limited(const struct announcer *a)
{
    return a->one;
}

bool
announcer_uses(const struct announcer *a, uint32_t id)
{
    return !a->one || id / a->hashes == a->current;
}

bool
announcer_limit(struct announcer *a, struct mono now)
{
    uint32_t best = ANNOUNCE_NO_TRACKER;
    bool mixed = false;

    if (a->one)
        return true;
    a->one = true;
    a->quiet = false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct announce_tracker *t = &a->trackers[a->order[i]];

        if (t->answered_round == 0)
            continue;
        if (best == ANNOUNCE_NO_TRACKER)
            best = a->order[i];
        mixed |= hash_host(t->url) != hash_host(a->trackers[best].url);
    }
    if (best != ANNOUNCE_NO_TRACKER)
        announce_one_take(a, best, now);
    return !mixed;
}
