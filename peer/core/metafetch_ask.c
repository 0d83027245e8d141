/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocks are dealt out one by one, each to the next peer in turn that may be asked, so that all
 * peers share the work. A block that is late is requested from another peer too, if that peer is
 * not late itself: so a peer that stalls delays the metadata by METAFETCH_LATE_MS, and not by
 * METAFETCH_STALL_MS.
 */
#include "peer/core/metafetch_ask.h"

#include "common/base/err.h"
#include "peer/core/extmsg.h"
#include "peer/core/metafetch_copies.h"
#include "peer/core/metafetch_request.h"

enum { NO_BLOCK = UINT32_MAX };

static bool
may_ask(const struct metafetch *m, const struct metafetch_peer *p)
{
    return p->at.state == PEER_UP && p->copy != NULL && p->out_count < p->window &&
           mono_due(p->paused_until, m->now);
}

/* Has |p| owed us a block for METAFETCH_LATE_MS? */
static bool
is_late(const struct metafetch *m, const struct metafetch_peer *p)
{
    for (uint32_t i = 0; i < p->out_count; i++)
        if (mono_diff_ms(m->now, p->out[i].at) >= METAFETCH_LATE_MS)
            return true;
    return false;
}

/* The block of its copy that |p| is asked for next: one that nobody was asked for, else one that is
 * late at other peers. */
static uint32_t
choose(const struct metafetch *m, const struct metafetch_peer *p)
{
    const struct metacopy *c = p->copy;
    bool takes_late = !is_late(m, p);
    uint32_t late = NO_BLOCK;

    for (uint32_t i = 0; i < c->blocks; i++) {
        const struct metacopy_block *b = &c->all[i];

        if (b->data != NULL)
            continue;
        if (b->asked == 0)
            return i;
        if (takes_late && late == NO_BLOCK &&
            mono_diff_ms(m->now, b->asked_at) >= METAFETCH_LATE_MS &&
            request_find(p, i) == METAFETCH_FLIGHT_MAX)
            late = i;
    }
    return late;
}

static void
send_request(struct metafetch *m, struct metafetch_peer *p, uint32_t block)
{
    struct wire_msg msg = {.type = WIRE_EXTENDED, .ext_id = p->at.ext.ids[EXTMSG_METADATA]};
    struct buf out;

    buf_init(&out, METAMSG_HEAD_MAX);
    if (metamsg_put_request(&out, block) == 0) {
        p->at.last_sent = m->now;
        fx_queue_send(&m->fx, p->at.id, &msg, &out);
    }
    buf_fini(&out);
}

/* Requests one block of |p|; false if there is none, or it must wait. */
static bool
ask_one(struct metafetch *m, struct metafetch_peer *p)
{
    uint32_t block = choose(m, p), len;

    if (block == NO_BLOCK)
        return false;
    if (!copies_have_memory(m) && (!copies_make_room(m, p->copy) || !copies_have_memory(m)))
        return false;
    len = metamsg_block_len(p->copy->size, block);
    if (!rate_tap_take(&m->down, len, m->now)) {
        m->waits = true;
        return false;
    }
    if (!request_add(m, p, block)) {
        rate_tap_return(&m->down, len);
        return false;
    }
    send_request(m, p, block);
    return true;
}

void
ask_all(struct metafetch *m)
{
    struct metafetch_peer *p;
    bool any = true;

    m->waits = false;
    while (any && !m->waits && !m->done) {
        uint32_t iter = 0;

        any = false;
        while ((p = fetch_next_peer(m, &iter)) != NULL && !m->waits)
            any |= may_ask(m, p) && ask_one(m, p);
    }
    if (m->waits)
        rate_tap_wait(&m->down, m->now);
    else
        rate_tap_leave(&m->down, m->now);
}

/* |p| is not asked for a while. */
static void
pause_peer(struct metafetch *m, struct metafetch_peer *p)
{
    int64_t ms = METAFETCH_REJECT_MS;

    for (uint32_t i = 0; i < p->failures && ms < METAFETCH_REJECT_MAX_MS; i++)
        ms *= 2;
    p->failures++;
    p->paused_until = mono_add_ms(m->now, ms);
}

bool
ask_is_owed(const struct metafetch *m, const struct metafetch_peer *p)
{
    struct mono since = p->answered;

    for (uint32_t i = 0; i < p->out_count; i++)
        if (mono_before(since, p->out[i].at))
            since = p->out[i].at;
    return p->out_count > 0 && mono_diff_ms(m->now, since) >= METAFETCH_STALL_MS;
}

void
ask_tick(struct metafetch *m, struct metafetch_peer *p)
{
    if (!ask_is_owed(m, p))
        return;
    request_withdraw_all(m, p);
    p->window = 1;
    pause_peer(m, p);
}

struct mono
ask_expiry(const struct metafetch *m)
{
    return m->waits ? rate_tap_ready(&m->down, m->now) : MONO_NEVER;
}

/* --- answers --- */

static void
notice(struct metafetch *m, int err)
{
    struct swarm_effect *fx = fx_queue_push(&m->fx, SWARM_FX_NOTICE, SLOT_NONE);

    fx->u.notice.what = SWARM_NOTICE_METADATA;
    fx->u.notice.err = err;
    m->done = true;
    copies_drop_all(m);
}

static void
ban(struct metafetch *m, uint32_t number)
{
    const struct endpoint *addr = peerlist_addr(crowd_list(m->crowd), number);
    struct swarm_effect *fx;

    if (addr == NULL)
        return;
    fx = fx_queue_push(&m->fx, SWARM_FX_NOTICE, SLOT_NONE);
    fx->u.notice.what = SWARM_NOTICE_BANNED;
    fx->u.notice.err = SPRAT_E_HASH;
    fx->u.notice.peer_addr = *addr;
    crowd_ban(m->crowd, number, SPRAT_E_HASH, m->now);
}

/* The whole copy is not the info dictionary. */
static void
on_wrong(struct metafetch *m, struct metacopy *c)
{
    uint32_t liar;

    if (metacopy_has_one_source(c, &liar)) {
        copies_drop(m, c);
        ban(m, liar);
    } else {
        copies_drop_all(m);
        m->alone = true;
    }
    copies_assign_all(m);
}

static void
on_whole(struct metafetch *m, struct metacopy *c)
{
    int err = metacopy_check(c, &m->cfg.id, &m->mi, &m->error);

    if (err == SPRAT_E_HASH)
        on_wrong(m, c);
    else if (err == SPRAT_E_NOMEM)
        copies_drop(m, c); /* the next tick begins anew */
    else
        notice(m, err);
}

/* |p| sent a block that we requested. */
static void
take(struct metafetch *m, struct metafetch_peer *p, const struct metamsg *msg)
{
    struct metacopy *c = p->copy;

    p->at.useful = true;
    p->at.used = p->answered = m->now;
    p->failures = 0;
    p->window = 2 * p->window < METAFETCH_FLIGHT_MAX ? 2 * p->window : METAFETCH_FLIGHT_MAX;
    m->metadata += msg->len;
    rate_meter_add(&m->meter, msg->len, m->now);
    if (metacopy_put(c, msg->block, msg->data, p->at.number) == 0 && metacopy_is_whole(c))
        on_whole(m, c);
}

static bool
on_data(struct metafetch *m, struct metafetch_peer *p, const struct metamsg *msg)
{
    uint32_t i = request_find(p, msg->block);

    if (i == METAFETCH_FLIGHT_MAX)
        return false;
    request_remove(m, p, i, false);
    if (msg->len != metamsg_block_len(p->copy->size, msg->block) ||
        (msg->total_size != -1 && msg->total_size != p->copy->size))
        crowd_doom(m->crowd, &p->at, SPRAT_E_PROTOCOL, true);
    else
        take(m, p, msg);
    return true;
}

static bool
on_reject(struct metafetch *m, struct metafetch_peer *p, const struct metamsg *msg)
{
    uint32_t i = request_find(p, msg->block);

    if (i == METAFETCH_FLIGHT_MAX)
        return false;
    request_remove(m, p, i, true);
    /* The rejects of requests that left together count once. */
    if (mono_due(p->paused_until, m->now))
        pause_peer(m, p);
    return true;
}

/* We have no metadata that we could send (BEP 9). */
static void
reject(struct metafetch *m, struct metafetch_peer *p, uint32_t block)
{
    struct wire_msg msg = {.type = WIRE_EXTENDED, .ext_id = p->at.ext.ids[EXTMSG_METADATA]};
    struct buf out;

    if (msg.ext_id == 0)
        return;
    buf_init(&out, METAMSG_HEAD_MAX);
    if (metamsg_put_reject(&out, block) == 0) {
        p->at.last_sent = m->now;
        fx_queue_send(&m->fx, p->at.id, &msg, &out);
    }
    buf_fini(&out);
}

bool
ask_on_message(struct metafetch *m, struct metafetch_peer *p, const uint8_t *data, size_t len)
{
    struct metamsg msg;
    int err = metamsg_read(&msg, data, len);

    if (err == SPRAT_E_NOMEM)
        return true;
    if (err != 0) {
        crowd_doom(m->crowd, &p->at, SPRAT_E_PROTOCOL, true);
        return true;
    }
    switch (msg.kind) {
    case METAMSG_REQUEST: reject(m, p, msg.block); return false;
    case METAMSG_DATA: return on_data(m, p, &msg);
    case METAMSG_REJECT: return on_reject(m, p, &msg);
    case METAMSG_UNKNOWN: return false;
    }
    return false;
}
