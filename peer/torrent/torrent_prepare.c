/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks before the first byte of a download that its directory can be written to and has as much
 * space as the missing pieces need. A disk thread does the check before the core starts. If the
 * check fails, the torrent waits, and the user hears of it at once rather than when the disk is
 * full.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/magic.h"
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_prepare.h"

enum { MIB_SHIFT = 20 };

static unsigned long long
to_mib(uint64_t bytes, bool up)
{
    return (bytes + (up ? (UINT64_C(1) << MIB_SHIFT) - 1 : 0)) >> MIB_SHIFT;
}

/* The sentence about a disk without enough space. */
static void
no_space(const struct torrent *t, uint64_t others, struct errbuf *eb)
{
    const struct storage_room *space = &t->prepare.space;
    char also[80] = "";

    if (others > 0)
        snprintf(also, sizeof(also), ", and other torrents need %llu MiB of that",
                 to_mib(others, true));
    errbuf_set(eb, 0, "no space for %s in %s: %llu MiB are needed, %llu MiB are free%s",
               t->facts.name, t->save_dir, to_mib(space->need, true), to_mib(space->free, false),
               also);
}

/* Whether the torrent is still to run: the user may have paused or stopped it meanwhile. */
static bool
is_still_wanted(const struct torrent *t)
{
    return lifecycle_next(t->life.phase, t->life.job, t->life.goal) == STEP_START;
}

/* Another load may remove the obstacle to writing the files, so the retry loads the torrent again.
 */
static void
on_prepared(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    torrent_end_job(t, JOB_PREPARE);
    if (!is_still_wanted(t)) {
        room_claim_drop(&t->prepare.claim);
        return;
    }
    if (res->err != 0) {
        torrent_set_phase(t, PHASE_IDLE);
        torrent_fail(t, FAILURE_PREPARE, res->err, res->why);
        t->life.held = STEP_LOAD;
        return;
    }
    if (t->options.reserve)
        room_claim_pay(&t->prepare.claim, t->prepare.space.need);
    torrent_recovered(t, FAILURE_PREPARE);
    t->prepare.done = true;
}

static void
fail(struct torrent *t, int err, const char *why)
{
    torrent_fail(t, FAILURE_PREPARE, err, why);
    t->life.held = STEP_START;
}

static void
on_space(void *user, const struct storage_result *res)
{
    struct torrent *t = user;
    struct errbuf eb;
    uint64_t others;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    torrent_end_job(t, JOB_PREPARE);
    if (!is_still_wanted(t))
        return;
    if (res->err != 0) {
        fail(t, res->err, res->why);
    } else if (!roombook_claim(&t->env->shared->room, &t->prepare.claim, &t->prepare.space,
                               &others)) {
        no_space(t, others, &eb);
        fail(t, SPRAT_E_NOSPACE, eb.text);
    } else if (storage_prepare(t->disk.storage, &t->prepare.have, t->options.reserve, on_prepared,
                               t) == 0) {
        torrent_begin_job(t, JOB_PREPARE);
    } else {
        fail(t, SPRAT_E_NOMEM, sprat_strerror(SPRAT_E_NOMEM));
    }
}

/* Begins |job|, which asks for the free disk space. The verified pieces are copied, because a disk
 * thread reads them. */
static bool
measure(struct torrent *t, enum torrent_job job, storage_done_fn done)
{
    struct bitfield *have = &t->prepare.have;

    if (have->nbits != t->facts.piece_count && bitfield_init(have, t->facts.piece_count) != 0)
        return false;
    bitfield_copy(have, torrent_have(t));
    if (storage_find_room(t->disk.storage, have, &t->prepare.space, done, t) != 0)
        return false;
    torrent_begin_job(t, job);
    return true;
}

bool
prepare_is_done(struct torrent *t)
{
    const struct bitfield *have = torrent_have(t);

    if (t->options.seed_only || t->core.frozen || t->prepare.done ||
        (bitfield_full(have) && t->facts.total_size > 0))
        return true;
    if (!measure(t, JOB_PREPARE, on_space))
        torrent_hold(t, STEP_START, TORRENT_BUSY_MS);
    return false;
}

static void
on_measured(void *user, const struct storage_result *res)
{
    struct torrent *t = user;
    const struct storage_room *space = &t->prepare.space;
    struct errbuf eb;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    torrent_end_job(t, JOB_MEASURE);
    if (res->err != 0 || !space->known || t->life.phase != PHASE_RUNNING ||
        t->failure.err != SPRAT_E_NOSPACE || space->need <= space->free)
        return;
    no_space(t, 0, &eb);
    free(t->failure.message);
    t->failure.message = strdup(eb.text);
}

void
prepare_explain(struct torrent *t)
{
    if (t->life.job == JOB_NONE && t->life.phase == PHASE_RUNNING)
        (void)measure(t, JOB_MEASURE, on_measured);
}
