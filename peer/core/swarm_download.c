/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The download side of the swarm: interest, which blocks are requested from which peer and when,
 * received blocks, and overdue requests. The picker chooses the blocks, and the pipeline decides
 * how many are in flight.
 */
#include "peer/core/swarm_download.h"

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_endgame.h"
#include "peer/core/swarm_fx.h"

enum {
    PICK_BATCH = 64,
    LINE_TIMES = 2, /* a request is overdue after this many times what our line needs for all
                       open requests */
};

void
download_update_interest(struct swarm *s, struct swarm_peer *p)
{
    bool wanted = picker_interested(s->picker, &p->has);

    if (wanted == p->down.interested)
        return;
    p->down.interested = wanted;
    fx_send(s, p, wanted ? WIRE_INTERESTED : WIRE_NOT_INTERESTED);
}

/* False when memory is out. */
static bool
send_request(struct swarm *s, struct swarm_peer *p, const struct picker_block *b)
{
    struct request r = {
        .piece = b->piece,
        .begin = b->block * BLOCK_LEN,
        .length = geometry_block_len(&s->geo, b->piece, b->block),
        .at = s->clock.now,
    };
    struct wire_msg *msg;

    if (p->down.requests.count == 0)
        pipeline_on_busy(&p->down.pipe, s->clock.now);
    if (reqlist_push(&p->down.requests, &r) != 0) {
        rate_tap_return(&s->download.tap, BLOCK_LEN);
        picker_abort(s->picker, b->piece, b->block);
        return false;
    }
    rate_tap_return(&s->download.tap,
                    BLOCK_LEN - r.length); /* take_tokens() paid for a whole block */
    msg = fx_send(s, p, WIRE_REQUEST);
    msg->piece = r.piece;
    msg->begin = r.begin;
    msg->length = r.length;
    return true;
}

/* Takes tokens for up to |want| blocks from the download bucket and returns the number of blocks.
 * The caller puts back unused tokens. */
static uint32_t
take_tokens(struct swarm *s, uint32_t want)
{
    uint32_t n = 0;

    while (n < want && rate_tap_take(&s->download.tap, BLOCK_LEN, s->clock.now))
        n++;
    return n;
}

/* The allowed-fast pieces (BEP 6) of a peer that chokes us, as a set to pick from. False if we want
 * none of them. */
static bool
fast_pieces(const struct swarm *s, const struct swarm_peer *p, struct bitfield *only)
{
    uint32_t n = p->down.fast_count;

    while (n > 0 && !(bitfield_get(&p->has, p->down.fast[n - 1]) &&
                      picker_wants(s->picker, p->down.fast[n - 1])))
        n--;
    if (n == 0 || bitfield_init(only, s->geo.piece_count) != 0)
        return false;
    for (uint32_t i = 0; i < n; i++)
        bitfield_set(only, p->down.fast[i]);
    return true;
}

/* Requests up to |want| blocks; returns the number of requests. */
static uint32_t
request_blocks(struct swarm *s, struct swarm_peer *p, const struct picker_options *opt,
               uint32_t want)
{
    struct picker_block picked[PICK_BATCH];
    uint32_t n, got = 0;

    want = want < PICK_BATCH ? want : PICK_BATCH;
    n = take_tokens(s, want);
    if (n > 0)
        got = picker_pick(s->picker, &p->has, opt, picked, n);
    rate_tap_return(&s->download.tap, (uint64_t)(n - got) * BLOCK_LEN);
    /* Wait for the bucket only if the peer could have used more tokens. */
    if (got == n && n < want) {
        s->download.waits = true;
        rate_tap_wait(&s->download.tap, s->clock.now);
    }
    for (uint32_t i = 0; i < got; i++)
        send_request(s, p, &picked[i]);
    return got;
}

/* In the endgame: requests blocks that other peers would send much later. */
static void
request_again(struct swarm *s, struct swarm_peer *p, const struct bitfield *only, uint32_t depth)
{
    struct picker_block b;

    while (p->down.requests.count < depth && endgame_choose(s, p, only, &b)) {
        if (take_tokens(s, 1) == 0) {
            s->download.waits = true;
            rate_tap_wait(&s->download.tap, s->clock.now);
            return;
        }
        if (!picker_pick_again(s->picker, b.piece, b.block, p->at.number)) {
            rate_tap_return(&s->download.tap, BLOCK_LEN);
            return;
        }
        if (!send_request(s, p, &b))
            return;
    }
}

static bool
may_request(const struct swarm *s, const struct swarm_peer *p)
{
    return s->state == SWARM_ACTIVE && p->at.state == PEER_UP && p->down.interested &&
           !s->pieces.disk_failed && s->pieces.writes < SWARM_WRITES_MAX &&
           mono_due(p->down.paused_until, s->clock.now);
}

/* A peer that sends a whole piece within seconds gets pieces of its own, so that a bad piece has
 * one culprit. */
static bool
is_fast_peer(const struct swarm *s, const struct swarm_peer *p)
{
    uint64_t rate = rate_meter_rate(&p->down.meter, s->clock.now);

    return rate > 0 && s->geo.piece_length / rate < 8;
}

void
download_fill(struct swarm *s, struct swarm_peer *p)
{
    struct picker_options opt = {
        .sequential = s->cfg.sequential, .peer = p->at.number, .hints = p->down.hints};
    struct bitfield only;
    uint32_t depth;

    if (!may_request(s, p))
        return;
    depth = pipeline_depth(&p->down.pipe);
    if (p->down.requests.count >= depth)
        return;
    opt.hint_count = p->down.hint_count < HINTS_MAX ? p->down.hint_count : HINTS_MAX;
    if (p->down.choked) {
        if (!fast_pieces(s, p, &only))
            return;
        opt.only = &only;
    }
    opt.exclusive = is_fast_peer(s, p);
    while (p->down.requests.count < depth) {
        uint32_t want = depth - p->down.requests.count;
        uint32_t got;

        got = request_blocks(s, p, &opt, want);
        if (got < want && got < PICK_BATCH)
            break;
    }
    if (p->down.requests.count < depth && picker_endgame(s->picker))
        request_again(s, p, opt.only, depth);
    if (p->down.choked)
        bitfield_fini(&only);
}

/* Fills the peers in the slots [from, to) until the bucket is empty. The next round begins with the
 * peer that got nothing, or after it if it got some of its requests in this round. */
static void
fill_slots(struct swarm *s, uint32_t from, uint32_t to)
{
    uint32_t iter = from;
    struct swarm_peer *p;

    while (!s->download.waits && (p = peers_next(s, &iter)) != NULL && iter <= to) {
        uint32_t before = p->down.requests.count;

        download_fill(s, p);
        if (s->download.waits)
            s->download.turn = p->down.requests.count > before ? iter : iter - 1;
    }
}

void
download_fill_all(struct swarm *s)
{
    uint32_t turn = s->download.turn;

    s->download.waits = false;
    fill_slots(s, turn, UINT32_MAX);
    fill_slots(s, 0, turn);
    if (!s->download.waits)
        rate_tap_leave(&s->download.tap, s->clock.now);
}

/* Removes a request for which no block is expected, and puts its tokens back. If the block comes
 * all the same, it is paid for then. */
static void
drop_request(struct swarm *s, struct swarm_peer *p, uint32_t i)
{
    rate_tap_return(&s->download.tap, reqlist_at(&p->down.requests, i)->length);
    reqlist_remove(&p->down.requests, i);
}

static void
send_cancel(struct swarm *s, struct swarm_peer *p, const struct request *r)
{
    struct wire_msg *msg = fx_send(s, p, WIRE_CANCEL);

    msg->piece = r->piece;
    msg->begin = r->begin;
    msg->length = r->length;
    p->down.cancelled++;
}

/* The block has come: cancels the requests for it to other peers (endgame). */
static void
cancel_elsewhere(struct swarm *s, const struct swarm_peer *giver, uint32_t piece, uint32_t begin)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = peers_next(s, &iter)) != NULL) {
        uint32_t i;

        if (p == giver)
            continue;
        i = reqlist_find(&p->down.requests, piece, begin);
        if (i == REQLIST_NONE)
            continue;
        send_cancel(s, p, reqlist_at(&p->down.requests, i));
        drop_request(s, p, i);
    }
}

/* Was the block requested? Removes the request; |*asked| is when it was sent. A block whose request
 * was withdrawn may still come, and is welcome if we miss it. */
static bool
claim_request(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg, struct mono *asked)
{
    uint32_t i = reqlist_find(&p->down.requests, msg->piece, msg->begin);

    if (i != REQLIST_NONE && reqlist_at(&p->down.requests, i)->length == msg->length) {
        *asked = reqlist_at(&p->down.requests, i)->at;
        reqlist_remove(&p->down.requests, i);
        return true;
    }
    *asked = MONO_NEVER;
    if (p->down.cancelled == 0) {
        /* A peer that is only closed would reconnect and keep us busy with its blocks. */
        if (++p->down.unrequested > SWARM_UNREQUESTED_MAX)
            peer_ban(s, p->at.number, SPRAT_E_PROTOCOL);
        return false;
    }
    p->down.cancelled--;
    return msg->piece < s->geo.piece_count && msg->begin % BLOCK_LEN == 0 &&
           msg->begin / BLOCK_LEN < geometry_blocks(&s->geo, msg->piece) &&
           msg->length == geometry_block_len(&s->geo, msg->piece, msg->begin / BLOCK_LEN);
}

static void
write_block(struct swarm *s, const struct wire_msg *msg)
{
    struct swarm_effect *fx = fx_push(s, SWARM_FX_WRITE, SLOT_NONE);

    fx->u.write.piece = msg->piece;
    fx->u.write.begin = msg->begin;
    fx->u.write.block = msg->block;
    fx->u.write.judge =
        s->tree != NULL &&
        hashtree_leaf(s->tree, msg->piece, msg->begin / BLOCK_LEN, fx->u.write.expected);
    s->pieces.writes++;
}

void
download_on_block(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    uint32_t block = msg->begin / BLOCK_LEN;
    struct mono asked;
    bool claimed, on_list, others;

    ASSERT(msg->block != NULL);
    s->totals.down += msg->length;
    s->totals.moved = s->clock.now;
    rate_meter_add(&s->totals.down_meter, msg->length, s->clock.now);
    rate_meter_add(&p->down.meter, msg->length, s->clock.now);
    claimed = claim_request(s, p, msg, &asked);
    on_list = asked.us != MONO_NEVER.us;
    if (on_list)
        pipeline_on_block(&p->down.pipe, msg->length, asked, s->clock.now);
    else
        rate_tap_charge(&s->download.tap, msg->length, s->clock.now);
    others = claimed && picker_requests(s->picker, msg->piece, block) > (on_list ? 1u : 0u);
    if (!claimed || s->state != SWARM_ACTIVE ||
        !picker_writing(s->picker, msg->piece, block, p->at.number)) {
        s->totals.wasted += msg->length;
        block_drop(msg->block);
    } else {
        p->at.useful = true;
        p->at.used = s->clock.now;
        p->down.rejects = 0;
        write_block(s, msg);
        if (others)
            cancel_elsewhere(s, p, msg->piece, msg->begin);
    }
    download_fill(s, p);
}

void
download_on_reject(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    uint32_t i = reqlist_find(&p->down.requests, msg->piece, msg->begin);

    if (i == REQLIST_NONE) {
        /* The REJECT answers a CANCEL. */
        if (p->down.cancelled > 0)
            p->down.cancelled--;
        return;
    }
    drop_request(s, p, i);
    picker_abort(s->picker, msg->piece, msg->begin / BLOCK_LEN);
    picker_leave(s->picker, p->at.number);
    if (p->down.choked)
        return;
    /* The peer has the piece and refuses it: pause, so as not to ask in a tight loop. */
    if (p->down.rejects < REJECT_PAUSES_MAX)
        p->down.rejects++;
    p->down.paused_until = mono_add_ms(s->clock.now, (int64_t)REJECT_PAUSE_MS * p->down.rejects);
}

void
download_abort(struct swarm *s, struct swarm_peer *p, bool tell)
{
    struct reqlist *l = &p->down.requests;

    for (uint32_t i = 0; i < l->count; i++) {
        const struct request *r = reqlist_at(l, i);

        picker_abort(s->picker, r->piece, r->begin / BLOCK_LEN);
        rate_tap_return(&s->download.tap, r->length);
        if (tell)
            send_cancel(s, p, r);
    }
    reqlist_clear(l);
    picker_leave(s->picker, p->at.number);
}

void
download_drop_piece(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    struct reqlist *l = &p->down.requests;
    uint32_t before = l->count;

    for (uint32_t i = 0; i < l->count;) {
        struct request r = *reqlist_at(l, i);

        if (r.piece != piece) {
            i++;
            continue;
        }
        send_cancel(s, p, &r);
        drop_request(s, p, i);
        picker_abort(s->picker, r.piece, r.begin / BLOCK_LEN);
    }
    if (l->count < before)
        download_fill_all(s);
}

/* With the fast extension every request gets a PIECE or a REJECT; without it, a choke silently
 * drops all requests (BEP 6). */
void
download_on_choke(struct swarm *s, struct swarm_peer *p)
{
    p->down.choked = true;
    picker_leave(s->picker, p->at.number);
    if (p->at.fast || p->down.requests.count == 0)
        return;
    p->down.cancelled += p->down.requests.count; /* their blocks may be under way */
    download_abort(s, p, false);
    download_fill_all(s);
}

void
download_on_allowed_fast(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    if (piece >= s->geo.piece_count) {
        peer_doom(s, p, SPRAT_E_PROTOCOL);
        return;
    }
    if (p->down.fast_count < FAST_PIECES_MAX)
        p->down.fast[p->down.fast_count++] = piece;
    download_fill(s, p);
}

/* Suggestions only choose among the rarest pieces: a suggested piece that is more common has no
 * effect. */
void
download_on_suggest(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    if (piece < s->geo.piece_count)
        p->down.hints[p->down.hint_count++ % HINTS_MAX] = piece;
}

/* The time that all open requests need on our own line at the present rate. */
static int64_t
line_us(const struct swarm *s)
{
    uint64_t rate = rate_meter_rate(&s->totals.down_meter, s->clock.now), blocks = 0;
    uint32_t iter = 0;
    const struct swarm_peer *p;

    while ((p = peers_next(s, &iter)) != NULL)
        blocks += p->down.requests.count;
    return rate > 0 ? (int64_t)(blocks * BLOCK_LEN * 1000000 / rate) : 0;
}

/* Is the oldest request older than this peer's answers take, and than our own slow line explains?
 * Many peers together fill a slow line with minutes of blocks; a block that is requested again
 * there comes twice. */
static bool
is_overdue(const struct swarm *s, const struct swarm_peer *p)
{
    int64_t age = mono_diff_us(s->clock.now, reqlist_at(&p->down.requests, 0)->at);

    return age > pipeline_timeout_us(&p->down.pipe) && age > LINE_TIMES * line_us(s);
}

void
download_tick(struct swarm *s, struct swarm_peer *p)
{
    struct reqlist *l = &p->down.requests;

    if (l->count > 0) {
        bool snubbed = pipeline_tick(&p->down.pipe, s->clock.now);

        if (snubbed || is_overdue(s, p)) {
            download_abort(s, p, true);
            /* Other peers come first; and the answers to the CANCELs must not be taken for answers
             * to new requests for the same blocks. */
            p->down.paused_until = mono_add_ms(s->clock.now, ABORT_PAUSE_MS);
            download_fill_all(s);
        }
    }
    download_fill(s, p);
}
