/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The entry points of metafetch: they dispatch inputs, keep the clock, and start, pause and stop
 * the core. After each input, addresses that are due are dialled and missing blocks requested.
 */
#include "peer/core/metafetch.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/metafetch_ask.h"
#include "peer/core/metafetch_copies.h"
#include "peer/core/metafetch_peer.h"

enum {
    PEERS_FEW = 20, /* with fewer promising addresses, the tracker is asked sooner */
    NUMWANT = 100,
    REQQ = 250, /* requests for pieces that we say we queue: none comes, since we have no piece */
};

static void
begin_crowd(struct metafetch *m)
{
    struct crowd_user user = {.view = fetch_view,
                              .ctx = m,
                              .client = m->cfg.client,
                              .listen_port = m->cfg.listen_port,
                              .peers_max = m->cfg.peers_max,
                              .reqq = REQQ,
                              .pex = !m->cfg.no_pex && !m->cfg.trackers_only,
                              .trackers_only = m->cfg.trackers_only,
                              .dht_port = m->cfg.trackers_only ? 0 : m->cfg.dht_port};

    memcpy(user.peer_id, m->cfg.peer_id, PEER_ID_LEN);
    crowd_begin(m->crowd, &user);
}

struct metafetch *
metafetch_new(const struct metafetch_config *cfg, uint64_t seed, struct mono now)
{
    struct metafetch *m = calloc(1, sizeof(*m));

    ASSERT(cfg->up != NULL && cfg->down != NULL && cfg->announcer != NULL);
    if (m == NULL)
        return NULL;
    m->cfg = *cfg;
    if (m->cfg.peers_max == 0)
        m->cfg.peers_max = SWARM_PEERS_MAX;
    rng_init(&m->rng, seed);
    m->now = now;
    m->tick = MONO_NEVER;
    m->turn = !cfg->takes_turns;
    m->crowd = cfg->crowd != NULL ? cfg->crowd : crowd_new(cfg->bans, rng_u64(&m->rng));
    if (m->crowd == NULL) {
        free(m);
        return NULL;
    }
    rate_tap_init(&m->down, cfg->down, now);
    rate_tap_init(&m->up, cfg->up, now);
    rate_tap_set(&m->down, cfg->down_limit, now);
    rate_tap_set(&m->up, cfg->up_limit, now);
    m->announcer = cfg->announcer;
    announcer_use(m->announcer, &m->rng);
    begin_crowd(m);
    return m;
}

void
metafetch_free_but(struct metafetch *m, struct swarm_kept *kept)
{
    fetch_drop_peers(m);
    copies_drop_all(m);
    crowd_end(m->crowd);
    rate_tap_leave(&m->down, m->now);
    rate_tap_leave(&m->up, m->now);
    fx_queue_fini(&m->fx);
    metainfo_free(m->mi);
    *kept = (struct swarm_kept){m->announcer, m->crowd};
    free(m);
}

void
metafetch_free(struct metafetch *m)
{
    struct swarm_kept kept;

    if (m == NULL)
        return;
    metafetch_free_but(m, &kept);
    announcer_free(kept.announcer);
    crowd_free(kept.crowd);
}

static void
on_start(struct metafetch *m)
{
    if (m->state != SWARM_PAUSED)
        return;
    m->state = SWARM_ACTIVE;
    m->tick = mono_add_ms(m->now, METAFETCH_TICK_MS);
    crowd_set_origin(m->crowd, announcer_origin(m->announcer));
    announcer_start(m->announcer, m->now);
}

static void
on_pause(struct metafetch *m)
{
    if (m->state != SWARM_ACTIVE)
        return;
    m->state = SWARM_PAUSED;
    announcer_stop(m->announcer, m->now);
    fetch_doom_all(m, SPRAT_E_CANCELLED);
    m->tick = MONO_NEVER;
    m->waits = false;
    rate_tap_leave(&m->down, m->now);
}

static void
on_stop(struct metafetch *m)
{
    if (m->state == SWARM_STOPPING || m->state == SWARM_STOPPED)
        return;
    on_pause(m);
    m->state = SWARM_STOPPING;
}

static void
check_stopped(struct metafetch *m)
{
    if (m->state != SWARM_STOPPING || !announcer_idle(m->announcer))
        return;
    m->state = SWARM_STOPPED;
    fx_queue_push(&m->fx, SWARM_FX_NOTICE, SLOT_NONE)->u.notice.what = SWARM_NOTICE_STOPPED;
}

/* --- trackers --- */

static void
on_addrs(struct metafetch *m, const struct swarm_input *in)
{
    if (!m->cfg.trackers_only || in->u.addrs.source == PEER_FROM_TRACKER)
        crowd_add(m->crowd, in->u.addrs.addrs, in->u.addrs.count, in->u.addrs.source);
}

static void
on_announced(struct metafetch *m, const struct swarm_input *in)
{
    announcer_on_result(m->announcer, in->u.announced.job, &in->u.announced.result, m->now);
    crowd_set_origin(m->crowd, announcer_origin(m->announcer));
    if (announcer_uses(m->announcer, in->u.announced.job))
        crowd_add(m->crowd, in->u.announced.addrs, in->u.announced.count, PEER_FROM_TRACKER);
}

static enum announce_lack
lack_of(const struct metafetch *m)
{
    if (m->state != SWARM_ACTIVE)
        return ANNOUNCE_LACK_NONE;
    if (crowd_up(m->crowd) == 0)
        return ANNOUNCE_LACK_ALONE;
    return peerlist_promising(crowd_list(m->crowd)) < PEERS_FEW ? ANNOUNCE_LACK_FEW
                                                                : ANNOUNCE_LACK_NONE;
}

static void
announce_due(struct metafetch *m)
{
    struct announce_job job;

    announcer_lack(m->announcer, lack_of(m), m->now);
    while (announcer_next(m->announcer, &job, m->now)) {
        struct swarm_effect *fx = fx_queue_push(&m->fx, SWARM_FX_ANNOUNCE, SLOT_NONE);

        fx->u.announce.job = job;
        fx->u.announce.info_hash = identity_wire_hash(&m->cfg.id, job.v2);
        fx->u.announce.left = METAFETCH_LEFT;
        fx->u.announce.numwant = job.event == ANNOUNCE_STOPPED ? 0 : NUMWANT;
    }
}

/* --- inputs --- */

static void
on_limits(struct metafetch *m, uint64_t up, uint64_t down)
{
    rate_tap_set(&m->up, up, m->now);
    rate_tap_set(&m->down, down, m->now);
}

static void
dispatch(struct metafetch *m, const struct swarm_input *in)
{
    switch (in->type) {
    case SWARM_IN_START: on_start(m); break;
    case SWARM_IN_PAUSE: on_pause(m); break;
    case SWARM_IN_STOP: on_stop(m); break;
    case SWARM_IN_TICK: break;
    case SWARM_IN_ADDRS: on_addrs(m, in); break;
    case SWARM_IN_ACCEPTED: fetch_on_accepted(m, in); break;
    case SWARM_IN_CONNECTED:
    case SWARM_IN_CLOSED:
    case SWARM_IN_MESSAGE:
    case SWARM_IN_SENT: fetch_on_peer_input(m, in); break;
    case SWARM_IN_ANNOUNCED: on_announced(m, in); break;
    case SWARM_IN_LIMITS: on_limits(m, in->u.limits.up, in->u.limits.down); break;
    case SWARM_IN_TRACKER: (void)announcer_add(m->announcer, in->u.tracker.url, m->now); break;
    case SWARM_IN_BANNED: crowd_on_banned(m->crowd); break;
    case SWARM_IN_MAKE_ROOM: crowd_give_up(m->crowd, m->now); break;
    case SWARM_IN_ANNOUNCING:
        announcer_on_line(m->announcer, in->u.announcing.job, in->u.announcing.waits, m->now);
        break;
    case SWARM_IN_READ_FAILED: /* about pieces, which this core does not have */
    case SWARM_IN_WRITTEN:
    case SWARM_IN_VERIFIED:
    case SWARM_IN_LEAVES:
    case SWARM_IN_PRIORITY: UNREACHABLE();
    }
}

static void
on_time(struct metafetch *m)
{
    if (!mono_due(m->tick, m->now))
        return;
    m->tick = mono_add_ms(m->now, METAFETCH_TICK_MS);
    fetch_tick_peers(m);
    copies_assign_all(m);
    crowd_turnover(m->crowd, 0, m->now);
}

static void
go_on(struct metafetch *m)
{
    announce_due(m);
    if (m->state == SWARM_ACTIVE && !m->done && m->turn)
        fetch_dial(m);
    if (m->state == SWARM_ACTIVE)
        ask_all(m);
    check_stopped(m);
}

int
metafetch_handle(struct metafetch *m, const struct swarm_input *in, struct mono now)
{
    bool was_done = m->done;

    if (mono_before(m->now, now))
        m->now = now;
    dispatch(m, in);
    on_time(m);
    if (m->done && !was_done && m->mi == NULL)
        on_pause(m);
    fetch_reap(m);
    go_on(m);
    return fx_queue_lost(&m->fx) ? SPRAT_E_NOMEM : 0;
}

int
metafetch_next(struct metafetch *m, struct swarm_effect *fx)
{
    return fx_queue_next(&m->fx, fx);
}

struct mono
metafetch_expiry(const struct metafetch *m)
{
    struct mono at = mono_min(announcer_expiry(m->announcer), m->tick);

    if (m->state == SWARM_ACTIVE && !m->done && m->turn)
        at = mono_min(at, crowd_expiry(m->crowd, 0));
    return mono_min(at, ask_expiry(m));
}

bool
metafetch_wants_turn(const struct metafetch *m, struct mono now)
{
    uint32_t iter = 0;
    struct crowd_peer *p;

    if (m->state != SWARM_ACTIVE || m->done)
        return false;
    while ((p = crowd_next(m->crowd, &iter)) != NULL)
        if (!p->incoming)
            return true;
    return mono_due(crowd_candidate_expiry(m->crowd, 0), now);
}

void
metafetch_set_turn(struct metafetch *m, bool turn)
{
    uint32_t iter = 0;
    struct crowd_peer *p;

    m->turn = turn;
    while (!turn && (p = crowd_next(m->crowd, &iter)) != NULL)
        if (!p->incoming)
            crowd_doom(m->crowd, p, SPRAT_E_LIMIT, true);
}

uint64_t
metafetch_bytes(const struct metafetch *m)
{
    return m->metadata;
}

struct metainfo *
metafetch_take(struct metafetch *m)
{
    struct metainfo *mi = m->mi;

    m->mi = NULL;
    return mi;
}

const char *
metafetch_error(const struct metafetch *m)
{
    return m->error.text;
}
