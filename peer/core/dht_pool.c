/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pool is small and used rarely, so each look-up walks over it.
 */
#include "peer/core/dht_pool.h"

static struct dht_pooled *
find(struct dht_pool *p, const struct endpoint *addr)
{
    for (unsigned i = 0; p->count > 0 && i < DHT_POOL_MAX; i++)
        if (p->all[i].used && endpoint_equal(&p->all[i].contact.addr, addr))
            return &p->all[i];
    return NULL;
}

void
dht_pool_add(struct dht_pool *p, enum dht_source source, const struct dht_contact *contact)
{
    bool hearsay = dht_source_is_hearsay(source);
    uint32_t first = hearsay ? DHT_POOL_MAX - DHT_POOL_HEARSAY_MAX : 0;
    uint32_t places = hearsay ? DHT_POOL_HEARSAY_MAX : DHT_POOL_MAX - DHT_POOL_HEARSAY_MAX;
    struct dht_pooled *e = find(p, &contact->addr);

    if (e == NULL) {
        e = &p->all[first + p->turn[hearsay]];
        p->turn[hearsay] = (p->turn[hearsay] + 1) % places;
        p->count += !e->used;
    } else if (hearsay) {
        return;
    }
    *e = (struct dht_pooled){.contact = *contact, .used = true};
}

const struct dht_contact *
dht_pool_take(struct dht_pool *p)
{
    for (unsigned i = 0; p->count > 0 && i < DHT_POOL_MAX; i++) {
        if (!p->all[i].used || p->all[i].asked)
            continue;
        p->all[i].asked = true;
        return &p->all[i].contact;
    }
    return NULL;
}

void
dht_pool_asked(struct dht_pool *p, const struct endpoint *addr)
{
    struct dht_pooled *e = find(p, addr);

    if (e != NULL)
        e->asked = true;
}

void
dht_pool_remove(struct dht_pool *p, const struct endpoint *addr)
{
    struct dht_pooled *e = find(p, addr);

    if (e == NULL)
        return;
    *e = (struct dht_pooled){0};
    p->count--;
}

void
dht_pool_again(struct dht_pool *p)
{
    for (unsigned i = 0; i < DHT_POOL_MAX; i++)
        p->all[i].asked = false;
}

static bool
goes_before(const struct dht_contact *a, const struct dht_contact *b, const uint8_t *target)
{
    if (dht_id_is_zero(a->id) || dht_id_is_zero(b->id))
        return !dht_id_is_zero(a->id);
    return dht_id_compare(a->id, b->id, target) < 0;
}

size_t
dht_pool_closest(const struct dht_pool *p, const uint8_t target[DHT_ID_LEN],
                 const struct dht_contact **out, size_t max)
{
    size_t n = 0;

    for (unsigned i = 0; p->count > 0 && i < DHT_POOL_MAX; i++) {
        const struct dht_contact *c = &p->all[i].contact;
        size_t at = n;

        if (!p->all[i].used || (n == max && (max == 0 || !goes_before(c, out[n - 1], target))))
            continue;
        if (n < max)
            n++;
        else
            at--;
        for (; at > 0 && goes_before(c, out[at - 1], target); at--)
            out[at] = out[at - 1];
        out[at] = c;
    }
    return n;
}
