/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One UDP socket of the tracker. An answer that the socket has no room for is dropped: the client
 * asks again, as it does when the network drops one.
 */
#include "tracker/net/udp_front.h"

#include <stdlib.h>

#include "common/base/magic.h"

enum { UDP_FRONT_MAGIC = 0x75647046 };

struct udp_front {
    uint32_t magic;
    struct loop *loop;
    struct udp_service *service;
    struct dgram *socket;
    struct dgram_msg answers[UDP_FRONT_BATCH];
    uint8_t replies[UDP_FRONT_BATCH][UDP_SERVICE_REPLY_MAX];
};

_Static_assert((int)UDP_FRONT_BATCH <= (int)TRACKER_PREFETCH_MAX, "a batch is announced at once");

static void
prefetch(const struct udp_front *f, const struct dgram_msg *msgs, size_t count)
{
    struct udp_service_packet packets[UDP_FRONT_BATCH];

    for (size_t i = 0; i < count; i++)
        packets[i] = (struct udp_service_packet){msgs[i].data, msgs[i].len};
    udp_service_prefetch(f->service, packets, count);
}

static void
on_batch(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    struct udp_front *f = ctx;
    struct mono now;
    size_t n = 0;

    MAGIC_CHECK(f, UDP_FRONT_MAGIC);
    now = loop_now(f->loop);
    prefetch(f, msgs, count);
    for (size_t i = 0; i < count; i++) {
        size_t len = udp_service_answer(f->service, msgs[i].data, msgs[i].len, &msgs[i].peer,
                                        f->replies[n], now);

        if (len == 0)
            continue;
        f->answers[n] = (struct dgram_msg){
            .peer = msgs[i].peer, .local = msgs[i].local, .data = f->replies[n], .len = len};
        n++;
    }
    udp_service_leave(f->service);
    if (n > 0)
        (void)dgram_send(f->socket, f->answers, n);
}

int
udp_front_new(struct loop *l, const struct endpoint *at, enum port_share share,
              struct udp_service *service, struct udp_front **out, struct errbuf *eb)
{
    struct udp_front *f = calloc(1, sizeof(*f));
    struct dgram_handler handler = {.ctx = f, .on_batch = on_batch};
    int err;

    if (f == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    MAGIC_SET(f, UDP_FRONT_MAGIC);
    f->loop = l;
    f->service = service;
    err = dgram_new_sharing(l, at, share, UDP_FRONT_BATCH, UDP_SERVICE_REQUEST_MAX, &handler,
                            &f->socket, eb);
    if (err != 0) {
        free(f);
        return err;
    }
    *out = f;
    return 0;
}

/* The info-hash of an announce, and the first of a scrape, stand behind what a connect request
 * consists of. */
bool
udp_front_steer(struct udp_front *f, unsigned shards)
{
    return dgram_steer(f->socket, TRACKER_UDP_CONNECT_LEN, shards);
}

void
udp_front_free(struct udp_front *f)
{
    if (f == NULL)
        return;
    dgram_free(f->socket);
    MAGIC_CLEAR(f);
    free(f);
}

const struct endpoint *
udp_front_addr(const struct udp_front *f)
{
    return dgram_addr(f->socket);
}
