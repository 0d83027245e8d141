/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The upload side of the swarm: unchoking (the choker decides), which requests are accepted, and
 * how many bytes are handed to a connection at a time. That number is small, so that a CANCEL or
 * CHOKE still finds something to drop, and the upload limit holds.
 */
#include "peer/core/swarm_upload.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_fx.h"
#include "peer/core/swarm_offer.h"
#include "peer/core/swarm_overhead.h"
#include "peer/core/swarm_talk.h"

enum {
    SEND_AHEAD_MS = 200,
    SEND_AHEAD_MIN = BLOCK_LEN,
};

static void
send_reject(struct swarm *s, struct swarm_peer *p, uint32_t piece, uint32_t begin, uint32_t length)
{
    struct wire_msg *msg;

    if (!p->at.fast)
        return;
    msg = fx_send(s, p, WIRE_REJECT);
    msg->piece = piece;
    msg->begin = begin;
    msg->length = length;
}

static bool
is_fast_allowed(const struct swarm_peer *p, uint32_t piece)
{
    for (uint32_t i = 0; i < p->up.fast_count; i++)
        if (p->up.fast[i] == piece)
            return true;
    return false;
}

/* Sends the allowed-fast pieces (BEP 6) that we have to a new peer. Sends none in initial seeding:
 * all peers of one network would get the same pieces, which they could not exchange with each
 * other. */
void
upload_init(struct swarm *s, struct swarm_peer *p)
{
    uint32_t pieces[FASTSET_SIZE];
    uint32_t n;

    if (!p->at.fast || p->up.veiled || superseed_active(&s->super))
        return;
    n = fastset(identity_wire_hash(&s->mi->id, p->v2), &p->at.addr, s->geo.piece_count,
                FASTSET_SIZE, pieces);
    for (uint32_t i = 0; i < n; i++) {
        if (!bitfield_get(picker_bitfield(s->picker), pieces[i]))
            continue;
        p->up.fast[p->up.fast_count++] = pieces[i];
        fx_send(s, p, WIRE_ALLOWED_FAST)->piece = pieces[i];
    }
}

static void
choke(struct swarm *s, struct swarm_peer *p)
{
    struct reqlist *q = &p->up.queue;

    p->up.choked = true;
    s->upload.unchoked--;
    fx_send(s, p, WIRE_CHOKE);
    offer_on_choke(s, p);
    for (uint32_t i = 0; i < q->count;) {
        struct request r = *reqlist_at(q, i);

        if (is_fast_allowed(p, r.piece)) {
            i++;
            continue;
        }
        reqlist_remove(q, i);
        send_reject(s, p, r.piece, r.begin, r.length);
    }
}

static void
unchoke(struct swarm *s, struct swarm_peer *p)
{
    p->up.choked = false;
    p->up.unchoked_at = s->clock.now;
    p->up.given = 0;
    p->up.looks = p->up.busy = 0;
    s->upload.unchoked++;
    offer_fill(s, p);
    fx_send(s, p, WIRE_UNCHOKE);
}

static uint32_t
slots(const struct swarm *s)
{
    return s->cfg.upload_slots > 0 ? s->cfg.upload_slots
                                   : choker_slots(rate_tap_limit(&s->upload.tap));
}

static bool
has_bytes_waiting(const struct swarm_peer *p)
{
    return p->up.queue.count > 0 || p->up.sending > 0;
}

/* The peer is unchoked, and has neither sent a request nor received bytes for CHOKER_IDLE_MS. */
static bool
is_idle(const struct swarm *s, const struct swarm_peer *p)
{
    struct mono last = mono_max(p->up.unchoked_at, mono_max(p->up.asked, p->up.moved));

    return !p->up.choked && !has_bytes_waiting(p) &&
           mono_diff_ms(s->clock.now, last) >= CHOKER_IDLE_MS;
}

/* While we seed: the peer has been unchoked for CHOKER_SLOW_MS, received less than
 * CHOKER_SLOW_RATE, and mostly had nothing to wait for. Where our own line or limit is what is
 * slow, bytes for the peer wait here. A line of the peer's that is so slow looks the same from here
 * as few requests. */
static bool
is_slow(const struct swarm *s, const struct swarm_peer *p)
{
    int64_t ms = mono_diff_ms(s->clock.now, p->up.unchoked_at);

    return picker_missing(s->picker) == 0 && !p->up.choked && ms >= CHOKER_SLOW_MS &&
           p->up.busy < p->up.looks / 2 && p->up.given < (uint64_t)ms * CHOKER_SLOW_RATE / 1000;
}

void
upload_tick(struct swarm_peer *p)
{
    if (p->up.choked)
        return;
    p->up.looks++;
    p->up.busy += has_bytes_waiting(p);
}

/* Was |at| less than |ms| ago? 0 is never. */
static bool
is_recent(const struct swarm *s, struct mono at, int64_t ms)
{
    return at.us != 0 && mono_diff_ms(s->clock.now, at) < ms;
}

bool
upload_is_wasted_on(const struct swarm *s, const struct swarm_peer *p)
{
    return is_idle(s, p) || is_recent(s, p->up.wasted, CHOKER_WASTED_MS);
}

static void
fill_candidate(const struct swarm *s, const struct swarm_peer *p, struct choker_candidate *c)
{
    *c = (struct choker_candidate){
        .id = p->at.id,
        .interested = p->up.interested,
        .unchoked = !p->up.choked,
        .snubbed = p->down.pipe.snubbed,
        .upload_only = p->at.ext.upload_only || peer_is_seed(p),
        .idle = is_idle(s, p),
        .slow = is_slow(s, p),
        .was_slow = is_recent(s, p->up.slow, CHOKER_SLOW_AFTER_MS),
        .wasted = upload_is_wasted_on(s, p),
        .down_rate = rate_meter_rate(&p->down.meter, s->clock.now),
        .up_rate = rate_meter_rate(&p->up.meter, s->clock.now),
        .given = p->up.given,
        .connected_at = p->at.since,
        .unchoked_at = p->up.unchoked_at,
    };
}

static void
end_turn(struct swarm *s, struct swarm_peer *p)
{
    p->up.wasted = is_idle(s, p) ? s->clock.now : (struct mono){0};
    p->up.slow = is_slow(s, p) ? s->clock.now : (struct mono){0};
    choke(s, p);
}

static void
apply(struct swarm *s, const struct choker_candidate *cands, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct swarm_peer *p = peers_get(s, cands[i].id);

        if (cands[i].unchoke && p->up.choked)
            unchoke(s, p);
        else if (!cands[i].unchoke && !p->up.choked)
            end_turn(s, p);
    }
}

void
upload_choke_round(struct swarm *s)
{
    struct choker_candidate *cands;
    uint32_t iter = 0, n = 0;
    struct swarm_peer *p;

    s->clock.choked = s->clock.now;
    if (crowd_up(s->crowd) == 0)
        return;
    cands = malloc(crowd_up(s->crowd) * sizeof(*cands));
    if (cands == NULL)
        return; /* no memory: all peers keep their state for a round */
    while ((p = peers_next(s, &iter)) != NULL)
        if (p->at.state == PEER_UP)
            fill_candidate(s, p, &cands[n++]);
    choker_run(&s->choker, cands, n, slots(s), picker_missing(s->picker) == 0, s->clock.now,
               &s->rng);
    apply(s, cands, n);
    free(cands);
}

/* A choke round out of turn: at once, unless one was just held. Otherwise a peer that changes its
 * interest all the time would keep us busy with rounds. */
static void
choke_round_soon(struct swarm *s)
{
    struct mono at = mono_add_ms(s->clock.choked, CHOKE_PAUSE_MS);

    s->clock.choke = mono_min(s->clock.choke, mono_before(at, s->clock.now) ? s->clock.now : at);
}

/* Is a slot free, or does its peer make little use of it? */
static bool
slot_is_to_be_had(const struct swarm *s)
{
    uint32_t iter = 0;
    const struct swarm_peer *p;

    if (s->upload.unchoked < slots(s))
        return true;
    while ((p = peers_next(s, &iter)) != NULL)
        if (is_idle(s, p) || is_slow(s, p))
            return true;
    return false;
}

/* A free slot is filled at once, not only at the next round. */
void
upload_on_interest(struct swarm *s, struct swarm_peer *p, bool interested)
{
    if (p->up.interested == interested)
        return;
    p->up.interested = interested;
    if ((interested && p->up.choked && slot_is_to_be_had(s)) || (!interested && !p->up.choked))
        choke_round_soon(s);
}

void
upload_on_peer_gone(struct swarm *s, struct swarm_peer *p)
{
    rate_tap_return(&s->upload.tap, upload_stuck(p));
    if (s->upload.begun.peer == p->at.id)
        s->upload.begun.peer = SLOT_NONE;
    if (p->up.choked)
        return;
    s->upload.unchoked--;
    p->up.choked = true;
    p->up.interested = false;
    if (s->state == SWARM_ACTIVE)
        choke_round_soon(s);
}

static bool
may_serve(const struct swarm *s, const struct swarm_peer *p, uint32_t piece)
{
    return bitfield_get(picker_bitfield(s->picker), piece) &&
           (!p->up.choked || is_fast_allowed(p, piece));
}

void
upload_on_request(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    struct request r = {msg->piece, msg->begin, msg->length, s->clock.now};

    if (!geometry_valid(&s->geo, r.piece, r.begin, r.length) || r.length > REQUEST_LEN_MAX) {
        if (++p->up.bad_requests > BAD_REQUESTS_MAX)
            peer_doom(s, p, SPRAT_E_PROTOCOL);
        else
            send_reject(s, p, r.piece, r.begin, r.length);
        return;
    }
    if (!may_serve(s, p, r.piece) || reqlist_push(&p->up.queue, &r) != 0) {
        send_reject(s, p, r.piece, r.begin, r.length);
        talk_refused(s, p, msg);
        return;
    }
    p->up.asked = s->clock.now;
    offer_on_request(s, p, r.piece);
    upload_pump(s, p);
}

void
upload_on_cancel(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    uint32_t i = reqlist_find(&p->up.queue, msg->piece, msg->begin);

    if (i == REQLIST_NONE)
        return;
    reqlist_remove(&p->up.queue, i);
    send_reject(s, p, msg->piece, msg->begin, msg->length);
}

/* The unsent payload bytes that the connection may hold: enough for a moment at its rate, so that
 * the connection never runs dry, and little has to leave before a CANCEL, a CHOKE or a more urgent
 * request takes effect. */
static uint32_t
send_ahead(const struct swarm *s, const struct swarm_peer *p)
{
    uint64_t bytes = rate_meter_rate(&p->up.meter, s->clock.now) * SEND_AHEAD_MS / 1000;

    if (bytes < SEND_AHEAD_MIN)
        return SEND_AHEAD_MIN;
    return bytes < SWARM_SEND_AHEAD ? (uint32_t)bytes : SWARM_SEND_AHEAD;
}

uint32_t
upload_stuck(const struct swarm_peer *p)
{
    return p->up.sending - p->up.unpaid;
}

/* Pays for up to |want| payload bytes. 0: the bucket has none now, and the swarm waits for it. */
static uint32_t
pay(struct swarm *s, uint32_t want)
{
    uint32_t part = rate_tap_part(&s->upload.tap, want);

    if (rate_tap_take(&s->upload.tap, part, s->clock.now))
        return part;
    s->upload.waits = true;
    rate_tap_wait(&s->upload.tap, s->clock.now);
    return 0;
}

static void
pay_rest(struct swarm *s, struct swarm_peer *p)
{
    while (p->up.unpaid > 0) {
        uint32_t part = pay(s, p->up.unpaid);
        struct swarm_effect *fx;

        if (part == 0)
            return;
        if (upload_stuck(p) == 0)
            p->up.moved = s->clock.now;
        p->up.unpaid -= part;
        fx = fx_push(s, SWARM_FX_ALLOW, p->at.id);
        fx->u.range.piece = s->upload.begun.piece;
        fx->u.range.begin = s->upload.begun.begin;
        fx->u.range.allowed = part;
    }
    s->upload.begun.peer = SLOT_NONE;
}

/* A PIECE whose first bytes may leave is paid for to its end before the next PIECE begins, because
 * later messages to its peer wait behind it. False while it is not fully paid. */
static bool
finish_begun(struct swarm *s)
{
    struct swarm_peer *p = peers_get(s, s->upload.begun.peer);

    if (p == NULL)
        return true;
    pay_rest(s, p);
    return s->upload.begun.peer == SLOT_NONE;
}

/* Pushes a SEND_PIECE of which |paid| bytes may leave. */
static void
send_piece(struct swarm *s, struct swarm_peer *p, const struct request *r, uint32_t paid)
{
    struct swarm_effect *fx = fx_push(s, SWARM_FX_SEND_PIECE, p->at.id);

    fx->u.range.piece = r->piece;
    fx->u.range.begin = r->begin;
    fx->u.range.length = r->length;
    fx->u.range.allowed = paid;
    if (upload_stuck(p) == 0)
        p->up.moved = s->clock.now;
    p->up.sending += r->length;
    p->up.unpaid += r->length - paid;
    p->at.last_sent = s->clock.now;
    if (paid < r->length)
        s->upload.begun = (struct swarm_begun){p->at.id, r->piece, r->begin};
}

void
upload_pump(struct swarm *s, struct swarm_peer *p)
{
    struct reqlist *q = &p->up.queue;
    uint32_t ahead = q->count > 0 ? send_ahead(s, p) : 0;

    if (p->at.state != PEER_UP)
        return;
    while (finish_begun(s) && q->count > 0 && p->up.sending < ahead) {
        struct request r = *reqlist_at(q, 0);
        uint32_t paid;

        if (!may_serve(s, p, r.piece)) {
            reqlist_remove(q, 0);
            send_reject(s, p, r.piece, r.begin, r.length);
            continue;
        }
        paid = pay(s, r.length);
        if (paid == 0)
            return;
        reqlist_remove(q, 0);
        send_piece(s, p, &r, paid);
    }
}

/* As fill_slots() in swarm_download.c, for uploads. */
static void
pump_slots(struct swarm *s, uint32_t from, uint32_t to)
{
    uint32_t iter = from;
    struct swarm_peer *p;

    while (!s->upload.waits && (p = peers_next(s, &iter)) != NULL && iter <= to) {
        uint32_t before = p->up.sending;

        upload_pump(s, p);
        if (s->upload.waits)
            s->upload.turn = p->up.sending > before ? iter : iter - 1;
    }
}

void
upload_pump_all(struct swarm *s)
{
    uint32_t turn = s->upload.turn;

    s->upload.waits = false;
    if (finish_begun(s)) {
        pump_slots(s, turn, UINT32_MAX);
        pump_slots(s, 0, turn);
    }
    if (!s->upload.waits)
        rate_tap_leave(&s->upload.tap, s->clock.now);
}

void
upload_on_sent(struct swarm *s, struct swarm_peer *p, uint32_t payload, uint32_t total)
{
    ASSERT(total >= payload);
    overhead_on_sent(s, total - payload);
    if (payload == 0)
        return;
    if (payload > upload_stuck(p))
        payload = upload_stuck(p);
    p->up.sending -= payload;
    p->up.given += payload;
    s->totals.up += payload;
    if (payload > 0) {
        s->totals.moved = s->clock.now;
        p->at.useful = true;
        p->at.used = p->up.moved = s->clock.now;
        rate_meter_add(&s->totals.up_meter, payload, s->clock.now);
        rate_meter_add(&p->up.meter, payload, s->clock.now);
    }
    upload_pump(s, p);
    offer_on_idle(s);
}

/* |length| bytes that were handed out will not leave; |unpaid| of them were not paid for. */
static void
forget_piece(struct swarm *s, struct swarm_peer *p, uint32_t length, uint32_t unpaid)
{
    uint32_t paid = length - unpaid < upload_stuck(p) ? length - unpaid : upload_stuck(p);

    p->up.sending -= paid + unpaid;
    p->up.unpaid -= unpaid;
    rate_tap_return(&s->upload.tap, paid);
}

void
upload_on_read_failed(struct swarm *s, struct swarm_peer *p, uint32_t piece, uint32_t begin,
                      uint32_t length)
{
    struct swarm_begun *b = &s->upload.begun;

    if (b->peer == p->at.id && b->piece == piece && b->begin == begin) {
        forget_piece(s, p, length, p->up.unpaid);
        b->peer = SLOT_NONE;
    } else {
        forget_piece(s, p, length, 0);
    }
    send_reject(s, p, piece, begin, length);
    upload_pump(s, p);
}
