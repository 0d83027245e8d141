/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Two rings of sites with an index each: bans, and offences that may lead to a ban. Two rings,
 * because otherwise an attacker with many addresses could push a ban out with a single offence from
 * each.
 */
#include "peer/core/bans.h"

#include <stdlib.h>
#include <string.h>

static void
site_key(const struct endpoint *addr, uint8_t key[BANS_SITE_LEN])
{
    struct endpoint site = endpoint_site(addr);

    memcpy(key, site.ip, sizeof(site.ip));
    key[BANS_SITE_LEN - 1] = site.family;
}

static bool
match(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct ban *b = (const struct ban *)(const void *)node;

    return len == BANS_SITE_LEN && memcmp(b->site, key, BANS_SITE_LEN) == 0;
}

_Static_assert(offsetof(struct ban, node) == 0, "the node must be the ban's first member");

static struct ban *
ring_find(const struct ban_ring *r, const struct endpoint *addr)
{
    uint8_t key[BANS_SITE_LEN];

    if (r->map.count == 0)
        return NULL;
    site_key(addr, key);
    return (struct ban *)(void *)hashmap_find(&r->map, key, BANS_SITE_LEN);
}

static void
ban_forget(struct ban_ring *r, struct ban *b)
{
    if (b->used)
        hashmap_remove(&r->map, &b->node);
    *b = (struct ban){.used = false};
}

/* Adds an entry for the site, in place of the oldest one. NULL when memory is out. */
static struct ban *
ring_add(struct ban_ring *r, const struct endpoint *addr)
{
    struct ban *b;

    if (r->all == NULL)
        r->all = calloc(BANS_MAX, sizeof(*r->all));
    if (r->all == NULL)
        return NULL;
    b = &r->all[r->turn];
    ban_forget(r, b);
    site_key(addr, b->site);
    if (hashmap_add(&r->map, &b->node, b->site, BANS_SITE_LEN) != 0)
        return NULL;
    b->used = true;
    r->turn = (r->turn + 1) % BANS_MAX;
    return b;
}

static void
ring_fini(struct ban_ring *r)
{
    hashmap_fini(&r->map);
    free(r->all);
}

void
bans_init(struct bans *b, const uint64_t seed[2])
{
    *b = (struct bans){.banned = {.all = NULL}};
    hashmap_init(&b->banned.map, seed, match);
    hashmap_init(&b->offenders.map, seed, match);
}

void
bans_fini(struct bans *b)
{
    ring_fini(&b->banned);
    ring_fini(&b->offenders);
}

bool
bans_has(const struct bans *b, const struct endpoint *addr)
{
    return ring_find(&b->banned, addr) != NULL;
}

void
bans_add(struct bans *b, const struct endpoint *addr, struct mono until)
{
    struct ban *found = ring_find(&b->banned, addr);

    if (found == NULL)
        found = ring_add(&b->banned, addr);
    if (found != NULL)
        found->until = mono_max(found->until, until);
}

bool
bans_offend(struct bans *b, const struct endpoint *addr, struct mono now)
{
    struct ban *o = ring_find(&b->offenders, addr);

    if (bans_has(b, addr))
        return false;
    if (o == NULL)
        o = ring_add(&b->offenders, addr);
    if (o == NULL)
        return false;
    o->until = mono_add_ms(now, BANS_OFFENCE_MS);
    if (++o->offences < BANS_OFFENCES)
        return false;
    o->offences = 0; /* after the ban has expired, the count starts again */
    bans_add(b, addr, mono_add_ms(now, BANS_MS));
    return bans_has(b, addr);
}

static void
ring_expire(struct ban_ring *r, struct mono now)
{
    for (uint32_t i = 0; r->all != NULL && i < BANS_MAX; i++)
        if (r->all[i].used && mono_due(r->all[i].until, now))
            ban_forget(r, &r->all[i]);
}

void
bans_expire(struct bans *b, struct mono now)
{
    ring_expire(&b->banned, now);
    ring_expire(&b->offenders, now);
}
