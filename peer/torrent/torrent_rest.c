/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Seeds at rest. With most torrents of a daemon no peer wants to exchange anything most of the
 * time, so such a torrent must cost little: it is found by its hash, listed and announced, and has
 * no core, storage, metainfo, have-bits or lock. When a peer or the user needs it, it is loaded
 * just as at the start, which detects files that were changed meanwhile; when it has had no peer
 * for a while, it rests again.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "peer/torrent/torrent_addrs.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_disk.h"
#include "peer/torrent/torrent_hosts.h"
#include "peer/torrent/torrent_impl.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_peers.h"
#include "peer/torrent/torrent_rest.h"
#include "peer/torrent/torrent_stop.h"
#include "peer/torrent/torrent_track.h"

enum { VAIN_MAX = 4 }; /* 15 answers of trackers are skipped at most */

bool
torrent_is_resting(const struct torrent *t)
{
    return t->phase == PHASE_RESTING || t->rest.going;
}

/* --- to rest --- */

/* Whether nothing is under way in this seed of spratd, so that the database has all of its state.
 */
static bool
may_rest(const struct torrent *t)
{
    return t->env->shared->managed && t->phase == PHASE_RUNNING && !t->wish.stopping &&
           !t->wish.paused && t->failure.err == 0 && t->wish.selection == NULL &&
           t->disk.completion == COMPLETION_DONE && !t->disk.reloading && !t->disk.looking &&
           !t->disk.preparing && t->net.conns == 0 && list_empty(&t->net.asks) &&
           list_empty(&t->net.names) && disk_idle(t) && commit_idle(t->disk.commit) &&
           swarm_is_at_rest(t->core.swarm);
}

/* Trackers continue to name addresses that can't be reached, or that no peer uses any more. After
 * wakes that led to no upload, more and more tracker answers do not wake the torrent. A peer that
 * connects by itself always does. */
static void
note_outcome(struct torrent *t)
{
    struct torrent_status st;

    torrent_get_status(t, &st);
    if (st.uploaded_ever != t->rest.up_at_wake)
        t->rest.vain = 0;
    else if (t->rest.by_tracker && t->rest.vain < VAIN_MAX)
        t->rest.vain++;
    t->rest.skip = (1u << t->rest.vain) - 1;
    t->rest.by_tracker = false;
}

static void
put_to_rest(struct torrent *t)
{
    struct state_update u = {.forget_peers = true};

    note_outcome(t);
    torrent_save_totals(t);
    /* The known peers could not be reached. */
    (void)state_apply_async(t->env->shared->state, t->id, &u, t->env->doneq, NULL, NULL);
    core_put_away(t);
    t->rest.going = true;
    torrent_set_phase(t, PHASE_CLOSING);
}

struct mono
torrent_rest_if_idle(struct torrent *t)
{
    struct mono now = loop_now(t->env->loop);

    if (!may_rest(t)) {
        t->rest.at = MONO_NEVER;
    } else if (t->rest.at.us == MONO_NEVER.us) {
        t->rest.at = mono_add_ms(now, t->env->shared->rest_ms);
    } else if (mono_due(t->rest.at, now)) {
        t->rest.at = MONO_NEVER;
        put_to_rest(t);
    }
    return t->rest.at;
}

/* Frees all that torrent_load() makes again when the torrent is needed. */
static void
drop_all(struct torrent *t)
{
    metainfo_free(t->mi);
    t->mi = NULL;
    bitfield_fini(&t->core.have);
    t->core.have = (struct bitfield){0};
    bitfield_fini(&t->disk.room_have);
    t->disk.room_have = (struct bitfield){0};
    t->core.started = false;
    free(t->core.later);
    t->core.later = NULL;
    t->core.later_cap = 0;
    peers_fini(t);
    hosts_init(t);
    disk_fini(t);
    if (!t->wish.removing) {
        lockfile_release(t->lock);
        t->lock = NULL;
    }
}

void
torrent_rest_begin(struct torrent *t)
{
    t->rest.going = false;
    drop_all(t);
    torrent_set_phase(t, PHASE_RESTING);
    torrent_rest_pause(t, t->wish.paused);
    if (t->env->calls->is_wanted(t))
        torrent_wake(t);
}

void
torrent_rest_trim(struct torrent *t)
{
    if (t->phase == PHASE_RESTING && !t->wish.removing) {
        metainfo_free(t->mi);
        t->mi = NULL;
        bitfield_fini(&t->core.have);
        t->core.have = (struct bitfield){0};
    }
}

/* --- awake --- */

void
torrent_wake(struct torrent *t)
{
    if (t->phase != PHASE_RESTING || t->wish.paused || t->wish.stopping)
        return;
    t->rest.up_at_wake = t->totals.up_before + t->totals.up_session;
    torrent_set_phase(t, PHASE_IDLE);
    torrent_load(t);
}

bool
torrent_rest_charge(struct torrent *t, const struct endpoint *peer)
{
    struct sitebudget *sites = t->env->sites;

    if (!torrent_is_resting(t))
        return true;
    if (!sitebudget_fits(sites, SITEBUDGET_WAKES, peer, SITEBUDGET_WAKE, loop_now(t->env->loop)))
        return false;
    sitebudget_charge(sites, SITEBUDGET_WAKES, peer, SITEBUDGET_WAKE);
    return true;
}

void
torrent_rest_feed_found(struct torrent *t)
{
    struct endpoint *found = t->rest.found;

    t->rest.found = NULL;
    if (found != NULL)
        addrs_feed(t, PEER_FROM_TRACKER, found, t->rest.found_count);
    free(found);
}

void
torrent_rest_on_look(void *torrent, bool same)
{
    struct torrent *t = torrent;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    t->rest.looking = false;
    torrent_mark_dirty(t);
    if (t->phase != PHASE_CHECKING)
        return; /* it is dropped as by a crash */
    torrent_set_phase(t, same ? PHASE_RESTING : PHASE_IDLE);
    if (same)
        torrent_rest_pause(t, t->wish.paused);
    if (same && t->env->calls->is_wanted(t))
        torrent_wake(t);
    if (!same && !t->wish.paused && !t->wish.stopping)
        torrent_load(t);
}

/* --- announces --- */

static void
announce(struct torrent *t, const struct announce_job *job)
{
    struct swarm_effect fx = {.type = SWARM_FX_ANNOUNCE};

    fx.u.announce.job = *job;
    fx.u.announce.info_hash = torrent_info_hash(t, job->v2);
    fx.u.announce.numwant = job->event == ANNOUNCE_STOPPED ? 0 : SWARM_NUMWANT_SEEDER;
    track_announce(t, &fx);
}

void
torrent_rest_announce(struct torrent *t)
{
    struct announce_job job;

    while (announcer_next(t->announcer, &job, loop_now(t->env->loop)))
        announce(t, &job);
}

void
torrent_rest_on_announced(struct torrent *t, uint32_t job, const struct announce_result *res,
                          const struct endpoint *addrs, size_t count)
{
    if (t->announcer == NULL)
        return;
    announcer_on_result(t->announcer, job, res, loop_now(t->env->loop));
    torrent_mark_dirty(t);
    if (t->phase != PHASE_RESTING || t->wish.paused || t->wish.stopping || count == 0 ||
        t->rest.found != NULL)
        return;
    if (t->rest.skip > 0) {
        t->rest.skip--;
        return;
    }
    while (count > 0 && !torrent_rest_charge(t, addrs)) {
        addrs++;
        count--;
    }
    if (count == 0)
        return;
    count = count < TORRENT_FOUND_MAX ? count : TORRENT_FOUND_MAX;
    t->rest.found = malloc(count * sizeof(*addrs));
    if (t->rest.found == NULL)
        return; /* the next announce finds them again */
    memcpy(t->rest.found, addrs, count * sizeof(*addrs));
    t->rest.found_count = count;
    t->rest.by_tracker = true;
    torrent_wake(t);
}

void
torrent_rest_pause(struct torrent *t, bool paused)
{
    struct mono now = loop_now(t->env->loop);

    if (paused)
        announcer_stop(t->announcer, now);
    else
        announcer_start(t->announcer, now);
    torrent_mark_dirty(t);
}

void
torrent_rest_stop(struct torrent *t)
{
    announcer_stop(t->announcer, loop_now(t->env->loop));
    torrent_set_phase(t, PHASE_STOPPING);
}

void
torrent_rest_stop_go_on(struct torrent *t)
{
    torrent_rest_announce(t);
    if (announcer_idle(t->announcer))
        torrent_set_phase(t, PHASE_SAVING);
}
