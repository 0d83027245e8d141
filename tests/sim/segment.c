/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bytes on a link: packets wait for the uplink, leave in segments that take turns, travel with
 * delay, jitter and loss, wait for the receiver's line, and are handed to its core in order.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "tests/sim/check.h"
#include "tests/sim/link_impl.h"
#include "tests/sim/mischief.h"
#include "tests/sim/sim.h"

enum { RESEND_MIN_US = 200000 };

struct packet *
packet_new(struct sim *s, const struct wire_msg *msg, uint8_t tag)
{
    struct list *spare = list_pop_front(&s->packets);
    struct packet *p =
        spare != NULL ? LIST_ENTRY(spare, struct packet, link) : sim_alloc(1, sizeof(*p));

    *p = (struct packet){.msg = *msg, .tag = tag, .bytes = wire_size(msg)};
    p->allowed = p->bytes;
    list_init(&p->link);
    if (msg->data != NULL && msg->len > 0) {
        p->owned = sim_alloc(msg->len, 1);
        memcpy(p->owned, msg->data, msg->len);
        p->msg.data = p->owned;
    }
    return p;
}

void
packet_drop(struct sim *s, struct packet *p)
{
    free(p->owned);
    list_push_front(&s->packets, &p->link);
}

static uint32_t
payload_of(const struct packet *p)
{
    return p->msg.type == WIRE_PIECE ? p->msg.length : 0;
}

/* Payload bytes within the first |bytes| of the packet. */
static uint32_t
payload_within(const struct packet *p, uint32_t bytes)
{
    uint32_t head = p->bytes - payload_of(p);

    return bytes > head && payload_of(p) > 0 ? bytes - head : 0;
}

/* Payload bytes that travel in its last segment. */
static uint32_t
payload_left(const struct packet *p)
{
    return payload_of(p) - payload_within(p, p->left);
}

static struct node *
sender(const struct pipe *p)
{
    return p->owner->end[p->side];
}

static struct node *
receiver(const struct pipe *p)
{
    return p->owner->end[1 - p->side];
}

/* --- leaving --- */

static void on_sent(struct event *e);

void
uplink_init(struct node *n)
{
    event_init(&n->uplink.timer, on_sent);
    list_init(&n->uplink.ring);
}

static bool
may_leave(const struct pipe *p)
{
    const struct packet *k = LIST_ENTRY(p->queue.next, struct packet, link);

    return !list_empty(&p->queue) && k->allowed > k->left;
}

/* Into the ring, if there is something to send and the window is open. */
static void
pipe_enter_ring(struct pipe *p)
{
    if (may_leave(p) && p->in_flight < p->window && !list_linked(&p->ring))
        list_push_back(&sender(p)->uplink.ring, &p->ring);
}

void
link_send(struct link *l, unsigned side, struct packet *p)
{
    struct pipe *pipe = &l->pipe[side];

    list_push_back(&pipe->queue, &p->link);
    pipe->waiting += payload_of(p);
    pipe_enter_ring(pipe);
    uplink_kick(l->end[side]);
}

void
link_allow(struct link *l, unsigned side, uint32_t piece, uint32_t begin, uint32_t more)
{
    struct pipe *pipe = &l->pipe[side];

    for (struct list *it = pipe->queue.prev; it != &pipe->queue; it = it->prev) {
        struct packet *p = LIST_ENTRY(it, struct packet, link);

        if (p->msg.type != WIRE_PIECE)
            continue;
        if (p->msg.piece == piece && p->msg.begin == begin)
            p->allowed += more < p->bytes - p->allowed ? more : p->bytes - p->allowed;
        break;
    }
    pipe_enter_ring(pipe);
    uplink_kick(l->end[side]);
}

static void on_arrive(struct event *e);

static struct segment *
segment_new(struct pipe *p)
{
    struct list *spare = list_pop_front(&p->owner->sim->segments);
    struct segment *g =
        spare != NULL ? LIST_ENTRY(spare, struct segment, link) : sim_alloc(1, sizeof(*g));

    *g = (struct segment){.pipe = p};
    event_init(&g->arrive, on_arrive);
    list_init(&g->link);
    list_init(&g->held);
    list_init(&g->packets);
    list_push_back(&p->owner->segments, &g->link);
    return g;
}

static struct segment *
cut_segment(struct pipe *p)
{
    struct segment *g = segment_new(p);

    while (may_leave(p)) {
        struct packet *k = LIST_ENTRY(p->queue.next, struct packet, link);
        uint32_t bytes = k->allowed - k->left;

        if (g->bytes > 0 && g->bytes + bytes > SEGMENT_BYTES + WIRE_PIECE_HEADER)
            break;
        g->bytes += bytes;
        if (k->allowed < k->bytes) {
            g->part = payload_within(k, k->allowed) - payload_within(k, k->left);
            g->payload += g->part;
            k->left = k->allowed;
            break;
        }
        list_remove(&k->link);
        list_push_back(&g->packets, &k->link);
        g->payload += payload_left(k);
    }
    p->waiting -= g->payload;
    return g;
}

static int64_t
line_us(uint64_t bytes, uint64_t rate)
{
    return rate > 0 ? (int64_t)(bytes * 1000000 / rate) : 0;
}

void
uplink_kick(struct node *n)
{
    struct list *first;

    if (n->uplink.current != NULL || (first = list_pop_front(&n->uplink.ring)) == NULL)
        return;
    n->uplink.current = cut_segment(LIST_ENTRY(first, struct pipe, ring));
    event_post_us(&n->sim->engine, &n->uplink.timer,
                  line_us(n->uplink.current->bytes, n->spec.line.up));
}

static bool
is_hit(struct sim *s, uint32_t bytes)
{
    for (uint32_t at = 0; at < bytes && s->net.loss > 0; at += PACKET_BYTES)
        if (rng_below(&s->rng, 1000000) < s->net.loss)
            return true;
    return false;
}

/* When a segment that leaves now gets through, and what that does to the window. */
static struct mono
travel(struct segment *g)
{
    struct pipe *p = g->pipe;
    struct sim *s = p->owner->sim;
    struct node *to = receiver(p);
    int64_t delay = link_delay(p->owner);
    struct mono at;

    if (s->net.jitter_us > 0)
        delay += rng_below(&s->rng, (uint32_t)s->net.jitter_us);
    if (is_hit(s, g->bytes)) {
        delay += 2 * delay > RESEND_MIN_US ? 2 * delay : RESEND_MIN_US;
        p->lost = true;
        p->window = p->window / 2 > SEGMENT_BYTES ? p->window / 2 : SEGMENT_BYTES;
    }
    at = mono_add_us(s->engine.now, delay);
    if (mono_before(at, p->last))
        at = p->last;
    if (mono_before(to->line_free, at))
        to->line_free = at;
    to->line_free = mono_add_us(to->line_free, line_us(g->bytes, to->spec.line.down));
    p->last = to->line_free;
    return p->last;
}

static void
report_sent(struct link *l, unsigned side, const struct segment *g)
{
    struct swarm_input in = {.type = SWARM_IN_SENT, .peer = l->peer[side]};
    struct node *n = l->end[side];

    n->count.sent += g->payload;
    n->count.over_sent += g->bytes - g->payload;
    if (g->end || !l->open[side])
        return;
    n->count.core_up += g->payload;
    n->count.over_up += g->bytes - g->payload;
    in.u.sent.payload = g->payload;
    in.u.sent.total = g->bytes;
    node_feed(n, &in);
}

static void
on_sent(struct event *e)
{
    struct node *n = LIST_ENTRY(e, struct node, uplink.timer);
    struct segment *g = n->uplink.current;
    struct pipe *p = g->pipe;
    struct link *l = p->owner;

    n->uplink.current = NULL;
    p->in_flight += g->bytes;
    g->flies = true;
    l->sim->ledger.left += g->payload;
    l->sim->ledger.flying += g->payload;
    event_post(&l->sim->engine, &g->arrive, travel(g));
    pipe_enter_ring(p);
    l->holds++;
    report_sent(l, p->side, g);
    l->holds--;
    uplink_kick(n);
}

void
segment_send_end(struct link *l, unsigned from, int err)
{
    struct pipe *p = &l->pipe[from];
    struct segment *g = segment_new(p);
    struct mono at = mono_add_us(l->sim->engine.now, link_delay(l));

    g->end = true;
    g->err = err;
    l->ending[1 - from] = true;
    event_post(&l->sim->engine, &g->arrive, mono_before(at, p->last) ? p->last : at);
}

/* --- arriving --- */

void
segment_drop(struct segment *g)
{
    struct pipe *p = g->pipe;
    struct sim *s = p->owner->sim;
    struct list *k;

    event_cancel(&s->engine, &g->arrive);
    if (sender(p)->uplink.current == g) {
        event_cancel(&s->engine, &sender(p)->uplink.timer);
        sender(p)->uplink.current = NULL;
    }
    while ((k = list_pop_front(&g->packets)) != NULL) {
        struct packet *packet = LIST_ENTRY(k, struct packet, link);

        if (g->flies) {
            s->ledger.flying -= payload_left(packet);
            s->ledger.lost += payload_left(packet);
        }
        packet_drop(s, packet);
    }
    if (g->flies) {
        s->ledger.flying -= g->part;
        s->ledger.lost += g->part;
    }
    list_remove(&g->link);
    list_remove(&g->held);
    list_push_front(&s->segments, &g->link);
}

/* Takes a block for the payload; its first byte is its tag, which travels with it to the disk. */
static struct block *
make_block(struct sim *s, const struct packet *p)
{
    struct block *b = block_take(s->pool);

    ASSERT(b != NULL);
    b->len = p->msg.length;
    b->data[0] = p->tag;
    return b;
}

/* Turns the message into bytes and back, as a socket would have it. */
static void
pass_codec(struct sim *s, struct packet *p)
{
    struct wire_rx rx;
    struct wire_msg msg;
    struct buf bytes;

    buf_init(&bytes, 1 << 21);
    wire_rx_init(&rx, s->pool, s->content->geo.piece_count);
    ASSERT(wire_encode(&bytes, &p->msg) == 0);
    for (size_t at = 0; at < buf_len(&bytes);) {
        int64_t n = wire_rx_push(&rx, buf_data(&bytes) + at, buf_len(&bytes) - at);

        ASSERT(n > 0);
        at += (size_t)n;
    }
    if (wire_rx_next(&rx, &msg) != 1 || buf_len(&bytes) != p->bytes || msg.type != p->msg.type ||
        msg.piece != p->msg.piece || msg.begin != p->msg.begin || msg.len != p->msg.len ||
        (msg.len > 0 && memcmp(msg.data, p->msg.data, msg.len) != 0) ||
        memcmp(&msg.hashes, &p->msg.hashes, sizeof(msg.hashes)) != 0)
        sim_fail(s, "%s is something else behind the codec", wire_name(p->msg.type));
    wire_rx_fini(&rx);
    buf_fini(&bytes);
}

static void
came(struct link *l, unsigned side, uint32_t payload)
{
    l->sim->ledger.flying -= payload;
    l->sim->ledger.came += payload;
    l->end[side]->count.got += payload;
}

static void
feed_packet(struct link *l, unsigned side, struct packet *p)
{
    struct swarm_input in = {.type = SWARM_IN_MESSAGE, .peer = l->peer[side]};
    struct node *n = l->end[side];

    came(l, side, payload_left(p));
    if (mischief_swallows(n, p)) {
        packet_drop(l->sim, p);
        return;
    }
    n->count.core_down += payload_of(p);
    n->count.over_down += p->bytes - payload_of(p);
    n->count.over_got += p->bytes - payload_of(p);
    in.total = p->bytes;
    in.u.msg = p->msg;
    if (p->msg.type == WIRE_PIECE)
        in.u.msg.block = make_block(l->sim, p);
    else if (l->sim->net.codec && node_honest(l->end[1 - side]))
        pass_codec(l->sim, p);
    check_received(l, side, &p->msg);
    node_feed(n, &in);
    packet_drop(l->sim, p);
}

static void
open_window(struct pipe *p, uint32_t bytes)
{
    uint32_t most = p->owner->sim->net.window;

    p->in_flight -= bytes;
    /* Twofold a round trip until the first loss, then a little more each time. */
    p->window += p->lost ? (uint32_t)((uint64_t)SEGMENT_BYTES * bytes / p->window) : bytes;
    if (p->window > most)
        p->window = most;
    pipe_enter_ring(p);
    uplink_kick(sender(p));
}

static void
deliver(struct segment *g)
{
    struct pipe *p = g->pipe;
    struct link *l = p->owner;
    unsigned to = 1 - p->side;

    l->holds++;
    open_window(p, g->bytes);
    if (!l->open[to] && !g->end)
        link_bounce(l, p->side);
    while (l->open[to] && !list_empty(&g->packets))
        feed_packet(l, to, LIST_ENTRY(list_pop_front(&g->packets), struct packet, link));
    if (l->open[to]) {
        came(l, to, g->part);
        g->part = 0;
    }
    if (g->end)
        link_hear_end(l, to, g->err);
    segment_drop(g);
    l->holds--;
    link_reap(l);
}

static bool
is_held(const struct segment *g)
{
    const struct pipe *p = g->pipe;

    return !list_empty(&p->held) || link_cut(p->owner) ||
           (g->payload > 0 && mischief_deaf(receiver(p)) && p->owner->open[1 - p->side]);
}

static void
on_arrive(struct event *e)
{
    struct segment *g = LIST_ENTRY(e, struct segment, arrive);

    if (is_held(g))
        list_push_back(&g->pipe->held, &g->held);
    else
        deliver(g);
}

/* --- packets that wait --- */

void
pipe_drop_queue(struct pipe *p)
{
    struct list *k;

    list_remove(&p->ring);
    p->waiting = 0;
    while ((k = list_pop_front(&p->queue)) != NULL)
        packet_drop(p->owner->sim, LIST_ENTRY(k, struct packet, link));
}

void
pipe_drop_held(struct pipe *p)
{
    while (!list_empty(&p->held))
        segment_drop(LIST_ENTRY(p->held.next, struct segment, held));
}

void
pipe_release(struct pipe *p)
{
    struct link *l = p->owner;
    struct mono at = mono_add_us(l->sim->engine.now, link_delay(l));

    if (list_empty(&p->held))
        return;
    for (struct list *it = l->segments.next; it != &l->segments; it = it->next) {
        struct segment *g = LIST_ENTRY(it, struct segment, link);

        if (g->pipe != p || (!list_linked(&g->held) && !event_posted(&g->arrive)))
            continue;
        list_remove(&g->held);
        if (!event_posted(&g->arrive) || mono_before(g->arrive.node.at, at))
            event_post(&l->sim->engine, &g->arrive, at);
    }
}

void
segments_fini(struct sim *s)
{
    struct list *k;

    while ((k = list_pop_front(&s->packets)) != NULL)
        free(LIST_ENTRY(k, struct packet, link));
    while ((k = list_pop_front(&s->segments)) != NULL)
        free(LIST_ENTRY(k, struct segment, link));
}
