/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The entry points of the swarm: they dispatch inputs, keep the clock, and start, pause and stop
 * the swarm. The part that each input concerns handles it (swarm_impl.h lists the parts). Doomed
 * peers are freed when the input and the clock have been dealt with.
 */
#include "peer/core/swarm.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_convict.h"
#include "peer/core/swarm_dial.h"
#include "peer/core/swarm_download.h"
#include "peer/core/swarm_fx.h"
#include "peer/core/swarm_hash.h"
#include "peer/core/swarm_metadata.h"
#include "peer/core/swarm_offer.h"
#include "peer/core/swarm_pieces.h"
#include "peer/core/swarm_peer.h"
#include "peer/core/swarm_piece.h"
#include "peer/core/swarm_room.h"
#include "peer/core/swarm_suspect.h"
#include "peer/core/swarm_upload.h"

static void
swarm_set_state(struct swarm *s, enum swarm_state state)
{
    s->state = state;
}

static void
begin_crowd(struct swarm *s)
{
    struct crowd_user user = {.view = room_view,
                              .ctx = s,
                              .client = s->cfg.client,
                              .listen_port = s->cfg.listen_port,
                              .peers_max = s->cfg.peers_max,
                              .reqq = SWARM_UPLOADS_QUEUED_MAX,
                              .metadata_size = metadata_size(s),
                              .pex = !s->cfg.no_pex && !s->mi->is_private,
                              .trackers_only = s->mi->is_private,
                              .dht_port = s->mi->is_private ? 0 : s->cfg.dht_port};

    memcpy(user.peer_id, s->cfg.peer_id, PEER_ID_LEN);
    crowd_begin(s->crowd, &user);
}

/* The core ends with requests and uploads under way: what they paid goes back to the limits, which
 * other torrents share. */
static void
return_tokens(struct swarm *s)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = peers_next(s, &iter)) != NULL) {
        download_abort(s, p, false);
        rate_tap_return(&s->upload.tap, upload_stuck(p));
    }
}

static void
end_crowd(struct swarm *s)
{
    if (s->crowd == NULL)
        return;
    return_tokens(s);
    conns_drop_all(s);
    crowd_end(s->crowd);
}

struct swarm *
swarm_new(const struct metainfo *mi, const struct swarm_config *cfg, uint64_t seed, struct mono now)
{
    const struct announce_urls urls = {.extra = cfg->trackers,
                                       .extra_count = cfg->tracker_count,
                                       .tiers = mi->tiers,
                                       .tier_count = mi->tier_count,
                                       .one = mi->is_private};
    struct swarm *s = calloc(1, sizeof(*s));

    ASSERT(cfg->up != NULL && cfg->down != NULL);
    if (s == NULL)
        return NULL;
    s->mi = mi;
    s->cfg = *cfg;
    s->cfg.announcer = NULL;
    s->cfg.crowd = NULL;
    s->cfg.bans = NULL;
    s->cfg.trackers = NULL;
    s->cfg.tracker_count = 0;
    if (s->cfg.peers_max == 0)
        s->cfg.peers_max = SWARM_PEERS_MAX;
    rng_init(&s->rng, seed);
    pieces_init(s);
    suspects_init(s);
    choker_init(&s->choker);
    s->clock.now = now;
    s->clock.tick = s->clock.choke = MONO_NEVER;
    rate_tap_init(&s->download.tap, cfg->down, now);
    rate_tap_init(&s->upload.tap, cfg->up, now);
    rate_tap_set(&s->download.tap, cfg->down_limit, now);
    rate_tap_set(&s->upload.tap, cfg->up_limit, now);
    s->sites = cfg->sites;
    if (cfg->sites == NULL)
        s->sites = s->own_sites = sitebudget_new(1, (uint64_t[]){seed, ~seed});
    if (s->sites == NULL || geometry_init(&s->geo, mi) != 0)
        goto fail;
    s->picker = picker_new(&s->geo, &s->rng);
    s->tree = mi->id.has_v2 ? hashtree_new(&s->geo) : NULL;
    if (s->picker == NULL || (mi->id.has_v2 && s->tree == NULL) ||
        superseed_init(&s->super, s->picker, &s->rng, s->geo.piece_count) != 0)
        goto fail;
    s->crowd = cfg->crowd != NULL ? NULL : crowd_new(cfg->bans, rng_u64(&s->rng));
    if (s->crowd == NULL && cfg->crowd == NULL)
        goto fail;
    s->announcer = cfg->announcer != NULL ? cfg->announcer : announcer_new(&mi->id, &urls, &s->rng);
    if (s->announcer == NULL)
        goto fail;
    announcer_use(s->announcer, &s->rng);
    if (cfg->crowd != NULL)
        s->crowd = cfg->crowd;
    begin_crowd(s);
    return s;
fail:
    swarm_free(s);
    return NULL;
}

void
swarm_free(struct swarm *s)
{
    if (s == NULL)
        return;
    rate_tap_leave(&s->download.tap, s->clock.now);
    rate_tap_leave(&s->upload.tap, s->clock.now);
    end_crowd(s);
    crowd_free(s->crowd);
    fx_queue_fini(&s->fx);
    pieces_fini(s);
    suspects_fini(s);
    superseed_fini(&s->super);
    hashtree_free(s->tree);
    announcer_free(s->announcer);
    picker_free(s->picker);
    geometry_fini(&s->geo);
    sitebudget_free(s->own_sites);
    free(s);
}

static void
take_have(struct swarm *s, const struct bitfield *have)
{
    for (uint32_t i = bitfield_next_set(have, 0); i < have->nbits;
         i = bitfield_next_set(have, i + 1)) {
        if (bitfield_get(picker_bitfield(s->picker), i))
            continue;
        picker_have(s->picker, i);
        s->totals.have += geometry_data(&s->geo, i);
    }
}

static void
on_start(struct swarm *s, const struct bitfield *have)
{
    s->pieces.disk_failed = false;
    if (s->state == SWARM_ACTIVE) {
        piece_retry(s);
        download_fill_all(s);
        return;
    }
    if (s->state != SWARM_PAUSED)
        return;
    if (have != NULL)
        take_have(s, have);
    s->totals.told_complete = s->totals.upload_only = picker_missing(s->picker) == 0;
    swarm_set_state(s, SWARM_ACTIVE);
    offer_begin(s);
    s->clock.choke = mono_add_ms(s->clock.now, CHOKER_ROUND_MS);
    crowd_set_origin(s->crowd, announcer_origin(s->announcer));
    announcer_start(s->announcer, s->clock.now);
    hash_hold_unknown(s);
    piece_check_empty(s);
    piece_retry(s);
}

static void
pause_swarm(struct swarm *s)
{
    if (s->state != SWARM_ACTIVE)
        return;
    swarm_set_state(s, SWARM_PAUSED);
    announcer_stop(s->announcer, s->clock.now);
    peers_doom_all(s, SPRAT_E_CANCELLED);
    s->clock.choke = MONO_NEVER;
    s->download.waits = s->upload.waits = false;
    rate_tap_leave(&s->download.tap, s->clock.now);
    rate_tap_leave(&s->upload.tap, s->clock.now);
}

static void
on_stop(struct swarm *s)
{
    if (s->state == SWARM_STOPPING || s->state == SWARM_STOPPED)
        return;
    pause_swarm(s);
    swarm_set_state(s, SWARM_STOPPING);
}

/* STOPPING ends when "stopped" is announced and no write or check is under way. */
static void
check_stopped(struct swarm *s)
{
    if (s->state != SWARM_STOPPING || s->pieces.writes > 0 || s->pieces.verifies > 0 ||
        s->pieces.reading_count > 0 || !announcer_idle(s->announcer))
        return;
    swarm_set_state(s, SWARM_STOPPED);
    fx_notice(s, SWARM_NOTICE_STOPPED, 0, 0);
}

static void
on_announced(struct swarm *s, const struct swarm_input *in)
{
    announcer_on_result(s->announcer, in->u.announced.job, &in->u.announced.result, s->clock.now);
    crowd_set_origin(s->crowd, announcer_origin(s->announcer));
    if (announcer_uses(s->announcer, in->u.announced.job))
        crowd_add(s->crowd, in->u.announced.addrs, in->u.announced.count, PEER_FROM_TRACKER);
}

/* How urgently peers are needed. */
static enum announce_lack
lack_of(const struct swarm *s, bool leeching)
{
    if (s->state != SWARM_ACTIVE)
        return ANNOUNCE_LACK_NONE;
    if (crowd_up(s->crowd) == 0)
        return leeching ? ANNOUNCE_LACK_ALONE : ANNOUNCE_LACK_SEED_ALONE;
    return leeching && peerlist_promising(crowd_list(s->crowd)) < PEERS_FEW ? ANNOUNCE_LACK_FEW
                                                                            : ANNOUNCE_LACK_NONE;
}

static void
announce_due(struct swarm *s)
{
    struct announce_job job;
    bool leeching = picker_missing(s->picker) > 0;

    announcer_lack(s->announcer, lack_of(s, leeching), s->clock.now);
    while (announcer_next(s->announcer, &job, s->clock.now)) {
        struct swarm_effect *fx = fx_push(s, SWARM_FX_ANNOUNCE, SLOT_NONE);

        fx->u.announce.job = job;
        fx->u.announce.info_hash = identity_wire_hash(&s->mi->id, job.v2);
        fx->u.announce.uploaded = s->totals.up;
        fx->u.announce.downloaded = s->totals.down;
        fx->u.announce.left = s->geo.data_total - s->totals.have;
        fx->u.announce.partial_seed = !leeching && !swarm_is_seed(s);
        fx->u.announce.numwant = job.event == ANNOUNCE_STOPPED ? 0
                                 : leeching                    ? NUMWANT_LEECHER
                                                               : SWARM_NUMWANT_SEEDER;
    }
}

static void
tick_peers(struct swarm *s)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = peers_next(s, &iter)) != NULL)
        if (p->at.state == PEER_UP)
            peer_tick(s, p);
}

/* The work of a tick: everything that depends on the time alone. */
static void
on_time(struct swarm *s)
{
    struct mono now = s->clock.now;

    if (mono_due(s->clock.tick, now)) {
        s->clock.tick = MONO_NEVER;
        convict_tick(s);
        offer_tick(s);
        tick_peers(s);
        crowd_turnover(s->crowd, dial_without(s), now);
    }
    if (mono_due(s->clock.choke, now)) {
        upload_choke_round(s);
        s->clock.choke = mono_add_ms(now, CHOKER_ROUND_MS);
    }
    if (s->upload.waits && mono_due(rate_tap_ready(&s->upload.tap, now), now))
        upload_pump_all(s);
    if (s->download.waits && mono_due(rate_tap_ready(&s->download.tap, now), now))
        download_fill_all(s);
}

/* The work that any input may have made possible. */
static void
go_on(struct swarm *s)
{
    announce_due(s);
    if (s->state == SWARM_ACTIVE)
        dial_due(s);
    if (s->clock.tick.us == INT64_MAX && peers_count(s) > 0)
        s->clock.tick = mono_add_ms(s->clock.now, TICK_MS);
    check_stopped(s);
}

static void
on_priority(struct swarm *s, uint32_t first, uint32_t count, unsigned priority)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    for (uint32_t i = 0; i < count && first + i < s->geo.piece_count; i++)
        picker_set_priority(s->picker, first + i, priority);
    s->totals.told_complete = picker_missing(s->picker) == 0;
    while ((p = peers_next(s, &iter)) != NULL)
        if (p->at.state == PEER_UP)
            download_update_interest(s, p);
    piece_wishes_changed(s);
    download_fill_all(s);
}

static void
on_limits(struct swarm *s, uint64_t up, uint64_t down)
{
    rate_tap_set(&s->upload.tap, up, s->clock.now);
    rate_tap_set(&s->download.tap, down, s->clock.now);
    upload_pump_all(s);
    download_fill_all(s);
}

/* Inputs about one peer; ignored when the peer is gone. */
static void
on_peer_input(struct swarm *s, const struct swarm_input *in)
{
    struct swarm_peer *p = peers_get(s, in->peer);

    if (p == NULL) {
        if (in->type == SWARM_IN_MESSAGE)
            block_drop(in->u.msg.block);
        return;
    }
    switch (in->type) {
    case SWARM_IN_CONNECTED: peer_on_connected(s, p, in); break;
    case SWARM_IN_CLOSED:
        p->at.reached = in->u.closed.reached;
        peer_doom_silently(s, p, in->u.closed.err);
        break;
    case SWARM_IN_MESSAGE: peer_on_message(s, p, &in->u.msg, in->total); break;
    case SWARM_IN_SENT: upload_on_sent(s, p, in->u.sent.payload, in->u.sent.total); break;
    case SWARM_IN_READ_FAILED:
        upload_on_read_failed(s, p, in->u.read_failed.piece, in->u.read_failed.begin,
                              in->u.read_failed.length);
        break;
    default: UNREACHABLE();
    }
}

static void
dispatch(struct swarm *s, const struct swarm_input *in)
{
    switch (in->type) {
    case SWARM_IN_START: on_start(s, in->u.start.have); break;
    case SWARM_IN_PAUSE: pause_swarm(s); break;
    case SWARM_IN_STOP: on_stop(s); break;
    case SWARM_IN_TICK: break;
    case SWARM_IN_ADDRS:
        crowd_add(s->crowd, in->u.addrs.addrs, in->u.addrs.count, in->u.addrs.source);
        break;
    case SWARM_IN_ACCEPTED: peer_on_accepted(s, in); break;
    case SWARM_IN_CONNECTED:
    case SWARM_IN_CLOSED:
    case SWARM_IN_MESSAGE:
    case SWARM_IN_SENT:
    case SWARM_IN_READ_FAILED: on_peer_input(s, in); break;
    case SWARM_IN_WRITTEN: piece_on_written(s, in); break;
    case SWARM_IN_VERIFIED:
        if (piece_on_verified(s, in->u.verified.piece, in->u.verified.err) != 0)
            pause_swarm(s);
        break;
    case SWARM_IN_LEAVES:
        piece_on_leaves(s, in->u.leaves.piece, in->u.leaves.leaves, in->u.leaves.count,
                        in->u.leaves.err);
        break;
    case SWARM_IN_ANNOUNCED: on_announced(s, in); break;
    case SWARM_IN_PRIORITY:
        on_priority(s, in->u.priority.first, in->u.priority.count, in->u.priority.priority);
        break;
    case SWARM_IN_LIMITS: on_limits(s, in->u.limits.up, in->u.limits.down); break;
    case SWARM_IN_TRACKER:
        (void)announcer_add(s->announcer, in->u.tracker.url, s->clock.now);
        break;
    case SWARM_IN_BANNED: crowd_on_banned(s->crowd); break;
    case SWARM_IN_MAKE_ROOM: crowd_give_up(s->crowd, s->clock.now); break;
    case SWARM_IN_ANNOUNCING:
        announcer_on_line(s->announcer, in->u.announcing.job, in->u.announcing.waits, s->clock.now);
        break;
    }
}

int
swarm_handle(struct swarm *s, const struct swarm_input *in, struct mono now)
{
    /* The swarm's clock never runs backwards, even if the caller's does. */
    if (mono_before(s->clock.now, now))
        s->clock.now = now;
    dispatch(s, in);
    on_time(s);
    peers_reap(s);
    go_on(s);
    return fx_queue_lost(&s->fx) ? SPRAT_E_NOMEM : 0;
}

struct mono
swarm_expiry(const struct swarm *s)
{
    struct mono at = announcer_expiry(s->announcer);

    if (s->state != SWARM_ACTIVE)
        return at;
    at = mono_min(at, s->clock.tick);
    if (peers_count(s) > 0)
        at = mono_min(at, s->clock.choke);
    at = mono_min(at, crowd_expiry(s->crowd, dial_without(s)));
    if (s->upload.waits)
        at = mono_min(at, rate_tap_ready(&s->upload.tap, s->clock.now));
    if (s->download.waits)
        at = mono_min(at, rate_tap_ready(&s->download.tap, s->clock.now));
    return at;
}

const struct bitfield *
swarm_have(const struct swarm *s)
{
    return picker_bitfield(s->picker);
}

const struct peerlist *
swarm_peerlist(const struct swarm *s)
{
    return crowd_list(s->crowd);
}

const struct announcer *
swarm_announcer(const struct swarm *s)
{
    return s->announcer;
}

void
swarm_free_but(struct swarm *s, struct swarm_kept *kept)
{
    end_crowd(s);
    *kept = (struct swarm_kept){s->announcer, s->crowd};
    s->announcer = NULL;
    s->crowd = NULL;
    swarm_free(s);
}

bool
swarm_is_at_rest(const struct swarm *s)
{
    return s->state == SWARM_ACTIVE && picker_missing(s->picker) == 0 && peers_count(s) == 0 &&
           s->fx.count == 0 && s->pieces.writes == 0 && s->pieces.verifies == 0 &&
           s->pieces.reading_count == 0 && (!s->cfg.super_seed || s->copy_is_out) &&
           peerlist_hopeless(crowd_list(s->crowd));
}

const uint8_t *
swarm_layer(const struct swarm *s, size_t file)
{
    return s->tree != NULL ? hashtree_layer(s->tree, file) : NULL;
}

int
swarm_put_layer(struct swarm *s, size_t file, const uint8_t *layer, size_t len)
{
    return s->tree != NULL ? hashtree_put_layer(s->tree, file, layer, len) : SPRAT_E_INVAL;
}
