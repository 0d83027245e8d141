/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fills in the status of a torrent. Reads everything and changes nothing.
 */
#include <string.h>

#include "peer/store/layout.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_status.h"

const char *
torrent_state_name(enum torrent_state s)
{
    switch (s) {
    case TORRENT_CHECKING: return "checking";
    case TORRENT_DOWNLOADING: return "downloading";
    case TORRENT_SEEDING: return "seeding";
    case TORRENT_PAUSED: return "paused";
    case TORRENT_ERROR: return "error";
    case TORRENT_STOPPED: return "stopped";
    case TORRENT_WAITING: return "waiting";
    }
    return "unknown";
}

/* The torrent has begun to end. */
static bool
is_stopped(const struct torrent *t)
{
    switch (t->life.phase) {
    case PHASE_STOPPING:
    case PHASE_SAVING:
    case PHASE_CLOSING:
    case PHASE_STOPPED: return torrent_is_ending(t);
    case PHASE_IDLE:
    case PHASE_RESTING:
    case PHASE_READY:
    case PHASE_RUNNING:
    case PHASE_RETIRING: return false;
    }
    return false;
}

enum torrent_state
torrent_state_of(const struct torrent *t)
{
    if (is_stopped(t))
        return TORRENT_STOPPED;
    if (t->failure.err != 0)
        return TORRENT_ERROR;
    if (t->options.paused)
        return TORRENT_PAUSED;
    if (t->facts.waiting)
        return TORRENT_WAITING;
    if (t->life.phase == PHASE_IDLE || t->life.goal == GOAL_RELOAD)
        return TORRENT_CHECKING;
    if (torrent_is_resting(t))
        return TORRENT_SEEDING;
    return t->options.seed_only || core_complete(t) ? TORRENT_SEEDING : TORRENT_DOWNLOADING;
}

static void
fill_rested(const struct torrent *t, struct swarm_stats *st)
{
    st->state = SWARM_ACTIVE;
    st->complete = true;
    st->seeding = t->rest.pieces_have == t->facts.piece_count;
    st->pieces_have = t->rest.pieces_have;
    st->bytes_have = t->rest.bytes_have;
    st->bytes_wanted = t->rest.bytes_wanted;
}

/* Before the core's first start, the pieces are those that were found on disk; before the files are
 * checked, those that the database has, unless the user or a failure has put them in doubt. */
static void
fill_found(const struct torrent *t, struct swarm_stats *st)
{
    const struct bitfield *have = &t->core.have;

    st->pieces_total = t->facts.piece_count;
    if (t->facts.waiting)
        return;
    if (torrent_is_resting(t) || t->life.job == JOB_LOOK) {
        fill_rested(t, st);
        return;
    }
    if (t->life.phase == PHASE_IDLE && !t->options.paused &&
        (t->next_check.all || t->failure.err != 0))
        return;
    st->pieces_have = have->count;
    st->seeding = bitfield_full(have);
    st->bytes_have = st->seeding ? t->facts.total_size : 0;
    for (uint32_t i = 0; !st->seeding && i < have->nbits; i++)
        if (bitfield_get(have, i))
            st->bytes_have += layout_piece_data(t->mi, i);
}

/* A meter remembers some seconds, in which a torrent may have been paused. A failed torrent fetches
 * nothing, and continues to upload while it |runs|. */
static void
zero_rates(struct torrent_status *st, bool runs)
{
    switch (st->state) {
    case TORRENT_DOWNLOADING:
    case TORRENT_SEEDING: return;
    case TORRENT_ERROR:
        st->swarm.down_rate = 0;
        if (!runs)
            st->swarm.up_rate = 0;
        return;
    case TORRENT_CHECKING:
    case TORRENT_PAUSED:
    case TORRENT_WAITING:
    case TORRENT_STOPPED: st->swarm.down_rate = st->swarm.up_rate = 0; return;
    }
}

void
torrent_get_status(const struct torrent *t, struct torrent_status *st)
{
    memset(st, 0, sizeof(*st));
    if (t->core.swarm != NULL)
        swarm_get_stats(t->core.swarm, &st->swarm, loop_now(t->env->loop));
    if (t->core.fetch != NULL)
        metafetch_get_stats(t->core.fetch, &st->swarm, &st->metadata, loop_now(t->env->loop));
    if (t->core.swarm == NULL || !t->core.started)
        fill_found(t, &st->swarm);
    st->state = torrent_state_of(t);
    zero_rates(st, t->life.phase == PHASE_RUNNING);
    st->swarm.uploaded += t->totals.up_session;
    st->swarm.downloaded += t->totals.down_session;
    st->check_total = t->facts.total_size;
    if (t->disk.check_total > 0)
        st->check_done = t->facts.total_size / t->disk.check_total * t->disk.check_done;
    if (torrent_is_resting(t))
        st->check_done = t->facts.total_size;
    st->total_size = t->facts.total_size;
    st->uploaded_ever = t->totals.up_before + st->swarm.uploaded;
    st->downloaded_ever = t->totals.down_before + st->swarm.downloaded;
    st->added_at = t->totals.added_at;
    st->completed_at = t->totals.completed_at;
    st->up_limit = t->options.up_limit;
    st->down_limit = t->options.down_limit;
    st->move_to = t->move.to != NULL ? t->move.to : "";
    st->note = t->disk.note != NULL ? t->disk.note : "";
    st->error = t->failure.err == 0          ? ""
                : t->failure.message != NULL ? t->failure.message
                                             : sprat_strerror(t->failure.err);
}

bool
torrent_next_peer(const struct torrent *t, uint32_t *iter, struct swarm_peer_stats *st)
{
    if (t->core.fetch != NULL)
        return metafetch_next_peer_stats(t->core.fetch, iter, st);
    return t->core.swarm != NULL &&
           swarm_next_peer_stats(t->core.swarm, iter, st, loop_now(t->env->loop));
}

const struct receivers *
torrent_receivers(const struct torrent *t)
{
    return t->receivers;
}
