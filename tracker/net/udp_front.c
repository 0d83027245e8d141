/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A UDP socket of the tracker. An answer that does not fit into the socket's buffer is dropped; the
 * client repeats its request, as after a loss in the network.
 */
#include "tracker/net/udp_front.h"

#include <stdlib.h>

#include "common/base/magic.h"
#include "common/base/tally.h"
#include "common/ds/list.h"

enum { UDP_FRONT_MAGIC = 0x75647046 };

/* A packet that waits for Redis. */
struct parked {
    struct list link;
    struct mono until;
    struct endpoint peer, local;
    size_t len;
    uint8_t data[];
};

struct udp_front {
    uint32_t magic;
    struct loop *loop;
    struct udp_service *service;
    struct dgram *socket;
    struct list parked; /* the longest waiting packet first */
    struct tally nparked;
    struct loop_timer *patience; /* deadline of the first parked packet */
    struct dgram_msg answers[UDP_FRONT_BATCH];
    uint8_t replies[UDP_FRONT_BATCH][UDP_SERVICE_REPLY_MAX];
};

_Static_assert((int)UDP_FRONT_BATCH <= (int)TRACKER_PREFETCH_MAX, "a batch is announced at once");

static void
prefetch(const struct udp_front *f, const struct dgram_msg *msgs, size_t count)
{
    struct udp_service_packet packets[UDP_FRONT_BATCH];

    for (size_t i = 0; i < count; i++)
        packets[i] = (struct udp_service_packet){msgs[i].data, msgs[i].len, &msgs[i].peer};
    udp_service_prefetch(f->service, packets, count);
}

/* Parks a packet. False if too many are parked. */
static bool
park(struct udp_front *f, const struct dgram_msg *msg)
{
    struct parked *p;

    if (tally_get(&f->nparked) >= UDP_FRONT_PARKED_MAX)
        return false;
    p = malloc(sizeof(*p) + msg->len);
    if (p == NULL)
        return false;
    p->until = mono_add_ms(loop_now(f->loop), CLUSTER_WAIT_MS);
    p->peer = msg->peer;
    p->local = msg->local;
    p->len = msg->len;
    memcpy(p->data, msg->data, msg->len);
    if (list_empty(&f->parked))
        loop_timer_set(f->patience, p->until);
    list_push_back(&f->parked, &p->link);
    tally_add(&f->nparked, 1);
    return true;
}

static void
parked_free(struct udp_front *f, struct parked *p)
{
    list_remove(&p->link);
    tally_sub(&f->nparked, 1);
    free(p);
}

/* Appends the answer to a packet to the |n| answers; false if the packet must wait. */
static bool
answer(struct udp_front *f, const struct dgram_msg *msg, enum service_turn turn, size_t *n)
{
    size_t len = udp_service_answer(f->service, msg->data, msg->len, &msg->peer, turn,
                                    f->replies[*n], loop_now(f->loop));

    if (len == UDP_SERVICE_WAIT)
        return false;
    if (len > 0) {
        f->answers[*n] = (struct dgram_msg){
            .peer = msg->peer, .local = msg->local, .data = f->replies[*n], .len = len};
        (*n)++;
    }
    return true;
}

static void
send_answers(struct udp_front *f, size_t n)
{
    udp_service_leave(f->service);
    if (n > 0)
        (void)dgram_send(f->socket, f->answers, n);
}

static void
on_batch(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    struct udp_front *f = ctx;
    size_t n = 0;

    MAGIC_CHECK(f, UDP_FRONT_MAGIC);
    prefetch(f, msgs, count);
    for (size_t i = 0; i < count; i++)
        if (!answer(f, &msgs[i], TURN_FIRST, &n) && !park(f, &msgs[i]))
            (void)answer(f, &msgs[i], TURN_LAST, &n);
    send_answers(f, n);
}

/* Tries the first parked packet again. True if it was answered. */
static bool
poke_first(struct udp_front *f, size_t *n)
{
    struct parked *p = LIST_ENTRY(f->parked.next, struct parked, link);
    struct dgram_msg msg = {.peer = p->peer, .local = p->local, .data = p->data, .len = p->len};
    bool late = mono_due(p->until, loop_now(f->loop));

    if (!answer(f, &msg, late ? TURN_LAST : TURN_AGAIN, n))
        return false;
    parked_free(f, p);
    return true;
}

void
udp_front_poke(struct udp_front *f)
{
    struct mono at = MONO_NEVER;
    bool more = true;

    while (more && !list_empty(&f->parked)) {
        size_t n = 0;

        while (more && n < UDP_FRONT_BATCH && !list_empty(&f->parked))
            more = poke_first(f, &n);
        send_answers(f, n);
    }
    if (!list_empty(&f->parked))
        at = LIST_ENTRY(f->parked.next, struct parked, link)->until;
    loop_timer_set(f->patience, at);
}

static void
on_patience(void *ctx)
{
    struct udp_front *f = ctx;

    MAGIC_CHECK(f, UDP_FRONT_MAGIC);
    udp_front_poke(f);
}

size_t
udp_front_set_buffer(struct udp_front *f, size_t bytes)
{
    return dgram_set_receive_buffer(f->socket, bytes);
}

uint64_t
udp_front_dropped(const struct udp_front *f)
{
    return dgram_drops(f->socket);
}

uint64_t
udp_front_parked(const struct udp_front *f)
{
    return tally_get(&f->nparked);
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
    list_init(&f->parked);
    f->patience = loop_timer_new(l, on_patience, f);
    if (f->patience == NULL) {
        free(f);
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    err = dgram_new_sharing(l, at, share, UDP_FRONT_BATCH, UDP_SERVICE_REQUEST_MAX, &handler,
                            &f->socket, eb);
    if (err != 0) {
        loop_timer_free(f->patience);
        free(f);
        return err;
    }
    *out = f;
    return 0;
}

/* The info-hash of an announce, and the first of a scrape, is after the bytes of a connect request.
 */
bool
udp_front_steer(struct udp_front *f, const struct shard_rule *rule)
{
    struct port_steering s = {
        .at = TRACKER_UDP_CONNECT_LEN,
        .count = rule->count,
        .factors = {rule->factors[0], rule->factors[1]},
        .addend = rule->addend,
    };

    return dgram_steer(f->socket, &s);
}

void
udp_front_free(struct udp_front *f)
{
    if (f == NULL)
        return;
    LIST_EACH_SAFE (it, &f->parked)
        parked_free(f, LIST_ENTRY(it, struct parked, link));
    loop_timer_free(f->patience);
    dgram_free(f->socket);
    MAGIC_CLEAR(f);
    free(f);
}

const struct endpoint *
udp_front_addr(const struct udp_front *f)
{
    return dgram_addr(f->socket);
}
