/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads datagrams in batches, passes them on by their class, and sends what the readers and the uTP
 * core answer.
 */
#include "peer/net/udpdoor.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/crypto/random.h"
#include "common/ev/dgram.h"
#include "common/sys/addr.h"
#include "peer/core/utpreset.h"

#define UDPDOOR_MAGIC 0x55445044u

struct udpdoor_socket {
    struct udpdoor *door;
    struct dgram *dgram;
};

struct udpdoor {
    uint32_t magic;
    struct loop *loop;
    struct udpdoor_socket sockets[UDPDOOR_SOCKETS_MAX];
    unsigned count;
    struct udpdoor_reader readers[UDP_OTHER]; /* by class; without a function: none */
    uint64_t read[UDP_OTHER];                 /* datagrams that the readers took */
    uint64_t ignored;
    const struct dgram_msg *answered; /* the message that a reader has now, or NULL */
    struct utpreset utp;
};

struct udpdoor *
udpdoor_new(struct loop *l)
{
    struct udpdoor *u = calloc(1, sizeof(*u));
    uint64_t key[2];

    if (u == NULL)
        return NULL;
    MAGIC_SET(u, UDPDOOR_MAGIC);
    u->loop = l;
    random_bytes(key, sizeof(key));
    utpreset_init(&u->utp, key, loop_now(l));
    return u;
}

void
udpdoor_close(struct udpdoor *u)
{
    while (u->count > 0)
        dgram_free(u->sockets[--u->count].dgram);
}

void
udpdoor_free(struct udpdoor *u)
{
    if (u == NULL)
        return;
    MAGIC_CHECK(u, UDPDOOR_MAGIC);
    udpdoor_close(u);
    MAGIC_CLEAR(u);
    free(u);
}

static void
read_by(struct udpdoor *u, enum udp_class what, unsigned number, const struct dgram_msg *m)
{
    const struct udpdoor_reader *r = &u->readers[what];

    u->answered = m;
    if (r->on_datagram != NULL && r->on_datagram(r->ctx, number, &m->peer, m->data, m->len))
        u->read[what]++;
    else
        u->ignored++;
    u->answered = NULL;
}

static void
read_utp(struct udpdoor *u, struct dgram *d, const struct dgram_msg *m)
{
    uint8_t bytes[UTPRESET_LEN];
    size_t len = utpreset_answer(&u->utp, &m->peer, m->data, m->len, bytes, loop_now(u->loop));
    struct dgram_msg answer = {.peer = m->peer, .local = m->local, .data = bytes, .len = len};

    if (len > 0)
        (void)dgram_try(d, &answer);
}

static void
on_batch(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    struct udpdoor_socket *socket = ctx;
    struct udpdoor *u = socket->door;

    MAGIC_CHECK(u, UDPDOOR_MAGIC);
    for (size_t i = 0; i < count; i++) {
        enum udp_class what = udpsort(msgs[i].data, msgs[i].len);

        switch (what) {
        case UDP_KRPC:
        case UDP_TRACKER: read_by(u, what, (unsigned)(socket - u->sockets), &msgs[i]); break;
        case UDP_UTP: read_utp(u, socket->dgram, &msgs[i]); break;
        case UDP_OTHER: u->ignored++; break;
        }
    }
}

static void
on_undelivered(void *ctx, const struct endpoint *to, int err)
{
    struct udpdoor_socket *socket = ctx;
    struct udpdoor *u = socket->door;

    MAGIC_CHECK(u, UDPDOOR_MAGIC);
    for (unsigned i = 0; i < UDP_OTHER; i++)
        if (u->readers[i].on_undelivered != NULL)
            u->readers[i].on_undelivered(u->readers[i].ctx, to, err);
}

void
udpdoor_set_reader(struct udpdoor *u, enum udp_class what, const struct udpdoor_reader *reader)
{
    MAGIC_CHECK(u, UDPDOOR_MAGIC);
    ASSERT(what == UDP_KRPC || what == UDP_TRACKER);
    u->readers[what] = reader != NULL ? *reader : (struct udpdoor_reader){.ctx = NULL};
}

bool
udpdoor_socket_for(const struct udpdoor *u, const struct endpoint *to, unsigned *socket)
{
    for (unsigned i = 0; i < u->count; i++) {
        const struct endpoint *at = udpdoor_addr(u, i);

        if (at->family != to->family || (addr_is_loopback(at) && !addr_is_loopback(to)))
            continue;
        *socket = i;
        return true;
    }
    return false;
}

int
udpdoor_send(struct udpdoor *u, unsigned socket, const struct endpoint *to, const uint8_t *data,
             size_t len)
{
    struct dgram_msg m = {.peer = *to, .data = data, .len = len};

    MAGIC_CHECK(u, UDPDOOR_MAGIC);
    if (socket >= u->count)
        return SPRAT_E_INVAL;
    if (u->answered != NULL && endpoint_equal(&u->answered->peer, to))
        m.local = u->answered->local;
    return dgram_try(u->sockets[socket].dgram, &m);
}

unsigned
udpdoor_count(const struct udpdoor *u)
{
    return u->count;
}

const struct endpoint *
udpdoor_addr(const struct udpdoor *u, unsigned socket)
{
    return dgram_addr(u->sockets[socket].dgram);
}

int
udpdoor_open(struct udpdoor *u, const struct endpoint *at, struct errbuf *eb)
{
    struct udpdoor_socket *socket = &u->sockets[u->count];
    struct dgram_handler h = {
        .ctx = socket, .on_batch = on_batch, .on_undelivered = on_undelivered};
    int err;

    MAGIC_CHECK(u, UDPDOOR_MAGIC);
    if (u->count == UDPDOOR_SOCKETS_MAX)
        return errbuf_set(eb, SPRAT_E_LIMIT, "more than %d UDP sockets", UDPDOOR_SOCKETS_MAX);
    socket->door = u;
    err = dgram_new(u->loop, at, UDPDOOR_BATCH, UDPDOOR_DATAGRAM_MAX, &h, &socket->dgram, eb);
    if (err == 0)
        u->count++;
    return err;
}

void
udpdoor_get_counts(const struct udpdoor *u, struct udpdoor_counts *counts)
{
    *counts = (struct udpdoor_counts){
        .krpc = u->read[UDP_KRPC],
        .trackers = u->read[UDP_TRACKER],
        .resets = u->utp.answered,
        .limited = u->utp.limited,
        .ignored = u->ignored + u->utp.ignored,
    };
}
