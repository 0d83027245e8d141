/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each user has a small array, which is searched linearly: a user with a limit leeches few torrents
 * at once.
 */
#include "tracker/core/slots.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "tracker/core/access.h"

struct slot_torrent {
    uint32_t torrent;
    int64_t seen_s;
};

struct slots_user {
    struct hashmap_node node;
    struct list link;
    uint32_t id;
    uint32_t count, cap;
    int64_t seen_s;
    struct slot_torrent *torrents;
};

static bool
is_user(const struct hashmap_node *node, const void *key, size_t len)
{
    (void)len;
    return LIST_ENTRY(node, struct slots_user, node)->id == *(const uint32_t *)key;
}

void
slots_init(struct slots *s, const uint64_t seed[2], uint32_t timeout_s)
{
    *s = (struct slots){.timeout_s = timeout_s};
    hashmap_init(&s->users, seed, is_user);
    list_init(&s->order);
}

static void
forget(struct slots *s, struct slots_user *u)
{
    hashmap_remove(&s->users, &u->node);
    list_remove(&u->link);
    free(u->torrents);
    free(u);
}

void
slots_fini(struct slots *s)
{
    LIST_EACH_SAFE (it, &s->order)
        forget(s, LIST_ENTRY(it, struct slots_user, link));
    hashmap_fini(&s->users);
    free(s->news);
}

static struct slots_user *
find(const struct slots *s, uint32_t user)
{
    struct hashmap_node *node = hashmap_find(&s->users, &user, sizeof(user));

    return node != NULL ? LIST_ENTRY(node, struct slots_user, node) : NULL;
}

/* Each new entry removes up to two silent ones, so that these never accumulate. */
static void
forget_silent(struct slots *s, int64_t unix_s)
{
    for (int i = 0; i < 2 && !list_empty(&s->order); i++) {
        struct slots_user *u = LIST_ENTRY(s->order.next, struct slots_user, link);

        if (unix_s - u->seen_s <= (int64_t)s->timeout_s)
            return;
        forget(s, u);
    }
}

static struct slots_user *
add(struct slots *s, uint32_t user, int64_t unix_s)
{
    struct slots_user *u;

    forget_silent(s, unix_s);
    if (s->users.count >= SLOTS_USERS_MAX)
        return NULL;
    u = calloc(1, sizeof(*u));
    if (u == NULL)
        return NULL;
    u->id = user;
    list_init(&u->link);
    if (hashmap_add(&s->users, &u->node, &u->id, sizeof(u->id)) != 0) {
        free(u);
        return NULL;
    }
    return u;
}

static void
drop(struct slots_user *u, uint32_t at)
{
    u->torrents[at] = u->torrents[--u->count];
}

static void
drop_silent(const struct slots *s, struct slots_user *u, int64_t unix_s)
{
    for (uint32_t i = u->count; i-- > 0;)
        if (unix_s - u->torrents[i].seen_s > (int64_t)s->timeout_s)
            drop(u, i);
}

static bool
append(struct slots_user *u, uint32_t torrent, int64_t unix_s)
{
    if (u->count == u->cap) {
        uint32_t cap = u->cap > 0 ? u->cap * 2 : 4;
        struct slot_torrent *torrents = realloc(u->torrents, cap * sizeof(*torrents));

        if (torrents == NULL)
            return false;
        u->torrents = torrents;
        u->cap = cap;
    }
    u->torrents[u->count++] = (struct slot_torrent){torrent, unix_s};
    return true;
}

static struct slots_user *
find_or_add(struct slots *s, uint32_t user, int64_t unix_s)
{
    struct slots_user *u = find(s, user);

    if (u == NULL)
        u = add(s, user, unix_s);
    if (u == NULL)
        return NULL;
    list_remove(&u->link);
    list_push_back(&s->order, &u->link);
    if (u->seen_s < unix_s)
        u->seen_s = unix_s;
    return u;
}

static struct slot_torrent *
find_torrent(struct slots_user *u, uint32_t torrent)
{
    for (uint32_t i = 0; i < u->count; i++)
        if (u->torrents[i].torrent == torrent)
            return &u->torrents[i];
    return NULL;
}

static bool
take_slot(struct slots *s, uint32_t user, uint32_t torrent, uint32_t limit, int64_t unix_s)
{
    struct slots_user *u = find_or_add(s, user, unix_s);
    struct slot_torrent *t = u != NULL ? find_torrent(u, torrent) : NULL;

    if (t != NULL)
        t->seen_s = unix_s;
    if (u == NULL || t != NULL)
        return t != NULL;
    if (u->count >= limit)
        drop_silent(s, u, unix_s);
    return u->count < limit && append(u, torrent, unix_s);
}

static void
add_news(struct slots *s, uint32_t user, uint32_t torrent, int64_t unix_s, bool leeches)
{
    if (s->news != NULL && s->nnews < SLOTS_NEWS_MAX)
        s->news[s->nnews++] = (struct slots_news){user, torrent, (uint32_t)unix_s, leeches};
}

bool
slots_take(struct slots *s, uint32_t user, uint32_t torrent, uint32_t limit, int64_t unix_s)
{
    bool within = take_slot(s, user, torrent, limit, unix_s);

    if (within)
        add_news(s, user, torrent, unix_s, true);
    return within;
}

static void
leave(struct slots *s, uint32_t user, uint32_t torrent)
{
    struct slots_user *u = find(s, user);
    struct slot_torrent *t = u != NULL ? find_torrent(u, torrent) : NULL;

    if (t != NULL)
        drop(u, (uint32_t)(t - u->torrents));
    if (u != NULL && u->count == 0)
        forget(s, u);
}

void
slots_leave(struct slots *s, uint32_t user, uint32_t torrent, int64_t unix_s)
{
    leave(s, user, torrent);
    add_news(s, user, torrent, unix_s, false);
}

/* ---- with other trackers ---- */

int
slots_keep_news(struct slots *s)
{
    s->news = calloc(SLOTS_NEWS_MAX, sizeof(*s->news));
    return s->news != NULL ? 0 : SPRAT_E_NOMEM;
}

uint32_t
slots_take_news(struct slots *s, struct slots_news *out, uint32_t max)
{
    uint32_t n = s->nnews < max ? s->nnews : max;

    if (n == 0)
        return 0;
    memcpy(out, s->news, n * sizeof(*out));
    s->nnews -= n;
    memmove(s->news, s->news + n, s->nnews * sizeof(*s->news));
    return n;
}

static void
hear_end(struct slots *s, const struct slots_news *n)
{
    struct slots_user *u = find(s, n->user);
    const struct slot_torrent *t = u != NULL ? find_torrent(u, n->torrent) : NULL;

    if (t != NULL && t->seen_s <= (int64_t)n->unix_s)
        leave(s, n->user, n->torrent);
}

void
slots_hear(struct slots *s, const struct slots_news *n)
{
    struct slots_user *u;
    struct slot_torrent *t;

    if (!n->leeches) {
        hear_end(s, n);
        return;
    }
    u = find_or_add(s, n->user, n->unix_s);
    t = u != NULL ? find_torrent(u, n->torrent) : NULL;
    if (t != NULL && t->seen_s < (int64_t)n->unix_s)
        t->seen_s = n->unix_s;
    if (u != NULL && t == NULL && u->count < ACCESS_SLOTS_MAX)
        (void)append(u, n->torrent, n->unix_s);
}
