/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The session's doors: its listeners, and the strangers who came in and have not said which torrent
 * they want, or want one that is being loaded. What becomes of them then is the torrent's affair.
 */
#include <stdlib.h>

#include "common/ev/stream.h"
#include "peer/net/session_impl.h"

static void
stranger_free(struct stranger *x)
{
    list_remove(&x->link);
    x->session->listen.strangers--;
    free(x);
}

static bool
is_loading(const struct torrent *t)
{
    return t->phase == PHASE_CHECKING && !t->wish.paused && !t->wish.stopping;
}

void
session_admit(struct session *s, struct torrent *t)
{
    LIST_EACH_SAFE(it, &s->listen.stranger_list) {
        struct stranger *x = LIST_ENTRY(it, struct stranger, link);
        struct handshake hello = x->hello;
        struct conn *c = x->conn;

        if (x->wanted != t)
            continue;
        stranger_free(x);
        peers_on_stranger(t, c, &hello);
    }
}

void
session_forget_wanted(struct session *s, const struct torrent *t)
{
    LIST_EACH(it, &s->listen.stranger_list) {
        struct stranger *x = LIST_ENTRY(it, struct stranger, link);

        if (x->wanted == t)
            x->wanted = NULL;
    }
}

static void
on_stranger_handshake(void *ctx, struct conn *c, const struct handshake *h)
{
    struct stranger *x = ctx;
    struct session *s = x->session;
    struct torrent *t = session_find_by_hash(s, h->info_hash);

    if (t != NULL && is_loading(t)) {
        x->wanted = t;
        x->hello = *h;
        return; /* admitted when it runs, or closed by the clock */
    }
    stranger_free(x);
    if (t != NULL) {
        peers_on_stranger(t, c, h);
        return;
    }
    conn_close(c);
    s->listen.conns--;
}

static void
on_stranger_closed(void *ctx, struct conn *c, int err)
{
    struct stranger *x = ctx;

    (void)c;
    (void)err;
    x->session->listen.conns--;
    stranger_free(x);
}

/* A stranger that says nothing must not keep others out: when there are too many, the oldest goes. */
static bool
make_room_for_stranger(struct session *s)
{
    struct session_listen *l = &s->listen;
    struct stranger *oldest;

    if (l->strangers < SESSION_STRANGERS_MAX && l->conns < l->conns_max)
        return true;
    if (list_empty(&l->stranger_list))
        return false;
    oldest = LIST_ENTRY(l->stranger_list.next, struct stranger, link);
    conn_close(oldest->conn);
    stranger_free(oldest);
    l->conns--;
    return true;
}

static void
on_accept(void *ctx, int fd, const struct endpoint *peer)
{
    struct session *s = ctx;
    struct conn_handler h = {.on_handshake = on_stranger_handshake,
                             .on_closed = on_stranger_closed};
    struct stranger *x = NULL;

    if (!s->end.begun && make_room_for_stranger(s))
        x = calloc(1, sizeof(*x));
    if (x == NULL) {
        stream_drop(fd);
        return;
    }
    list_init(&x->link);
    x->session = s;
    h.ctx = x;
    if (conn_accept(s->hub, fd, peer, SESSION_HANDSHAKE_MS, &h, &x->conn) != 0) {
        free(x);
        return;
    }
    list_push_back(&s->listen.stranger_list, &x->link);
    s->listen.strangers++;
    s->listen.conns++;
}

static int
listen_at(struct session *s, const struct endpoint *at, struct errbuf *eb)
{
    struct session_listen *l = &s->listen;
    struct listener_handler h = {.ctx = s, .on_accept = on_accept};
    struct endpoint *source = at->family == IP_V4 ? &l->source.v4 : &l->source.v6;
    int err = listener_new(s->loop, at, &h, &l->listeners[l->count], eb);

    if (err != 0)
        return err;
    l->addrs[l->count] = *listener_addr(l->listeners[l->count]);
    if (source->family == IP_NONE) {
        *source = *at;
        source->port = 0;
    }
    l->count++;
    return 0;
}

/* All addresses of both families, on one port where that can be had. A machine without IPv6 is no
 * error. */
static int
listen_anywhere(struct session *s, struct errbuf *eb)
{
    struct endpoint at = {.family = IP_V4};
    int err4 = listen_at(s, &at, eb);

    at.family = IP_V6;
    if (err4 == 0)
        at.port = s->listen.addrs[0].port;
    if (listen_at(s, &at, err4 == 0 ? NULL : eb) == 0 || at.port == 0)
        return s->listen.count > 0 ? 0 : err4;
    at.port = 0;
    (void)listen_at(s, &at, NULL);
    return 0;
}

int
session_listen_all(struct session *s, const struct session_config *cfg, struct errbuf *eb)
{
    int err = 0;

    if (cfg->listen_count == 0)
        return listen_anywhere(s, eb);
    if (cfg->listen_count > SESSION_LISTEN_MAX)
        return errbuf_set(eb, SPRAT_E_LIMIT, "at most %d addresses can be listened on",
                          SESSION_LISTEN_MAX);
    for (size_t i = 0; i < cfg->listen_count && err == 0; i++)
        err = listen_at(s, &cfg->listen[i], eb);
    return err;
}

void
session_close_doors(struct session *s)
{
    for (size_t i = 0; i < s->listen.count; i++)
        listener_free(s->listen.listeners[i]);
    LIST_EACH_SAFE(it, &s->listen.stranger_list) {
        struct stranger *x = LIST_ENTRY(it, struct stranger, link);

        conn_close(x->conn);
        stranger_free(x);
    }
}

size_t
session_listen(const struct session *s, const struct endpoint **addrs)
{
    *addrs = s->listen.addrs;
    return s->listen.count;
}
