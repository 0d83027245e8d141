/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Buckets have fixed places instead of being split: bucket n has the ids that share exactly n
 * leading bits with ours. That holds the same nodes as a split table would, and needs no memory
 * that grows.
 */
#include "peer/core/dht_table.h"

#include <string.h>

#include "common/base/minmax.h"
#include "peer/core/dht_net.h"

static const struct mono long_ago = {INT64_MIN / 2};

static unsigned
bucket_of(const struct dht_table *t, const uint8_t *id)
{
    unsigned common = dht_id_common(t->own, id);

    return common < DHT_BUCKETS ? common : DHT_BUCKETS - 1;
}

void
dht_table_init(struct dht_table *t, const uint8_t own[DHT_ID_LEN])
{
    *t = (struct dht_table){0};
    memcpy(t->own, own, DHT_ID_LEN);
    for (unsigned i = 0; i < DHT_BUCKETS; i++)
        t->buckets[i].refreshed = long_ago;
}

bool
dht_node_is_good(const struct dht_node *n, struct mono now)
{
    return n->failures == 0 && mono_diff_ms(now, n->seen) < DHT_GOOD_MS;
}

/* The node |id| at |addr| in an array, or NULL. */
static struct dht_node *
find(struct dht_node *nodes, unsigned count, const uint8_t *id, const struct endpoint *addr)
{
    for (unsigned i = 0; i < count; i++)
        if (dht_id_equal(nodes[i].id, id) && endpoint_equal(&nodes[i].addr, addr))
            return &nodes[i];
    return NULL;
}

const struct dht_node *
dht_table_next(const struct dht_table *t, uint32_t *iter)
{
    while (*iter < DHT_BUCKETS * DHT_K) {
        const struct dht_bucket *b = &t->buckets[*iter / DHT_K];
        unsigned i = (*iter)++ % DHT_K;

        if (i < b->count)
            return &b->nodes[i];
    }
    return NULL;
}

static const struct dht_node *
node_of_site(const struct dht_table *t, uint64_t site)
{
    const struct dht_node *n;
    uint32_t iter = 0;

    while ((n = dht_table_next(t, &iter)) != NULL)
        if (n->site == site)
            return n;
    return NULL;
}

const struct dht_node *
dht_table_at(const struct dht_table *t, const struct endpoint *addr)
{
    const struct dht_node *n = node_of_site(t, dht_site(addr));

    return n != NULL && endpoint_equal(&n->addr, addr) ? n : NULL;
}

static void
remove_at(struct dht_node *nodes, uint8_t *count, unsigned i)
{
    (*count)--;
    memmove(&nodes[i], &nodes[i + 1], (*count - i) * sizeof(nodes[0]));
}

static void
drop_spare(struct dht_table *t, struct dht_bucket *b, unsigned i)
{
    remove_at(b->spares, &b->spare_count, i);
    t->spare_count--;
}

static bool
network_is_in(const struct dht_bucket *b, uint64_t network)
{
    for (unsigned i = 0; i < b->count; i++)
        if (b->nodes[i].network == network)
            return true;
    return false;
}

static void
place(struct dht_table *t, struct dht_bucket *b, const struct dht_node *n)
{
    b->nodes[b->count++] = *n;
    t->count++;
}

/* Gives a free place to the spare that answered last. */
static void
promote(struct dht_table *t, struct dht_bucket *b)
{
    while (b->count < DHT_K && b->spare_count > 0) {
        struct dht_node n = b->spares[b->spare_count - 1u];

        drop_spare(t, b, b->spare_count - 1u);
        if (node_of_site(t, n.site) == NULL && !network_is_in(b, n.network))
            place(t, b, &n);
    }
}

static void
drop_node(struct dht_table *t, struct dht_bucket *b, unsigned i)
{
    remove_at(b->nodes, &b->count, i);
    t->count--;
    promote(t, b);
}

void
dht_table_remove(struct dht_table *t, const struct endpoint *addr)
{
    for (unsigned i = 0; i < DHT_BUCKETS; i++) {
        struct dht_bucket *b = &t->buckets[i];

        for (unsigned k = b->spare_count; k-- > 0;)
            if (endpoint_equal(&b->spares[k].addr, addr))
                drop_spare(t, b, k);
        for (unsigned k = b->count; k-- > 0;)
            if (endpoint_equal(&b->nodes[k].addr, addr))
                drop_node(t, b, k);
    }
}

/* The index of a node that |n| may displace from a full bucket, or DHT_K: one that fails, or one
 * with an invalid id if that of |n| is valid. */
static unsigned
displaced_by(const struct dht_bucket *b, const struct dht_node *n)
{
    for (unsigned i = 0; i < b->count; i++)
        if (b->nodes[i].failures > 0 && b->nodes[i].valid <= n->valid)
            return i;
    for (unsigned i = 0; n->valid && i < b->count; i++)
        if (!b->nodes[i].valid)
            return i;
    return DHT_K;
}

static void
add_spare(struct dht_table *t, struct dht_bucket *b, const struct dht_node *n)
{
    for (unsigned i = b->spare_count; i-- > 0;)
        if (b->spares[i].site == n->site)
            drop_spare(t, b, i);
    if (b->spare_count == DHT_SPARES)
        drop_spare(t, b, 0);
    b->spares[b->spare_count++] = *n;
    t->spare_count++;
}

/* False if another node of the same site keeps its place. A node that changed its id, or that took
 * the address of one that fails, replaces it. */
static bool
site_is_free(struct dht_table *t, const struct dht_node *n)
{
    const struct dht_node *old = node_of_site(t, n->site);
    struct endpoint addr;

    if (old == NULL)
        return true;
    addr = old->addr;
    if (!endpoint_equal(&addr, &n->addr) && old->failures == 0)
        return false;
    dht_table_remove(t, &addr);
    return true;
}

/* A new node. True if it got a place. */
static bool
insert(struct dht_table *t, const struct dht_node *n)
{
    struct dht_bucket *b = &t->buckets[bucket_of(t, n->id)];
    unsigned i;

    if (!site_is_free(t, n) || network_is_in(b, n->network))
        return false;
    if (b->count < DHT_K) {
        place(t, b, n);
        return true;
    }
    i = displaced_by(b, n);
    if (i == DHT_K) {
        add_spare(t, b, n);
        return false;
    }
    b->nodes[i] = *n;
    return true;
}

bool
dht_table_answered(struct dht_table *t, const uint8_t id[DHT_ID_LEN], const struct endpoint *addr,
                   struct mono now)
{
    struct dht_bucket *b = &t->buckets[bucket_of(t, id)];
    struct dht_node *known = find(b->nodes, b->count, id, addr);
    struct dht_node n = {.addr = *addr,
                         .site = dht_site(addr),
                         .network = dht_network(addr),
                         .answered = now,
                         .seen = now,
                         .pinged = long_ago,
                         .valid = dht_id_valid(id, addr)};

    if (dht_id_equal(id, t->own))
        return false;
    memcpy(n.id, id, DHT_ID_LEN);
    b->changed = now;
    if (known != NULL) {
        *known = n;
        return false;
    }
    return insert(t, &n);
}

bool
dht_table_asked(struct dht_table *t, const uint8_t id[DHT_ID_LEN], const struct endpoint *addr,
                struct mono now)
{
    struct dht_bucket *b = &t->buckets[bucket_of(t, id)];
    struct dht_node *n = find(b->nodes, b->count, id, addr);

    if (n != NULL)
        n->seen = now;
    return n != NULL;
}

void
dht_table_failed(struct dht_table *t, const uint8_t id[DHT_ID_LEN], const struct endpoint *addr)
{
    struct dht_bucket *b = &t->buckets[bucket_of(t, id)];
    struct dht_node *n = find(b->nodes, b->count, id, addr);

    if (n != NULL && ++n->failures >= DHT_FAILURES_MAX)
        drop_node(t, b, (unsigned)(n - b->nodes));
    n = find(b->spares, b->spare_count, id, addr);
    if (n != NULL)
        drop_spare(t, b, (unsigned)(n - b->spares));
}

bool
dht_table_wants(const struct dht_table *t, const uint8_t id[DHT_ID_LEN],
                const struct endpoint *addr)
{
    const struct dht_bucket *b = &t->buckets[bucket_of(t, id)];
    struct dht_node n = {.valid = dht_id_valid(id, addr)};

    return !dht_id_equal(id, t->own) && node_of_site(t, dht_site(addr)) == NULL &&
           !network_is_in(b, dht_network(addr)) &&
           (b->count < DHT_K || displaced_by(b, &n) < DHT_K);
}

void
dht_table_set_own(struct dht_table *t, const uint8_t own[DHT_ID_LEN])
{
    struct dht_table old = *t;
    const struct dht_node *n;
    uint32_t iter = 0;

    dht_table_init(t, own);
    while ((n = dht_table_next(&old, &iter)) != NULL)
        if (!dht_id_equal(n->id, own))
            insert(t, n);
}

/* The nodes of one call of dht_table_closest(). */
struct closest {
    const uint8_t *target;
    const struct dht_node **out;
    size_t count, max;
    bool good_only;
    struct mono now;
};

/* True if |a| is to be named before |b|. */
static bool
goes_before(const struct closest *c, const struct dht_node *a, const struct dht_node *b)
{
    if (c->good_only && a->valid != b->valid)
        return a->valid;
    return dht_id_compare(a->id, b->id, c->target) < 0;
}

static void
consider(struct closest *c, const struct dht_node *n)
{
    size_t i = c->count;

    if (c->good_only && !dht_node_is_good(n, c->now))
        return;
    if (i == c->max) {
        if (!goes_before(c, n, c->out[i - 1]))
            return;
        i--;
    } else {
        c->count++;
    }
    for (; i > 0 && goes_before(c, n, c->out[i - 1]); i--)
        c->out[i] = c->out[i - 1];
    c->out[i] = n;
}

static void
consider_bucket(struct closest *c, const struct dht_bucket *b)
{
    for (unsigned i = 0; i < b->count; i++)
        consider(c, &b->nodes[i]);
}

static bool
is_complete(const struct closest *c)
{
    return c->count == c->max && (!c->good_only || c->out[c->count - 1]->valid);
}

/* The ids of the target's own bucket are closest to it; those of all deeper buckets are equally far
 * from it but for their later bits; those of each bucket above are farther than all before. */
size_t
dht_table_closest(const struct dht_table *t, const uint8_t target[DHT_ID_LEN],
                  const struct dht_node **out, size_t max, bool good_only, struct mono now)
{
    struct closest c = {.target = target,
                        .out = out,
                        .max = min_u64(max, DHT_CLOSEST_MAX),
                        .good_only = good_only,
                        .now = now};
    unsigned at = bucket_of(t, target);

    if (c.max == 0)
        return 0;
    consider_bucket(&c, &t->buckets[at]);
    for (unsigned i = is_complete(&c) ? DHT_BUCKETS : at + 1; i < DHT_BUCKETS; i++)
        consider_bucket(&c, &t->buckets[i]);
    for (unsigned i = at; i-- > 0 && !is_complete(&c);)
        consider_bucket(&c, &t->buckets[i]);
    return c.count;
}

/* How much a node needs a ping; 0: not at all. */
static unsigned
need_of(const struct dht_bucket *b, const struct dht_node *n, struct mono now)
{
    if (mono_diff_ms(now, n->pinged) < DHT_PING_MS)
        return 0;
    if (n->failures > 0)
        return 3;
    if (mono_diff_ms(now, n->seen) < DHT_GOOD_MS)
        return 0;
    return b->spare_count > 0 ? 2 : 1;
}

const struct dht_node *
dht_table_to_ping(struct dht_table *t, struct mono now)
{
    struct dht_node *best = NULL;
    unsigned best_need = 0;

    for (unsigned i = 0; i < DHT_BUCKETS; i++) {
        struct dht_bucket *b = &t->buckets[i];

        for (unsigned k = 0; k < b->count; k++) {
            unsigned need = need_of(b, &b->nodes[k], now);

            if (need > best_need ||
                (need > 0 && need == best_need && mono_before(b->nodes[k].seen, best->seen))) {
                best = &b->nodes[k];
                best_need = need;
            }
        }
    }
    if (best != NULL)
        best->pinged = now;
    return best;
}

/* The number of buckets up to the deepest that has nodes. */
static unsigned
depth_of(const struct dht_table *t)
{
    unsigned depth = DHT_BUCKETS;

    while (depth > 0 && t->buckets[depth - 1].count == 0)
        depth--;
    return depth;
}

bool
dht_table_to_refresh(struct dht_table *t, uint8_t target[DHT_ID_LEN], struct rng *rng,
                     struct mono now)
{
    unsigned depth = depth_of(t);

    for (unsigned i = 0; i < depth; i++) {
        struct dht_bucket *b = &t->buckets[i];

        if (mono_diff_ms(now, b->refreshed) < DHT_GOOD_MS ||
            (b->count == DHT_K && mono_diff_ms(now, b->changed) < DHT_GOOD_MS))
            continue;
        b->refreshed = now;
        dht_id_near(target, t->own, i, rng);
        return true;
    }
    return false;
}
