/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An announce takes two packets, connect and announce; the connect is skipped while the tracker's
 * connection id is valid. Answers are matched by transaction id; all others are dropped silently.
 */
#include "peer/net/udp_tracker.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/base/minmax.h"
#include "common/codec/tracker_udp.h"
#include "common/crypto/random.h"
#include "common/ds/list.h"
#include "common/ev/dgram.h"
#include "peer/net/udpdoor.h"

#define UDP_TRACKER_MAGIC 0x55445054u
#define UDP_ASK_MAGIC     0x55445041u

enum { RECV_BATCH = 8, SOCKETS = 4, URL_DATA_MAX = TRACKER_UDP_URL_MAX };

/* A tracker's connection id (BEP 15). */
struct connection {
    struct list link;
    struct endpoint tracker;
    uint64_t id;
    struct mono expiry;
};

struct udp_tracker {
    uint32_t magic;
    struct loop *loop;
    struct source source;
    uint32_t retry_ms;
    struct udpdoor *door;           /* or NULL */
    struct dgram *sockets[SOCKETS]; /* its own, by family, and whether bound; opened on demand */
    struct list asks;
    struct list connections; /* the oldest first */
    uint32_t connection_count;
    uint32_t strays; /* datagrams from other addresses that match no request; 0 when the list of
                        asks becomes empty */
    uint64_t sent;   /* requests so far */
};

struct udp_ask {
    uint32_t magic;
    struct list link;
    struct udp_tracker *owner;
    struct endpoint to[UDP_TRACKER_ADDRS_MAX]; /* the addresses not reported as unreachable */
    size_t count, at;                          /* of |to|; the current address */
    uint64_t sent_as;                          /* the last request's number */
    struct tracker_announce announce;
    char url_data[URL_DATA_MAX + 1];
    struct tracker_reply *reply;
    struct loop_timer *timer;
    bool sent;
    bool connecting;  /* the packet under way is a connect request */
    bool reconnected; /* a connection id was refused once already */
    uint32_t transaction;
    unsigned tries;
    int err; /* an error before the first packet was sent; the timer reports it */
    void (*fn)(void *ctx, int err);
    void *ctx;
};

/* --- connection ids --- */

static void
connection_free(struct udp_tracker *u, struct connection *c)
{
    list_remove(&c->link);
    u->connection_count--;
    free(c);
}

static struct connection *
connection_find(struct udp_tracker *u, const struct endpoint *tracker)
{
    LIST_EACH_SAFE (it, &u->connections) {
        struct connection *c = LIST_ENTRY(it, struct connection, link);

        if (mono_due(c->expiry, loop_now(u->loop)))
            connection_free(u, c);
        else if (endpoint_equal(&c->tracker, tracker))
            return c;
    }
    return NULL;
}

static void
connection_add(struct udp_tracker *u, const struct endpoint *tracker, uint64_t id)
{
    struct connection *c = connection_find(u, tracker);

    if (c == NULL) {
        if (u->connection_count == UDP_TRACKER_CONNECTIONS_MAX)
            connection_free(u, LIST_ENTRY(u->connections.next, struct connection, link));
        c = calloc(1, sizeof(*c));
        if (c == NULL)
            return; /* without this record, each ask requests its own connection id */
        list_init(&c->link);
        u->connection_count++;
    }
    list_remove(&c->link);
    list_push_back(&u->connections, &c->link);
    c->tracker = *tracker;
    c->id = id;
    c->expiry = mono_add_ms(loop_now(u->loop), UDP_TRACKER_CONNECTION_MS);
}

/* --- asks --- */

static void
ask_free(struct udp_ask *ask)
{
    list_remove(&ask->link);
    loop_timer_free(ask->timer);
    MAGIC_CLEAR(ask);
    free(ask);
}

static void
finish(struct udp_ask *ask, int err)
{
    void (*fn)(void *, int) = ask->fn;
    void *ctx = ask->ctx;

    ask_free(ask);
    fn(ctx, err);
}

static void on_batch(void *ctx, const struct dgram_msg *msgs, size_t count);
static void on_undelivered(void *ctx, const struct endpoint *to, int err);

/* A socket of the client's own for sending to |to|: bound to the listening address if possible, at
 * a port that the kernel chooses. */
static int
own_socket(struct udp_tracker *u, const struct endpoint *to, struct dgram **out)
{
    const struct endpoint *from = source_for(&u->source, to);
    struct endpoint at = from != NULL ? *from : (struct endpoint){.family = to->family};
    struct dgram_handler h = {.ctx = u, .on_batch = on_batch, .on_undelivered = on_undelivered};
    unsigned i = (to->family == IP_V6 ? 2 : 0) + (from != NULL ? 1 : 0);
    int err = 0;

    at.port = 0;
    if (u->sockets[i] == NULL)
        err = dgram_new(u->loop, &at, RECV_BATCH, UDP_TRACKER_REPLY_MAX, &h, &u->sockets[i], NULL);
    *out = u->sockets[i];
    return err;
}

/* Sends from a socket at a listening address, so that the tracker sees the address that peers can
 * reach, and a router keeps one mapping. There is no such socket for |to| if the client listens
 * only at 127.0.0.1 or only at addresses of the other family, or if another program uses the UDP
 * port. The client can still fetch from the peers that the tracker names, so it opens a socket of
 * its own. */
static int
send_packet(struct udp_tracker *u, const struct endpoint *to, const uint8_t *data, size_t len)
{
    struct dgram_msg msg = {.peer = *to, .data = data, .len = len};
    struct dgram *socket = NULL;
    unsigned number;
    int err;

    if (u->door != NULL && udpdoor_socket_for(u->door, to, &number))
        return udpdoor_send(u->door, number, to, data, len);
    err = own_socket(u, to, &socket);
    return err == 0 ? dgram_try(socket, &msg) : err;
}

/* Sends the next packet to the current address: an announce if there is a connection id, else a
 * connect request. A repeated request keeps its transaction id, so that a late answer counts. */
static int
send_to_one(struct udp_ask *ask)
{
    struct udp_tracker *u = ask->owner;
    const struct endpoint *to = &ask->to[ask->at];
    uint8_t packet[TRACKER_UDP_REQUEST_MAX];
    struct connection *c = connection_find(u, to);
    size_t len;
    int err;

    if (!ask->sent || ask->connecting != (c == NULL))
        random_bytes(&ask->transaction, sizeof(ask->transaction));
    ask->connecting = c == NULL;
    len = c == NULL ? tracker_udp_put_connect(packet, ask->transaction)
                    : tracker_udp_put_announce(packet, c->id, ask->transaction, &ask->announce,
                                               ask->url_data);
    err = send_packet(u, to, packet, len);
    ask->sent = true;
    ask->sent_as = ++u->sent;
    /* A packet that the kernel has no room for counts as lost. */
    return err == SPRAT_E_AGAIN ? 0 : err;
}

/* The current address can't be reached: the next address replaces it. False if there is none. */
static bool
drop_address(struct udp_ask *ask)
{
    if (ask->count == 1)
        return false;
    ask->count--;
    memmove(&ask->to[ask->at], &ask->to[ask->at + 1], (ask->count - ask->at) * sizeof(ask->to[0]));
    if (ask->at == ask->count)
        ask->at = 0;
    return true;
}

/* Sends to the first address to which the network accepts the packet. The wait for an answer
 * doubles when every address has had a packet. */
static int
send_next(struct udp_ask *ask)
{
    struct udp_tracker *u = ask->owner;
    unsigned doublings;
    int err;

    while ((err = send_to_one(ask)) != 0)
        if (!drop_address(ask))
            return err;
    doublings = ask->tries / (unsigned)ask->count;
    loop_timer_set(ask->timer, mono_add_ms(loop_now(u->loop), (int64_t)u->retry_ms << doublings));
    return 0;
}

static unsigned
tries_max(const struct udp_ask *ask)
{
    return ask->count < UDP_TRACKER_TRIES ? UDP_TRACKER_TRIES : (unsigned)ask->count;
}

static void
on_timer(void *ctx)
{
    struct udp_ask *ask = ctx;
    int err = ask->err;

    MAGIC_CHECK(ask, UDP_ASK_MAGIC);
    if (err == 0 && ++ask->tries >= tries_max(ask))
        err = SPRAT_E_TIMEOUT;
    ask->at = (ask->at + 1) % ask->count;
    if (err == 0)
        err = send_next(ask);
    if (err != 0)
        finish(ask, err);
}

/* The network reports |to| as unreachable (ICMP): each ask that waits for |to| goes on with its
 * tracker's next address, or fails. Routers limit the rate of such reports, so one report counts
 * for all packets that were sent to |to|. */
static void
on_undelivered(void *ctx, const struct endpoint *to, int err)
{
    struct udp_tracker *u = ctx;
    uint64_t sent = u->sent;
    struct list *it;

    MAGIC_CHECK(u, UDP_TRACKER_MAGIC);
again:
    for (it = u->asks.next; it != &u->asks; it = it->next) {
        struct udp_ask *ask = LIST_ENTRY(it, struct udp_ask, link);

        if (ask->err != 0 || ask->sent_as > sent || !endpoint_equal(&ask->to[ask->at], to))
            continue;
        if (!drop_address(ask) || send_next(ask) != 0)
            finish(ask, err);
        goto again; /* the callback may have changed the list */
    }
}

/* --- answers --- */

static bool
was_asked(const struct udp_ask *ask, const struct endpoint *from)
{
    for (size_t i = 0; i < ask->count; i++)
        if (endpoint_equal(&ask->to[i], from))
            return true;
    return false;
}

static struct udp_ask *
ask_find(struct udp_tracker *u, const struct endpoint *from, uint32_t transaction)
{
    bool asked = false;

    if (list_empty(&u->asks))
        u->strays = 0;
    LIST_EACH (it, &u->asks) {
        struct udp_ask *ask = LIST_ENTRY(it, struct udp_ask, link);
        bool known = was_asked(ask, from);

        if (ask->err == 0 && ask->transaction == transaction &&
            (known || (u->strays < UDP_TRACKER_STRAYS_MAX && ask->to[0].family == from->family)))
            return ask;
        asked |= known;
    }
    if (!asked && u->strays < UDP_TRACKER_STRAYS_MAX)
        u->strays++;
    return NULL;
}

/* Makes the answering address the ask's current address. If the answer came from an address that
 * was not asked, the current address stays. */
static void
stay_at(struct udp_ask *ask, const struct endpoint *from)
{
    for (size_t i = 0; i < ask->count; i++)
        if (endpoint_equal(&ask->to[i], from))
            ask->at = i;
}

static void
on_connect_reply(struct udp_ask *ask, const struct endpoint *from, uint64_t id)
{
    int err;

    stay_at(ask, from);
    connection_add(ask->owner, &ask->to[ask->at], id);
    ask->tries = 0;
    err = send_next(ask);
    if (err != 0)
        finish(ask, err);
}

/* A restarted tracker refuses the remembered connection id: then the client requests a new one,
 * once. */
static void
on_error_reply(struct udp_ask *ask, const uint8_t *data, size_t len)
{
    struct connection *c = connection_find(ask->owner, &ask->to[ask->at]);
    int err = 0;

    if (!ask->connecting && !ask->reconnected && c != NULL) {
        ask->reconnected = true;
        connection_free(ask->owner, c);
        err = send_next(ask);
        if (err == 0)
            return;
    } else {
        tracker_udp_parse_error(ask->reply, data, len);
    }
    finish(ask, err);
}

/* Reads an answer, whatever socket it came to. False if no request waits for it, or if it is
 * malformed. */
static bool
on_datagram(void *ctx, unsigned socket, const struct endpoint *from, const uint8_t *data,
            size_t len)
{
    struct udp_tracker *u = ctx;
    struct tracker_udp_head head;
    struct udp_ask *ask;
    uint64_t id;

    (void)socket;
    MAGIC_CHECK(u, UDP_TRACKER_MAGIC);
    if (tracker_udp_parse_head(&head, data, len) != 0)
        return false;
    ask = ask_find(u, from, head.transaction);
    if (ask == NULL)
        return false;
    if (head.action == TRACKER_UDP_ERROR)
        on_error_reply(ask, data, len);
    else if (head.action == TRACKER_UDP_CONNECT && ask->connecting &&
             tracker_udp_parse_connect(&id, data, len) == 0)
        on_connect_reply(ask, from, id);
    else if (head.action == TRACKER_UDP_ANNOUNCE && !ask->connecting &&
             tracker_udp_parse_announce(ask->reply, data, len, (enum ip_family)from->family) == 0)
        finish(ask, 0);
    else
        return false;
    return true;
}

static void
on_batch(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)on_datagram(ctx, 0, &msgs[i].peer, msgs[i].data, msgs[i].len);
}

struct udp_tracker *
udp_tracker_new(struct loop *l, const struct source *source, struct udpdoor *door,
                uint32_t retry_ms)
{
    struct udpdoor_reader reader = {.on_datagram = on_datagram, .on_undelivered = on_undelivered};
    struct udp_tracker *u = calloc(1, sizeof(*u));

    if (u == NULL)
        return NULL;
    MAGIC_SET(u, UDP_TRACKER_MAGIC);
    u->loop = l;
    u->source = *source;
    u->door = door;
    u->retry_ms = retry_ms;
    list_init(&u->asks);
    list_init(&u->connections);
    reader.ctx = u;
    if (door != NULL)
        udpdoor_set_reader(door, UDP_TRACKER, &reader);
    return u;
}

void
udp_tracker_free(struct udp_tracker *u)
{
    if (u == NULL)
        return;
    MAGIC_CHECK(u, UDP_TRACKER_MAGIC);
    if (u->door != NULL)
        udpdoor_set_reader(u->door, UDP_TRACKER, NULL);
    LIST_EACH_SAFE (it, &u->asks)
        ask_free(LIST_ENTRY(it, struct udp_ask, link));
    LIST_EACH_SAFE (conn, &u->connections)
        connection_free(u, LIST_ENTRY(conn, struct connection, link));
    for (int i = 0; i < SOCKETS; i++)
        dgram_free(u->sockets[i]);
    MAGIC_CLEAR(u);
    free(u);
}

struct udp_ask *
udp_tracker_announce(struct udp_tracker *u, const struct udp_request *request)
{
    struct udp_ask *ask = calloc(1, sizeof(*ask));

    MAGIC_CHECK(u, UDP_TRACKER_MAGIC);
    if (ask == NULL)
        return NULL;
    MAGIC_SET(ask, UDP_ASK_MAGIC);
    list_init(&ask->link);
    ask->owner = u;
    ask->count = min_u64(request->count, UDP_TRACKER_ADDRS_MAX);
    memcpy(ask->to, request->to, ask->count * sizeof(ask->to[0]));
    ask->announce = *request->announce;
    if (strlen(request->url_data) <= URL_DATA_MAX)
        strcpy(ask->url_data, request->url_data);
    ask->reply = request->reply;
    ask->fn = request->fn;
    ask->ctx = request->ctx;
    ask->timer = loop_timer_new(u->loop, on_timer, ask);
    if (ask->timer == NULL) {
        free(ask);
        return NULL;
    }
    list_push_back(&u->asks, &ask->link);
    ask->err = send_next(ask);
    if (ask->err != 0)
        loop_timer_set(ask->timer, loop_now(u->loop));
    return ask;
}

void
udp_ask_cancel(struct udp_ask *ask)
{
    if (ask == NULL)
        return;
    MAGIC_CHECK(ask, UDP_ASK_MAGIC);
    ask_free(ask);
}

static void *
announce(void *ctx, const struct udp_request *request)
{
    return udp_tracker_announce(ctx, request);
}

static void
cancel(void *ask)
{
    udp_ask_cancel(ask);
}

struct udp_asker
udp_tracker_asker(struct udp_tracker *u)
{
    return (struct udp_asker){.ctx = u, .announce = announce, .cancel = cancel};
}
