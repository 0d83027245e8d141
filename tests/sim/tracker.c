/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the peer core's words for an announce to the tracker core's, and back.
 */
#include "tests/sim/tracker.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "tests/sim/engine.h"
#include "tracker/core/tracker.h"

struct sim_tracker {
    struct tracker *core;
};

struct sim_tracker *
sim_tracker_new(uint32_t interval_s, uint64_t seed)
{
    struct sim_tracker *t = sim_alloc(1, sizeof(*t));
    struct tracker_seed seeds = {.hash = {seed, ~seed}, .choice = seed};
    struct tracker_config cfg;

    tracker_config_init(&cfg);
    cfg.interval = interval_s;
    cfg.min_interval = interval_s / 2 > 0 ? interval_s / 2 : 1;
    t->core = tracker_new(&cfg, &seeds);
    ASSERT(t->core != NULL);
    return t;
}

void
sim_tracker_free(struct sim_tracker *t)
{
    if (t == NULL)
        return;
    tracker_free(t->core);
    free(t);
}

static enum tracker_event
event_of(enum announce_event e)
{
    switch (e) {
    case ANNOUNCE_NONE: return TRACKER_EVENT_NONE;
    case ANNOUNCE_STARTED: return TRACKER_EVENT_STARTED;
    case ANNOUNCE_COMPLETED: return TRACKER_EVENT_COMPLETED;
    case ANNOUNCE_STOPPED: return TRACKER_EVENT_STOPPED;
    }
    UNREACHABLE();
}

static void
read_peers(const uint8_t *compact, uint32_t n, struct endpoint *peers)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *at = compact + (size_t)i * 6;

        peers[i] = (struct endpoint){.family = IP_V4, .port = (uint16_t)(at[4] << 8 | at[5])};
        memcpy(peers[i].ip, at, 4);
    }
}

uint32_t
sim_tracker_announce(struct sim_tracker *t, const struct sim_announce *a,
                     struct announce_result *res, struct endpoint *peers, struct mono now)
{
    struct tracker_announce in = {.uploaded = a->uploaded,
                                  .downloaded = a->downloaded,
                                  .left = a->left,
                                  .key = a->key,
                                  .numwant = (int32_t)a->numwant,
                                  .port = a->from.port,
                                  .event = event_of(a->event)};
    uint8_t v4[SIM_TRACKER_PEERS_MAX * 6];
    struct tracker_answer out = {.v4 = v4, .max4 = SIM_TRACKER_PEERS_MAX};

    memcpy(in.info_hash, a->info_hash, sizeof(in.info_hash));
    memcpy(in.peer_id, a->peer_id, sizeof(in.peer_id));
    while (mono_due(tracker_expiry(t->core), now))
        tracker_on_timer(t->core, now);
    tracker_on_announce(t->core, &in, &a->from, &out, now);
    *res = (struct announce_result){0};
    if (out.failure != NULL) {
        res->err = SPRAT_E_REMOTE;
        res->message = out.failure;
        return 0;
    }
    res->interval_s = out.interval_s;
    res->min_interval_s = out.min_interval_s;
    res->seeders = out.complete;
    res->leechers = out.incomplete;
    res->peers = out.n4;
    read_peers(v4, out.n4, peers);
    return out.n4;
}

uint64_t
sim_tracker_listed(const struct sim_tracker *t)
{
    struct tracker_stats s;

    tracker_stats(t->core, &s);
    return s.peers4 + s.peers6;
}
