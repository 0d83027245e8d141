/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Passes addresses of peers to the core: those that the user named, which are resolved first, and
 * those that the state database remembers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sys/addr.h"
#include "peer/torrent/torrent_addrs.h"
#include "peer/torrent/torrent_facts.h"
#include "peer/torrent/torrent_feed.h"

void
addrs_feed(struct torrent *t, enum peer_source source, const struct endpoint *addrs, size_t count)
{
    struct swarm_input in = {.type = SWARM_IN_ADDRS};

    in.u.addrs.source = source;
    in.u.addrs.addrs = addrs;
    in.u.addrs.count = count;
    torrent_feed(t, &in);
}

static void
name_free(struct torrent_name *name)
{
    list_remove(&name->link);
    free(name);
}

static void
warn_name(struct torrent *t, const char *text, int err)
{
    char message[ERRBUF_SIZE];

    snprintf(message, sizeof(message), "peer %s: %s", text,
             err == SPRAT_E_RESOLVE ? "no address is known for this name, and it is not tried again"
                                    : sprat_strerror(err));
    t->net.names_failed++;
    torrent_tell(t, TORRENT_EVENT_WARNING, err, message);
}

static void
on_resolved(void *ctx, int err, const struct endpoint *addrs, size_t count)
{
    struct torrent_name *name = ctx;
    struct torrent *t = name->torrent;

    if (err == 0)
        addrs_feed(t, PEER_FROM_USER, addrs, count);
    else
        warn_name(t, name->text, err);
    name_free(name);
}

static void
add_name(struct torrent *t, const char *text)
{
    struct torrent_name *name;
    struct endpoint e;
    char host[RESOLVE_HOST_MAX + 1];
    uint16_t port;

    if (addr_parse(text, &e) == 0) {
        addrs_feed(t, PEER_FROM_USER, &e, 1);
        return;
    }
    if (!addr_split(text, host, sizeof(host), &port)) {
        warn_name(t, text, SPRAT_E_SYNTAX);
        return;
    }
    name = calloc(1, sizeof(*name));
    if (name == NULL)
        return;
    list_init(&name->link);
    name->torrent = t;
    snprintf(name->text, sizeof(name->text), "%s", text);
    name->resolve = resolve_start(t->env->resolver, host, port, on_resolved, name);
    if (name->resolve == NULL) {
        warn_name(t, text, SPRAT_E_LIMIT);
        free(name);
        return;
    }
    list_push_back(&t->net.names, &name->link);
}

void
addrs_add_named(struct torrent *t, size_t first)
{
    for (size_t i = first; i < t->options.peer_count; i++)
        add_name(t, t->options.peers[i]);
}

void
addrs_add_stored(struct torrent *t)
{
    struct endpoint peers[STATE_PEERS_MAX];
    int n;

    /* Nobody knows which tracker named them: another one may be used now (BEP 27). */
    if (announcer_may_switch(torrent_announcer(t)))
        return;
    n = state_load_peers(t->env->shared->state, t->id, peers, STATE_PEERS_MAX, NULL);

    if (n > 0)
        addrs_feed(t, PEER_FROM_STATE, peers, (size_t)n);
}

void
addrs_fini(struct torrent *t)
{
    LIST_EACH_SAFE (it, &t->net.names) {
        struct torrent_name *name = LIST_ENTRY(it, struct torrent_name, link);

        resolve_cancel(name->resolve);
        name_free(name);
    }
}
