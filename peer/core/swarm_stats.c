/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The numbers of a swarm, for users and for the state database. These functions read the state and
 * change nothing.
 */
#include "peer/core/swarm.h"

#include "peer/core/crowd_fx.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_dial.h"

static uint64_t
bytes_wanted(const struct swarm *s)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < s->geo.piece_count; i++)
        if (picker_priority(s->picker, i) != PICKER_PRIORITY_SKIP)
            sum += geometry_data(&s->geo, i);
    return sum;
}

static uint64_t
bytes_partial(const struct swarm *s)
{
    uint64_t sum = 0;

    for (uint32_t piece = 0; picker_next_partial(s->picker, &piece); piece++)
        sum += picker_partial_bytes(s->picker, piece);
    return sum;
}

/* A limit delays blocks if some peer waits for the bucket, or if the rate is close to the limit:
 * between two parts that the bucket lets through, no peer waits. */
static bool
is_limited(const struct rate_tap *tap, bool waits, uint64_t rate)
{
    uint64_t limit = rate_tap_limit(tap);

    return limit > 0 && (waits || rate >= limit - limit / 8);
}

static void
fill_standing(const struct swarm *s, struct swarm_stats *st, struct mono now)
{
    struct swarm_standing *w = &st->standing;
    const struct swarm_peer *p;
    uint32_t iter = 0;

    while ((p = peers_next(s, &iter)) != NULL) {
        bool useful = p->at.state == PEER_UP && p->down.interested;

        w->useful += useful;
        w->unchoking += useful && (!p->down.choked || p->down.requests.count > 0);
        w->wanting += p->at.state == PEER_UP && p->up.interested;
        w->requests += p->down.requests.count;
        st->seeds_connected += p->at.state == PEER_UP && peer_is_seed(p);
    }
    w->idle_ms = s->totals.moved.us > 0 ? mono_diff_ms(now, s->totals.moved) : -1;
    w->down_limited = is_limited(&s->download.tap, s->download.waits, st->down_rate);
    w->up_limited = is_limited(&s->upload.tap, s->upload.waits, st->up_rate);
    w->disk_behind = s->pieces.writes >= SWARM_WRITES_MAX;
}

uint64_t
swarm_uploaded(const struct swarm *s)
{
    return s->totals.up;
}

void
swarm_get_stats(const struct swarm *s, struct swarm_stats *st, struct mono now)
{
    const struct bitfield *have = picker_bitfield(s->picker);

    *st = (struct swarm_stats){
        .state = s->state,
        .complete = picker_missing(s->picker) == 0,
        .seeding = swarm_is_seed(s),
        .pieces_have = have->count,
        .pieces_total = have->nbits,
        .bytes_have = s->totals.have,
        .bytes_wanted = bytes_wanted(s),
        .bytes_partial = bytes_partial(s),
        .uploaded = s->totals.up,
        .downloaded = s->totals.down,
        .wasted = s->totals.wasted,
        .up_overhead = s->totals.up_overhead,
        .down_overhead = s->totals.down_overhead,
        .up_rate = rate_meter_rate(&s->totals.up_meter, now),
        .down_rate = rate_meter_rate(&s->totals.down_meter, now),
        .hash_failures = s->totals.hash_failures,
        .copies_permille = picker_copies_permille(s->picker),
    };
    crowd_fill_stats(s->crowd, s->state == SWARM_ACTIVE, dial_without(s), st);
    fill_standing(s, st, now);
}

uint32_t
swarm_peers_up(const struct swarm *s)
{
    return crowd_up(s->crowd);
}

bool
swarm_next_peer_stats(const struct swarm *s, uint32_t *iter, struct swarm_peer_stats *st,
                      struct mono now)
{
    const struct swarm_peer *p;

    do {
        p = peers_next(s, iter);
        if (p == NULL)
            return false;
    } while (p->at.state != PEER_UP);
    *st = crowd_peer_stats(s->crowd, &p->at);
    st->v2 = p->v2;
    st->am_choking = p->up.choked;
    st->am_interested = p->down.interested;
    st->peer_choking = p->down.choked;
    st->peer_interested = p->up.interested;
    st->is_seed = peer_is_seed(p);
    st->snubbed = p->down.pipe.snubbed;
    st->up = p->up.meter.total;
    st->down = p->down.meter.total;
    st->up_rate = rate_meter_rate(&p->up.meter, now);
    st->down_rate = rate_meter_rate(&p->down.meter, now);
    st->pieces_have = p->has.count;
    st->requests_out = p->down.requests.count;
    st->requests_in = p->up.queue.count;
    return true;
}

static bool
is_missing(const struct swarm *s, uint32_t piece)
{
    return !bitfield_get(picker_bitfield(s->picker), piece) &&
           picker_priority(s->picker, piece) != PICKER_PRIORITY_SKIP;
}

uint32_t
swarm_missing(const struct swarm *s, bool nowhere)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->geo.piece_count; i++)
        n += is_missing(s, i) && (!nowhere || picker_availability(s->picker, i) == 0);
    return n;
}

uint32_t
swarm_peer_useful(const struct swarm *s, slot_id peer)
{
    const struct swarm_peer *p = peers_get(s, peer);
    uint32_t n = 0;

    for (uint32_t i = 0; p != NULL && i < s->geo.piece_count; i++)
        n += bitfield_get(&p->has, i) && is_missing(s, i);
    return n;
}
