/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Seeds at rest. With most torrents of a daemon no peer wants to exchange anything most of the
 * time, so such a torrent must cost little: it is found by its hash, listed and announced, and has
 * no core, storage, metainfo, have-bits or lock. When a peer or the user needs it, it is loaded
 * just as at the start, which detects files that were changed meanwhile; when it has had no peer
 * for a while, it rests again.
 */

#include <stdlib.h>

#include "common/base/magic.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_disk.h"
#include "peer/torrent/torrent_hosts.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_peers.h"
#include "peer/torrent/torrent_rest.h"
#include "peer/torrent/torrent_save.h"
#include "peer/torrent/torrent_track.h"
#include "peer/torrent/torrent_wake.h"

/* Nobody is connected, dialled, asked or looked up, and no disk job of the core is under way. */
static bool
is_alone(const struct torrent *t)
{
    return t->net.conns == 0 && list_empty(&t->net.asks) && list_empty(&t->net.names) &&
           disk_idle(t) && commit_idle(t->disk.commit) && swarm_is_at_rest(t->core.swarm);
}

/* Whether nothing is under way in this seed of spratd, so that the database has all of its state.
 */
static bool
may_rest(const struct torrent *t)
{
    const struct torrent_life *life = &t->life;

    return t->env->shared->managed && life->phase == PHASE_RUNNING && life->job == JOB_NONE &&
           life->goal == GOAL_RUN && life->completion == COMPLETION_DONE && t->failure.err == 0 &&
           is_alone(t);
}

struct mono
rest_if_idle(struct torrent *t)
{
    struct mono now = loop_now(t->env->loop);

    if (!may_rest(t)) {
        t->rest.due = MONO_NEVER;
    } else if (t->rest.due.us == MONO_NEVER.us) {
        t->rest.due = mono_add_ms(now, t->env->shared->rest_ms);
    } else if (mono_due(t->rest.due, now)) {
        t->rest.due = MONO_NEVER;
        torrent_set_goal(t, GOAL_REST);
    }
    return t->rest.due;
}

void
rest_retire(struct torrent *t)
{
    struct state_update u = {.forget_peers = true};
    struct torrent_status st;

    torrent_get_status(t, &st);
    t->rest.pieces_have = st.swarm.pieces_have;
    t->rest.bytes_have = st.swarm.bytes_have;
    t->rest.bytes_wanted = st.swarm.bytes_wanted;
    torrent_wake_note_outcome(t, st.uploaded_ever);
    torrent_save_totals(t);
    /* The known peers could not be reached. */
    (void)state_apply_async(t->env->shared->state, t->id, &u, t->env->doneq, NULL, NULL);
    core_put_away(t);
    torrent_set_phase(t, PHASE_RETIRING);
}

static void
drop_metainfo(struct torrent *t)
{
    metainfo_free(t->mi);
    t->mi = NULL;
    bitfield_fini(&t->core.have);
    t->core.have = (struct bitfield){0};
}

/* Frees all that torrent_load() makes again when the torrent is needed. */
static void
drop_all(struct torrent *t)
{
    drop_metainfo(t);
    bitfield_fini(&t->prepare.have);
    t->prepare.have = (struct bitfield){0};
    t->core.started = false;
    free(t->core.later);
    t->core.later = NULL;
    t->core.later_cap = 0;
    peers_fini(t);
    hosts_init(t);
    disk_fini(t);
    if (!torrent_is_being_removed(t)) {
        lockfile_release(t->lock);
        t->lock = NULL;
    }
}

void
rest_begin(struct torrent *t)
{
    drop_all(t);
    torrent_set_phase(t, PHASE_RESTING);
    rest_follow_user(t);
}

void
rest_trim(struct torrent *t)
{
    if (t->life.phase == PHASE_RESTING && !torrent_is_being_removed(t))
        drop_metainfo(t);
}

void
rest_on_look(void *torrent, bool same)
{
    struct torrent *t = torrent;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    torrent_end_job(t, JOB_LOOK);
    if (t->life.phase != PHASE_IDLE)
        return; /* it is dropped as by a crash */
    if (same) {
        torrent_set_phase(t, PHASE_RESTING);
        rest_follow_user(t);
    } else if (t->life.goal == GOAL_REST) {
        torrent_set_goal(t, GOAL_RUN);
    }
}

/* --- announces --- */

static void
announce(struct torrent *t, const struct announce_job *job)
{
    struct swarm_effect fx = {.type = SWARM_FX_ANNOUNCE};

    fx.u.announce.job = *job;
    fx.u.announce.info_hash = torrent_info_hash(t, job->v2);
    fx.u.announce.left = t->facts.total_size - t->rest.bytes_have;
    fx.u.announce.partial_seed = fx.u.announce.left > 0;
    fx.u.announce.numwant = job->event == ANNOUNCE_STOPPED ? 0 : SWARM_NUMWANT_SEEDER;
    track_announce(t, &fx);
}

void
rest_announce(struct torrent *t)
{
    struct announce_job job;

    while (announcer_next(t->announcer, &job, loop_now(t->env->loop)))
        announce(t, &job);
}

void
rest_follow_user(struct torrent *t)
{
    struct mono now = loop_now(t->env->loop);

    if (t->options.paused)
        announcer_stop(t->announcer, now);
    else
        announcer_start(t->announcer, now);
    torrent_mark_dirty(t);
}
