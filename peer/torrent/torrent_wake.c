/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Decides what wakes a torrent at rest. Trackers continue to name addresses that can't be reached,
 * or that no peer uses any more; so after wakes that led to no upload, more and more tracker
 * answers do not wake the torrent. A peer that connects by itself always does, within the budget of
 * its site.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_wake.h"

enum {
    FRUITLESS_MAX = 4, /* 15 answers of trackers are skipped at most */
    FOUND_MAX = 200,   /* addresses of one answer, kept until the torrent runs */
};

void
torrent_wake(struct torrent *t)
{
    if (t->life.goal != GOAL_REST)
        return;
    t->rest.up_at_wake = t->totals.up_before + t->totals.up_session;
    torrent_set_goal(t, GOAL_RUN);
}

bool
torrent_is_coming(const struct torrent *t)
{
    if (t->life.goal != GOAL_RUN && t->life.goal != GOAL_REST)
        return false;
    switch (t->life.phase) {
    case PHASE_IDLE:
    case PHASE_READY: return t->life.held == STEP_NONE; /* READY: JOB_PREPARE may take a while */
    case PHASE_RESTING:
    case PHASE_RETIRING: return t->life.goal == GOAL_RUN;
    case PHASE_RUNNING:
    case PHASE_STOPPING:
    case PHASE_SAVING:
    case PHASE_CLOSING:
    case PHASE_STOPPED: return false;
    }
    return false;
}

bool
torrent_wake_charge(struct torrent *t, const struct endpoint *peer)
{
    struct sitebudget *sites = t->env->sites;

    if (!torrent_is_resting(t))
        return true;
    if (!sitebudget_fits(sites, SITEBUDGET_WAKES, peer, SITEBUDGET_WAKE, loop_now(t->env->loop)))
        return false;
    sitebudget_charge(sites, SITEBUDGET_WAKES, peer, SITEBUDGET_WAKE);
    return true;
}

/* The addresses that |source| named, kept until the torrent runs. */
static void
keep_found(struct torrent *t, enum peer_source source, const struct endpoint *addrs, size_t count)
{
    count = count < FOUND_MAX ? count : FOUND_MAX;
    t->rest.found = malloc(count * sizeof(*addrs));
    if (t->rest.found == NULL)
        return; /* the next announce finds them again */
    memcpy(t->rest.found, addrs, count * sizeof(*addrs));
    t->rest.found_count = count;
    t->rest.found_source = source;
}

void
torrent_wake_on_announced(struct torrent *t, uint32_t job, const struct announce_result *res,
                          const struct endpoint *addrs, size_t count)
{
    if (t->announcer == NULL)
        return;
    announcer_on_result(t->announcer, job, res, loop_now(t->env->loop));
    torrent_mark_dirty(t);
    if (announcer_uses(t->announcer, job))
        torrent_wake_on_found(t, PEER_FROM_TRACKER, addrs, count);
}

void
torrent_wake_on_found(struct torrent *t, enum peer_source source, const struct endpoint *addrs,
                      size_t count)
{
    if (t->life.phase != PHASE_RESTING || t->life.goal != GOAL_REST || count == 0)
        return;
    if (t->rest.skip > 0) {
        t->rest.skip--;
        return;
    }
    while (count > 0 && !torrent_wake_charge(t, addrs)) {
        addrs++;
        count--;
    }
    if (count == 0)
        return;
    free(t->rest.found);
    keep_found(t, source, addrs, count);
    if (t->rest.found == NULL)
        return;
    t->rest.by_tracker = true;
    torrent_wake(t);
}

void
torrent_wake_note_outcome(struct torrent *t, uint64_t uploaded)
{
    struct torrent_rest *r = &t->rest;

    if (uploaded != r->up_at_wake)
        r->fruitless = 0;
    else if (r->by_tracker && r->fruitless < FRUITLESS_MAX)
        r->fruitless++;
    r->skip = (1u << r->fruitless) - 1;
    r->by_tracker = false;
}
