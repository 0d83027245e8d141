/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bootstrap names are looked up at once. Names of torrents wait until one of their few look-ups is
 * free.
 */
#include "peer/engine/dhtnames.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/magic.h"
#include "common/base/minmax.h"
#include "common/sys/addr.h"

#define DHTNAMES_MAGIC 0x44484e4du

enum { HOUR_MS = 3600 * 1000 };

struct dhtname {
    struct dhtnames *all;
    enum dht_source source;
    char host[RESOLVE_HOST_MAX + 1];
    uint16_t port;           /* 0: the slot is free */
    bool due;                /* of a torrent: is to be looked up */
    struct resolve *resolve; /* NULL: is not being looked up */
};

struct dhtnames {
    uint32_t magic;
    struct dhtnames_config cfg;
    struct dhtname names[DHTNAMES_BOOTSTRAP_MAX];
    unsigned count;
    struct dhtname hints[DHTNAMES_HINTS_MAX];
    unsigned turn;          /* the slot of the next hint */
    unsigned running;       /* look-ups of hints */
    struct mono hour_end;   /* of the present hour */
    unsigned taken_in_hour; /* hints */
};

struct dhtnames *
dhtnames_new(const struct dhtnames_config *cfg)
{
    struct dhtnames *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return NULL;
    MAGIC_SET(n, DHTNAMES_MAGIC);
    n->cfg = *cfg;
    return n;
}

/* --- look-ups --- */

static void look_up_hints(struct dhtnames *n);

static void
on_resolved(void *ctx, int err, const struct endpoint *addrs, size_t count)
{
    struct dhtname *name = ctx;
    struct dhtnames *n = name->all;
    bool hint = name->source == DHT_FROM_TORRENT;

    MAGIC_CHECK(n, DHTNAMES_MAGIC);
    name->resolve = NULL;
    n->running -= hint;
    if (err != 0)
        log_info(n->cfg.log, "DHT: no address is known for %s; the DHT asks again later",
                 name->host);
    count = err != 0 ? 0 : hint ? min_u64(count, DHTNAMES_HINT_ADDRS) : count;
    for (size_t i = 0; i < count; i++)
        n->cfg.on_addr(n->cfg.ctx, name->source, &addrs[i]);
    look_up_hints(n);
}

static void
look_up(struct dhtname *name)
{
    if (name->resolve == NULL)
        name->resolve =
            resolve_start(name->all->cfg.resolver, name->host, name->port, on_resolved, name);
}

/* A name for which the resolver has no room stays due until the next call. */
static void
look_up_hints(struct dhtnames *n)
{
    for (unsigned i = 0; i < DHTNAMES_HINTS_MAX && n->running < DHTNAMES_HINTS_AT_A_TIME; i++) {
        struct dhtname *h = &n->hints[i];

        if (!h->due || h->resolve != NULL)
            continue;
        look_up(h);
        if (h->resolve == NULL)
            return;
        h->due = false;
        n->running++;
    }
}

void
dhtnames_ask(struct dhtnames *n)
{
    MAGIC_CHECK(n, DHTNAMES_MAGIC);
    for (unsigned i = 0; i < n->count; i++)
        look_up(&n->names[i]);
    for (unsigned i = 0; i < DHTNAMES_HINTS_MAX; i++)
        n->hints[i].due = n->hints[i].port != 0;
    look_up_hints(n);
}

/* --- names --- */

void
dhtnames_add(struct dhtnames *n, const char *text)
{
    struct dhtname *name = &n->names[n->count];

    MAGIC_CHECK(n, DHTNAMES_MAGIC);
    if (n->count == DHTNAMES_BOOTSTRAP_MAX)
        return;
    if (addr_split(text, name->host, sizeof(name->host), &name->port)) {
        name->all = n;
        name->source = DHT_FROM_BOOTSTRAP;
        n->count++;
    } else {
        log_warn(n->cfg.log, "DHT bootstrap: %s is not HOST:PORT, and is not asked", text);
    }
}

static bool
is_same(const struct dhtname *name, const char *host, uint16_t port)
{
    return name->port == port && strcmp(name->host, host) == 0;
}

static bool
is_known(const struct dhtnames *n, const char *host, uint16_t port)
{
    for (unsigned i = 0; i < n->count; i++)
        if (is_same(&n->names[i], host, port))
            return true;
    for (unsigned i = 0; i < DHTNAMES_HINTS_MAX; i++)
        if (is_same(&n->hints[i], host, port))
            return true;
    return false;
}

/* Counts a hint; false if the hour has had its number. */
static bool
may_take(struct dhtnames *n)
{
    struct mono now = loop_now(n->cfg.loop);

    if (mono_due(n->hour_end, now)) {
        n->hour_end = mono_add_ms(now, HOUR_MS);
        n->taken_in_hour = 0;
    }
    if (n->taken_in_hour == DHTNAMES_HINTS_HOUR)
        return false;
    n->taken_in_hour++;
    return true;
}

void
dhtnames_hint(struct dhtnames *n, const char *host, uint16_t port)
{
    struct dhtname *h = &n->hints[n->turn];

    MAGIC_CHECK(n, DHTNAMES_MAGIC);
    if (port == 0 || strlen(host) > RESOLVE_HOST_MAX || is_known(n, host, port) || !may_take(n))
        return;
    if (h->resolve != NULL) {
        resolve_cancel(h->resolve);
        n->running--;
    }
    *h = (struct dhtname){.all = n, .source = DHT_FROM_TORRENT, .port = port, .due = true};
    strcpy(h->host, host);
    n->turn = (n->turn + 1) % DHTNAMES_HINTS_MAX;
    look_up_hints(n);
}

void
dhtnames_free(struct dhtnames *n)
{
    if (n == NULL)
        return;
    MAGIC_CHECK(n, DHTNAMES_MAGIC);
    for (unsigned i = 0; i < n->count; i++)
        if (n->names[i].resolve != NULL)
            resolve_cancel(n->names[i].resolve);
    for (unsigned i = 0; i < DHTNAMES_HINTS_MAX; i++)
        if (n->hints[i].resolve != NULL)
            resolve_cancel(n->hints[i].resolve);
    MAGIC_CLEAR(n);
    free(n);
}
