/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compares the sockets with the interfaces: opens what is missing, closes what is left over.
 */
#include "peer/net/lsdlinks.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/ev/dgram.h"
#include "common/sys/addr.h"
#include "common/sys/interfaces.h"

#define LSDLINKS_MAGIC 0x4c53444eu

struct slot {
    struct lsdlinks *all;
    struct dgram *dgram; /* NULL: the slot is free */
    uint32_t interface;
    enum ip_family family;
    struct endpoint source; /* of what is sent; family IP_NONE: the kernel chooses */
    bool seen;              /* the interface is still there */
};

struct lsdlinks {
    uint32_t magic;
    struct lsdlinks_config cfg;
    struct lsdlinks_handler handler;
    struct endpoint listen[LSDLINKS_LISTEN_MAX];
    struct slot slots[LSD_LINKS_MAX];
};

/* The addresses of this machine. */
struct addrs {
    struct interface_addr all[LSDLINKS_ADDRS_MAX];
    size_t count;
};

struct lsdlinks *
lsdlinks_new(const struct lsdlinks_config *cfg, const struct lsdlinks_handler *handler)
{
    struct lsdlinks *n = calloc(1, sizeof(*n));

    ASSERT(cfg->listen_count <= LSDLINKS_LISTEN_MAX);
    if (n == NULL)
        return NULL;
    MAGIC_SET(n, LSDLINKS_MAGIC);
    n->cfg = *cfg;
    n->handler = *handler;
    memcpy(n->listen, cfg->listen, cfg->listen_count * sizeof(n->listen[0]));
    n->cfg.listen = n->listen;
    for (unsigned i = 0; i < LSD_LINKS_MAX; i++)
        n->slots[i].all = n;
    return n;
}

static void
close_slot(struct slot *s)
{
    dgram_free(s->dgram);
    s->dgram = NULL;
}

void
lsdlinks_free(struct lsdlinks *n)
{
    if (n == NULL)
        return;
    MAGIC_CHECK(n, LSDLINKS_MAGIC);
    for (unsigned i = 0; i < LSD_LINKS_MAX; i++)
        close_slot(&n->slots[i]);
    MAGIC_CLEAR(n);
    free(n);
}

static void
on_batch(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    struct slot *s = ctx;
    struct lsdlinks *n = s->all;

    MAGIC_CHECK(n, LSDLINKS_MAGIC);
    for (size_t i = 0; i < count; i++)
        n->handler.on_datagram(n->handler.ctx, (unsigned)(s - n->slots), &msgs[i].peer,
                               msgs[i].data, msgs[i].len);
}

/* --- the interfaces --- */

static bool
is_of(const struct interface_addr *a, uint32_t interface, enum ip_family family)
{
    return a->number == interface && a->addr.family == family;
}

static bool
has_addr(const struct lsd_link *link, const struct endpoint *addr)
{
    for (unsigned i = 0; i < link->network_count; i++)
        if (endpoint_same_host(&link->networks[i].addr, addr))
            return true;
    return false;
}

/* The listener that peers of the link reach, or NULL. */
static const struct endpoint *
listener_of(const struct lsdlinks *n, const struct lsd_link *link)
{
    for (size_t i = 0; i < n->cfg.listen_count; i++) {
        const struct endpoint *at = &n->listen[i];

        if (at->family == link->family && (addr_is_any(at) || has_addr(link, at)))
            return at;
    }
    return NULL;
}

static void
make_link(const struct addrs *addrs, uint32_t interface, enum ip_family family,
          struct lsd_link *link)
{
    *link = (struct lsd_link){.family = family};
    for (size_t i = 0; i < addrs->count && link->network_count < LSD_NETWORKS_MAX; i++) {
        const struct interface_addr *a = &addrs->all[i];

        if (is_of(a, interface, family))
            link->networks[link->network_count++] =
                (struct lsd_network){.addr = a->addr, .bits = a->bits};
    }
}

/* Returns the slot of the link, or a free one; NULL: there are too many links. */
static struct slot *
find_slot(struct lsdlinks *n, uint32_t interface, enum ip_family family)
{
    struct slot *unused = NULL;

    for (unsigned i = 0; i < LSD_LINKS_MAX; i++) {
        struct slot *s = &n->slots[i];

        if (s->dgram == NULL)
            unused = unused != NULL ? unused : s;
        else if (s->interface == interface && s->family == family)
            return s;
    }
    return unused;
}

static bool
open_slot(struct slot *s, uint32_t interface, enum ip_family family)
{
    struct lsdlinks *n = s->all;
    struct dgram_handler h = {.ctx = s, .on_batch = on_batch};
    struct endpoint group = lsd_group(family);
    struct errbuf why;

    if (dgram_new_multicast(n->cfg.loop, &group, interface, LSDLINKS_BATCH, LSD_READ_MAX, &h,
                            &s->dgram, &why) != 0) {
        log_info(n->cfg.log, "local discovery does not use interface %u: %s", interface, why.text);
        s->dgram = NULL;
        return false;
    }
    s->interface = interface;
    s->family = family;
    return true;
}

static void
bring_up(struct lsdlinks *n, const struct addrs *addrs, uint32_t interface, enum ip_family family)
{
    struct lsd_link link;
    const struct endpoint *at;
    struct slot *s;

    make_link(addrs, interface, family, &link);
    at = listener_of(n, &link);
    s = at != NULL ? find_slot(n, interface, family) : NULL;
    if (s == NULL || (s->dgram == NULL && !open_slot(s, interface, family)))
        return;
    s->seen = true;
    s->source = addr_is_any(at) ? (struct endpoint){.family = IP_NONE} : *at;
    link.port = at->port;
    n->handler.on_up(n->handler.ctx, (unsigned)(s - n->slots), &link);
}

static bool
is_first(const struct addrs *addrs, size_t i)
{
    const struct interface_addr *a = &addrs->all[i];

    for (size_t k = 0; k < i; k++)
        if (is_of(&addrs->all[k], a->number, (enum ip_family)a->addr.family))
            return false;
    return true;
}

/* IPv4 comes first, so that hosts of many containers, whose interfaces have link-local IPv6
 * addresses only, use up no slots that others need. */
static void
bring_all_up(struct lsdlinks *n, const struct addrs *addrs)
{
    static const enum ip_family families[] = {IP_V4, IP_V6};

    for (unsigned f = 0; f < 2; f++)
        for (size_t i = 0; i < addrs->count; i++)
            if (addrs->all[i].addr.family == families[f] && is_first(addrs, i))
                bring_up(n, addrs, addrs->all[i].number, families[f]);
}

void
lsdlinks_refresh(struct lsdlinks *n)
{
    struct addrs *addrs = malloc(sizeof(*addrs));
    int count;

    MAGIC_CHECK(n, LSDLINKS_MAGIC);
    if (addrs == NULL)
        return; /* the next change of an address causes another look */
    count = interfaces_read(addrs->all, LSDLINKS_ADDRS_MAX);
    if (count >= 0) {
        addrs->count = (size_t)count;
        for (unsigned i = 0; i < LSD_LINKS_MAX; i++)
            n->slots[i].seen = false;
        bring_all_up(n, addrs);
        for (unsigned i = 0; i < LSD_LINKS_MAX; i++)
            if (n->slots[i].dgram != NULL && !n->slots[i].seen) {
                close_slot(&n->slots[i]);
                n->handler.on_down(n->handler.ctx, i);
            }
    }
    free(addrs);
}

bool
lsdlinks_send(struct lsdlinks *n, unsigned number, const uint8_t *data, size_t len)
{
    struct slot *s = &n->slots[number];
    struct dgram_msg m = {.local = s->source, .data = data, .len = len};

    MAGIC_CHECK(n, LSDLINKS_MAGIC);
    if (s->dgram == NULL)
        return false;
    m.peer = lsd_group(s->family);
    return dgram_try(s->dgram, &m) == 0;
}
