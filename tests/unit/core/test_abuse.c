/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the cheapest sender of each message can make a swarm spend. A row of the table is a message,
 * or a few that are sent in turn without end; the bounds are work done: messages and bytes sent in
 * answer, pieces read, and how many messages are taken before the connection is closed. A new
 * message of the protocol gets a row.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "peer/core/extmsg.h"
#include "tests/unit/core/rig.h"

#define KIB 1024u
#define MIB (1024u * 1024u)

static struct rig rig;

static void
fini(void)
{
    rig_fini(&rig);
}

TestSuite(abuse, .fini = fini, .timeout = 60);

static struct node *
make(enum metainfo_format format, uint64_t size, uint32_t piece_length, bool seed)
{
    struct content_spec torrent = {
        .format = format, .piece_length = piece_length, .size = size, .files = 1};

    rig_init(&rig, &torrent, 20000, 44);
    return rig_add(&rig, seed);
}

/* --- one hostile peer, and what comes of it --- */

struct spent {
    unsigned messages; /* taken before the end, or all that there were */
    uint64_t sent;     /* bytes of messages in answer */
    unsigned reads;    /* pieces read from disk for their leaves */
    unsigned effects;
    bool closed;
    unsigned banned;
};

/* Takes the swarm's effects; leaves that it reads are there at once. */
static void
carry_out(struct node *n, slot_id peer, struct spent *spent)
{
    struct swarm_input in = {.type = SWARM_IN_LEAVES};
    struct swarm_effect fx;
    uint8_t *leaves = NULL;

    while (swarm_next(n->swarm, &fx) == 1) {
        spent->effects++;
        if (fx.type == SWARM_FX_SEND && fx.peer == peer)
            spent->sent += 5 + fx.u.msg.len;
        if (fx.type == SWARM_FX_CLOSE && fx.peer == peer)
            spent->closed = true;
        if (fx.type == SWARM_FX_NOTICE)
            spent->banned += fx.u.notice.what == SWARM_NOTICE_BANNED;
        if (fx.type != SWARM_FX_LEAVES)
            continue;
        spent->reads++;
        in.u.leaves.piece = fx.u.range.piece;
        in.u.leaves.count = geometry_blocks(&rig.content.geo, fx.u.range.piece);
        leaves = malloc((size_t)in.u.leaves.count * 32);
        cr_assert_not_null(leaves);
        for (uint32_t b = 0; b < in.u.leaves.count; b++)
            content_leaf(fx.u.range.piece, b, BLOCK_GOOD, leaves + (size_t)b * 32);
    }
    if (leaves == NULL)
        return;
    in.u.leaves.leaves = leaves;
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    free(leaves);
    carry_out(n, peer, spent);
}

static slot_id
come(struct node *n, uint8_t host, uint8_t id)
{
    struct swarm_input in = {.type = SWARM_IN_ACCEPTED};
    struct swarm_effect fx;
    slot_id peer = SLOT_NONE;

    in.u.conn.addr = (struct endpoint){.ip = {10, 9, 9, host}, .port = 5000, .family = IP_V4};
    memset(in.u.conn.handshake.peer_id, id, PEER_ID_LEN);
    in.u.conn.handshake.fast = in.u.conn.handshake.extended = true;
    in.u.conn.v2 = rig.content.mi->has_v2;
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        if (fx.type == SWARM_FX_ACCEPT)
            peer = fx.peer;
    return peer;
}

static void
say(struct node *n, slot_id peer, const struct wire_msg *msg, struct spent *spent)
{
    struct swarm_input in = {.type = SWARM_IN_MESSAGE, .peer = peer};

    in.u.msg = *msg;
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    spent->messages++;
    carry_out(n, peer, spent);
}

static void
wait_ms(struct node *n, slot_id peer, int64_t ms, struct spent *spent)
{
    struct swarm_input tick = {.type = SWARM_IN_TICK};

    rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, ms);
    cr_assert_eq(swarm_handle(n->swarm, &tick, rig.sim.engine.now), 0);
    carry_out(n, peer, spent);
}

static struct wire_msg
extended(uint8_t id, const void *data, size_t len)
{
    return (struct wire_msg){.type = WIRE_EXTENDED, .ext_id = id, .data = data, .len = len};
}

/* --- what a peer has is said once (BEP 3, BEP 6) --- */

Test(abuse, what_a_peer_has_is_said_once_and_first)
{
    static const uint8_t bits[2];
    static const struct wire_msg opening[] = {
        {.type = WIRE_HAVE_ALL},
        {.type = WIRE_HAVE_NONE},
        {.type = WIRE_BITFIELD, .data = bits, .len = sizeof(bits)},
    };
    static const struct wire_msg before[] = {
        {.type = WIRE_HAVE_NONE},
        {.type = WIRE_HAVE, .piece = 1},
        {.type = WIRE_INTERESTED},
    };
    struct node *n = make(METAINFO_V1, MIB, 64 * KIB, false);
    uint8_t host = 1;

    for (unsigned i = 0; i < 3; i++) {
        struct wire_msg hello = extended(0, "d1:md11:lt_donthavei7eee", 24);
        struct spent spent = {0};
        slot_id peer = come(n, host, host);

        host++;
        say(n, peer, &hello, &spent);
        say(n, peer, &opening[i], &spent);
        cr_assert_not(spent.closed, "some clients send their extended handshake first");
        say(n, peer, &opening[i], &spent);
        cr_assert(spent.closed, "%s twice", wire_name(opening[i].type));
        for (unsigned k = 0; k < 3; k++, host++) {
            spent = (struct spent){0};
            peer = come(n, host, host);
            say(n, peer, &before[k], &spent);
            cr_assert_not(spent.closed);
            say(n, peer, &opening[i], &spent);
            cr_assert(spent.closed, "%s after %s", wire_name(opening[i].type),
                      wire_name(before[k].type));
        }
    }
}

/* --- budgets come back --- */

/* A peer that takes a request and then lacks the piece gives nothing; what was paid for the
 * request is there for others. */
Test(abuse, a_request_that_is_taken_back_is_paid_back)
{
    struct wire_msg all = {.type = WIRE_HAVE_ALL}, unchoke = {.type = WIRE_UNCHOKE};
    struct swarm_input in = {.type = SWARM_IN_MESSAGE};
    struct node *n = make(METAINFO_V1, MIB, 64 * KIB, false);
    struct spent spent = {0};
    struct swarm_effect fx;
    int64_t before;

    rate_bucket_set(&n->down, 100 * KIB, rig.sim.engine.now);
    rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, 5000);
    in.peer = come(n, 1, 'a');
    say(n, in.peer, &all, &spent);
    rate_bucket_charge(&n->down, 0, rig.sim.engine.now);
    before = n->down.tokens;
    for (unsigned i = 0; i < 200; i++) {
        uint8_t piece[4] = {0};
        bool asked = false;

        in.u.msg = unchoke;
        cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
        while (swarm_next(n->swarm, &fx) == 1)
            if (fx.type == SWARM_FX_SEND && fx.u.msg.type == WIRE_REQUEST) {
                asked = true;
                piece[3] = (uint8_t)fx.u.msg.piece;
            }
        if (!asked)
            break;
        in.u.msg = (struct wire_msg){.type = WIRE_CHOKE};
        say(n, in.peer, &in.u.msg, &spent);
        in.u.msg = extended(1, piece, 4);
        say(n, in.peer, &in.u.msg, &spent);
    }
    cr_assert_eq(n->down.tokens, before, "%ld bytes are lost",
                 (long)((before - n->down.tokens) / 1000000));
}

/* --- slots --- */

Test(abuse, idle_peers_that_say_they_are_interested_keep_no_slot)
{
    struct wire_msg interested = {.type = WIRE_INTERESTED};
    struct node *n = make(METAINFO_V1, MIB, 64 * KIB, true);
    struct swarm_input in = {.type = SWARM_IN_MESSAGE};
    struct spent spent = {0};
    struct swarm_effect fx;
    bool unchoked = false;

    for (uint8_t i = 0; i < 24; i++)
        say(n, come(n, (uint8_t)(i / 12), (uint8_t)(100 + i)), &interested, &spent);
    for (unsigned i = 0; i < 30; i++)
        wait_ms(n, SLOT_NONE, 1000, &spent);
    in.peer = come(n, 77, 'n');
    in.u.msg = interested;
    for (unsigned i = 0; i < 10 && !unchoked; i++) {
        swarm_handle(n->swarm, &in, rig.sim.engine.now);
        while (swarm_next(n->swarm, &fx) == 1)
            unchoked |= fx.type == SWARM_FX_SEND && fx.peer == in.peer &&
                        fx.u.msg.type == WIRE_UNCHOKE;
        in = (struct swarm_input){.type = SWARM_IN_TICK, .peer = in.peer};
        rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, 1000);
    }
    cr_assert(unchoked, "a newcomer waits for peers that ask for nothing");
}
