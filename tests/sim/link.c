/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The life of a connection: the dial and its handshake, the two ends that open and close on their
 * own, and what breaks it. Bytes are segment.c's.
 */
#include "tests/sim/link.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "tests/sim/job.h"
#include "tests/sim/link_impl.h"
#include "tests/sim/sim.h"

/* TCP gives up on a machine that doesn't answer, in the end. */
enum { BROKEN_AFTER_US = 60 * 1000000 };

static void on_dial(struct event *e);

static void
pipe_init(struct pipe *p, struct link *l, unsigned side)
{
    *p = (struct pipe){.owner = l, .side = side, .window = l->sim->net.window};
    if (p->window > WINDOW_FIRST)
        p->window = WINDOW_FIRST;
    list_init(&p->ring);
    list_init(&p->queue);
    list_init(&p->held);
}

static struct link *
link_new(struct sim *s)
{
    struct link *l = sim_alloc(1, sizeof(*l));

    l->sim = s;
    l->id = slotmap_add(&s->links, l);
    ASSERT(l->id != SLOT_NONE);
    event_init(&l->dial, on_dial);
    list_init(&l->segments);
    for (unsigned side = 0; side < 2; side++) {
        pipe_init(&l->pipe[side], l, side);
        l->talk[side].choked = l->talk[side].choking = true;
    }
    return l;
}

static void
link_free(struct link *l)
{
    event_cancel(&l->sim->engine, &l->dial);
    for (unsigned side = 0; side < 2; side++) {
        pipe_drop_queue(&l->pipe[side]);
        manners_fini(&l->talk[side].manners);
    }
    while (!list_empty(&l->segments))
        segment_drop(LIST_ENTRY(l->segments.next, struct segment, link));
    slotmap_remove(&l->sim->links, l->id);
    free(l);
}

void
link_reap(struct link *l)
{
    if (!l->open[0] && !l->open[1] && l->holds == 0 && list_empty(&l->segments) &&
        !event_posted(&l->dial))
        link_free(l);
}

static void
open_side(struct link *l, unsigned side, struct node *n, slot_id peer)
{
    ASSERT(n->by_slot[slot_index(peer)] == NULL);
    l->end[side] = n;
    l->peer[side] = peer;
    l->open[side] = true;
    manners_begin(&l->talk[side].manners, n->sim->engine.now);
    n->by_slot[slot_index(peer)] = l;
}

/* The dial has come to something, or to nothing. */
static void
end_dial(struct link *l)
{
    l->end[0]->count.half_open -= l->dialling ? 1 : 0;
    l->dialling = false;
}

void
link_shut(struct link *l, unsigned side)
{
    if (side == 0)
        end_dial(l);
    l->open[side] = false;
    l->end[side]->by_slot[slot_index(l->peer[side])] = NULL;
    jobs_drop_reads(l->end[side], l->peer[side]);
    pipe_drop_queue(&l->pipe[side]);
    pipe_drop_held(&l->pipe[1 - side]);
}

/* Which side of |l| is the node's slot |i|: a node may have both. */
static unsigned
side_of_slot(const struct link *l, const struct node *n, uint32_t i)
{
    return l->open[0] && l->end[0] == n && slot_index(l->peer[0]) == i ? 0 : 1;
}

struct link *
link_find(const struct node *n, slot_id peer, unsigned *side)
{
    uint32_t i = slot_index(peer);
    struct link *l = i < node_slots(n) ? n->by_slot[i] : NULL;

    if (l == NULL)
        return NULL;
    *side = side_of_slot(l, n, i);
    return l->peer[*side] == peer ? l : NULL;
}

int64_t
link_delay(const struct link *l)
{
    return l->end[0]->spec.line.delay_us + l->end[1]->spec.line.delay_us;
}

static void
feed_closed(struct link *l, unsigned side, int err)
{
    struct swarm_input in = {.type = SWARM_IN_CLOSED, .peer = l->peer[side]};

    link_shut(l, side);
    in.u.closed.err = err;
    node_feed(l->end[side], &in);
}

void
link_hear_end(struct link *l, unsigned side, int err)
{
    l->holds++;
    if (l->open[side])
        feed_closed(l, side, err);
    l->holds--;
}

/* --- dialling --- */

static struct node *
node_at(const struct sim *s, const struct endpoint *addr)
{
    unsigned index = node_number(addr);

    return index < s->count && endpoint_equal(&s->nodes[index]->addr, addr) ? s->nodes[index]
                                                                            : NULL;
}

static void
make_offer(const struct node *n, struct handshake *h)
{
    const struct metainfo *mi = n->sim->content->mi;

    handshake_offer(&mi->id, n->peer_id, h);
    h->dht = n->dht != NULL; /* also if the torrent is private, as some clients do */
    if (n->spec.tongue == SPEAKS_V1)
        h->upgrade = false;
    if (n->spec.tongue == SPEAKS_V2 && mi->id.has_v2)
        memcpy(h->info_hash, identity_wire_hash(&mi->id, true), sizeof(h->info_hash));
}

/* The called node's answer; an error if it does not know the torrent by that hash. */
static int
make_answer(const struct node *n, struct link *l, bool *v2)
{
    const struct metainfo *mi = n->sim->content->mi;
    struct handshake offer = l->offer;
    int err;

    if (n->spec.tongue == SPEAKS_V1)
        offer.upgrade = false;
    err = handshake_answer(&mi->id, n->peer_id, &offer, &l->answer, v2);
    if (err != 0)
        return err;
    if (mi->id.has_v1 && mi->id.has_v2 &&
        ((n->spec.tongue == SPEAKS_V1 && *v2) || (n->spec.tongue == SPEAKS_V2 && !*v2)))
        return SPRAT_E_NOTFOUND;
    if (n->spec.tongue == SPEAKS_V1)
        l->answer.upgrade = false;
    l->answer.dht = n->dht != NULL;
    return 0;
}

void
link_dial(struct node *n, slot_id peer, const struct endpoint *to)
{
    struct link *l = link_new(n->sim);

    l->end[1] = node_at(n->sim, to);
    if (l->end[1] == NULL) {
        l->end[1] = n;
        l->nowhere = true;
        n->count.astray++;
    }
    open_side(l, 0, n, peer);
    make_offer(n, &l->offer);
    l->dialling = true;
    n->count.half_open++;
    /* SYN, SYN-ACK, and the handshake behind the ACK. */
    event_post_us(&n->sim->engine, &l->dial, 3 * link_delay(l));
}

static void
break_in(struct link *l, int err, int64_t in_us)
{
    l->phase = LINK_BROKEN;
    l->dial_err = err;
    event_post_us(&l->sim->engine, &l->dial, in_us);
}

bool
link_cut(const struct link *l)
{
    return l->end[0]->side != l->end[1]->side;
}

static void
on_syn(struct link *l)
{
    struct node *to = l->end[1];
    struct swarm_input in = {.type = SWARM_IN_ACCEPTED};
    int err;

    if (!l->open[0])
        return;
    if (l->nowhere || to->spec.line.nat || to->state == NODE_DARK || to->state == NODE_AWAY ||
        link_cut(l)) {
        break_in(l, SPRAT_E_TIMEOUT, l->sim->net.dial_timeout_us);
        return;
    }
    if (!node_running(to)) {
        break_in(l, SPRAT_E_REFUSED, link_delay(l));
        return;
    }
    err = make_answer(to, l, &in.u.conn.v2);
    if (err != 0) {
        break_in(l, SPRAT_E_CLOSED, link_delay(l));
        return;
    }
    in.u.conn.token = l->id;
    in.u.conn.addr = l->end[0]->addr;
    in.u.conn.addr.port = (uint16_t)(20000 + l->id % 40000);
    in.u.conn.handshake = l->offer;
    to->count.over_down += HANDSHAKE_LEN;
    node_feed(to, &in);
}

void
link_accept(struct node *n, slot_id token, slot_id peer)
{
    struct link *l = slotmap_get(&n->sim->links, token);

    ASSERT(l != NULL && l->phase == LINK_SYN && l->end[1] == n);
    open_side(l, 1, n, peer);
    l->phase = LINK_ANSWER;
    event_post_us(&n->sim->engine, &l->dial, link_delay(l));
    l->pipe[1].last = mono_add_us(n->sim->engine.now, link_delay(l));
}

void
link_refuse(struct node *n, slot_id token, int err)
{
    struct link *l = slotmap_get(&n->sim->links, token);

    ASSERT(l != NULL && l->phase == LINK_SYN && l->end[1] == n);
    if (err == SPRAT_E_EXISTS && node_honest(n) && l->end[0] != n)
        manners_twin(n, l);
    break_in(l, SPRAT_E_CLOSED, link_delay(l));
}

static void
on_answer(struct link *l)
{
    struct swarm_input in = {.type = SWARM_IN_CONNECTED, .peer = l->peer[0]};
    struct node *n = l->end[0];

    if (l->open[0] && link_cut(l)) {
        feed_closed(l, 0, SPRAT_E_TIMEOUT);
        if (l->open[1])
            segment_send_end(l, 0, SPRAT_E_CLOSED);
        return;
    }
    l->phase = LINK_UP;
    if (!l->open[0])
        return;
    end_dial(l);
    manners_begin(&l->talk[0].manners, l->sim->engine.now);
    in.u.conn.addr = l->end[1]->addr;
    in.u.conn.handshake = l->answer;
    if (handshake_check(&l->sim->content->mi->id, &l->offer, &l->answer, &in.u.conn.v2) != 0)
        sim_fail(l->sim, "n%u refuses an honest answer to its handshake", n->index);
    n->count.over_down += HANDSHAKE_LEN;
    node_feed(n, &in);
}

static void
on_dial(struct event *e)
{
    struct link *l = LIST_ENTRY(e, struct link, dial);

    l->holds++;
    switch (l->phase) {
    case LINK_SYN: on_syn(l); break;
    case LINK_ANSWER: on_answer(l); break;
    case LINK_BROKEN:
        for (unsigned side = 0; side < 2; side++)
            if (l->open[side])
                feed_closed(l, side, l->dial_err);
        break;
    case LINK_UP: break;
    }
    l->holds--;
    link_reap(l);
}

/* --- ends --- */

void
link_close(struct link *l, unsigned side, int err)
{
    link_shut(l, side);
    if (l->open[1 - side] && !l->ending[1 - side])
        segment_send_end(l, side, err == 0 ? 0 : SPRAT_E_CLOSED);
    link_reap(l);
}

/* Something came for an end that is not there any more. */
void
link_bounce(struct link *l, unsigned from)
{
    if (!l->open[from] || l->ending[from] || l->phase == LINK_BROKEN)
        return;
    if (l->end[1 - from]->state == NODE_DARK)
        break_in(l, SPRAT_E_TIMEOUT, BROKEN_AFTER_US);
    else
        segment_send_end(l, 1 - from, SPRAT_E_RESET);
}

void
links_crash(struct node *n, bool dark)
{
    for (uint32_t i = 0; i < node_slots(n); i++) {
        struct link *l = n->by_slot[i];
        unsigned side;

        if (l == NULL)
            continue;
        side = side_of_slot(l, n, i);
        link_shut(l, side);
        if (!dark && l->open[1 - side] && !l->ending[1 - side])
            segment_send_end(l, side, SPRAT_E_RESET);
        link_reap(l);
    }
}

/* TCP sends again after twice the time that it waited last: so about as long as the machine was
 * off goes by until the next try, which is answered with a reset. */
void
links_wake(struct node *n)
{
    struct engine *g = &n->sim->engine;
    int64_t off_us = mono_diff_us(g->now, n->dark_since);
    uint32_t iter = 0;
    struct link *l;

    while ((l = slotmap_next(&n->sim->links, &iter)) != NULL) {
        struct mono at = mono_add_us(g->now, off_us + link_delay(l));
        unsigned side = l->end[0] == n ? 0 : 1;

        if (l->phase != LINK_BROKEN || l->end[side] != n || l->open[side] ||
            !event_posted(&l->dial) || mono_before(l->dial.node.at, at))
            continue;
        l->dial_err = SPRAT_E_RESET;
        event_post(g, &l->dial, at);
    }
}

void
links_heal(struct sim *s)
{
    uint32_t iter = 0;
    struct link *l;

    s->healed_at = s->engine.now;
    while ((l = slotmap_next(&s->links, &iter)) != NULL)
        for (unsigned side = 0; side < 2; side++)
            pipe_release(&l->pipe[side]);
}

void
links_fini(struct sim *s)
{
    uint32_t iter = 0;
    struct link *l;

    while ((l = slotmap_next(&s->links, &iter)) != NULL)
        link_free(l);
}
