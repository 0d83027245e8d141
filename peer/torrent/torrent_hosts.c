/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sums the payload bytes of a torrent by host. The table has a maximum: hosts beyond it, and hosts
 * for which memory is out, share one entry.
 */
#include <stdlib.h>
#include <string.h>

#include "common/crypto/random.h"
#include "peer/torrent/torrent_hosts.h"

enum {
    HOST_KEY_LEN = 17,
    HOSTS_MAX = 4096, /* entries; all other hosts share one */
};

/* Writes the key of an address: its significant bytes, without the padding of the struct. */
static void
host_key(const struct endpoint *addr, uint8_t key[HOST_KEY_LEN])
{
    memcpy(key, addr->ip, sizeof(addr->ip));
    key[HOST_KEY_LEN - 1] = addr->family;
}

static bool
host_matches(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct host *h = LIST_ENTRY(node, struct host, node);
    uint8_t own[HOST_KEY_LEN];

    host_key(&h->sum.addr, own);
    return len == HOST_KEY_LEN && memcmp(own, key, HOST_KEY_LEN) == 0;
}

void
hosts_init(struct torrent *t)
{
    uint64_t seed[2];

    random_bytes(seed, sizeof(seed));
    hashmap_init(&t->hosts.map, seed, host_matches);
}

static struct host *
host_add(struct torrent *t, const struct endpoint *addr)
{
    struct torrent_hosts *hs = &t->hosts;
    uint8_t key[HOST_KEY_LEN];
    struct host *h;

    host_key(addr, key);
    if (hs->count == HOSTS_MAX)
        return &hs->rest;
    if (hs->count == hs->cap) {
        uint32_t cap = hs->cap > 0 ? 2 * hs->cap : 16;
        struct host **all = realloc(hs->all, cap * sizeof(struct host *));

        if (all == NULL)
            return &hs->rest;
        hs->all = all;
        hs->cap = cap;
    }
    h = calloc(1, sizeof(*h));
    if (h == NULL)
        return &hs->rest;
    h->sum.addr = *addr;
    if (hashmap_add(&hs->map, &h->node, key, sizeof(key)) != 0) {
        free(h);
        return &hs->rest;
    }
    hs->all[hs->count++] = h;
    return h;
}

struct host *
hosts_of(struct torrent *t, const struct endpoint *peer)
{
    struct endpoint addr = *peer;
    uint8_t key[HOST_KEY_LEN];
    struct hashmap_node *node;

    addr.port = 0;
    host_key(&addr, key);
    node = hashmap_find(&t->hosts.map, key, sizeof(key));
    return node != NULL ? LIST_ENTRY(node, struct host, node) : host_add(t, &addr);
}

bool
torrent_next_host(const struct torrent *t, uint32_t *iter, struct torrent_host *h)
{
    uint32_t i = (*iter)++;

    if (i < t->hosts.count)
        *h = t->hosts.all[i]->sum;
    else if (i == t->hosts.count && (t->hosts.rest.sum.up > 0 || t->hosts.rest.sum.down > 0))
        *h = t->hosts.rest.sum;
    else
        return false;
    return true;
}

void
hosts_fini(struct torrent *t)
{
    for (uint32_t i = 0; i < t->hosts.count; i++)
        free(t->hosts.all[i]);
    free(t->hosts.all);
    hashmap_fini(&t->hosts.map);
    t->hosts = (struct torrent_hosts){.count = 0};
}
