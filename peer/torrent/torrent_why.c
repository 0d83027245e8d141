/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Gathers the facts for why.h: a torrent's state, peers, limits and trackers. Reads everything and
 * changes nothing.
 */
#include <string.h>

#include "peer/torrent/torrent_facts.h"

/* The facts, and the memory that they point to. */
struct gathered {
    struct why_facts facts;
    struct why_tracker trackers[WHY_TRACKERS_MAX];
    char messages[WHY_TRACKERS_MAX][ANNOUNCE_MESSAGE_MAX + 1];
};

/* Returns the milliseconds from now to |at|; -1: never. */
static int64_t
ms_until(const struct torrent *t, struct mono at)
{
    int64_t ms;

    if (at.us == MONO_NEVER.us)
        return -1;
    ms = mono_diff_ms(at, loop_now(t->env->loop));
    return ms > 0 ? ms : 0;
}

static enum why_phase
phase_of(const struct torrent *t, enum torrent_state state)
{
    switch (state) {
    case TORRENT_CHECKING: return list_linked(&t->load) ? WHY_PHASE_QUEUED : WHY_PHASE_CHECKING;
    case TORRENT_PAUSED: return WHY_PHASE_PAUSED;
    case TORRENT_STOPPED: return WHY_PHASE_STOPPED;
    case TORRENT_WAITING: return WHY_PHASE_METADATA;
    case TORRENT_DOWNLOADING:
    case TORRENT_SEEDING:
    case TORRENT_ERROR: break;
    }
    return WHY_PHASE_RUNNING;
}

static bool
is_relocating(const struct torrent *t)
{
    return t->life.job == JOB_MOVE || t->life.job == JOB_SWITCH || t->life.job == JOB_CLEAN;
}

static void
gather_peers(const struct torrent *t, const struct swarm_stats *st, struct why_facts *f)
{
    const struct swarm_standing *w = &st->standing;

    f->peers.connected = st->peers_connected;
    f->peers.half_open = st->peers_half_open;
    f->peers.useful = w->useful;
    f->peers.unchoking = w->unchoking;
    f->peers.wanting = w->wanting;
    f->peers.requests = w->requests;
    memcpy(f->peers.tries, w->tries, sizeof(f->peers.tries));
    f->peers.given_up = w->given_up;
    f->peers.next_dial_ms = torrent_has_core(t) ? ms_until(t, w->next_dial) : -1;
}

/* Chooses the limit to show: the torrent's own, or that of all torrents. With several loops the
 * latter is not shown, because this loop only knows its share. */
static void
gather_limit(const struct torrent *t, const struct rate_bucket *shared, uint64_t own, bool *is_own,
             uint64_t *limit)
{
    *is_own = own > 0 && (shared->limit == 0 || own <= shared->limit);
    *limit = *is_own ? own : t->env->shared->loops == 1 ? shared->limit : 0;
}

static void
gather_data(const struct torrent *t, const struct swarm_stats *st, struct why_facts *f)
{
    f->data.down_rate = st->down_rate;
    f->data.up_rate = st->up_rate;
    f->data.idle_ms = t->core.swarm != NULL ? st->standing.idle_ms : -1;
    f->data.down_limited = st->standing.down_limited;
    f->data.up_limited = st->standing.up_limited;
    f->peers.unresolved = t->net.names_failed;
    f->data.disk_behind = st->standing.disk_behind;
    gather_limit(t, &t->env->down, t->options.down_limit, &f->data.own_down_limit,
                 &f->data.down_limit);
    gather_limit(t, &t->env->up, t->options.up_limit, &f->data.own_up_limit, &f->data.up_limit);
}

/* Trackers without an announce, because the trackers before them were enough, explain nothing,
 * unless there are no others. */
static void
gather_trackers(const struct torrent *t, struct gathered *g)
{
    struct announce_status st;
    size_t n = 0, usable = 0;

    for (uint32_t i = 0; n < WHY_TRACKERS_MAX && torrent_tracker(t, i, &st); i++) {
        if (st.unsupported) {
            g->facts.tracker_unusable++;
            continue;
        }
        if (usable++ > 0 && !st.asking && !st.working && st.err == 0)
            continue;
        memcpy(g->messages[n], st.message, sizeof(st.message));
        g->trackers[n] = (struct why_tracker){
            .url = st.url,
            .working = st.working,
            .err = st.err,
            .message = g->messages[n],
            .next_ms = ms_until(t, st.next),
        };
        n++;
    }
    g->facts.trackers = g->trackers;
    g->facts.tracker_count = n;
    g->facts.web_seeds = t->options.web_seed_count;
    if (t->mi != NULL)
        g->facts.web_seeds += t->mi->web_seed_count;
}

static void
gather(const struct torrent *t, const struct torrent_status *status, struct gathered *g)
{
    struct why_facts *f = &g->facts;
    const struct swarm_stats *st = &status->swarm;

    *f = (struct why_facts){.daemon = t->env->shared->managed};
    f->phase = phase_of(t, status->state);
    f->stop = t->stopped_by;
    f->ratio = t->options.ratio;
    f->seed_only = t->options.seed_only || t->core.frozen;
    f->seeding = status->state == TORRENT_SEEDING;
    f->all_skipped =
        f->seeding && !f->seed_only && st->bytes_wanted == 0 && st->bytes_have < status->total_size;
    f->relocating = is_relocating(t);
    f->bytes_have = st->bytes_have;
    f->bytes_total = status->total_size;
    f->check_done = status->check_done;
    f->check_total = status->check_total;
    f->failure.err = t->life.phase == PHASE_STOPPED ? 0 : t->failure.err;
    f->failure.message = status->error;
    f->failure.next_ms = ms_until(t, t->failure.retry_at);
    gather_peers(t, st, f);
    gather_data(t, st, f);
    f->dht.on = t->seeking.told.dht;
    f->dht.rounds = t->seeking.rounds;
    f->dht.peers = t->seeking.peers;
    f->dht.next_ms = ms_until(t, t->seeking.again);
    f->lsd.on = t->seeking.told.lsd;
    f->lsd.peers = t->seeking.local;
    gather_trackers(t, g);
    f->metadata.offering = status->metadata.offering;
    f->metadata.waits = list_linked(&t->turn.waits);
    f->metadata.blocks = status->metadata.blocks;
    f->metadata.have = status->metadata.have;
}

void
torrent_get_reasons(const struct torrent *t, const struct torrent_status *st,
                    struct torrent_reasons *out)
{
    struct gathered g;

    gather(t, st, &g);
    out->count = why_find(&g.facts, out->all);
    why_state(&g.facts, out->state);
}

uint32_t
torrent_missing(const struct torrent *t, bool nowhere)
{
    return t->core.swarm != NULL ? swarm_missing(t->core.swarm, nowhere) : 0;
}

uint32_t
torrent_peer_useful(const struct torrent *t, slot_id peer)
{
    return t->core.swarm != NULL ? swarm_peer_useful(t->core.swarm, peer) : 0;
}

bool
torrent_next_try(const struct torrent *t, uint32_t *iter, struct endpoint *addr,
                 struct peer_try_status *st)
{
    const struct peerlist *list = torrent_peerlist(t);

    if (list == NULL)
        return false;
    while ((*iter = peerlist_walk(list, *iter)) != PEERLIST_NONE)
        if (peerlist_try_status(list, *iter, st)) {
            *addr = *peerlist_addr(list, *iter);
            return true;
        }
    return false;
}
