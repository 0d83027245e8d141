/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hash requests (BEP 52) in both directions. We ask peers for piece layers that the metainfo lacks,
 * and for the leaves of pieces that failed their check; we answer each request of a peer with
 * HASHES or HASH_REJECT. The hash tree interprets the hashes.
 */
#include "peer/core/swarm_hash.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_download.h"
#include "peer/core/swarm_fx.h"
#include "peer/core/swarm_leaves.h"
#include "peer/core/swarm_talk.h"

enum {
    SUSPECT_RELUCTANCE = 1000,
    /* longest answer, bytes, to a request within the limits of BEP 52 */
    HASH_SMALL_MAX = (HASHTREE_ASK_MAX + 48) * SHA256_LEN,
};

static bool
same_request(const struct wire_hash_request *a, const struct wire_hash_request *b)
{
    return memcmp(a->root, b->root, sizeof(a->root)) == 0 && a->base_layer == b->base_layer &&
           a->index == b->index && a->length == b->length && a->proof_layers == b->proof_layers;
}

void
hash_hold_unknown(struct swarm *s)
{
    if (s->tree == NULL)
        return;
    for (uint32_t i = 0; i < s->geo.piece_count; i++)
        picker_hold(s->picker, i, !hashtree_piece_known(s->tree, i));
}

/* Is there a list for requests to |p|? False when memory is out: the next tick tries again. */
static bool
has_asks(struct swarm_peer *p)
{
    if (p->hash.asks == NULL)
        p->hash.asks = calloc(HASH_ASKS_MAX, sizeof(*p->hash.asks));
    return p->hash.asks != NULL;
}

static void
send_ask(struct swarm *s, struct swarm_peer *p, const struct wire_hash_request *req, bool leaves)
{
    p->hash.asks[p->hash.ask_count++] = (struct hash_ask){*req, s->clock.now, leaves};
    p->hash.asked = s->clock.now;
    fx_send(s, p, WIRE_HASH_REQUEST)->hashes = *req;
}

/* Did |p| send a block of the piece? */
static bool
is_source(const struct swarm *s, const struct swarm_peer *p, uint32_t piece)
{
    for (uint32_t b = 0; b < geometry_blocks(&s->geo, piece); b++)
        if (picker_source(s->picker, piece, b) == p->at.number)
            return true;
    return false;
}

/* The rank of |p| for the next request: its open requests and refusals. A peer that may have sent
 * the bad block of |failed| (UINT32_MAX: none) comes last. */
static uint32_t
reluctance(const struct swarm *s, const struct swarm_peer *p, uint32_t failed)
{
    uint32_t n = p->hash.ask_count + p->hash.refusals;

    return failed != UINT32_MAX && is_source(s, p, failed) ? n + SUSPECT_RELUCTANCE : n;
}

/* The best peer for the next request: it speaks v2, and has not refused too often. Among equals it
 * is the one that was asked the longest ago, so that peers that never answer, and whose refusals
 * are forgotten after a while, do not keep us from the others. NULL if there is none. */
static struct swarm_peer *
choose_peer(struct swarm *s, uint32_t failed)
{
    struct swarm_peer *best = NULL, *p;
    uint32_t iter = 0, least = UINT32_MAX;

    while ((p = peers_next(s, &iter)) != NULL) {
        uint32_t n;

        if (p->at.state != PEER_UP || !p->v2 || p->hash.ask_count == HASH_ASKS_MAX ||
            p->hash.refusals >= HASH_REFUSALS_MAX)
            continue;
        n = reluctance(s, p, failed);
        if (n < least || (n == least && mono_before(p->hash.asked, best->hash.asked))) {
            least = n;
            best = p;
        }
    }
    return best;
}

void
hash_pump(struct swarm *s)
{
    struct wire_hash_request req;
    struct swarm_peer *p;

    if (s->state != SWARM_ACTIVE || s->tree == NULL || hashtree_complete(s->tree))
        return;
    while ((p = choose_peer(s, UINT32_MAX)) != NULL && has_asks(p) &&
           hashtree_want_layer(s->tree, &req))
        send_ask(s, p, &req, false);
}

bool
hash_ask_leaves(struct swarm *s, uint32_t piece)
{
    struct wire_hash_request req;
    uint32_t iter = 0;
    struct swarm_peer *p;

    if (!hashtree_want_leaves(s->tree, piece, &req))
        return false;
    while ((p = peers_next(s, &iter)) != NULL)
        for (uint32_t i = 0; i < p->hash.ask_count; i++)
            if (same_request(&p->hash.asks[i].req, &req))
                return true;
    p = choose_peer(s, piece);
    if (p == NULL || !has_asks(p))
        return false;
    send_ask(s, p, &req, true);
    return true;
}

static void
remove_ask(struct swarm_peer *p, uint32_t i)
{
    p->hash.asks[i] = p->hash.asks[--p->hash.ask_count];
}

/* The index of our open request; HASH_ASKS_MAX if there is none like it. */
static uint32_t
find_ask(const struct swarm_peer *p, const struct wire_hash_request *req)
{
    for (uint32_t i = 0; i < p->hash.ask_count; i++)
        if (same_request(&p->hash.asks[i].req, req))
            return i;
    return HASH_ASKS_MAX;
}

/* A request of ours failed. A piece that waits for leaves asks again at its next tick. */
static void
give_up(struct swarm *s, struct swarm_peer *p, uint32_t i)
{
    if (!p->hash.asks[i].leaves)
        hashtree_forget(s->tree, &p->hash.asks[i].req);
    remove_ask(p, i);
    p->hash.refusals++;
    p->hash.refused = s->clock.now;
}

static void
unhold_known(struct swarm *s)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    hash_hold_unknown(s);
    while ((p = peers_next(s, &iter)) != NULL)
        if (p->at.state == PEER_UP)
            download_update_interest(s, p);
    download_fill_all(s);
}

uint32_t
hash_on_hashes(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    uint32_t i = find_ask(p, &msg->hashes);
    uint32_t piece;
    bool leaves, was_complete = hashtree_complete(s->tree);
    int err;

    if (i == HASH_ASKS_MAX) {
        talk_junk(s, p, msg); /* BEP 52: unrequested hashes are dropped */
        return HASH_NO_PIECE;
    }
    leaves = p->hash.asks[i].leaves;
    err = hashtree_on_hashes(s->tree, &msg->hashes, msg->data, msg->len / SHA256_LEN, &piece);
    if (err != 0) {
        give_up(s, p, i);
        if (err != SPRAT_E_NOMEM)
            peer_doom(s, p, SPRAT_E_HASH);
        return HASH_NO_PIECE;
    }
    remove_ask(p, i);
    p->hash.refusals = 0;
    if (leaves) /* a large piece takes several requests */
        return hash_ask_leaves(s, piece) ? HASH_NO_PIECE : piece;
    unhold_known(s);
    if (!was_complete && hashtree_complete(s->tree))
        fx_notice(s, SWARM_NOTICE_LAYERS, 0, 0);
    hash_pump(s);
    return HASH_NO_PIECE;
}

void
hash_on_reject(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    uint32_t i = find_ask(p, &msg->hashes);

    if (i == HASH_ASKS_MAX)
        return;
    give_up(s, p, i);
    hash_pump(s);
}

void
hash_tick(struct swarm *s, struct swarm_peer *p)
{
    for (uint32_t i = 0; i < p->hash.ask_count;) {
        if (mono_diff_ms(s->clock.now, p->hash.asks[i].at) > HASH_TIMEOUT_MS)
            give_up(s, p, i);
        else
            i++;
    }
    /* The peer may have been a leecher without the hashes, and may have them by now. */
    if (p->hash.refusals > 0 &&
        mono_diff_ms(s->clock.now, p->hash.refused) > HASH_FORGIVE_MS)
        p->hash.refusals = 0;
    hash_pump(s);
}

void
hash_on_peer_gone(struct swarm *s, struct swarm_peer *p)
{
    while (p->hash.ask_count > 0)
        give_up(s, p, p->hash.ask_count - 1);
}

/* --- answers to peers --- */

static void
send_reject(struct swarm *s, struct swarm_peer *p, const struct wire_hash_request *req)
{
    fx_send(s, p, WIRE_HASH_REJECT)->hashes = *req;
}

/* A request that is refused at once counts as a useless message, since their number has no other
 * limit. */
static void
refuse(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    send_reject(s, p, &msg->hashes);
    talk_junk(s, p, msg);
}

/* Whether |p|'s site may have an answer now, and the upload limit has bytes left for answers. An
 * answer that would take longer than a second of the limit is refused, since blocks wait behind it;
 * except an answer with at most HASH_SMALL_MAX bytes. */
static bool
may_answer(struct swarm *s, const struct swarm_peer *p, const struct hashtree_cost *cost)
{
    uint64_t limit = rate_tap_limit(&s->upload.tap);
    struct allowance_terms part = {.rate = limit / HASH_UP_SHARE + 1, .most = limit};

    if (!sitebudget_fits(s->sites, SITEBUDGET_HASHES, &p->at.addr, cost->work, s->clock.now))
        return false;
    return limit == 0 || ((cost->sent <= limit || cost->sent <= HASH_SMALL_MAX) &&
                          allowance_fits(&s->upload.hashes, cost->sent, part, s->clock.now));
}

/* Charges an answer to |p|'s site and to the part of the upload limit that answers may use, whether
 * or not |p| is choked. SENT charges its bytes to the limit itself. */
static void
pay_for_answer(struct swarm *s, const struct swarm_peer *p, const struct hashtree_cost *cost)
{
    sitebudget_charge(s->sites, SITEBUDGET_HASHES, &p->at.addr, cost->work);
    if (rate_tap_limit(&s->upload.tap) > 0)
        allowance_charge(&s->upload.hashes, cost->sent);
    rate_meter_add(&s->totals.up_meter, cost->sent, s->clock.now);
}

/* Answers one request. SPRAT_E_AGAIN: its leaves are being read; another error: the request is to
 * be rejected. The leaves of piece |unreadable| cannot be read. */
static int
answer(struct swarm *s, struct swarm_peer *p, const struct wire_hash_request *req,
       uint32_t unreadable)
{
    struct wire_msg msg = {.type = WIRE_HASHES, .hashes = *req};
    struct hashtree_cost cost;
    struct buf out;
    uint32_t piece;
    int err;

    buf_init(&out, (size_t)(HASHTREE_SERVE_MAX + 64) * SHA256_LEN);
    err = hashtree_cost(s->tree, req, &cost) && may_answer(s, p, &cost)
              ? hashtree_serve(s->tree, req, picker_bitfield(s->picker), &out, &piece)
              : SPRAT_E_LIMIT;
    if (err == SPRAT_E_AGAIN && (piece == unreadable || !leaves_read_for(s, piece, p)))
        err = SPRAT_E_LIMIT;
    if (err == 0) {
        pay_for_answer(s, p, &cost);
        fx_send_buf(s, p, &msg, &out);
    }
    buf_fini(&out);
    return err;
}

/* Is there a list for requests of |p| that wait, with room for one more? */
static bool
can_wait(struct swarm_peer *p)
{
    if (p->hash.waits == NULL)
        p->hash.waits = calloc(HASH_WAITS_MAX, sizeof(*p->hash.waits));
    return p->hash.waits != NULL && p->hash.wait_count < HASH_WAITS_MAX;
}

void
hash_on_request(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    int err;

    if (s->tree == NULL || !can_wait(p)) {
        refuse(s, p, msg);
        return;
    }
    err = answer(s, p, &msg->hashes, UINT32_MAX);
    if (err == SPRAT_E_AGAIN)
        p->hash.waits[p->hash.wait_count++] = msg->hashes;
    else if (err != 0)
        refuse(s, p, msg);
}

static void
retry_waits(struct swarm *s, struct swarm_peer *p, uint32_t unreadable)
{
    uint32_t n = p->hash.wait_count;

    p->hash.wait_count = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct wire_hash_request req = p->hash.waits[i];
        int err = answer(s, p, &req, unreadable);

        if (err == SPRAT_E_AGAIN)
            p->hash.waits[p->hash.wait_count++] = req;
        else if (err != 0)
            send_reject(s, p, &req);
    }
}

void
hash_on_leaves(struct swarm *s, uint32_t piece, int err)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = peers_next(s, &iter)) != NULL)
        if (p->hash.wait_count > 0)
            retry_waits(s, p, err != 0 ? piece : UINT32_MAX);
}
