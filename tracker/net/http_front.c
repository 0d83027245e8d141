/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A listening socket and its connections. The state of a connection decides what it waits for:
 *
 *  OPEN     reads requests; while answers are unsent it writes and does not read
 *  PARKED   keeps the next request to try it again later, and does not read
 *  WAITING  waits for the handler, which answers later; it neither reads nor parses
 *  CLOSING  writes the rest of its answers, then becomes LINGER; or ends at once if the client said
 *           that this request is its last and sent nothing after it
 *  LINGER   has shut down its sending side and discards what still arrives, so that the client can
 *           read the answer before a reset could reach it
 *
 * Connections are in one list in the order of their deadlines. All deadlines are equally long, so a
 * connection with a new deadline moves to the end of the list.
 */
#include "tracker/net/http_front.h"

#include <stdlib.h>

#include "common/base/magic.h"
#include "common/base/tally.h"
#include "common/ds/list.h"

enum {
    HTTP_FRONT_MAGIC = 0x68747446,
    CONN_MAGIC = 0x6874746e,
    READ_SIZE = 2048,
    IN_MAX = HTTP_HEAD_MAX + READ_SIZE,
    OUT_MAX = HTTP_FRONT_OUT_HIGH + HTTP_SERVICE_REPLY_MAX,
    MAKE_WAY_LOOKS = 32,
    HANDSHAKE_STEPS = 1, /* in each round of the loop */
};

struct http_front {
    uint32_t magic;
    struct loop *loop;
    struct http_handler handler;
    struct listener *listener;
    struct loop_timer *timer;
    struct list conns;           /* the earliest deadline first */
    struct list parked;          /* the longest waiting connection first */
    struct loop_timer *patience; /* deadline of the first parked connection */
    bool held_up;                /* the first parked connection still has to wait */
    uint64_t awaited;            /* number of answers that the handler has deferred so far */
    struct tally nconns, nparked, nrefused, nhellos;
    struct http_front_limits limits;
    struct certbox *certs; /* borrowed; NULL for plain HTTP */
    struct stream_handshakes handshakes;
};

enum conn_state { CONN_OPEN, CONN_PARKED, CONN_WAITING, CONN_CLOSING, CONN_LINGER };

struct conn {
    uint32_t magic;
    enum conn_state state;
    struct http_front *front;
    struct stream *stream;
    struct list link;
    struct mono deadline;
    struct list parked_link;
    struct mono parked_until;
    enum service_turn turn; /* of the next request */
    struct endpoint peer;
    struct http_scan scan;
    bool last; /* the client has announced that it sends no more requests */
    bool deaf; /* the client is gone: answers are discarded */
    struct buf in, out;
    uint64_t awaited; /* CONN_WAITING: the number of its answer */
    bool keep_alive;  /* CONN_WAITING: stays open after the answer */
    size_t thrown_away;
};

static void
conn_unpark(struct conn *c)
{
    if (c->state != CONN_PARKED)
        return;
    c->state = CONN_OPEN;
    list_remove(&c->parked_link);
    tally_sub(&c->front->nparked, 1);
}

static void
conn_free(struct conn *c)
{
    conn_unpark(c);
    list_remove(&c->link);
    tally_sub(&c->front->nconns, 1);
    stream_free(c->stream);
    buf_fini(&c->in);
    buf_fini(&c->out);
    MAGIC_CLEAR(c);
    free(c);
}

static void
set_timer(struct http_front *f)
{
    struct mono at = MONO_NEVER;

    if (!list_empty(&f->conns))
        at = LIST_ENTRY(f->conns.next, struct conn, link)->deadline;
    loop_timer_set(f->timer, at);
}

/* Sets a new deadline. The front's timer may then fire too early for it, but never too late. */
static void
conn_renew(struct conn *c)
{
    c->deadline = mono_add_ms(loop_now(c->front->loop), (int64_t)c->front->limits.timeout_s * 1000);
    list_remove(&c->link);
    list_push_back(&c->front->conns, &c->link);
}

static void
on_timer(void *ctx)
{
    struct http_front *f = ctx;
    struct mono now;

    MAGIC_CHECK(f, HTTP_FRONT_MAGIC);
    now = loop_now(f->loop);
    LIST_EACH_SAFE (it, &f->conns) {
        struct conn *c = LIST_ENTRY(it, struct conn, link);

        if (!mono_due(c->deadline, now))
            break;
        conn_free(c);
    }
    set_timer(f);
}

/* Parks the connection; its request stays in the input. A request that is tried again was the first
 * in the list, and becomes the first again. */
static void
conn_park(struct conn *c)
{
    struct http_front *f = c->front;

    c->state = CONN_PARKED;
    tally_add(&f->nparked, 1);
    if (c->turn == TURN_AGAIN) {
        list_push_front(&f->parked, &c->parked_link);
        f->held_up = true;
        return;
    }
    c->turn = TURN_AGAIN;
    c->parked_until = mono_add_ms(loop_now(f->loop), CLUSTER_WAIT_MS);
    if (list_empty(&f->parked))
        loop_timer_set(f->patience, c->parked_until);
    list_push_back(&f->parked, &c->parked_link);
}

/* Passes one request to the handler, which answers it now or later. False if the connection was
 * parked, and the request stays in the input. */
static bool
conn_ask(struct conn *c, const struct http_request *req, const struct endpoint *client)
{
    struct http_front *f = c->front;
    struct http_turn later = {.front = f, .number = f->awaited + 1};
    struct mono now = loop_now(f->loop);

    if (f->handler.ask == NULL) {
        if (!f->handler.answer(f->handler.ctx, req, client, c->turn, &c->out, now)) {
            conn_park(c);
            return false;
        }
        c->turn = TURN_FIRST;
    } else if (!f->handler.ask(f->handler.ctx, req, client, later, &c->out, now)) {
        c->awaited = ++f->awaited;
        c->keep_alive = req->keep_alive;
        c->state = CONN_WAITING;
        return true;
    }
    if (!req->keep_alive)
        c->state = CONN_CLOSING;
    return true;
}

/* Whether the bytes begin as a TLS handshake (RFC 8446, 5.1). */
static bool
is_tls_hello(const uint8_t *bytes, size_t len)
{
    return len >= 2 && bytes[0] == 0x16 && bytes[1] == 0x03;
}

static void
conn_refuse(struct conn *c, const struct http_request *req)
{
    struct http_front *f = c->front;

    if (is_tls_hello(buf_data(&c->in), buf_len(&c->in)))
        tally_add(&f->nhellos, 1);
    f->handler.refuse(f->handler.ctx, req, &c->out);
    c->state = CONN_CLOSING;
}

/* Answers all complete requests in the input. True if it stopped before the last one because too
 * many bytes are unsent. */
static bool
conn_answer(struct conn *c)
{
    const struct http_handler *handler = &c->front->handler;
    struct http_request req;
    struct endpoint client;

    while (c->state == CONN_OPEN && buf_len(&c->in) > 0) {
        int err;

        if (buf_len(&c->out) >= HTTP_FRONT_OUT_HIGH)
            return true;
        err = http_request_parse(&req, &c->scan, buf_data(&c->in), buf_len(&c->in));
        if (err == SPRAT_E_AGAIN)
            return false;
        if (c->turn == TURN_FIRST)
            conn_renew(c);
        c->scan = (struct http_scan){.accepts = &handler->accepts};
        if (err != 0) {
            conn_refuse(c, &req);
            return false;
        }
        if (proxies_client(&c->front->limits.proxies, &req, &c->peer, &client) != 0) {
            req.status = 400;
            conn_refuse(c, &req);
            return false;
        }
        if (!conn_ask(c, &req, &client))
            return false;
        buf_consume(&c->in, req.len);
        if (!req.keep_alive)
            c->last = buf_len(&c->in) == 0;
    }
    return false;
}

/* Sends as much as the socket takes. If the client has closed already, its remaining requests are
 * still handled and their answers discarded, because no client repeats "stopped". False if memory
 * is out. */
static bool
conn_write(struct conn *c)
{
    while (buf_len(&c->out) > 0 && !c->deaf) {
        struct iovec iov = {buf_data(&c->out), buf_len(&c->out)};
        int64_t n = c->state == CONN_CLOSING
                        ? stream_write_last(c->stream, iov.iov_base, iov.iov_len)
                        : stream_writev(c->stream, &iov, 1);

        if (n == SPRAT_E_AGAIN)
            return true;
        if (n <= 0)
            c->deaf = true;
        else
            buf_consume(&c->out, (size_t)n);
    }
    if (c->deaf)
        buf_consume(&c->out, buf_len(&c->out));
    return c->out.err == 0;
}

/* Answers requests and writes answers in turns as long as there is progress, then waits for the
 * events that the state needs. */
static void
conn_go_on(struct conn *c)
{
    unsigned want = LOOP_READ;
    bool more;

    do {
        more = conn_answer(c);
        if (!conn_write(c)) {
            conn_free(c);
            return;
        }
    } while (more && buf_len(&c->out) == 0);
    if (buf_len(&c->out) > 0) {
        want = LOOP_WRITE;
    } else if (c->state == CONN_CLOSING && c->deaf) {
        conn_free(c);
        return;
    } else if (c->state == CONN_CLOSING && c->last) {
        if (c->front->certs != NULL)
            stream_shutdown(c->stream); /* sends close_notify */
        conn_free(c);
        return;
    } else if (c->state == CONN_PARKED || c->state == CONN_WAITING) {
        want = 0;
    } else if (c->state == CONN_CLOSING) {
        stream_shutdown(c->stream);
        c->state = CONN_LINGER;
    }
    if (stream_want(c->stream, want) != 0)
        conn_free(c);
}

void
http_front_poke(struct http_front *f)
{
    struct mono at = MONO_NEVER;

    f->held_up = false;
    while (!list_empty(&f->parked) && !f->held_up) {
        struct conn *c = LIST_ENTRY(f->parked.next, struct conn, parked_link);

        conn_unpark(c);
        if (mono_due(c->parked_until, loop_now(f->loop)))
            c->turn = TURN_LAST;
        conn_go_on(c);
    }
    if (!list_empty(&f->parked))
        at = LIST_ENTRY(f->parked.next, struct conn, parked_link)->parked_until;
    loop_timer_set(f->patience, at);
}

static void
on_patience(void *ctx)
{
    struct http_front *f = ctx;

    MAGIC_CHECK(f, HTTP_FRONT_MAGIC);
    http_front_poke(f);
}

/* Bytes after the last request are not parsed. */
static void
conn_throw_away(struct conn *c)
{
    uint8_t rest[READ_SIZE];
    struct iovec iov = {rest, sizeof(rest)};
    int64_t n = stream_readv(c->stream, &iov, 1);

    if (n == SPRAT_E_AGAIN)
        return;
    if (n > 0)
        c->thrown_away += (size_t)n;
    if (n <= 0 || c->thrown_away > HTTP_FRONT_LINGER_MAX)
        conn_free(c);
}

static void
conn_read(struct conn *c)
{
    struct iovec iov = {buf_room(&c->in, READ_SIZE), READ_SIZE};
    int64_t n;

    if (iov.iov_base == NULL) {
        conn_free(c);
        return;
    }
    n = stream_readv(c->stream, &iov, 1);
    if (n == SPRAT_E_AGAIN && stream_want(c->stream, LOOP_READ) == 0)
        return;
    if (n <= 0) {
        conn_free(c);
        return;
    }
    buf_grew(&c->in, (size_t)n);
    conn_go_on(c);
}

static void
on_readable(void *ctx)
{
    struct conn *c = ctx;

    MAGIC_CHECK(c, CONN_MAGIC);
    if (c->state == CONN_LINGER)
        conn_throw_away(c);
    else
        conn_read(c);
}

static void
on_writable(void *ctx)
{
    struct conn *c = ctx;

    MAGIC_CHECK(c, CONN_MAGIC);
    if (!conn_write(c)) {
        conn_free(c);
        return;
    }
    if (buf_len(&c->out) > 0)
        return;
    conn_renew(c);
    conn_go_on(c);
}

/* The connection to close for a new one: of the MAKE_WAY_LOOKS that have been idle longest, the
 * first of the address that has most of them. */
static struct conn *
idlest(const struct http_front *f)
{
    struct conn *looks[MAKE_WAY_LOOKS], *found = NULL;
    struct endpoint sites[MAKE_WAY_LOOKS];
    unsigned n = 0, most = 0;

    for (struct list *it = f->conns.next; it != &f->conns && n < MAKE_WAY_LOOKS; it = it->next) {
        looks[n] = LIST_ENTRY(it, struct conn, link);
        sites[n] = endpoint_site(&looks[n]->peer);
        n++;
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned same = 0;

        for (unsigned k = 0; k < n; k++)
            same += endpoint_same_host(&sites[i], &sites[k]);
        if (same > most) {
            most = same;
            found = looks[i];
        }
    }
    return found;
}

/* At the maximum, closes an idle connection, so that idle clients can't keep new ones out. */
static void
make_way(struct http_front *f)
{
    if (tally_get(&f->nconns) >= f->limits.connections_max)
        conn_free(idlest(f));
}

static bool
may_shake_hands(struct http_front *f, const struct endpoint *peer)
{
    if (f->certs == NULL || f->limits.limiter == NULL || netset_has(&f->limits.proxies, peer))
        return true;
    return limiter_allow(f->limits.limiter, peer, HTTP_FRONT_HANDSHAKE_COST, loop_now(f->loop));
}

static int
secure(struct http_front *f, struct stream *stream)
{
    struct tls_server *server;
    int err;

    if (f->certs == NULL)
        return 0;
    server = certbox_get(f->certs);
    err = stream_secure(stream, server, &f->handshakes);
    tls_server_drop(server);
    return err;
}

/* Reads at once, since the request often arrives together with its connection: a client with a
 * single request is then answered without another round of the loop. */
static void
on_accept(void *ctx, int fd, const struct endpoint *peer)
{
    struct http_front *f = ctx;
    struct stream_handler handler = {.on_readable = on_readable, .on_writable = on_writable};
    struct stream *stream;
    struct conn *c;

    MAGIC_CHECK(f, HTTP_FRONT_MAGIC);
    if (!may_shake_hands(f, peer)) {
        tally_add(&f->nrefused, 1);
        stream_drop(fd);
        return;
    }
    handler.ctx = c = calloc(1, sizeof(*c));
    if (stream_new(f->loop, fd, &handler, &stream) != 0) {
        free(c);
        return;
    }
    if (c == NULL || secure(f, stream) != 0) {
        stream_free(stream);
        free(c);
        return;
    }
    make_way(f);
    MAGIC_SET(c, CONN_MAGIC);
    c->front = f;
    c->stream = stream;
    c->peer = *peer;
    c->scan.accepts = &f->handler.accepts;
    buf_init(&c->in, IN_MAX + f->handler.accepts.body_max);
    buf_init(&c->out, OUT_MAX);
    list_init(&c->link);
    list_init(&c->parked_link);
    tally_add(&f->nconns, 1);
    conn_renew(c);
    if (tally_get(&f->nconns) == 1)
        set_timer(f);
    conn_read(c);
}

static bool
answer(void *ctx, const struct http_request *req, const struct endpoint *from,
       enum service_turn turn, struct buf *out, struct mono now)
{
    return http_service_answer(ctx, req, from, turn, out, now);
}

static void
refuse(void *ctx, const struct http_request *req, struct buf *out)
{
    http_service_refuse(ctx, req, out);
}

struct http_handler
http_front_tracker(struct http_service *service)
{
    return (struct http_handler){.ctx = service, .answer = answer, .refuse = refuse};
}

static void
free_timers(struct http_front *f)
{
    if (f->timer != NULL)
        loop_timer_free(f->timer);
    if (f->patience != NULL)
        loop_timer_free(f->patience);
    stream_handshakes_fini(&f->handshakes);
}

int
http_front_new(struct loop *l, const struct endpoint *at, enum port_share share,
               const struct http_handler *handler, const struct http_front_limits *limits,
               struct http_front **out, struct errbuf *eb)
{
    struct http_front *f = calloc(1, sizeof(*f));
    struct listener_handler on = {.ctx = f, .on_accept = on_accept};
    int err;

    if (f == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    MAGIC_SET(f, HTTP_FRONT_MAGIC);
    f->loop = l;
    f->handler = *handler;
    f->limits = *limits;
    list_init(&f->conns);
    list_init(&f->parked);
    f->timer = loop_timer_new(l, on_timer, f);
    f->patience = loop_timer_new(l, on_patience, f);
    if (f->timer == NULL || f->patience == NULL ||
        stream_handshakes_init(&f->handshakes, l, HANDSHAKE_STEPS) != 0) {
        free_timers(f);
        free(f);
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    err = listener_new_sharing(l, at, share, &on, &f->listener, eb);
    if (err != 0) {
        free_timers(f);
        free(f);
        return err;
    }
    listener_await_bytes(f->listener);
    listener_limit_buffers(f->listener, HTTP_FRONT_KERNEL_READ, HTTP_FRONT_KERNEL_SEND);
    *out = f;
    return 0;
}

void
http_front_secure(struct http_front *f, struct certbox *certs)
{
    f->certs = certs;
}

void
http_front_answer(struct http_turn turn, const void *response, size_t len)
{
    struct http_front *f = turn.front;

    MAGIC_CHECK(f, HTTP_FRONT_MAGIC);
    LIST_EACH (it, &f->conns) {
        struct conn *c = LIST_ENTRY(it, struct conn, link);

        if (c->state != CONN_WAITING || c->awaited != turn.number)
            continue;
        buf_put(&c->out, response, len);
        c->state = c->keep_alive ? CONN_OPEN : CONN_CLOSING;
        c->last = false; /* more requests may have arrived meanwhile */
        conn_renew(c);
        conn_go_on(c);
        return;
    }
}

void
http_front_free(struct http_front *f)
{
    if (f == NULL)
        return;
    listener_free(f->listener);
    LIST_EACH_SAFE (it, &f->conns)
        conn_free(LIST_ENTRY(it, struct conn, link));
    free_timers(f);
    MAGIC_CLEAR(f);
    free(f);
}

uint64_t
http_front_parked(const struct http_front *f)
{
    return tally_get(&f->nparked);
}

uint64_t
http_front_count(const struct http_front *f)
{
    return tally_get(&f->nconns);
}

uint64_t
http_front_refused(const struct http_front *f)
{
    return tally_get(&f->nrefused);
}

uint64_t
http_front_tls_hellos(const struct http_front *f)
{
    return tally_get(&f->nhellos);
}

const struct stream_handshakes *
http_front_handshakes(const struct http_front *f)
{
    return &f->handshakes;
}

const struct endpoint *
http_front_addr(const struct http_front *f)
{
    return listener_addr(f->listener);
}
