/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The work that a hostile peer can cause with each message. A row of the table is a message, or a
 * few messages that the peer sends in turn without end. The row's maxima are the messages and bytes
 * sent in answer, the pieces read, and the messages received before the connection is closed. Every
 * message of the protocol has a row.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "peer/core/extmsg.h"
#include "peer/core/metamsg.h"
#include "tests/unit/core/rig.h"

#define KIB 1024u
#define MIB (1024u * 1024u)

enum { METADATA_COPIES_TOLD = 3 }; /* copies of the info dictionary that a connection gets */

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

/* --- one hostile peer, and the work that it causes --- */

struct spent {
    unsigned messages; /* received before the connection closed, or all */
    uint64_t sent;     /* bytes of messages in answer */
    unsigned reads;    /* pieces read from disk for their leaves */
    unsigned effects;
    bool closed;
    unsigned banned;
};

static void carry_out(struct node *n, slot_id peer, struct spent *spent);

/* Messages of |bytes| have left to |peer|. */
static void
report_sent(struct node *n, slot_id peer, uint32_t bytes, struct spent *spent)
{
    struct swarm_input in = {.type = SWARM_IN_SENT, .peer = peer, .u.sent = {0, bytes}};

    if (bytes == 0 || spent->closed)
        return;
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    carry_out(n, peer, spent);
}

/* Carries out the swarm's effects: messages leave at once, and reads of leaves end at once. */
static void
carry_out(struct node *n, slot_id peer, struct spent *spent)
{
    struct swarm_input in = {.type = SWARM_IN_LEAVES};
    struct swarm_effect fx;
    uint8_t *leaves = NULL;
    uint32_t left = 0;

    while (swarm_next(n->swarm, &fx) == 1) {
        spent->effects++;
        if (fx.type == SWARM_FX_SEND && fx.peer == peer)
            left += wire_size(&fx.u.msg);
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
    spent->sent += left;
    report_sent(n, peer, left, spent);
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
    in.u.conn.v2 = rig.content.mi->id.has_v2;
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

    rig_message(&in, msg);
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

/* --- a row for each message --- */

/* Returns the |i|-th message of a row; its extended ids are ours (extmsg.h). */
typedef struct wire_msg (*say_fn)(unsigned i);

static const uint8_t zeros[65536];

static struct wire_msg
say_choke(unsigned i)
{
    return (struct wire_msg){.type = i % 2 == 0 ? WIRE_CHOKE : WIRE_UNCHOKE};
}

static struct wire_msg
say_interest(unsigned i)
{
    return (struct wire_msg){.type = i % 2 == 0 ? WIRE_INTERESTED : WIRE_NOT_INTERESTED};
}

static struct wire_msg
say_have(unsigned i)
{
    return (struct wire_msg){.type = WIRE_HAVE, .piece = i % 16};
}

static struct wire_msg
say_have_and_donthave(unsigned i)
{
    return i % 2 == 0 ? say_have(0) : extended(1, zeros, 4);
}

static struct wire_msg
say_request(unsigned i)
{
    return (struct wire_msg){.type = WIRE_REQUEST, .piece = i % 16, .length = BLOCK_LEN};
}

static struct wire_msg
say_cancel(unsigned i)
{
    return (struct wire_msg){.type = WIRE_CANCEL, .piece = i % 16, .length = BLOCK_LEN};
}

static struct wire_msg
say_reject(unsigned i)
{
    return (struct wire_msg){.type = WIRE_REJECT, .piece = i % 16, .length = BLOCK_LEN};
}

static struct wire_msg
say_port(unsigned i)
{
    return (struct wire_msg){.type = WIRE_PORT, .port = (uint16_t)i};
}

static struct wire_msg
say_suggest(unsigned i)
{
    return (struct wire_msg){.type = WIRE_SUGGEST, .piece = i % 16};
}

static struct wire_msg
say_allowed_fast(unsigned i)
{
    return (struct wire_msg){.type = WIRE_ALLOWED_FAST, .piece = i % 16};
}

static struct wire_msg
say_bitfield(unsigned i)
{
    (void)i;
    return (struct wire_msg){.type = WIRE_BITFIELD, .data = zeros, .len = 64};
}

static struct wire_msg
say_all_or_none(unsigned i)
{
    /* Also what makes an availability be counted piece by piece. */
    return i % 3 == 0   ? (struct wire_msg){.type = WIRE_HAVE_NONE}
           : i % 3 == 1 ? (struct wire_msg){.type = WIRE_HAVE_ALL}
                        : extended(1, zeros, 4);
}

static struct wire_msg
say_keepalive(unsigned i)
{
    (void)i;
    return (struct wire_msg){.type = WIRE_KEEPALIVE};
}

static struct wire_msg
say_unknown(unsigned i)
{
    (void)i;
    return (struct wire_msg){.type = WIRE_UNKNOWN, .len = WIRE_UNKNOWN_MAX};
}

static struct wire_msg
say_ext_handshake(unsigned i)
{
    return i % 2 == 0 ? extended(0, "d6:yourip4:\1\2\3\4e", 17)
                      : extended(0, "d6:yourip4:\1\2\3\5e", 17);
}

static struct wire_msg
say_upload_only(unsigned i)
{
    return extended(2, i % 2 == 0 ? "\1" : "\0", 1);
}

static struct wire_msg
say_ext_unknown(unsigned i)
{
    (void)i;
    return extended(99, zeros, sizeof(zeros));
}

static struct wire_msg
metadata(const char *text)
{
    return extended(4, text, strlen(text));
}

static struct wire_msg
say_metadata_request(unsigned i)
{
    return i == 0 ? extended(0, "d1:md11:ut_metadatai7eee", 24)
                  : metadata("d8:msg_typei0e5:piecei0ee");
}

static struct wire_msg
say_metadata_request_beyond(unsigned i)
{
    return i == 0 ? extended(0, "d1:md11:ut_metadatai7eee", 24)
                  : metadata("d8:msg_typei0e5:piecei4294967295ee");
}

/* The peer never names its own id of ut_metadata. */
static struct wire_msg
say_metadata_request_without_id(unsigned i)
{
    (void)i;
    return metadata("d8:msg_typei0e5:piecei0ee");
}

static struct wire_msg
say_metadata_data(unsigned i)
{
    static char data[64 + BLOCK_LEN] = "d8:msg_typei1e5:piecei0e10:total_sizei16384ee";

    (void)i;
    return extended(4, data, strlen(data) + BLOCK_LEN);
}

static struct wire_msg
say_metadata_reject(unsigned i)
{
    (void)i;
    return metadata("d8:msg_typei2e5:piecei0ee");
}

static struct wire_msg
say_metadata_nonsense(unsigned i)
{
    (void)i;
    return metadata("d8:msg_typei0ee");
}

static struct wire_msg
say_hashes(unsigned i)
{
    (void)i;
    return (struct wire_msg){.type = WIRE_HASHES, .data = zeros, .len = 512 * 32};
}

static struct wire_msg
say_hash_reject(unsigned i)
{
    (void)i;
    return (struct wire_msg){.type = WIRE_HASH_REJECT};
}

/* The whole piece layer: a cheap answer that is long. */
static struct wire_msg
say_layer_request(unsigned i)
{
    struct wire_msg m = {.type = WIRE_HASH_REQUEST};

    (void)i;
    memcpy(m.hashes.root, rig.content.mi->files[0].root, 32);
    m.hashes.base_layer = 6;
    m.hashes.length = 512;
    return m;
}

/* Two leaves: a short answer, for which a piece is read. */
static struct wire_msg
say_leaf_request(unsigned i)
{
    struct wire_msg m = {.type = WIRE_HASH_REQUEST};

    memcpy(m.hashes.root, rig.content.mi->files[0].root, 32);
    m.hashes.index = i % 512 * 64;
    m.hashes.length = 2;
    return m;
}

/* Maxima for one connection that sends its messages without a pause: it is closed before |messages|
 * messages (0: it may stay), gets |sent| bytes of answers, and causes reads of |reads| pieces of
 * 1 MiB. */
static const struct row {
    const char *what;
    say_fn say;
    unsigned messages;
    uint64_t sent;
    unsigned reads;
    bool parts; /* a seed closes it, because neither side wants pieces: no offence */
} rows[] = {
    {"KEEPALIVE", say_keepalive, 60000, 0, 0, false},
    {"CHOKE and UNCHOKE", say_choke, 60000, 0, 0, false},
    {"INTERESTED and NOT_INTERESTED", say_interest, 60000, 100, 0, false},
    {"HAVE", say_have, 60000, 100, 0, false},
    {"BITFIELD", say_bitfield, 4000, 100, 0, false},
    {"HAVE_NONE, HAVE_ALL and DONTHAVE", say_all_or_none, 10000, 100000, 0, true},
    {"HAVE and DONTHAVE", say_have_and_donthave, 60000, 300000, 0, false},
    {"REQUEST, choked", say_request, 60000, 600000, 0, false},
    {"CANCEL", say_cancel, 60000, 0, 0, false},
    {"REJECT", say_reject, 60000, 0, 0, false},
    {"PORT", say_port, 60000, 0, 0, false},
    {"SUGGEST", say_suggest, 60000, 0, 0, false},
    {"ALLOWED_FAST", say_allowed_fast, 60000, 0, 0, false},
    {"an unknown id, 64 KiB", say_unknown, 5, 0, 0, false},
    {"an extended handshake", say_ext_handshake, 60000, 0, 0, false},
    {"upload_only", say_upload_only, 60000, 0, 0, true},
    {"an unknown extension, 64 KiB", say_ext_unknown, 5, 0, 0, false},
    {"ut_metadata: a request", say_metadata_request, 4000, 120000, 0, false},
    {"ut_metadata: a request for no block", say_metadata_request_beyond, 4000, 200000, 0, false},
    {"ut_metadata: a request without an id", say_metadata_request_without_id, 4000, 0, 0, false},
    {"ut_metadata: a block that nobody asked for", say_metadata_data, 10, 0, 0, false},
    {"ut_metadata: a reject", say_metadata_reject, 4000, 0, 0, false},
    {"ut_metadata: no block number", say_metadata_nonsense, 1, 0, 0, false},
    {"HASHES that nobody asked for", say_hashes, 20, 0, 0, false},
    {"HASH_REJECT that nobody asked for", say_hash_reject, 60000, 0, 0, false},
    {"HASH_REQUEST for a layer", say_layer_request, 4000, 6 << 20, 0, false},
    {"HASH_REQUEST for leaves", say_leaf_request, 4000, 6 << 20, 64, false},
};

Test(abuse, what_one_connection_can_make_a_leecher_or_a_seed_spend)
{
    for (unsigned k = 0; k < 2 * sizeof(rows) / sizeof(*rows); k++) {
        const struct row *r = &rows[k / 2];
        struct node *n = make(METAINFO_V2, 512 * MIB, MIB, k % 2 == 1);
        struct spent spent = {0};
        slot_id peer = come(n, 1, 'a');

        while (!spent.closed && spent.messages < 70000) {
            struct wire_msg msg = r->say(spent.messages);

            say(n, peer, &msg, &spent);
        }
        cr_expect(spent.closed || r->messages == 0, "%s: %u messages", r->what, spent.messages);
        cr_expect_leq(spent.messages, r->messages, "%s: %u messages", r->what, spent.messages);
        cr_expect_leq(spent.sent, r->sent, "%s: %lu bytes sent", r->what,
                      (unsigned long)spent.sent);
        cr_expect_leq(spent.reads, r->reads, "%s: %u pieces read", r->what, spent.reads);
        rig_fini(&rig);
    }
    make(METAINFO_V1, MIB, 64 * KIB, true); /* for fini() */
}

/* HAVE_ALL and HAVE_NONE of 5 bytes cost as much work as there are pieces. Such messages pay for
 * that work: in a torrent of 200,000 pieces no more of them pass at once than in a small one. */
Test(abuse, messages_about_all_pieces_pay_for_all_pieces)
{
    static const uint32_t pieces[] = {512, 200000};
    unsigned passed[2];

    for (unsigned k = 0; k < 2; k++) {
        struct node *n = make(METAINFO_V1, pieces[k] * (uint64_t)BLOCK_LEN, BLOCK_LEN, false);
        struct spent spent = {0};
        slot_id peer = come(n, 1, 'a');

        while (!spent.closed && spent.messages < 70000) {
            struct wire_msg msg = say_all_or_none(spent.messages % 3);

            say(n, peer, &msg, &spent);
        }
        cr_expect(spent.closed);
        passed[k] = spent.messages;
        rig_fini(&rig);
    }
    cr_expect_leq(passed[1], 200u, "%u messages", passed[1]);
    cr_expect_leq(passed[1], passed[0], "%u and %u messages", passed[1], passed[0]);
    make(METAINFO_V1, MIB, 64 * KIB, true); /* for fini() */
}

/* A peer that was closed for an offence connects again at once; after a few offences its site is
 * banned. The work until then has a maximum too. */
Test(abuse, what_one_site_can_make_a_seed_spend)
{
    for (unsigned k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
        const struct row *r = &rows[k];
        struct node *n = make(METAINFO_V2, 512 * MIB, MIB, true);
        struct spent spent = {0};
        unsigned connections = 0;
        slot_id peer;

        while (connections < 100 && (peer = come(n, 1, (uint8_t)connections)) != SLOT_NONE) {
            connections++;
            spent.closed = false;
            spent.messages = 0;
            while (!spent.closed && spent.messages < 70000) {
                struct wire_msg msg = r->say(spent.messages);

                say(n, peer, &msg, &spent);
            }
        }
        cr_expect(r->parts || connections == BANS_OFFENCES, "%s: %u connections", r->what,
                  connections);
        cr_expect_eq(spent.banned, r->parts ? 0u : 1u, "%s", r->what);
        /* Hash answers and reads are counted per site, not per connection. */
        cr_expect_leq(spent.sent, r->sent > MIB ? r->sent : 4 * r->sent, "%s: %lu bytes sent",
                      r->what, (unsigned long)spent.sent);
        cr_expect_leq(spent.reads, r->reads, "%s: %u pieces read", r->what, spent.reads);
        rig_fini(&rig);
    }
    make(METAINFO_V1, MIB, 64 * KIB, true);
}

/* The totals and both limits count each byte of a peer's messages and of the answers. */
Test(abuse, every_byte_counts_against_the_limits)
{
    for (unsigned k = 0; k < 2 * sizeof(rows) / sizeof(*rows); k++) {
        const struct row *r = &rows[k / 2];
        struct node *n = make(METAINFO_V2, 512 * MIB, MIB, k % 2 == 1);
        uint64_t received = HANDSHAKE_LEN;
        struct spent spent = {0};
        struct swarm_stats st;
        slot_id peer;

        rate_bucket_set(&n->up, 64 * MIB, rig.sim.engine.now);
        rate_bucket_set(&n->down, 64 * MIB, rig.sim.engine.now);
        peer = come(n, 1, 'a');
        for (unsigned i = 0; i < 3 && !spent.closed; i++) {
            struct wire_msg msg = r->say(i);

            received += wire_size(&msg);
            say(n, peer, &msg, &spent);
        }
        swarm_get_stats(n->swarm, &st, rig.sim.engine.now);
        cr_expect_eq(st.down_overhead, received, "%s: %lu of %lu bytes came", r->what,
                     (unsigned long)st.down_overhead, (unsigned long)received);
        cr_expect_eq(st.up_overhead, spent.sent, "%s: %lu of %lu bytes left", r->what,
                     (unsigned long)st.up_overhead, (unsigned long)spent.sent);
        cr_expect_eq(n->down.tokens, -(int64_t)received * 1000000, "%s", r->what);
        cr_expect_eq(n->up.tokens, -(int64_t)spent.sent * 1000000, "%s", r->what);
        rig_fini(&rig);
    }
    make(METAINFO_V1, MIB, 64 * KIB, true);
}

/* Answers to hash requests are paid for from the upload limit, and take a fourth of it at most. */
Test(abuse, hash_answers_keep_to_the_upload_limit)
{
    struct node *n = make(METAINFO_V2, 512 * MIB, MIB, true);
    struct swarm_input limits = {.type = SWARM_IN_LIMITS};
    struct spent spent = {0};
    struct swarm_stats st;
    slot_id peer;

    limits.u.limits.up = 20 * KIB;
    cr_assert_eq(swarm_handle(n->swarm, &limits, rig.sim.engine.now), 0);
    peer = come(n, 1, 'a');
    for (unsigned i = 0; i < 300 && !spent.closed; i++) {
        struct wire_msg msg = say_layer_request(i);

        say(n, peer, &msg, &spent);
        wait_ms(n, peer, 200, &spent);
    }
    cr_assert_not(spent.closed, "it asks slowly enough");
    swarm_get_stats(n->swarm, &st, rig.sim.engine.now);
    cr_assert_gt(st.up_overhead, 200 * KIB, "it is served");
    cr_assert_leq(st.up_overhead, 60 * 20 * KIB / 4 + 60 * KIB);
    cr_assert_gt(st.up_rate, 0u);
    cr_assert_eq(st.uploaded, 0u);
}

/* An honest peer that needs the whole layer, or the leaves of a piece, gets them at once. */
/* A peer gets the whole info dictionary at any upload limit, and then no more of it. */
Test(abuse, a_peer_gets_the_metadata_at_any_upload_limit)
{
    static const uint64_t limits[] = {0, 10 * KIB, 10 * MIB};

    for (unsigned k = 0; k < 3; k++) {
        struct node *n = make(METAINFO_V1, 256 * MIB, 64 * KIB, true);
        uint32_t size = (uint32_t)rig.content.mi->info_len, blocks = metamsg_blocks(size);
        struct swarm_input in = {.type = SWARM_IN_LIMITS, .u.limits = {limits[k], 0}};
        struct wire_msg hello = extended(0, "d1:md11:ut_metadatai7eee", 24);
        struct spent spent = {0};
        slot_id peer = come(n, 1, 'a');
        char text[64];

        cr_assert_gt(blocks, 4u);
        cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
        carry_out(n, peer, &spent);
        say(n, peer, &hello, &spent);
        spent.sent = 0;
        for (uint32_t i = 0; i < 5000 && !spent.closed; i++) {
            struct wire_msg msg;

            snprintf(text, sizeof(text), "d8:msg_typei0e5:piecei%uee", i % blocks);
            msg = metadata(text);
            if (i == blocks)
                cr_expect_geq(spent.sent, (uint64_t)size, "limit %u", k);
            say(n, peer, &msg, &spent);
        }
        cr_expect_leq(spent.sent, METADATA_COPIES_TOLD * (uint64_t)size + 400 * KIB, "limit %u", k);
        cr_expect(spent.closed);
        rig_fini(&rig);
    }
    make(METAINFO_V1, MIB, 64 * KIB, true);
}

Test(abuse, an_honest_peer_gets_its_hashes)
{
    struct node *n = make(METAINFO_V2, 512 * MIB, MIB, true);
    struct wire_msg msg;
    struct spent spent = {0};
    slot_id peer = come(n, 1, 'a');

    msg = say_layer_request(0);
    say(n, peer, &msg, &spent);
    cr_assert_gt(spent.sent, 512u * 32);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t before = spent.sent;

        msg = say_leaf_request(i);
        msg.hashes.length = 64;
        say(n, peer, &msg, &spent);
        cr_assert_gt(spent.sent, before + 64u * 32);
    }
    cr_assert_eq(spent.reads, 8u);
}

/* Requests that were sent before our choke arrived, cancels, and requests for pieces that the peer
 * has meanwhile. */
Test(abuse, what_a_fast_honest_peer_says_is_no_offence)
{
    struct node *n = make(METAINFO_V2, 512 * MIB, MIB, true);
    struct spent spent = {0};
    slot_id peer = come(n, 1, 'a');

    for (unsigned i = 0; i < 500; i++) {
        struct wire_msg have = {.type = WIRE_HAVE, .piece = i};

        for (unsigned k = 0; k < 64; k++) {
            struct wire_msg req = say_request(i);

            if (k < 40)
                say(n, peer, &req, &spent);
            req.type = WIRE_CANCEL;
            if (k < 8)
                say(n, peer, &req, &spent);
        }
        say(n, peer, &have, &spent);
        wait_ms(n, peer, 100, &spent);
    }
    cr_assert_not(spent.closed, "ten pieces of 1 MiB a second");
}

/* aria2 sends another BITFIELD or HAVE_ALL when that is shorter than many HAVEs. */
Test(abuse, what_a_peer_has_may_be_said_again)
{
    static const uint8_t bits[2] = {0xff, 0};
    struct wire_msg none = {.type = WIRE_HAVE_NONE}, have = {.type = WIRE_HAVE, .piece = 1};
    struct wire_msg some = {.type = WIRE_BITFIELD, .data = bits, .len = sizeof(bits)};
    struct node *n = make(METAINFO_V1, MIB, 64 * KIB, true);
    struct swarm_peer_stats ps;
    struct spent spent = {0};
    slot_id peer = come(n, 1, 'a');
    uint32_t iter = 0;

    say(n, peer, &none, &spent);
    say(n, peer, &have, &spent);
    for (unsigned i = 0; i < 500; i++) {
        say(n, peer, &some, &spent);
        wait_ms(n, peer, 2000, &spent);
    }
    cr_assert_not(spent.closed);
    cr_assert(swarm_next_peer_stats(n->swarm, &iter, &ps, rig.sim.engine.now));
    cr_assert_eq(ps.pieces_have, 8u);
}

/* --- budgets come back --- */

/* A peer that accepts a request and then loses the piece sends nothing: the tokens that were paid
 * for the request are given back for other peers. */
Test(abuse, a_request_that_is_taken_back_is_paid_back)
{
    struct wire_msg all = {.type = WIRE_HAVE_ALL}, unchoke = {.type = WIRE_UNCHOKE}, no_more;
    struct swarm_input in = {.type = SWARM_IN_MESSAGE};
    struct node *n = make(METAINFO_V1, MIB, 64 * KIB, false);
    struct spent spent = {0};
    struct swarm_effect fx;
    struct swarm_stats st;
    int64_t before;

    rate_bucket_set(&n->down, 100 * KIB, rig.sim.engine.now);
    rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, 5000);
    in.peer = come(n, 1, 'a');
    say(n, in.peer, &all, &spent);
    rate_bucket_charge(&n->down, 0, rig.sim.engine.now);
    swarm_get_stats(n->swarm, &st, rig.sim.engine.now);
    before = n->down.tokens + (int64_t)st.down_overhead * 1000000;
    for (unsigned i = 0; i < 200; i++) {
        uint8_t piece[4] = {0};
        bool asked = false;

        rig_message(&in, &unchoke);
        cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
        while (swarm_next(n->swarm, &fx) == 1)
            if (fx.type == SWARM_FX_SEND && fx.u.msg.type == WIRE_REQUEST) {
                asked = true;
                piece[3] = (uint8_t)fx.u.msg.piece;
            }
        if (!asked)
            break;
        say(n, in.peer, &(struct wire_msg){.type = WIRE_CHOKE}, &spent);
        no_more = extended(1, piece, 4);
        say(n, in.peer, &no_more, &spent);
    }
    swarm_get_stats(n->swarm, &st, rig.sim.engine.now);
    before -= (int64_t)st.down_overhead * 1000000;
    cr_assert_eq(n->down.tokens, before, "%ld bytes are lost",
                 (long)((before - n->down.tokens) / 1000000));
}

/* A core that ends with requests under way, as at each reload, gives back what they paid: the limit
 * is the torrents' common one. */
Test(abuse, a_core_that_ends_gives_back_what_its_requests_paid)
{
    struct wire_msg all = {.type = WIRE_HAVE_ALL}, unchoke = {.type = WIRE_UNCHOKE};
    struct swarm_input in = {.type = SWARM_IN_MESSAGE};
    struct swarm_config cfg = {.client = "Second 1"};
    struct node *n = make(METAINFO_V1, MIB, 64 * KIB, false);
    struct spent spent = {0};
    struct swarm_kept kept;
    struct swarm_effect fx;
    struct swarm_stats st;
    unsigned asked = 0;
    int64_t before;

    rate_bucket_set(&n->down, 100 * KIB, rig.sim.engine.now);
    rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, 5000);
    in.peer = come(n, 1, 'a');
    say(n, in.peer, &all, &spent);
    rate_bucket_charge(&n->down, 0, rig.sim.engine.now);
    swarm_get_stats(n->swarm, &st, rig.sim.engine.now);
    before = n->down.tokens + (int64_t)st.down_overhead * 1000000;
    rig_message(&in, &unchoke);
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        asked += fx.type == SWARM_FX_SEND && fx.u.msg.type == WIRE_REQUEST;
    cr_assert_gt(asked, 0);
    swarm_get_stats(n->swarm, &st, rig.sim.engine.now);
    before -= (int64_t)st.down_overhead * 1000000;
    cr_assert_lt(n->down.tokens, before, "the requests paid");
    swarm_free_but(n->swarm, &kept);
    cr_assert_eq(n->down.tokens, before);
    cfg.announcer = kept.announcer;
    cfg.crowd = kept.crowd;
    cfg.up = &n->up;
    cfg.down = &n->down;
    n->swarm = swarm_new(rig.sim.content->mi, &cfg, 2, rig.sim.engine.now);
    cr_assert_not_null(n->swarm);
}

/* --- slots --- */

/* The behaviour of peers with upload slots: each of them requests |length| bytes every |every_ms|
 * (0: never), and receives them. */
static const struct slot_row {
    const char *name;
    unsigned every_ms;
    uint32_t length;
    unsigned wait_s; /* how long a newcomer may wait for a slot */
} slot_rows[] = {
    {"nothing", 0, 0, 2},
    {"a block every three seconds", 3000, BLOCK_LEN, 2},
    {"a block nearly every second", 1100, BLOCK_LEN, 2},
    {"a byte five times a second", 200, 1, 2},
};

enum { SLOT_HOLDERS = 24, SLOT_LOOK_MS = 100 };

/* Feeds the requests, and reports all sent bytes as SENT at once. True if |newcomer| was unchoked.
 */
static bool
ask_and_receive(struct node *n, const struct swarm_input *in, slot_id newcomer)
{
    struct swarm_input sent = {.type = SWARM_IN_SENT};
    struct swarm_effect fx;
    bool unchoked = false;

    cr_assert_eq(swarm_handle(n->swarm, in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1) {
        unchoked |=
            fx.type == SWARM_FX_SEND && fx.peer == newcomer && fx.u.msg.type == WIRE_UNCHOKE;
        if (fx.type == SWARM_FX_SEND_PIECE) {
            sent.peer = fx.peer;
            sent.u.sent.payload = sent.u.sent.total = fx.u.range.length;
        }
    }
    if (sent.u.sent.payload > 0)
        unchoked |= ask_and_receive(n, &sent, newcomer);
    return unchoked;
}

/* The holders do what their row says for |ms|; true as soon as |newcomer| is unchoked. */
static bool
hold_slots(struct node *n, const struct slot_row *row, const slot_id *holders, unsigned ms,
           slot_id newcomer)
{
    struct swarm_input ask = {.type = SWARM_IN_MESSAGE}, tick = {.type = SWARM_IN_TICK};

    rig_message(&ask, &(struct wire_msg){.type = WIRE_REQUEST, .length = row->length});
    for (unsigned at = 0; at < ms; at += SLOT_LOOK_MS) {
        rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, SLOT_LOOK_MS);
        if (ask_and_receive(n, &tick, newcomer))
            return true;
        for (unsigned i = 0; i < SLOT_HOLDERS; i++) {
            ask.peer = holders[i];
            if (row->every_ms > 0 && at % row->every_ms == 0 && ask_and_receive(n, &ask, newcomer))
                return true;
        }
    }
    return false;
}

Test(abuse, peers_that_make_little_use_of_their_slots_keep_nobody_out)
{
    for (size_t r = 0; r < sizeof(slot_rows) / sizeof(*slot_rows); r++) {
        struct swarm_input interested = {.type = SWARM_IN_MESSAGE};
        struct node *n = make(METAINFO_V1, MIB, 64 * KIB, true);
        slot_id holders[SLOT_HOLDERS];

        rig_message(&interested, &(struct wire_msg){.type = WIRE_INTERESTED});
        for (uint8_t i = 0; i < SLOT_HOLDERS; i++) {
            holders[i] = interested.peer = come(n, (uint8_t)(i / 12), (uint8_t)(100 + i));
            ask_and_receive(n, &interested, SLOT_NONE);
        }
        hold_slots(n, &slot_rows[r], holders, 60000, SLOT_NONE);
        interested.peer = come(n, 77, 'n');
        cr_assert(
            ask_and_receive(n, &interested, interested.peer) ||
                hold_slots(n, &slot_rows[r], holders, slot_rows[r].wait_s * 1000, interested.peer),
            "who asks for %s keeps newcomers out", slot_rows[r].name);
        rig_fini(&rig);
        memset(&rig, 0, sizeof(rig));
    }
    make(METAINFO_V1, MIB, 64 * KIB, true);
}

/* --- limits of the process --- */

static bool
is_connected(struct node *n, uint8_t host)
{
    struct swarm_peer_stats ps;
    uint32_t iter = 0;

    while (swarm_next_peer_stats(n->swarm, &iter, &ps, rig.sim.engine.now))
        if (ps.addr.ip[3] == host)
            return true;
    return false;
}

Test(abuse, room_for_other_torrents_is_made_by_who_gives_and_takes_nothing)
{
    struct wire_msg interested = {.type = WIRE_INTERESTED}, alive = {.type = WIRE_KEEPALIVE};
    struct wire_msg req = {.type = WIRE_REQUEST, .length = BLOCK_LEN};
    struct node *n = make(METAINFO_V1, MIB, 64 * KIB, true);
    struct swarm_input in = {.type = SWARM_IN_MAKE_ROOM};
    struct spent spent = {0};
    slot_id peers[4];

    for (uint8_t i = 0; i < 4; i++)
        peers[i] = come(n, (uint8_t)(1 + i), (uint8_t)(1 + i));
    say(n, peers[1], &interested, &spent);
    say(n, peers[2], &interested, &spent);
    for (unsigned i = 0; i < 20 && spent.effects < 100; i++)
        wait_ms(n, SLOT_NONE, 500, &spent);
    say(n, peers[2], &req, &spent);
    for (unsigned i = 0; i < 2 * CROWD_USELESS_MS / 1000; i++) {
        if (i % 10 == 0)
            for (unsigned k = 0; k < 4; k++)
                say(n, peers[k], &alive, &spent);
        wait_ms(n, SLOT_NONE, 1000, &spent);
    }
    /* In this order: not interested, not interested, interested without a request. */
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
        carry_out(n, SLOT_NONE, &spent);
        cr_assert(is_connected(n, 3), "it waits for its block");
        if (i < 2)
            cr_assert(is_connected(n, 2));
    }
    cr_assert_not(is_connected(n, 1));
    cr_assert_not(is_connected(n, 4));
    cr_assert_not(is_connected(n, 2));
}

Test(abuse, a_ban_of_another_torrent_closes_and_forgets)
{
    static const uint64_t seed[2] = {1, 2};
    struct content_spec torrent = {
        .format = METAINFO_V1, .piece_length = 64 * KIB, .size = MIB, .files = 1};
    struct swarm_config cfg = {.client = "x"};
    struct swarm_input start = {.type = SWARM_IN_START}, in = {.type = SWARM_IN_ADDRS};
    struct endpoint bad = {.ip = {10, 9, 9, 1}, .port = 6881, .family = IP_V4};
    struct node n = {.index = 0};
    struct rate_bucket bucket;
    struct swarm_effect fx;
    unsigned dialled = 0, closed = 0;
    struct bans bans;

    rig_init(&rig, &torrent, 20000, 44);
    bans_init(&bans, seed);
    rate_bucket_init(&bucket, 0, rig.sim.engine.now);
    cfg.up = cfg.down = &bucket;
    cfg.bans = &bans;
    n.swarm = swarm_new(rig.content.mi, &cfg, 1, rig.sim.engine.now);
    swarm_handle(n.swarm, &start, rig.sim.engine.now);
    while (swarm_next(n.swarm, &fx) == 1)
        ;
    cr_assert_neq(come(&n, 1, 'a'), SLOT_NONE);
    cr_assert_neq(come(&n, 2, 'b'), SLOT_NONE);
    bans_add(&bans, &bad, MONO_NEVER);
    in.type = SWARM_IN_BANNED;
    swarm_handle(n.swarm, &in, rig.sim.engine.now);
    while (swarm_next(n.swarm, &fx) == 1)
        closed += fx.type == SWARM_FX_CLOSE;
    cr_assert_eq(closed, 1u);
    cr_assert(is_connected(&n, 2));
    in = (struct swarm_input){.type = SWARM_IN_ADDRS};
    in.u.addrs.source = PEER_FROM_TRACKER;
    in.u.addrs.addrs = &bad;
    in.u.addrs.count = 1;
    swarm_handle(n.swarm, &in, rig.sim.engine.now);
    while (swarm_next(n.swarm, &fx) == 1)
        dialled += fx.type == SWARM_FX_CONNECT;
    cr_assert_eq(dialled, 0u);
    cr_assert_eq(come(&n, 1, 'c'), SLOT_NONE);
    swarm_free(n.swarm);
    bans_fini(&bans);
}
