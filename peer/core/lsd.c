/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each torrent is in one of several lines. The lines with a delay are in the order in which their
 * torrents become due, since all torrents of a line wait equally long. A torrent in a queue is owed
 * to some links, one bit for each.
 */
#include "peer/core/lsd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/ds/hashmap.h"
#include "common/ds/list.h"
#include "peer/core/lsd_limits.h"
#include "peer/core/pex.h"

_Static_assert(LSD_LINKS_MAX <= 64, "a torrent has a bit for each link");

enum line {
    LINE_GATHER, /* new: waits for others that come at the same time */
    LINE_AGAIN,  /* was withdrawn less than LSD_AGAIN_MS after its announce, and is back */
    LINE_REPEAT, /* announced; waits for the next time */
    LINE_GONE,   /* withdrawn; forgotten when it is due */
    LINE_IDLE,   /* is only listened for, or there is no link */
    LINE_FIRST,  /* the queue of torrents that were never announced */
    LINE_QUEUE,  /* the queue of others */
    LINES
};

static const int64_t delays_ms[LINES] = {
    [LINE_GATHER] = LSD_GATHER_MS,
    [LINE_AGAIN] = LSD_AGAIN_MS,
    [LINE_REPEAT] = LSD_REPEAT_MS,
    [LINE_GONE] = LSD_AGAIN_MS,
};

struct entry {
    struct hashmap_node node;
    struct list link;
    enum line line;
    uint8_t hash[LSD_HASH_LEN];
    uint64_t number;
    uint64_t owed; /* the links that the torrent must be announced on */
    bool repeat;
    bool announced; /* at |last|, on any link */
    struct mono last;
    struct mono due; /* in a line with a delay */
};

struct slot {
    bool up;
    struct lsd_link link;
    size_t owed;       /* torrents in the queues that are owed to it */
    struct mono spent; /* when its announces would have been due at one per LSD_LINK_MS */
};

struct lsd {
    struct hashmap map;
    struct list lines[LINES];
    struct slot slots[LSD_LINKS_MAX];
    char cookie[16 + 1];
    struct lsd_limits limits;
    uint64_t counters[LSD_COUNTERS];
};

static bool
entry_matches(const struct hashmap_node *node, const void *key, size_t len)
{
    return memcmp(LIST_ENTRY(node, const struct entry, node)->hash, key, len) == 0;
}

struct lsd *
lsd_new(const uint64_t key[2], uint64_t cookie)
{
    struct lsd *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    hashmap_init(&l->map, key, entry_matches);
    lsd_limits_init(&l->limits, key);
    for (unsigned i = 0; i < LINES; i++)
        list_init(&l->lines[i]);
    snprintf(l->cookie, sizeof(l->cookie), "%016" PRIx64, cookie);
    return l;
}

static void
forget(struct lsd *l, struct entry *e)
{
    hashmap_remove(&l->map, &e->node);
    list_remove(&e->link);
    free(e);
}

void
lsd_free(struct lsd *l)
{
    if (l == NULL)
        return;
    for (unsigned i = 0; i < LINES; i++)
        LIST_EACH_SAFE (it, &l->lines[i])
            forget(l, LIST_ENTRY(it, struct entry, link));
    hashmap_fini(&l->map);
    free(l);
}

/* --- lines and queues --- */

static void
enter(struct lsd *l, struct entry *e, enum line line, struct mono now)
{
    ASSERT((e->owed != 0) == (line == LINE_FIRST || line == LINE_QUEUE));
    if (list_linked(&e->link))
        list_remove(&e->link);
    e->line = line;
    e->due = mono_add_ms(now, delays_ms[line]);
    list_push_back(&l->lines[line], &e->link);
}

static uint64_t
bit(unsigned number)
{
    return UINT64_C(1) << number;
}

/* Counts the links of |e->owed| that are not those of |owed|, and sets it. */
static void
set_owed(struct lsd *l, struct entry *e, uint64_t owed)
{
    for (unsigned i = 0; i < LSD_LINKS_MAX; i++) {
        l->slots[i].owed += (owed & bit(i)) != 0;
        l->slots[i].owed -= (e->owed & bit(i)) != 0;
    }
    e->owed = owed;
}

/* The torrent waits for the next time, if there is one. */
static void
settle(struct lsd *l, struct entry *e, struct mono now)
{
    enter(l, e, e->repeat ? LINE_REPEAT : LINE_IDLE, now);
}

static uint64_t
links_up(const struct lsd *l)
{
    uint64_t up = 0;

    for (unsigned i = 0; i < LSD_LINKS_MAX; i++)
        if (l->slots[i].up)
            up |= bit(i);
    return up;
}

/* The torrent is to be announced on all links. */
static void
owe(struct lsd *l, struct entry *e, uint64_t links, struct mono now)
{
    set_owed(l, e, links);
    enter(l, e, links == 0 ? LINE_IDLE : e->announced ? LINE_QUEUE : LINE_FIRST, now);
}

/* Looks at the first torrents of each line with a delay. */
static void
look_at_lines(struct lsd *l, struct mono now)
{
    uint64_t up = links_up(l);

    for (enum line line = LINE_GATHER; line <= LINE_GONE; line++)
        while (!list_empty(&l->lines[line])) {
            struct entry *e = LIST_ENTRY(l->lines[line].next, struct entry, link);

            if (!mono_due(e->due, now))
                break;
            if (line == LINE_GONE)
                forget(l, e);
            else
                owe(l, e, up, now);
        }
}

/* --- links --- */

void
lsd_link_up(struct lsd *l, unsigned number, const struct lsd_link *link, struct mono now)
{
    static const enum line announced_again[] = {LINE_REPEAT, LINE_IDLE, LINE_FIRST, LINE_QUEUE};
    struct slot *s = &l->slots[number];
    bool is_new;

    ASSERT(number < LSD_LINKS_MAX && link->network_count <= LSD_NETWORKS_MAX);
    is_new = !s->up;
    s->up = true;
    s->link = *link;
    if (!is_new)
        return;
    for (unsigned i = 0; i < sizeof(announced_again) / sizeof(announced_again[0]); i++) {
        enum line line = announced_again[i];

        LIST_EACH_SAFE (it, &l->lines[line]) {
            struct entry *e = LIST_ENTRY(it, struct entry, link);

            if (line == LINE_REPEAT || line == LINE_IDLE)
                owe(l, e, bit(number), now);
            else
                set_owed(l, e, e->owed | bit(number));
        }
    }
}

static void
pay(struct lsd *l, struct entry *e, unsigned number, struct mono now)
{
    set_owed(l, e, e->owed & ~bit(number));
    if (e->owed == 0)
        settle(l, e, now);
}

void
lsd_link_down(struct lsd *l, unsigned number, struct mono now)
{
    ASSERT(number < LSD_LINKS_MAX);
    for (enum line line = LINE_FIRST; line <= LINE_QUEUE; line++)
        LIST_EACH_SAFE (it, &l->lines[line])
            pay(l, LIST_ENTRY(it, struct entry, link), number, now);
    l->slots[number].up = false;
}

/* --- torrents --- */

static struct entry *
find(const struct lsd *l, const uint8_t hash[LSD_HASH_LEN])
{
    struct hashmap_node *node = hashmap_find(&l->map, hash, LSD_HASH_LEN);

    return node != NULL ? LIST_ENTRY(node, struct entry, node) : NULL;
}

static int
add(struct lsd *l, const uint8_t hash[LSD_HASH_LEN], uint64_t number, bool repeat, struct mono now)
{
    struct entry *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return SPRAT_E_NOMEM;
    memcpy(e->hash, hash, LSD_HASH_LEN);
    if (hashmap_add(&l->map, &e->node, hash, LSD_HASH_LEN) != 0) {
        free(e);
        return SPRAT_E_NOMEM;
    }
    e->number = number;
    e->repeat = repeat;
    list_init(&e->link);
    enter(l, e, LINE_GATHER, now);
    return 0;
}

int
lsd_announce(struct lsd *l, const uint8_t hash[LSD_HASH_LEN], uint64_t number, bool repeat,
             struct mono now)
{
    struct entry *e = find(l, hash);
    bool changes;

    if (e == NULL)
        return add(l, hash, number, repeat, now);
    changes = e->repeat != repeat;
    e->number = number;
    e->repeat = repeat;
    if (e->line == LINE_GONE)
        enter(l, e, LINE_AGAIN, now);
    else if (changes && (e->line == LINE_REPEAT || e->line == LINE_IDLE))
        settle(l, e, now);
    return 0;
}

void
lsd_withdraw(struct lsd *l, const uint8_t hash[LSD_HASH_LEN], uint64_t number, struct mono now)
{
    struct entry *e = find(l, hash);

    if (e == NULL || e->number != number || e->line == LINE_GONE)
        return;
    set_owed(l, e, 0);
    if (e->announced && !mono_due(mono_add_ms(e->last, LSD_AGAIN_MS), now))
        enter(l, e, LINE_GONE, now);
    else
        forget(l, e);
}

/* --- sending --- */

/* When the link may send its next announce. */
static struct mono
ready_at(const struct slot *s)
{
    return mono_add_ms(s->spent, -(int64_t)(LSD_LINK_BURST - 1) * LSD_LINK_MS);
}

/* Takes as many torrents as one announce has room for. */
static void
take_owed(struct lsd *l, unsigned number, struct lsd_msg *m, struct mono now)
{
    for (enum line line = LINE_FIRST; line <= LINE_QUEUE; line++)
        LIST_EACH_SAFE (it, &l->lines[line]) {
            struct entry *e = LIST_ENTRY(it, struct entry, link);

            if (m->count == LSD_HASHES_SENT)
                return;
            if ((e->owed & bit(number)) == 0)
                continue;
            memcpy(m->hashes[m->count++], e->hash, LSD_HASH_LEN);
            e->announced = true;
            e->last = now;
            pay(l, e, number, now);
        }
}

bool
lsd_next(struct lsd *l, struct lsd_packet *out, struct mono now)
{
    look_at_lines(l, now);
    for (unsigned i = 0; i < LSD_LINKS_MAX; i++) {
        struct slot *s = &l->slots[i];
        struct lsd_msg m = {
            .port = s->link.port, .cookie = l->cookie, .cookie_len = strlen(l->cookie)};

        if (s->owed == 0 || !mono_due(ready_at(s), now))
            continue;
        take_owed(l, i, &m, now);
        s->spent = mono_add_ms(mono_max(s->spent, now), LSD_LINK_MS);
        out->link = i;
        out->family = s->link.family;
        out->len = lsd_msg_write(out->data, s->link.family, &m);
        l->counters[LSD_COUNT_SENT]++;
        return true;
    }
    return false;
}

void
lsd_on_unsent(struct lsd *l)
{
    l->counters[LSD_COUNT_SENT]--;
    l->counters[LSD_COUNT_UNSENT]++;
}

struct mono
lsd_expiry(const struct lsd *l)
{
    struct mono at = MONO_NEVER;

    for (enum line line = LINE_GATHER; line <= LINE_GONE; line++)
        if (!list_empty(&l->lines[line]))
            at = mono_min(at, LIST_ENTRY(l->lines[line].next, const struct entry, link)->due);
    for (unsigned i = 0; i < LSD_LINKS_MAX; i++)
        if (l->slots[i].owed > 0)
            at = mono_min(at, ready_at(&l->slots[i]));
    return at;
}

/* --- receiving --- */

static bool
same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;

    return memcmp(a, b, bytes) == 0 && (rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0);
}

static bool
is_on_link(const struct lsd_link *link, const struct endpoint *from)
{
    for (unsigned i = 0; i < link->network_count; i++) {
        const struct lsd_network *n = &link->networks[i];

        if (n->addr.family == from->family && n->addr.zone == from->zone &&
            same_prefix(n->addr.ip, from->ip, n->bits))
            return true;
    }
    return false;
}

static bool
is_own(const struct lsd *l, const struct lsd_msg *m)
{
    return m->cookie_len == strlen(l->cookie) && memcmp(m->cookie, l->cookie, m->cookie_len) == 0;
}

/* Reads the datagram, or returns the counter of what is wrong with it. */
static enum lsd_counter
judge(struct lsd *l, const struct slot *s, const struct endpoint *from, const uint8_t *data,
      size_t len, struct lsd_msg *m, struct mono now)
{
    if (!s->up || !is_on_link(&s->link, from))
        return LSD_COUNT_FOREIGN;
    if (!lsd_limits_packet(&l->limits, from, now))
        return LSD_COUNT_LIMITED;
    if (lsd_msg_read(m, data, len) != 0)
        return LSD_COUNT_MALFORMED;
    if (is_own(l, m))
        return LSD_COUNT_OWN;
    return m->port < PEX_PORT_MIN ? LSD_COUNT_BAD_PORT : LSD_COUNT_RECEIVED;
}

unsigned
lsd_receive(struct lsd *l, unsigned link, const struct endpoint *from, const uint8_t *data,
            size_t len, struct mono now, uint64_t numbers[LSD_HASHES_READ], struct endpoint *peer)
{
    struct lsd_msg m;
    enum lsd_counter what = judge(l, &l->slots[link], from, data, len, &m, now);
    unsigned count = 0;

    l->counters[LSD_COUNT_RECEIVED]++;
    if (what != LSD_COUNT_RECEIVED) {
        l->counters[what]++;
        return 0;
    }
    *peer = *from;
    peer->port = m.port;
    for (unsigned i = 0; i < m.count; i++) {
        const struct entry *e = find(l, m.hashes[i]);

        if (e == NULL || e->line == LINE_GONE) {
            l->counters[LSD_COUNT_UNKNOWN]++;
        } else if (!lsd_limits_peer(&l->limits, from, now)) {
            l->counters[LSD_COUNT_LIMITED]++;
        } else {
            l->counters[LSD_COUNT_PEERS]++;
            numbers[count++] = e->number;
        }
    }
    return count;
}

void
lsd_get_stats(const struct lsd *l, struct lsd_stats *out)
{
    *out = (struct lsd_stats){.torrents = l->map.count};
    for (unsigned i = 0; i < LSD_LINKS_MAX; i++)
        out->links += l->slots[i].up;
    memcpy(out->counters, l->counters, sizeof(out->counters));
}
