/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The user's commands. Each sets a goal or an option; torrent_do_steps() does the rest.
 */
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_feed.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_rest.h"
#include "peer/torrent/torrent_row.h"
#include "peer/torrent/torrent_store.h"

static void
store_status(struct torrent *t)
{
    struct state_update u = {.set_status = true,
                             .status = t->options.paused ? STATE_PAUSED : STATE_RUNNING};

    torrent_store_for_command(t, &u);
}

void
torrent_set_limits(struct torrent *t, uint64_t up_limit, uint64_t down_limit)
{
    struct swarm_input in = {.type = SWARM_IN_LIMITS, .u.limits = {up_limit, down_limit}};
    struct state_update u = {.set_limits = true, .up_limit = up_limit, .down_limit = down_limit};

    t->options.up_limit = up_limit;
    t->options.down_limit = down_limit;
    torrent_feed(t, &in);
    torrent_store_for_command(t, &u);
}

void
torrent_pause(struct torrent *t)
{
    if (t->options.paused || torrent_is_ending(t))
        return;
    t->options.paused = true;
    store_status(t);
    if (t->life.goal != GOAL_RELOAD)
        torrent_set_goal(t, GOAL_PAUSE);
    if (t->life.phase == PHASE_RESTING)
        rest_follow_user(t);
}

/* What was put to rest, or is about to, rests on. */
static bool
has_no_core(const struct torrent *t)
{
    return torrent_is_resting(t) || t->life.job == JOB_LOOK;
}

static void
revive(struct torrent *t)
{
    t->stopped_by = WHY_STOP_ASKED;
    t->options.seed = SEED_FOREVER;
    torrent_set_goal(t, GOAL_RUN);
}

/* After a failure, the files are opened and checked anew. */
static void
go_on(struct torrent *t, bool failed)
{
    if (t->life.goal != GOAL_RELOAD)
        torrent_set_goal(t, has_no_core(t) ? GOAL_REST : GOAL_RUN);
    if (t->life.phase == PHASE_RESTING)
        rest_follow_user(t);
    if (failed)
        torrent_reload(t);
}

void
torrent_resume(struct torrent *t, const struct torrent_consent *consent)
{
    bool failed = t->failure.err != 0, stopped = t->life.phase == PHASE_STOPPED;

    if (torrent_is_being_removed(t) || (torrent_is_ending(t) && !stopped) ||
        (!t->options.paused && !failed && !stopped))
        return;
    t->options.paused = false;
    t->core.frozen = false;
    if (consent != NULL)
        t->next_check.consent = *consent;
    torrent_clear_failure(t);
    t->life.held = STEP_NONE;
    t->last_told = (struct torrent_last_told){0};
    store_status(t);
    if (stopped)
        revive(t);
    else
        go_on(t, failed);
}

int
torrent_remove(struct torrent *t, bool data, struct errbuf *eb)
{
    const struct state_update u = {.unmanage = true};
    int err = torrent_enter(t, eb);

    if (err != 0)
        return err;
    if (!torrent_is_being_removed(t))
        torrent_store_for_command(t, &u);
    torrent_set_goal(t, data ? GOAL_ERASE : GOAL_REMOVE);
    if (t->life.phase == PHASE_STOPPED)
        torrent_set_phase(t, PHASE_IDLE); /* and closes once more, with what is to be deleted */
    return 0;
}
