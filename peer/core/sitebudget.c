/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A ring of sites with an index, and one more set of allowances for all sites together.
 */
#include "peer/core/sitebudget.h"

#include <stdlib.h>
#include <string.h>

#include "common/ds/hashmap.h"
#include "peer/core/allowance.h"

enum { SITE_KEY_LEN = 17 };

struct site {
    struct hashmap_node node; /* must be the first member */
    uint8_t key[SITE_KEY_LEN];
    struct allowance used[SITEBUDGET_KINDS];
};

struct sitebudget {
    uint32_t loops;
    struct site *all; /* SITEBUDGET_SITES_MAX entries; NULL before the first site */
    uint32_t turn;    /* index of the next entry to write: the oldest once all are used */
    struct hashmap map;
    struct allowance used[SITEBUDGET_KINDS];
};

static const struct terms {
    struct allowance_terms site, all;
} TERMS[] = {
#define X(name, rate, most, all_rate, all_most) {{rate, most}, {all_rate, all_most}},
    SITEBUDGET_TABLE(X)
#undef X
};

_Static_assert(offsetof(struct site, node) == 0, "the node must be the site's first member");

static bool
match(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct site *s = (const struct site *)(const void *)node;

    return len == SITE_KEY_LEN && memcmp(s->key, key, SITE_KEY_LEN) == 0;
}

struct sitebudget *
sitebudget_new(uint32_t loops, const uint64_t seed[2])
{
    struct sitebudget *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    b->loops = loops;
    hashmap_init(&b->map, seed, match);
    return b;
}

void
sitebudget_free(struct sitebudget *b)
{
    if (b == NULL)
        return;
    hashmap_fini(&b->map);
    free(b->all);
    free(b);
}

/* The site's entry, new or old; NULL when memory is out. */
static struct site *
site_of(struct sitebudget *b, const struct endpoint *addr)
{
    struct endpoint site = endpoint_site(addr);
    uint8_t key[SITE_KEY_LEN];
    struct hashmap_node *node;
    struct site *s;

    memcpy(key, site.ip, sizeof(site.ip));
    key[SITE_KEY_LEN - 1] = site.family;
    node = hashmap_find(&b->map, key, sizeof(key));
    if (node != NULL)
        return (struct site *)(void *)node;
    if (b->all == NULL)
        b->all = calloc(SITEBUDGET_SITES_MAX, sizeof(*b->all));
    if (b->all == NULL)
        return NULL;
    s = &b->all[b->turn];
    if (b->map.count == SITEBUDGET_SITES_MAX)
        hashmap_remove(&b->map, &s->node);
    memset(s, 0, sizeof(*s));
    memcpy(s->key, key, sizeof(key));
    if (hashmap_add(&b->map, &s->node, s->key, sizeof(s->key)) != 0)
        return NULL;
    b->turn = (b->turn + 1) % SITEBUDGET_SITES_MAX;
    return s;
}

bool
sitebudget_fits(struct sitebudget *b, enum sitebudget_kind kind, const struct endpoint *addr,
                uint64_t bytes, struct mono now)
{
    struct allowance_terms all = TERMS[kind].all;
    struct site *s = site_of(b, addr);

    all.rate = all.rate / b->loops > 0 ? all.rate / b->loops : 1;
    return s != NULL && allowance_fits(&s->used[kind], bytes, TERMS[kind].site, now) &&
           allowance_fits(&b->used[kind], bytes, all, now);
}

void
sitebudget_charge(struct sitebudget *b, enum sitebudget_kind kind, const struct endpoint *addr,
                  uint64_t bytes)
{
    struct site *s = site_of(b, addr);

    if (s != NULL)
        allowance_charge(&s->used[kind], bytes);
    allowance_charge(&b->used[kind], bytes);
}
