/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opens a torrent's files and runs the check of resume.h. A limited number of torrents is loaded at
 * a time; the others queue.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_gather.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_load.h"
#include "peer/torrent/torrent_move.h"
#include "peer/torrent/torrent_row.h"
#include "peer/torrent/torrent_select.h"

static void
on_committed(void *user, int err, const char *why, const uint32_t *pieces, size_t count)
{
    struct torrent *t = user;

    (void)pieces;
    (void)count;
    if (err == 0)
        torrent_recovered(t, FAILURE_COMMIT);
    else if (err == SPRAT_E_NOENT || err == SPRAT_E_CHANGED)
        torrent_reload_soon(t, err, why); /* no retry brings the file back, so the remaining files
                                             are checked */
    else
        torrent_fail(t, FAILURE_COMMIT, err, why);
    /* Writes since the last successful sync are not trustworthy: the next load reads them back, and
     * they are written once more. */
    if (err != 0 && storage_doubtful(t->disk.storage))
        torrent_reload(t);
    torrent_mark_dirty(t);
}

/* The hash that a v2 piece must have, where only a fetched layer knows it. */
static bool
piece_hash(void *user, uint32_t piece, uint8_t out[32])
{
    const struct torrent *t = user;
    size_t file = metainfo_file_at(t->mi, (uint64_t)piece * t->mi->piece_length);
    const struct metainfo_file *f = &t->mi->files[file];
    const uint8_t *layer = swarm_layer(t->core.swarm, file);

    if (layer == NULL || piece < f->first_piece || piece - f->first_piece >= f->piece_count)
        return false;
    memcpy(out, layer + (size_t)(piece - f->first_piece) * 32, 32);
    return true;
}

static void
on_progress(void *user, uint32_t done, uint32_t total)
{
    struct torrent *t = user;

    t->disk.check_done = done;
    t->disk.check_total = total;
}

/* The verified pieces are known. */
static void
loaded(struct torrent *t, const char *note)
{
    torrent_set_phase(t, PHASE_READY);
    free(t->disk.note);
    t->disk.note = note[0] != '\0' ? strdup(note) : NULL;
    t->next_check = (struct torrent_next_check){.all = false};
    if (t->move.only_new && bitfield_full(&t->core.have))
        move_forget(t);
    t->move.only_new = false;
    torrent_recovered(t, FAILURE_LOAD);
    torrent_recovered(t, FAILURE_COMMIT);
    if (bitfield_full(&t->core.have)) {
        t->core.frozen = false;
        torrent_recovered(t, FAILURE_FILES);
    }
    /* Otherwise the user has already heard the sentence about the files. */
    if (t->failure.source != FAILURE_FILES)
        torrent_tell(t, TORRENT_EVENT_CHECKED, 0, note);
    if (t->failure.source == FAILURE_FILES)
        loop_timer_set(t->retry, mono_add_ms(loop_now(t->env->loop), TORRENT_RETRY_MS));
}

/* A torrent has been loaded: loads the next ones of the queue, as many as there is room for.
 * Torrents that were paused or stopped meanwhile are skipped. */
static void
load_next(struct torrent_loads *loads)
{
    while (loads->count < loads->max && !list_empty(&loads->waiting)) {
        struct torrent *t = LIST_ENTRY(list_pop_front(&loads->waiting), struct torrent, load);
        const struct torrent_life *life = &t->life;

        if (lifecycle_next(life->phase, life->job, life->goal) == STEP_LOAD)
            torrent_load(t);
    }
}

/* Data that the database promises is missing: the torrent waits for it, and seeds the rest
 * meanwhile. */
static void
wait_for_gone(struct torrent *t, const struct resume_result *res)
{
    t->core.frozen = true;
    t->disk.gone_file = res->gone_file;
    torrent_fail(t, FAILURE_FILES, SPRAT_E_GONE, res->gone_why);
}

/* True if the missing data is back, so that the torrent is a download again and is loaded as one.
 */
static bool
is_back(struct torrent *t, const struct resume_result *res)
{
    int err = t->failure.err;

    if (!t->core.frozen || t->options.seed_only || t->failure.source != FAILURE_FILES ||
        res->gone > 0 || (err != SPRAT_E_GONE && err != SPRAT_E_NOENT && err != SPRAT_E_SHORT))
        return false;
    t->core.frozen = false;
    torrent_recovered(t, FAILURE_FILES);
    return true;
}

/* The files could not be checked. A storage whose sync failed is of no use any more. */
static void
load_failed(struct torrent *t, int err, const char *why)
{
    torrent_fail(t, FAILURE_LOAD, err, why);
    t->life.held = STEP_LOAD;
    if (t->disk.storage != NULL && storage_doubtful(t->disk.storage)) {
        torrent_set_goal(t, GOAL_RELOAD);
        torrent_set_phase(t, PHASE_SAVING);
    }
}

/* After CANCELLED, the goal decides what is done next. */
static void
on_resumed(void *user, struct resume_result *res)
{
    struct torrent *t = user;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    t->disk.resume = NULL;
    t->options.worknames = t->options.worknames || storage_has_worknames(t->disk.storage);
    torrent_end_job(t, JOB_CHECK);
    t->env->loads.count--;
    load_next(&t->env->loads);
    if (torrent_is_ending(t) || res->err == SPRAT_E_CANCELLED)
        return;
    if (res->err == SPRAT_E_AGAIN) { /* thousands of torrents are being loaded at once */
        torrent_hold(t, STEP_LOAD, TORRENT_BUSY_MS);
    } else if (res->err == SPRAT_E_GONE) {
        wait_for_gone(t, res);
    } else if (res->err != 0) {
        load_failed(t, res->err, res->why);
    } else if (!is_back(t, res)) {
        bitfield_copy(&t->core.have, res->have);
        if (res->gone > 0 && !t->options.seed_only)
            wait_for_gone(t, res);
        loaded(t, res->note != NULL ? res->note : "");
    }
}

/* With --adopt, a file under a working name counts as the torrent's too. */
enum workname_use
torrent_worknames(const struct torrent *t)
{
    if (t->options.worknames)
        return WORKNAME_MAKE;
    return t->next_check.consent.adopt ? WORKNAME_FIND : WORKNAME_NONE;
}

static int
open_storage(struct torrent *t, struct errbuf *eb)
{
    struct storage_options so = {
        .disk = t->env->shared->disk,
        .done = t->env->doneq,
        .mi = t->mi,
        .dir = t->save_dir,
        .writable = !t->options.seed_only,
        .dir_later = true,
        .selection = t->options.selection,
        .worknames = torrent_worknames(t),
    };
    struct commit_options co = {
        .state = t->env->shared->state, .id = t->id, .done = on_committed, .user = t};
    int err;

    if (t->disk.storage == NULL) {
        err = storage_new(&so, &t->disk.storage, eb);
        if (err != 0)
            return err;
    }
    co.storage = t->disk.storage;
    if (t->disk.commit == NULL)
        t->disk.commit = commit_new(&co);
    if (t->disk.commit == NULL || (t->core.swarm == NULL && core_new(t) != 0))
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    return 0;
}

static int
start_check(struct torrent *t, struct errbuf *eb)
{
    struct resume_options ro = {
        .storage = t->disk.storage,
        .state = t->env->shared->state,
        .id = t->id,
        .download = !t->options.seed_only && !t->core.frozen,
        .check_all = t->next_check.all,
        .strict = t->next_check.strict,
        .trust_all = t->next_check.trusted,
        .adopt = t->next_check.consent.adopt,
        .refetch = t->next_check.consent.refetch,
        .piece_hash = t->mi->layers_missing ? piece_hash : NULL,
        .progress = on_progress,
        .done = on_resumed,
        .user = t,
    };

    t->disk.check_done = t->disk.check_total = 0;
    t->disk.resume = resume_start(&ro);
    if (t->disk.resume == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    t->env->loads.count++;
    torrent_begin_job(t, JOB_CHECK);
    return 0;
}

/* Without the metainfo there are no files: only the core is needed. */
static void
load_link(struct torrent *t)
{
    struct errbuf eb = {""};
    int err = torrent_enter(t, &eb);

    if (err == 0 && !torrent_has_core(t) && (err = core_new(t)) != 0)
        errbuf_set(&eb, err, "out of memory");
    if (err != 0) {
        torrent_fail(t, FAILURE_LOAD, err, eb.text);
        t->life.held = STEP_LOAD;
        return;
    }
    torrent_set_phase(t, PHASE_READY);
    torrent_recovered(t, FAILURE_LOAD);
}

void
torrent_load(struct torrent *t)
{
    struct torrent_loads *loads = &t->env->loads;
    struct errbuf eb = {""};
    int err;

    ASSERT(t->life.phase == PHASE_IDLE);
    if (t->facts.waiting) {
        load_link(t);
        return;
    }
    if (select_by_number(t))
        return;
    if (loads->count >= loads->max) {
        if (!list_linked(&t->load))
            list_push_back(&loads->waiting, &t->load);
        return;
    }
    list_remove(&t->load);
    err = torrent_enter(t, &eb);
    if (err == 0)
        err = open_storage(t, &eb);
    if (err == 0 && gather_go_on(t))
        return;
    if (err == 0)
        err = start_check(t, &eb);
    if (err != 0) {
        torrent_fail(t, FAILURE_LOAD, err, eb.text);
        t->life.held = STEP_LOAD;
    }
}
