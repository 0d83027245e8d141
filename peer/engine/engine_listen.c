/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Strangers: accepted connections until they belong to a torrent. The handshake of a stranger is
 * not complete, or its torrent is being loaded. The first loop accepts for all loops: it hands a
 * connection for another loop's torrent over to that loop.
 */
#include <stdlib.h>

#include "common/ev/stream.h"
#include "peer/engine/engine_impl.h"
#include "peer/net/link_tcp.h"
#include "peer/torrent/torrent_peers.h"
#include "peer/torrent/torrent_wake.h"

static void
stranger_free(struct stranger *x)
{
    list_remove(&x->link);
    x->engine->listen.strangers--;
    free(x);
}

/* A stranger wakes a torrent at rest. */
static bool
is_or_will_be_loading(struct torrent *t)
{
    torrent_wake(t);
    return torrent_is_coming(t);
}

void
engine_admit(struct engine *s, struct torrent *t)
{
    LIST_EACH_SAFE (it, &s->listen.stranger_list) {
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
engine_forget_wanted(struct engine *s, const struct torrent *t)
{
    LIST_EACH (it, &s->listen.stranger_list) {
        struct stranger *x = LIST_ENTRY(it, struct stranger, link);

        if (x->wanted == t)
            x->wanted = NULL;
    }
}

static void
turn_away(struct engine *s, struct conn *c)
{
    process_drop_conn(s->process, conn_peer(c));
    conn_close(c);
}

/* A silent stranger must not keep others out: when there are too many, the oldest is closed. */
static bool
drop_oldest_stranger(struct engine *s)
{
    struct stranger *oldest;

    if (list_empty(&s->listen.stranger_list))
        return false;
    oldest = LIST_ENTRY(s->listen.stranger_list.next, struct stranger, link);
    turn_away(s, oldest->conn);
    stranger_free(oldest);
    return true;
}

/* The strangers of one site can't keep out those of other sites: beyond the site's share, its
 * oldest stranger is closed. */
static void
keep_site_share(struct engine *s, const struct endpoint *peer)
{
    struct endpoint site = endpoint_site(peer);
    struct stranger *oldest = NULL;
    uint32_t count = 0;

    if (endpoint_scope(peer) == SCOPE_LOOPBACK)
        return;
    LIST_EACH (it, &s->listen.stranger_list) {
        struct stranger *x = LIST_ENTRY(it, struct stranger, link);
        struct endpoint other = endpoint_site(conn_peer(x->conn));

        if (!endpoint_same_host(&other, &site))
            continue;
        if (count++ == 0)
            oldest = x;
    }
    if (count < ENGINE_STRANGERS_SITE_MAX)
        return;
    turn_away(s, oldest->conn);
    stranger_free(oldest);
}

static struct stranger *
stranger_new(struct engine *s)
{
    struct stranger *x;

    if (s->listen.strangers >= ENGINE_STRANGERS_MAX)
        (void)drop_oldest_stranger(s);
    x = calloc(1, sizeof(*x));
    if (x == NULL)
        return NULL;
    list_init(&x->link);
    x->engine = s;
    list_push_back(&s->listen.stranger_list, &x->link);
    s->listen.strangers++;
    return x;
}

static void
on_stranger_closed(void *ctx, struct conn *c, int err)
{
    struct stranger *x = ctx;

    (void)err;
    process_drop_conn(x->engine->process, conn_peer(c));
    stranger_free(x);
}

/* --- from the first loop to the torrent's loop --- */

/* A connection that moves to its torrent's loop. */
struct handed {
    struct letter letter;
    struct engine *to;
    struct link *link;
    struct endpoint peer;
    struct handshake hello;
};

/* Keeps a connection whose torrent is being loaded: it is admitted when the torrent runs, or closed
 * by its timer. */
static void
let_wait(struct engine *s, struct torrent *t, struct conn *c, const struct handshake *hello)
{
    struct conn_handler h = {.on_closed = on_stranger_closed};
    struct stranger *x = stranger_new(s);

    if (x == NULL) {
        turn_away(s, c);
        return;
    }
    x->conn = c;
    x->wanted = t;
    x->hello = *hello;
    h.ctx = x;
    conn_set_handler(c, &h);
}

/* Makes the received connection one of this loop. Its torrent may be gone since it was sent. */
static void
adopt(struct engine *s, const struct handed *x)
{
    static const struct conn_handler nobody;
    struct engine *owner;
    struct torrent *t = process_find(s->process, x->hello.info_hash, &owner);
    struct conn *c;

    if (conn_adopt(s->env.hub, x->link, &x->peer, CONN_HANDSHAKE_MS, &nobody, &c) != 0)
        process_drop_conn(s->process, &x->peer);
    else if (owner != s || s->end.begun || !torrent_wake_charge(t, &x->peer))
        turn_away(s, c);
    else if (is_or_will_be_loading(t))
        let_wait(s, t, c, &x->hello);
    else
        peers_on_stranger(t, c, &x->hello);
}

static void
on_handed(struct letter *l)
{
    struct handed *x = LIST_ENTRY(l, struct handed, letter);

    adopt(x->to, x);
    free(x);
}

/* Sends the connection to its loop; it stays counted. If the loop's mailbox is full, the connection
 * is closed. */
static void
hand_over(struct engine *s, struct engine *owner, struct conn *c, const struct handshake *h)
{
    struct handed *x = malloc(sizeof(*x));

    if (x == NULL) {
        turn_away(s, c);
        return;
    }
    *x = (struct handed){.letter.run = on_handed, .to = owner, .peer = *conn_peer(c), .hello = *h};
    x->link = conn_give(c);
    if (mailbox_post(owner->mail, &x->letter) != 0) {
        link_free(x->link);
        process_drop_conn(s->process, &x->peer);
        free(x);
    }
}

/* --- accepted connections --- */

static void
on_stranger_handshake(void *ctx, struct conn *c, const struct handshake *h)
{
    struct stranger *x = ctx;
    struct engine *s = x->engine, *owner;
    struct torrent *t = process_find(s->process, h->info_hash, &owner);

    if (owner == s && !torrent_wake_charge(t, conn_peer(c)))
        owner = NULL; /* its site has woken too many */
    if (owner == s && is_or_will_be_loading(t)) {
        x->wanted = t;
        x->hello = *h;
        return; /* admitted when the torrent runs, or closed after the timeout */
    }
    stranger_free(x);
    if (owner == NULL)
        turn_away(s, c);
    else if (owner == s)
        peers_on_stranger(t, c, h);
    else
        hand_over(s, owner, c, h);
}

/* Counts the connection. When all connections are in use, closes a connection without a torrent;
 * when nearly all are, one that transfers nothing. */
static bool
take_seat(struct engine *s, const struct endpoint *peer)
{
    int err;

    engine_keep_spare(s);
    err = process_take_conn(s->process, peer);
    if (err == SPRAT_E_LIMIT && drop_oldest_stranger(s))
        err = process_take_conn(s->process, peer);
    return err == 0;
}

/* The socket is closed on error too. */
static int
listen_to(struct stranger *x, int fd, const struct endpoint *peer)
{
    struct conn_handler h = {
        .ctx = x, .on_handshake = on_stranger_handshake, .on_closed = on_stranger_closed};
    struct engine *s = x->engine;
    struct link *link;
    int err = link_tcp_new(s->env.loop, fd, &link);

    if (err != 0)
        return err;
    return conn_accept(s->env.hub, link, peer, CONN_HANDSHAKE_MS, &h, &x->conn);
}

void
engine_on_accept(void *engine, int fd, const struct endpoint *peer)
{
    struct engine *s = engine;
    struct stranger *x;

    if (s->end.begun || bans_has(&s->env.bans, peer) || !take_seat(s, peer)) {
        stream_drop(fd);
        return;
    }
    keep_site_share(s, peer);
    x = stranger_new(s);
    if (x == NULL) {
        stream_drop(fd);
        process_drop_conn(s->process, peer);
        return;
    }
    if (listen_to(x, fd, peer) != 0) {
        process_drop_conn(s->process, peer);
        stranger_free(x);
    }
}

/* --- the end --- */

void
engine_drop_strangers(struct engine *s)
{
    LIST_EACH_SAFE (it, &s->listen.stranger_list) {
        struct stranger *x = LIST_ENTRY(it, struct stranger, link);

        turn_away(s, x->conn);
        stranger_free(x);
    }
}
