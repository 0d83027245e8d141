/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the swarm core: the input is a program of what happens to it, in the order that bytes say.
 * Strangers connect, send any message, and go; disk results come in any order, good or bad; time
 * passes. Whatever happens: effects name live peers only, no piece is served that was not verified,
 * every block comes back, and what a WRITE asks for is never more than the limit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/codec/merkle.h"
#include "common/codec/metainfo_build.h"
#include "common/crypto/sha.h"
#include "peer/core/swarm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PIECES = 6,
    PIECE_LEN = 32768,
    CONTENT_LEN = PIECES * PIECE_LEN - 5000,
    PEERS_MAX = 8,
    PENDING_MAX = 4096,
    STEPS_MAX = 3000,
};

struct world {
    struct swarm *swarm;
    struct block_pool *pool;
    struct rate_bucket up, down;
    struct mono now;
    slot_id peers[PEERS_MAX];
    bool verified[PIECES];
    struct swarm_effect
        pending[PENDING_MAX]; /* effects of disk, tracker or dialling to be answered */
    unsigned pending_count;
    uint64_t token;
    unsigned writes;
    const uint8_t *in, *end;
};

static uint8_t content[CONTENT_LEN];
static uint8_t leaves[PIECES * 2 * 32];

static struct metainfo *
make_torrent(enum metainfo_format format)
{
    struct metainfo_build_file file = {.length = CONTENT_LEN};
    struct metainfo_build b = {.format = format, .name = "fuzz", .piece_length = PIECE_LEN,
                               .files = &file, .file_count = 1, .piece_count = PIECES};
    uint8_t pieces[PIECES * 20], layer[PIECES * 32], root[32];
    struct metainfo *mi = NULL;
    struct buf out;
    struct errbuf eb;

    for (size_t i = 0; i < CONTENT_LEN; i++)
        content[i] = (uint8_t)(i * 131 >> 7);
    for (unsigned p = 0; p < PIECES; p++) {
        size_t at = (size_t)p * PIECE_LEN, left = CONTENT_LEN - at;
        size_t len = left < PIECE_LEN ? left : PIECE_LEN;

        sha1(content + at, len, pieces + p * 20);
        for (unsigned k = 0; k < 2; k++) {
            size_t begin = at + k * BLOCK_LEN, rest = CONTENT_LEN - begin;

            sha256(content + begin, rest < BLOCK_LEN ? rest : BLOCK_LEN, leaves + (p * 2 + k) * 32);
        }
        merkle_root(leaves + (size_t)p * 64, 2, 0, 1, layer + p * 32);
    }
    merkle_root(layer, PIECES, 1, 3, root);
    b.pieces = pieces;
    file.root = root;
    file.layer = layer;
    buf_init(&out, 65536);
    ASSERT(metainfo_build(&b, &out, &eb) == 0);
    ASSERT(metainfo_parse(buf_data(&out), buf_len(&out), &mi, &eb) == 0);
    buf_fini(&out);
    return mi;
}

static uint8_t
next(struct world *w)
{
    return w->in < w->end ? *w->in++ : 0;
}

static bool
is_live(const struct world *w, slot_id id)
{
    for (unsigned i = 0; i < PEERS_MAX; i++)
        if (w->peers[i] == id)
            return true;
    return false;
}

static void
forget(struct world *w, slot_id id)
{
    for (unsigned i = 0; i < PEERS_MAX; i++)
        if (w->peers[i] == id)
            w->peers[i] = SLOT_NONE;
}

static void
take_accept(struct world *w, slot_id id)
{
    for (unsigned i = 0; i < PEERS_MAX; i++) {
        if (w->peers[i] != SLOT_NONE)
            continue;
        w->peers[i] = id;
        return;
    }
    UNREACHABLE();
}

static void
note(struct world *w, const struct swarm_effect *fx)
{
    ASSERT(w->pending_count < PENDING_MAX);
    w->pending[w->pending_count++] = *fx;
}

static void
take_effect(struct world *w, const struct swarm_effect *fx)
{
    switch (fx->type) {
    case SWARM_FX_ACCEPT: take_accept(w, fx->peer); break;
    case SWARM_FX_CLOSE: forget(w, fx->peer); break;
    case SWARM_FX_SEND: ASSERT(is_live(w, fx->peer)); break;
    case SWARM_FX_ALLOW:
        ASSERT(is_live(w, fx->peer) && fx->u.range.allowed > 0);
        break;
    case SWARM_FX_SEND_PIECE:
        ASSERT(is_live(w, fx->peer));
        ASSERT(fx->u.range.piece < PIECES && w->verified[fx->u.range.piece]);
        ASSERT(fx->u.range.allowed > 0 && fx->u.range.allowed <= fx->u.range.length);
        ASSERT(fx->u.range.length > 0 &&
               (uint64_t)fx->u.range.begin + fx->u.range.length <= PIECE_LEN);
        note(w, fx);
        break;
    case SWARM_FX_WRITE:
        ASSERT(++w->writes <= PIECES * 2);
        note(w, fx);
        break;
    case SWARM_FX_PIECE_DONE:
        ASSERT(!w->verified[fx->u.range.piece]);
        w->verified[fx->u.range.piece] = true;
        break;
    case SWARM_FX_CONNECT:
    case SWARM_FX_VERIFY:
    case SWARM_FX_LEAVES:
    case SWARM_FX_ANNOUNCE: note(w, fx); break;
    case SWARM_FX_REFUSE:
    case SWARM_FX_NODE:
    case SWARM_FX_NOTICE: break;
    }
}

static void
feed(struct world *w, const struct swarm_input *in)
{
    struct swarm_effect fx;

    ASSERT(swarm_handle(w->swarm, in, w->now) == 0);
    while (swarm_next(w->swarm, &fx) == 1)
        take_effect(w, &fx);
    (void)swarm_expiry(w->swarm);
}

/* Answers one pending effect; |mood| decides how. */
static void
answer(struct world *w, unsigned which, uint8_t mood)
{
    struct swarm_effect fx;
    struct swarm_input in = {0};
    struct endpoint addr = {.ip = {10, 1, 1, mood}, .port = 1000, .family = IP_V4};
    uint8_t bad[64];
    int err = (mood & 3) == 0 ? SPRAT_E_IO : (mood & 3) == 1 ? SPRAT_E_HASH : 0;

    if (w->pending_count == 0)
        return;
    which %= w->pending_count;
    fx = w->pending[which];
    w->pending[which] = w->pending[--w->pending_count];
    switch (fx.type) {
    case SWARM_FX_WRITE:
        in.type = SWARM_IN_WRITTEN;
        in.u.written.piece = fx.u.write.piece;
        in.u.written.begin = fx.u.write.begin;
        in.u.written.block = fx.u.write.block;
        in.u.written.err = err == SPRAT_E_HASH && !fx.u.write.judge ? 0 : err;
        sha256(fx.u.write.block->data, fx.u.write.block->len, in.u.written.leaf);
        w->writes--;
        break;
    case SWARM_FX_VERIFY:
        in.type = SWARM_IN_VERIFIED;
        in.u.verified.piece = fx.u.range.piece;
        in.u.verified.err = err;
        break;
    case SWARM_FX_LEAVES:
        in.type = SWARM_IN_LEAVES;
        in.u.leaves.piece = fx.u.range.piece;
        memcpy(bad, leaves + (size_t)fx.u.range.piece * 64, 64);
        bad[0] ^= err == SPRAT_E_HASH;
        in.u.leaves.leaves = bad;
        in.u.leaves.count = fx.u.range.piece == PIECES - 1 && CONTENT_LEN % PIECE_LEN <= BLOCK_LEN
                                ? 1
                                : 2;
        in.u.leaves.err = err == SPRAT_E_IO ? err : 0;
        break;
    case SWARM_FX_ANNOUNCE:
        in.type = SWARM_IN_ANNOUNCED;
        in.u.announced.job = fx.u.announce.job.id;
        in.u.announced.result.err = err;
        in.u.announced.result.interval_s = mood;
        in.u.announced.addrs = &addr;
        in.u.announced.count = 1;
        break;
    case SWARM_FX_CONNECT:
        in.type = SWARM_IN_CLOSED;
        in.peer = fx.peer;
        in.u.closed.err = SPRAT_E_REFUSED;
        break;
    case SWARM_FX_SEND_PIECE:
        in.type = (mood & 8) != 0 ? SWARM_IN_READ_FAILED : SWARM_IN_SENT;
        in.peer = fx.peer;
        if (in.type == SWARM_IN_SENT) {
            in.u.sent.payload = fx.u.range.length;
            in.u.sent.total = fx.u.range.length + WIRE_PIECE_HEADER;
        } else {
            in.u.read_failed.piece = fx.u.range.piece;
            in.u.read_failed.begin = fx.u.range.begin;
            in.u.read_failed.length = fx.u.range.length;
            in.u.read_failed.err = SPRAT_E_IO;
        }
        break;
    case SWARM_FX_ACCEPT:
    case SWARM_FX_REFUSE:
    case SWARM_FX_CLOSE:
    case SWARM_FX_SEND:
    case SWARM_FX_ALLOW:
    case SWARM_FX_PIECE_DONE:
    case SWARM_FX_NODE:
    case SWARM_FX_NOTICE: UNREACHABLE();
    }
    feed(w, &in);
}

static void
accept_one(struct world *w, uint8_t how)
{
    struct swarm_input in = {.type = SWARM_IN_ACCEPTED};

    for (unsigned i = 0; i < PEERS_MAX; i++) {
        if (w->peers[i] != SLOT_NONE)
            continue;
        in.u.conn.token = ++w->token;
        in.u.conn.addr = (struct endpoint){.ip = {10, 0, how & 1, (uint8_t)(how >> 4)}, .port = 77,
                                           .family = IP_V4};
        memset(in.u.conn.handshake.peer_id, how >> 2, PEER_ID_LEN);
        in.u.conn.handshake.fast = (how & 2) != 0;
        in.u.conn.handshake.extended = (how & 4) != 0;
        in.u.conn.v2 = (how & 8) != 0;
        feed(w, &in);
        return;
    }
}

static void
fill_block(struct world *w, struct wire_msg *msg, bool good)
{
    uint64_t at = (uint64_t)msg->piece * PIECE_LEN + msg->begin;

    msg->block = block_take(w->pool);
    ASSERT(msg->block != NULL);
    if (msg->length > BLOCK_LEN)
        msg->length = BLOCK_LEN;
    msg->block->len = msg->length;
    memset(msg->block->data, 0x99, msg->length);
    if (good && at + msg->length <= CONTENT_LEN)
        memcpy(msg->block->data, content + at, msg->length);
}

static void
send_message(struct world *w, uint8_t who)
{
    static const enum wire_type types[] = {
        WIRE_CHOKE, WIRE_UNCHOKE, WIRE_INTERESTED, WIRE_NOT_INTERESTED, WIRE_HAVE, WIRE_BITFIELD,
        WIRE_REQUEST, WIRE_PIECE, WIRE_CANCEL, WIRE_PORT, WIRE_SUGGEST, WIRE_HAVE_ALL,
        WIRE_HAVE_NONE, WIRE_REJECT, WIRE_ALLOWED_FAST, WIRE_EXTENDED, WIRE_HASH_REQUEST,
        WIRE_HASHES, WIRE_HASH_REJECT, WIRE_KEEPALIVE, WIRE_UNKNOWN, WIRE_PIECE, WIRE_PIECE,
        WIRE_UNCHOKE, WIRE_REQUEST};
    struct swarm_input in = {.type = SWARM_IN_MESSAGE, .peer = w->peers[who % PEERS_MAX]};
    struct wire_msg *msg = &in.u.msg;
    uint8_t a = next(w), b = next(w);
    uint8_t payload[64];

    if (in.peer == SLOT_NONE)
        return;
    msg->type = types[next(w) % (sizeof(types) / sizeof(types[0]))];
    msg->piece = a % (PIECES + 2);
    msg->begin = (b & 3) * BLOCK_LEN + ((b & 64) != 0 ? 1 : 0);
    msg->length = (b & 128) != 0 ? b * 1000u : BLOCK_LEN;
    msg->port = 1;
    msg->ext_id = b & 3;
    for (unsigned i = 0; i < sizeof(payload); i++)
        payload[i] = i < 8 ? next(w) : a;
    msg->data = payload;
    msg->len = msg->type == WIRE_BITFIELD ? 1 : msg->type == WIRE_HASHES ? 64 : b % sizeof(payload);
    memcpy(msg->hashes.root, swarm_have(w->swarm)->bytes, 1);
    msg->hashes.base_layer = a & 1;
    msg->hashes.index = b & 6;
    msg->hashes.length = 2;
    msg->hashes.proof_layers = a >> 6;
    if (msg->type == WIRE_PIECE)
        fill_block(w, msg, (b & 16) == 0);
    in.total = wire_size(msg);
    feed(w, &in);
}

static void
close_one(struct world *w, uint8_t who)
{
    struct swarm_input in = {.type = SWARM_IN_CLOSED, .peer = w->peers[who % PEERS_MAX]};

    if (in.peer == SLOT_NONE)
        return;
    forget(w, in.peer);
    feed(w, &in);
}

static void
command(struct world *w, uint8_t what)
{
    struct swarm_input in = {.type = SWARM_IN_TICK};

    if (what < 8)
        in.type = SWARM_IN_PAUSE;
    else if (what < 64)
        in.type = SWARM_IN_START;
    else if (what < 80) {
        in.type = SWARM_IN_PRIORITY;
        in.u.priority.first = what % PIECES;
        in.u.priority.count = 2;
        in.u.priority.priority = what % 8;
    } else if (what < 96) {
        in.type = what % 2 == 0 ? SWARM_IN_BANNED : SWARM_IN_MAKE_ROOM;
    } else if (what >= 96 && what < 100) {
        static const char *const urls[] = {"http://t/a", "udp://u:1", "wss://no", "http://v/a"};

        in.type = SWARM_IN_TRACKER;
        in.u.tracker.url = urls[what - 96];
    } else if (what >= 192) {
        in.type = SWARM_IN_LIMITS;
        in.u.limits.up = (what & 3) * 500;
        in.u.limits.down = (what & 12) * 5000;
    }
    feed(w, &in);
}

static void
step(struct world *w)
{
    uint8_t op = next(w);

    switch (op >> 5) {
    case 0: accept_one(w, next(w)); break;
    case 1:
    case 2:
    case 3: send_message(w, op); break;
    case 4:
    case 5: answer(w, op, next(w)); break;
    case 6:
        w->now = mono_add_ms(w->now, (op & 31) * 250);
        feed(w, &(struct swarm_input){.type = SWARM_IN_TICK});
        break;
    case 7:
        if ((op & 16) != 0)
            close_one(w, op);
        else
            command(w, next(w));
        break;
    }
}

/* Drops the pending effects; only their blocks must be freed. */
static void
drop_pending(struct world *w)
{
    for (unsigned i = 0; i < w->pending_count; i++)
        if (w->pending[i].type == SWARM_FX_WRITE)
            block_drop(w->pending[i].u.write.block);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct metainfo *torrents[3];
    static const char *const trackers[] = {"udp://tracker.invalid:1"};
    static struct world w; /* large */
    struct swarm_config cfg = {.client = "Fuzz", .peers_max = PEERS_MAX, .trackers = trackers,
                               .tracker_count = 1};
    unsigned format;

    if (size < 2)
        return 0;
    format = data[0] % 3;
    if (torrents[format] == NULL)
        torrents[format] = make_torrent((enum metainfo_format)format);
    memset(&w, 0, sizeof(w));
    w.in = data + 1;
    w.end = data + size;
    w.now.us = 1000000;
    w.pool = block_pool_new(PENDING_MAX + 1);
    rate_bucket_init(&w.up, 0, w.now);
    rate_bucket_init(&w.down, 0, w.now);
    memset(cfg.peer_id, 0xfe, sizeof(cfg.peer_id));
    cfg.up = &w.up;
    cfg.down = &w.down;
    w.swarm = swarm_new(torrents[format], &cfg, data[0], w.now);
    ASSERT(w.swarm != NULL);
    feed(&w, &(struct swarm_input){.type = SWARM_IN_START});
    for (unsigned i = 0; i < STEPS_MAX && w.in < w.end && w.pending_count < PENDING_MAX / 2; i++)
        step(&w);
    swarm_free(w.swarm);
    drop_pending(&w);
    ASSERT(block_pool_used(w.pool) == 0);
    block_pool_free(w.pool);
    return 0;
}
