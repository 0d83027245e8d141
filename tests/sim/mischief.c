/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Twisted words and pranks.
 */
#include "tests/sim/mischief.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "peer/core/extmsg.h"
#include "peer/core/pex.h"
#include "tests/sim/sim.h"

enum {
    FLOOD_EVERY_US = 50000,
    FLOOD_BURST = 8, /* messages to each peer */
    FLAP_MIN_US = 500000,
    FLAP_SPAN_US = 4000000,
    SIP_EVERY_US = 3000000,
};

static bool
does(const struct node *n, enum mischief m)
{
    return (n->spec.mischief & m) != 0;
}

bool
mischief_twist(struct node *n, struct packet *p)
{
    if (does(n, MISCHIEF_MUTE) && (p->msg.type == WIRE_PIECE || p->msg.type == WIRE_REJECT ||
                                   p->msg.type == WIRE_HASHES || p->msg.type == WIRE_HASH_REJECT))
        return false;
    if ((does(n, MISCHIEF_IDLE) || does(n, MISCHIEF_SIP)) && p->msg.type == WIRE_REQUEST)
        return false;
    if (does(n, MISCHIEF_SIP) && p->msg.type == WIRE_CANCEL)
        return false;
    if (does(n, MISCHIEF_SELFISH) &&
        (p->msg.type == WIRE_UNCHOKE || p->msg.type == WIRE_ALLOWED_FAST))
        return false;
    if (does(n, MISCHIEF_CORRUPT) && p->msg.type == WIRE_PIECE)
        p->tag = (uint8_t)(BLOCK_BAD + n->index % 100);
    if (does(n, MISCHIEF_SPOIL) && p->msg.type == WIRE_PIECE && p->msg.piece == 2 &&
        p->msg.begin == BLOCK_LEN)
        p->tag = BLOCK_BAD;
    if (does(n, MISCHIEF_FORGE) && p->msg.type == WIRE_HASHES && p->owned != NULL)
        p->owned[rng_below(&n->sim->rng, (uint32_t)p->msg.len)] ^= 1;
    return true;
}

bool
mischief_swallows(const struct node *n, const struct packet *p)
{
    return does(n, MISCHIEF_SIP) && p->msg.type == WIRE_PIECE;
}

static void
next_prank(struct node *n)
{
    if (does(n, MISCHIEF_FLOOD) || does(n, MISCHIEF_GOSSIP))
        event_post_us(&n->sim->engine, &n->prank, FLOOD_EVERY_US);
    else if (does(n, MISCHIEF_FLAP))
        event_post_us(&n->sim->engine, &n->prank,
                      FLAP_MIN_US + rng_below(&n->sim->rng, FLAP_SPAN_US));
    else if (does(n, MISCHIEF_SIP))
        event_post_us(&n->sim->engine, &n->prank, SIP_EVERY_US);
}

void
mischief_begin(struct node *n)
{
    next_prank(n);
}

/* --- flood --- */

static void
make_nonsense(struct sim *s, struct wire_msg *m)
{
    static const enum wire_type types[] = {
        WIRE_KEEPALIVE, WIRE_INTERESTED, WIRE_NOT_INTERESTED, WIRE_HAVE,         WIRE_REQUEST,
        WIRE_REQUEST,   WIRE_CANCEL,     WIRE_PIECE,          WIRE_CHOKE,        WIRE_UNCHOKE,
        WIRE_SUGGEST,   WIRE_REJECT,     WIRE_ALLOWED_FAST,   WIRE_HASH_REQUEST, WIRE_PORT,
    };
    const struct metainfo *mi = s->content->mi;

    *m = (struct wire_msg){.type = types[rng_below(&s->rng, sizeof(types) / sizeof(*types))]};
    if (m->type == WIRE_HASH_REQUEST && !mi->id.has_v2)
        m->type = WIRE_KEEPALIVE;
    m->piece = rng_below(&s->rng, mi->piece_count);
    m->begin = rng_below(&s->rng, s->content->bpp + 1) * BLOCK_LEN;
    m->length = rng_below(&s->rng, 8) == 0 ? 1 + rng_below(&s->rng, BLOCK_LEN) : BLOCK_LEN;
    m->hashes = (struct wire_hash_request){.base_layer = rng_below(&s->rng, 12),
                                           .index = rng_below(&s->rng, 64) * 2,
                                           .length = 1u << rng_below(&s->rng, 10),
                                           .proof_layers = rng_below(&s->rng, 16)};
    if (mi->file_count > 0 && mi->files[0].has_root && rng_below(&s->rng, 2) == 0)
        for (unsigned i = 0; i < sizeof(m->hashes.root); i++)
            m->hashes.root[i] = mi->files[0].root[i];
}

static void
flood(struct node *n, struct link *l, unsigned side)
{
    for (unsigned i = 0; i < FLOOD_BURST; i++) {
        struct wire_msg m;

        make_nonsense(n->sim, &m);
        link_send(l, side, packet_new(n->sim, &m, BLOCK_BAD));
    }
}

/* --- gossip --- */

/* The sub-id by which this engine takes ut_pex. */
static uint8_t
pex_id(void)
{
    uint8_t id = 1;

    while (extmsg_kind_of(id) != EXTMSG_PEX)
        id++;
    return id;
}

static void
gossip(struct node *n, struct link *l, unsigned side)
{
    struct wire_msg m = {.type = WIRE_EXTENDED, .ext_id = pex_id()};
    struct pex_contact c[PEX_ADDED_MAX];
    struct pex_out o;
    struct buf b;

    for (unsigned i = 0; i < PEX_ADDED_MAX; i++)
        c[i] = (struct pex_contact){.addr = {.ip = {10, 200, (uint8_t)rng_u32(&n->sim->rng),
                                                    (uint8_t)rng_u32(&n->sim->rng)},
                                             .port = 6881, .family = IP_V4},
                                    .flags = PEX_REACHABLE};
    pex_out_init(&o);
    buf_init(&b, PEX_SIZE_MAX);
    ASSERT(pex_write(&o, c, pex_sort(c, PEX_ADDED_MAX), &n->sim->rng, &b) == 1);
    m.data = buf_data(&b);
    m.len = buf_len(&b);
    link_send(l, side, packet_new(n->sim, &m, BLOCK_GOOD));
    buf_fini(&b);
    pex_out_fini(&o);
}

/* --- flap --- */

static void
flap(struct node *n, struct link *l, unsigned side)
{
    struct swarm_input in = {.type = SWARM_IN_CLOSED, .peer = l->peer[side]};

    in.u.closed.err = SPRAT_E_RESET;
    link_close(l, side, SPRAT_E_RESET);
    node_feed(n, &in);
}

/* --- sip --- */

static void
sip(struct node *n, struct link *l, unsigned side)
{
    const struct geometry *g = &n->sim->content->geo;
    struct wire_msg m = {.type = WIRE_REQUEST, .piece = rng_below(&n->sim->rng, g->piece_count)};

    m.length = geometry_block_len(g, m.piece, 0);
    if (!l->talk[side].choked)
        link_send(l, side, packet_new(n->sim, &m, BLOCK_GOOD));
}

void
mischief_prank(struct event *e)
{
    struct node *n = LIST_ENTRY(e, struct node, prank);

    for (uint32_t i = 0; i < node_slots(n) && node_running(n); i++) {
        struct link *l = n->by_slot[i];
        unsigned side;

        if (l == NULL || l->phase != LINK_UP)
            continue;
        side = l->end[0] == n && l->open[0] && slot_index(l->peer[0]) == i ? 0 : 1;
        if (does(n, MISCHIEF_FLOOD) && l->pipe[side].queue.next == &l->pipe[side].queue)
            flood(n, l, side);
        if (does(n, MISCHIEF_GOSSIP) && l->pipe[side].queue.next == &l->pipe[side].queue)
            gossip(n, l, side);
        if (does(n, MISCHIEF_SIP))
            sip(n, l, side);
        if (does(n, MISCHIEF_FLAP))
            flap(n, l, side);
    }
    if (node_running(n))
        next_prank(n);
}
