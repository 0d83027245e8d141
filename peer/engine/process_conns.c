/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connections of the process, counted in all and by site (endpoint.h). A torrent has its own
 * maximum for a site (CROWD_SITE_PEERS_MAX); here a site has a share of all connections, whichever
 * torrents it asks for. Peers on this machine have no such maximum.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "peer/engine/process.h"

enum { SITE_KEY_LEN = 17 };

struct site_conns {
    struct hashmap_node node;
    uint8_t key[SITE_KEY_LEN];
    uint32_t count;
};

static void
site_key(const struct endpoint *addr, uint8_t key[SITE_KEY_LEN])
{
    struct endpoint site = endpoint_site(addr);

    memcpy(key, site.ip, sizeof(site.ip));
    key[SITE_KEY_LEN - 1] = site.family;
}

static struct site_conns *
site_of(struct hashmap_node *node)
{
    return (struct site_conns *)(void *)((char *)node - offsetof(struct site_conns, node));
}

static bool
site_matches(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct site_conns *s =
        (const struct site_conns *)(const void *)((const char *)node -
                                                  offsetof(struct site_conns, node));

    return len == SITE_KEY_LEN && memcmp(s->key, key, len) == 0;
}

void
process_conns_init(struct process *h, const uint64_t seed[2])
{
    lock_init(&h->conns.lock);
    hashmap_init(&h->conns.by_site, seed, site_matches);
}

void
process_conns_fini(struct process *h)
{
    ASSERT(h->conns.count == 0 && h->conns.by_site.count == 0);
    hashmap_fini(&h->conns.by_site);
    lock_fini(&h->conns.lock);
}

static uint32_t
site_max(const struct process *h)
{
    uint32_t share = h->conns.max / PROCESS_SITE_SHARE;

    return share > CROWD_SITE_PEERS_MAX ? share : CROWD_SITE_PEERS_MAX;
}

/* The lock is held. */
static int
take(struct process *h, const struct endpoint *peer)
{
    uint8_t key[SITE_KEY_LEN];
    struct hashmap_node *node;
    struct site_conns *s;

    if (h->conns.count >= h->conns.max)
        return SPRAT_E_LIMIT;
    site_key(peer, key);
    node = hashmap_find(&h->conns.by_site, key, sizeof(key));
    if (node != NULL) {
        s = site_of(node);
        if (s->count >= site_max(h) && endpoint_scope(peer) != SCOPE_LOOPBACK)
            return SPRAT_E_BUSY;
    } else {
        s = calloc(1, sizeof(*s));
        if (s == NULL)
            return SPRAT_E_NOMEM;
        memcpy(s->key, key, sizeof(key));
        if (hashmap_add(&h->conns.by_site, &s->node, s->key, sizeof(s->key)) != 0) {
            free(s);
            return SPRAT_E_NOMEM;
        }
    }
    s->count++;
    h->conns.count++;
    return 0;
}

int
process_take_conn(struct process *h, const struct endpoint *peer)
{
    int err;

    lock_take(&h->conns.lock);
    err = take(h, peer);
    lock_drop(&h->conns.lock);
    return err;
}

void
process_drop_conn(struct process *h, const struct endpoint *peer)
{
    uint8_t key[SITE_KEY_LEN];
    struct hashmap_node *node;
    struct site_conns *s;

    site_key(peer, key);
    lock_take(&h->conns.lock);
    node = hashmap_find(&h->conns.by_site, key, sizeof(key));
    ASSERT(node != NULL && h->conns.count > 0);
    s = site_of(node);
    h->conns.count--;
    if (--s->count == 0) {
        hashmap_remove(&h->conns.by_site, &s->node);
        free(s);
    }
    lock_drop(&h->conns.lock);
}

bool
process_is_crowded(struct process *h)
{
    bool crowded;

    lock_take(&h->conns.lock);
    crowded = h->conns.max - h->conns.count <= h->conns.max / PROCESS_SPARE_SHARE;
    lock_drop(&h->conns.lock);
    return crowded;
}
