/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A bucket of announces and a counter for the process, and the same for each recently used tracker
 * host.
 */
#include "peer/net/tracker_gate.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/crypto/random.h"
#include "common/ds/hashmap.h"
#include "common/ds/list.h"
#include "common/sys/lock.h"

/* A token bucket in units of time: an announce at rate R takes 1/R s, and the bucket holds
 * TRACKER_GATE_BURST seconds. */
struct gate_bucket {
    int64_t spent_us; /* 0: the bucket is full */
    struct mono at;   /* the time of |spent_us| */
};

struct gate_host {
    struct hashmap_node node;
    struct list link;
    struct gate_bucket bucket;
    uint32_t asks;
    struct mono heard; /* the last answer, or the first announce after all were over */
    char name[];
};

struct tracker_gate {
    struct lock lock;
    struct gate_bucket bucket;
    uint32_t asks;
    struct hashmap by_name;
    struct list hosts; /* the least recently used first */
};

static bool
name_matches(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct gate_host *h = LIST_ENTRY(node, struct gate_host, node);

    return strlen(h->name) == len && memcmp(h->name, key, len) == 0;
}

struct tracker_gate *
tracker_gate_new(void)
{
    struct tracker_gate *g = calloc(1, sizeof(*g));
    uint64_t seed[2];

    if (g == NULL)
        return NULL;
    random_bytes(seed, sizeof(seed));
    hashmap_init(&g->by_name, seed, name_matches);
    list_init(&g->hosts);
    lock_init(&g->lock);
    return g;
}

static void
host_free(struct tracker_gate *g, struct gate_host *h)
{
    hashmap_remove(&g->by_name, &h->node);
    list_remove(&h->link);
    free(h);
}

void
tracker_gate_free(struct tracker_gate *g)
{
    if (g == NULL)
        return;
    ASSERT(g->asks == 0);
    LIST_EACH_SAFE (it, &g->hosts)
        host_free(g, LIST_ENTRY(it, struct gate_host, link));
    hashmap_fini(&g->by_name);
    lock_fini(&g->lock);
    free(g);
}

/* --- buckets --- */

static void
refill(struct gate_bucket *a, struct mono now)
{
    int64_t us = mono_diff_us(now, a->at);

    if (us <= 0)
        return; /* another loop's clock is a little ahead */
    a->spent_us = us < a->spent_us ? a->spent_us - us : 0;
    a->at = now;
}

/* Returns in how many µs an announce may begin; 0: at once. */
static int64_t
wait_us(const struct gate_bucket *a, uint32_t rate)
{
    int64_t over = a->spent_us + 1000000 / rate - TRACKER_GATE_BURST * INT64_C(1000000);

    return over > 0 ? over : 0;
}

static void
spend(struct gate_bucket *a, uint32_t rate)
{
    a->spent_us += 1000000 / rate;
}

/* --- hosts --- */

/* Frees hosts without announces under way whose bucket is full again. */
static void
forget_idle(struct tracker_gate *g, struct mono now)
{
    LIST_EACH_SAFE (it, &g->hosts) {
        struct gate_host *h = LIST_ENTRY(it, struct gate_host, link);

        if (mono_diff_us(now, h->bucket.at) < (TRACKER_GATE_BURST + 1) * INT64_C(1000000))
            break;
        if (h->asks == 0)
            host_free(g, h);
    }
}

static struct gate_host *
host_of(struct tracker_gate *g, const char *name, struct mono now)
{
    size_t len = strlen(name);
    struct hashmap_node *node = hashmap_find(&g->by_name, name, len);
    struct gate_host *h;

    if (node != NULL)
        return LIST_ENTRY(node, struct gate_host, node);
    forget_idle(g, now);
    h = calloc(1, sizeof(*h) + len + 1);
    if (h == NULL)
        return NULL;
    memcpy(h->name, name, len + 1);
    h->bucket.at = now;
    list_init(&h->link);
    if (hashmap_add(&g->by_name, &h->node, h->name, len) != 0) {
        free(h);
        return NULL;
    }
    list_push_back(&g->hosts, &h->link);
    return h;
}

static bool
enter(struct tracker_gate *g, struct gate_host *h, bool urgent, struct mono now, struct mono *again,
      bool *silent)
{
    int64_t us;

    refill(&g->bucket, now);
    refill(&h->bucket, now);
    *silent =
        h->asks >= TRACKER_GATE_HOST_ASKS && mono_diff_ms(now, h->heard) >= TRACKER_GATE_SILENT_MS;
    if (h->asks >= TRACKER_GATE_HOST_ASKS || g->asks >= TRACKER_GATE_ASKS) {
        *again = mono_add_ms(now, TRACKER_GATE_AGAIN_MS);
        return false;
    }
    us = wait_us(&g->bucket, TRACKER_GATE_RATE);
    if (wait_us(&h->bucket, TRACKER_GATE_HOST_RATE) > us)
        us = wait_us(&h->bucket, TRACKER_GATE_HOST_RATE);
    if (us > 0 && !urgent) {
        *again = mono_add_ms(now, us / 1000 + 1);
        return false;
    }
    if (!urgent) {
        spend(&g->bucket, TRACKER_GATE_RATE);
        spend(&h->bucket, TRACKER_GATE_HOST_RATE);
    }
    if (h->asks++ == 0)
        h->heard = now;
    g->asks++;
    list_remove(&h->link);
    list_push_back(&g->hosts, &h->link);
    return true;
}

bool
tracker_gate_enter(struct tracker_gate *g, const char *host, bool urgent, struct mono now,
                   struct mono *again, bool *silent)
{
    struct gate_host *h;
    bool in = false;

    *silent = false;
    *again = mono_add_ms(now, TRACKER_GATE_AGAIN_MS);
    lock_take(&g->lock);
    h = host_of(g, host, now);
    if (h != NULL)
        in = enter(g, h, urgent, now, again, silent);
    lock_drop(&g->lock);
    return in;
}

void
tracker_gate_leave(struct tracker_gate *g, const char *host, bool answered, struct mono now)
{
    struct hashmap_node *node;
    struct gate_host *h;

    lock_take(&g->lock);
    node = hashmap_find(&g->by_name, host, strlen(host));
    ASSERT(node != NULL);
    h = LIST_ENTRY(node, struct gate_host, node);
    ASSERT(h->asks > 0 && g->asks > 0);
    h->asks--;
    g->asks--;
    if (answered)
        h->heard = now;
    lock_drop(&g->lock);
}
