/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Differences between sorted lists of contacts, and the messages that carry them (BEP 11).
 */
#include "peer/core/pex.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/codec/bencode.h"
#include "common/codec/compact.h"

enum {
    DEPTH_MAX = 4,
    ITEMS_MAX = 64,
};

static int
compare(const void *x, const void *y)
{
    const struct endpoint *a = &((const struct pex_contact *)x)->addr;
    const struct endpoint *b = &((const struct pex_contact *)y)->addr;
    int order = (int)a->family - b->family;

    if (order == 0)
        order = memcmp(a->ip, b->ip, sizeof(a->ip));
    return order != 0 ? order : (int)a->port - b->port;
}

uint32_t
pex_sort(struct pex_contact *c, uint32_t n)
{
    uint32_t kept = 0;

    if (n > 0)
        qsort(c, n, sizeof(*c), compare);
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || compare(&c[kept - 1], &c[i]) != 0)
            c[kept++] = c[i];
    return kept;
}

void
pex_out_init(struct pex_out *o)
{
    *o = (struct pex_out){.next = MONO_NEVER};
}

void
pex_out_fini(struct pex_out *o)
{
    free(o->told);
    o->told = NULL;
    o->count = 0;
}

/* The content of one message, and the list of contacts that the peer knows after it. */
struct diff {
    struct pex_contact *told; /* room for all entries of both lists */
    uint32_t count;
    const struct pex_contact **fresh; /* contacts that are only in the live list; room for all of
                                         it */
    uint32_t fresh_count;
    struct pex_contact dropped[PEX_ADDED_MAX];
    uint32_t dropped_count;
};

/* A known contact is gone: drops as many as one message takes; the peer still knows the rest. */
static void
drop_or_keep(struct diff *d, const struct pex_contact *c)
{
    if (d->dropped_count < PEX_ADDED_MAX)
        d->dropped[d->dropped_count++] = *c;
    else
        d->told[d->count++] = *c;
}

static void
compare_lists(struct diff *d, const struct pex_out *o, const struct pex_contact *live, uint32_t n)
{
    uint32_t i = 0, k = 0;

    while (i < o->count || k < n) {
        int order = i == o->count ? 1 : k == n ? -1 : compare(&o->told[i], &live[k]);

        if (order < 0) {
            drop_or_keep(d, &o->told[i++]);
        } else if (order > 0) {
            d->fresh[d->fresh_count++] = &live[k++];
        } else {
            d->told[d->count++] = o->told[i++];
            k++;
        }
    }
}

/* Chooses which new contacts go into this message: the first |fresh_count|. */
static void
choose(struct diff *d, struct rng *rng)
{
    uint32_t most = d->count < PEX_TOLD_MAX ? PEX_TOLD_MAX - d->count : 0, all = d->fresh_count;

    if (most > PEX_ADDED_MAX)
        most = PEX_ADDED_MAX;
    if (all <= most)
        return;
    for (uint32_t i = 0; i < most; i++) {
        uint32_t k = i + rng_below(rng, all - i);
        const struct pex_contact *c = d->fresh[i];

        d->fresh[i] = d->fresh[k];
        d->fresh[k] = c;
    }
    d->fresh_count = most;
}

static void
put_addrs(struct bencode_writer *w, const char *key, const struct pex_contact *c, uint32_t n,
          enum ip_family family)
{
    uint8_t bytes[PEX_ADDED_MAX * COMPACT_V6_LEN];
    size_t len = 0;

    for (uint32_t i = 0; i < n; i++)
        if (c[i].addr.family == family)
            len += compact_put(bytes + len, &c[i].addr);
    if (len == 0)
        return;
    bencode_put_key(w, key);
    bencode_put_string(w, bytes, len);
}

static void
put_flags(struct bencode_writer *w, const char *key, const struct pex_contact *c, uint32_t n,
          enum ip_family family)
{
    uint8_t bytes[PEX_ADDED_MAX];
    size_t len = 0;

    for (uint32_t i = 0; i < n; i++)
        if (c[i].addr.family == family)
            bytes[len++] = c[i].flags;
    if (len == 0)
        return;
    bencode_put_key(w, key);
    bencode_put_string(w, bytes, len);
}

static int
put_message(const struct pex_contact *added, const struct diff *d, struct buf *out)
{
    struct bencode_writer w;

    bencode_writer_init(&w, out);
    bencode_begin_dict(&w);
    put_addrs(&w, "added", added, d->fresh_count, IP_V4);
    put_flags(&w, "added.f", added, d->fresh_count, IP_V4);
    put_addrs(&w, "added6", added, d->fresh_count, IP_V6);
    put_flags(&w, "added6.f", added, d->fresh_count, IP_V6);
    put_addrs(&w, "dropped", d->dropped, d->dropped_count, IP_V4);
    put_addrs(&w, "dropped6", d->dropped, d->dropped_count, IP_V6);
    bencode_end(&w);
    return out->err;
}

/* Writes the difference, if there is any. Afterwards |o| has |d|'s list, and |d| the old one. */
static int
tell(struct pex_out *o, struct diff *d, struct rng *rng, struct buf *out)
{
    struct pex_contact added[PEX_ADDED_MAX], *old = o->told;
    int err;

    choose(d, rng);
    if (d->fresh_count == 0 && d->dropped_count == 0)
        return 0;
    for (uint32_t i = 0; i < d->fresh_count; i++)
        added[i] = d->told[d->count + i] = *d->fresh[i];
    err = put_message(added, d, out);
    if (err != 0)
        return err;
    o->count = pex_sort(d->told, d->count + d->fresh_count);
    o->told = d->told;
    d->told = old;
    return 1;
}

int
pex_write(struct pex_out *o, const struct pex_contact *live, uint32_t n, struct rng *rng,
          struct buf *out)
{
    struct diff d = {.told = calloc((size_t)o->count + n + 1, sizeof(*d.told)),
                     .fresh = calloc((size_t)n + 1, sizeof(*d.fresh))};
    int rc = SPRAT_E_NOMEM;

    if (d.told != NULL && d.fresh != NULL) {
        compare_lists(&d, o, live, n);
        rc = tell(o, &d, rng, out);
    }
    free(d.fresh);
    free(d.told);
    return rc;
}

/* Reads the endpoints of |key|, with the flags of |flags_key| if there are any. False if there are
 * more than fit. */
static bool
read_added(struct pex_message *m, struct bencode_item root, const char *key, const char *flags_key,
           enum ip_family family)
{
    size_t step = compact_len(family), len, flags_len = 0;
    const uint8_t *bytes, *flags = NULL;

    if (!bencode_string(bencode_get(root, key), &bytes, &len))
        return true;
    (void)bencode_string(bencode_get(root, flags_key), &flags, &flags_len);
    if (len / step > PEX_READ_MAX - m->added_count)
        return false;
    for (size_t i = 0; i < len / step; i++) {
        struct pex_contact *c = &m->added[m->added_count];

        if (compact_get_list(&c->addr, 1, bytes + i * step, step, family) == 0)
            continue;
        c->flags = i < flags_len ? flags[i] : 0;
        m->added_count++;
    }
    return true;
}

static bool
count_dropped(struct pex_message *m, struct bencode_item root, const char *key,
              enum ip_family family)
{
    const uint8_t *bytes;
    size_t len;

    if (bencode_string(bencode_get(root, key), &bytes, &len)) {
        if (len / compact_len(family) > PEX_READ_MAX - m->dropped_count)
            return false;
        m->dropped_count += (uint32_t)(len / compact_len(family));
    }
    return true;
}

static int
read_root(struct pex_message *m, struct bencode_item root)
{
    if (!bencode_is(root, BENCODE_DICT))
        return SPRAT_E_PROTOCOL;
    if (!read_added(m, root, "added", "added.f", IP_V4) ||
        !read_added(m, root, "added6", "added6.f", IP_V6) ||
        !count_dropped(m, root, "dropped", IP_V4) || !count_dropped(m, root, "dropped6", IP_V6))
        return SPRAT_E_LIMIT;
    return 0;
}

int
pex_read(struct pex_message *m, const uint8_t *data, size_t len)
{
    static const struct bencode_limits limits = {
        .depth_max = DEPTH_MAX, .size_max = PEX_SIZE_MAX, .items_max = ITEMS_MAX};
    struct bencode tree;
    int err = bencode_decode(&tree, data, len, BENCODE_LENIENT, &limits);

    m->added_count = m->dropped_count = 0;
    if (err != 0)
        return err == SPRAT_E_NOMEM ? err : SPRAT_E_PROTOCOL;
    err = read_root(m, bencode_root(&tree));
    bencode_fini(&tree);
    return err;
}

bool
pex_in_allow(struct pex_in *in, struct mono now)
{
    struct mono from = mono_before(in->spent, now) ? now : in->spent;

    if (mono_diff_ms(from, now) > (int64_t)(PEX_BURST - 1) * PEX_EARLY_MS)
        return false;
    in->spent = mono_add_ms(from, PEX_EARLY_MS);
    return true;
}

bool
pex_in_strike(struct pex_in *in)
{
    return ++in->strikes <= PEX_STRIKES_MAX;
}

bool
pex_plausible(const struct endpoint *addr, const struct endpoint *teller)
{
    /* A compact address has no zone. */
    return addr->port >= PEX_PORT_MIN && !endpoint_is_link_local(addr) &&
           endpoint_scope(addr) <= endpoint_scope(teller);
}
