/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Leads a torrent through its life between adding and end: checks the files, runs, pauses and
 * resumes the core, and reports and retries failures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/sys/clock.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_disk.h"
#include "peer/torrent/torrent_fx.h"
#include "peer/torrent/torrent_impl.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_move.h"
#include "peer/torrent/torrent_new.h"
#include "peer/torrent/torrent_rest.h"
#include "peer/torrent/torrent_room.h"
#include "peer/torrent/torrent_select.h"
#include "peer/torrent/torrent_stop.h"
#include "peer/torrent/torrent_store.h"

void
torrent_set_phase(struct torrent *t, enum torrent_phase phase)
{
    ASSERT(phase_may_follow(t->phase, phase));
    t->phase = phase;
    if (phase != PHASE_RUNNING)
        torrent_room_leave(t);
    torrent_mark_dirty(t);
}

void
torrent_set_completion(struct torrent *t, enum torrent_completion step)
{
    ASSERT(completion_may_follow(t->disk.completion, step));
    t->disk.completion = step;
    torrent_mark_dirty(t);
}

/* --- failures --- */

/* A failure of this machine may pass: the user frees or repairs a disk, another process ends. Other
 * failures need the user. */
static bool
may_pass(int err)
{
    enum sprat_err_family family = sprat_err_family(err);

    return family == ERR_FAMILY_LOCAL || family == ERR_FAMILY_MEMORY || err == SPRAT_E_BUSY;
}

static void
retry_soon(struct torrent *t)
{
    t->failure.retry_at = mono_add_ms(loop_now(t->env->loop), TORRENT_RETRY_MS);
    loop_timer_set(t->retry, t->failure.retry_at);
}

/* Pushes the event, unless the user heard of the same failure shortly before: a full disk that
 * accepts one write of a hundred fails and recovers many times a second. */
static void
tell_failure(struct torrent *t, const char *message, bool was_told)
{
    struct torrent_told *told = &t->told;
    struct mono now = loop_now(t->env->loop);
    bool again = told->err == t->failure.err && may_pass(told->err);
    char text[ERRBUF_SIZE];

    if (again && mono_diff_ms(now, told->at) < TORRENT_TELL_MS) {
        t->failure.quiet = !was_told;
        told->quiet++;
        return;
    }
    t->failure.quiet = false;
    snprintf(text, sizeof(text), "%s", message);
    if (again && told->quiet > 0)
        snprintf(text, sizeof(text), "%.*s (and %u times before)", (int)sizeof(text) - 40, message,
                 told->quiet);
    torrent_tell(t, TORRENT_EVENT_ERROR, t->failure.err, text);
    *told = (struct torrent_told){.err = t->failure.err, .at = now};
}

void
torrent_fail(struct torrent *t, enum torrent_failure_source source, int err, const char *message)
{
    struct torrent_failure *f = &t->failure;
    bool was_told = f->err == err && !f->quiet;
    bool same = f->err == err && f->message != NULL && strcmp(f->message, message) == 0;

    f->source = source;
    f->err = err;
    t->disk.retrying = false;
    if (!same) {
        free(f->message);
        f->message = strdup(message);
        tell_failure(t, message, was_told);
    }
    f->retry_at = MONO_NEVER;
    if (may_pass(err))
        retry_soon(t);
}

static void
clear_failure(struct torrent *t)
{
    free(t->failure.message);
    t->failure = (struct torrent_failure){.source = FAILURE_NONE};
    t->disk.retrying = false;
    loop_timer_set(t->retry, MONO_NEVER);
}

const char *
torrent_why(const struct torrent *t, int err)
{
    return t->disk.why != NULL ? t->disk.why : sprat_strerror(err);
}

void
torrent_recovered(struct torrent *t, enum torrent_failure_source source)
{
    bool quiet;

    if (t->failure.source != source)
        return;
    /* Jobs of another failure still wait for a retry: that failure becomes the reported one. */
    if (source != FAILURE_CORE && !list_empty(&t->disk.stalled)) {
        torrent_fail(t, FAILURE_CORE, t->failure.err, torrent_why(t, t->failure.err));
        return;
    }
    quiet = t->failure.quiet;
    clear_failure(t);
    if (!quiet)
        torrent_tell(t, TORRENT_EVENT_RESUMED, 0, "");
    if (t->core.refused && t->phase == PHASE_RUNNING)
        core_start(t);
    t->core.refused = false;
}

void
torrent_reload_soon(struct torrent *t, int err, const char *why)
{
    if (t->disk.reloading || t->phase >= PHASE_STOPPING || t->phase < PHASE_READY)
        return;
    t->disk.reloading = t->disk.strict = true;
    torrent_fail(t, FAILURE_FILES, err, why);
    loop_timer_set(t->retry, mono_add_ms(loop_now(t->env->loop), TORRENT_RELOAD_MS));
}

static void
on_peeked(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    t->disk.looking = false;
    if (res->err == 0 && (t->phase == PHASE_READY || t->phase == PHASE_RUNNING)) {
        t->disk.strict = true;
        torrent_reload(t);
    }
    torrent_mark_dirty(t);
}

/* Files that another program changed may be restored: then all files are checked again. Of missing
 * files, only one is looked at: an unmounted disk has thousands of them. */
static void
look_again(struct torrent *t)
{
    size_t file = t->failure.err == SPRAT_E_GONE ? t->disk.gone_file : SIZE_MAX;

    if (!t->disk.looking)
        t->disk.looking = storage_peek(t->disk.storage, file, on_peeked, t) == 0;
}

void
torrent_on_retry(void *ctx)
{
    struct torrent *t = ctx;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    if (t->disk.reloading) {
        torrent_reload(t);
        return;
    }
    switch (t->phase) {
    case PHASE_IDLE:
        if (!t->wish.paused)
            torrent_load(t);
        break;
    case PHASE_READY:
    case PHASE_RUNNING:
        if (t->failure.source == FAILURE_FILES)
            look_again(t);
        if (t->failure.source == FAILURE_ROOM || t->failure.source == FAILURE_NONE)
            torrent_room_retry(t);
        t->disk.retrying = true;
        disk_retry(t);
        torrent_completion_go_on(t);
        break;
    case PHASE_RESTING:
    case PHASE_CHECKING:
    case PHASE_STOPPING:
    case PHASE_SAVING:
    case PHASE_CLOSING:
    case PHASE_STOPPED: break;
    }
    if (t->failure.quiet && mono_diff_ms(loop_now(t->env->loop), t->told.at) >= TORRENT_TELL_MS)
        tell_failure(t, t->failure.message != NULL ? t->failure.message : "", true);
    if (t->failure.err != 0 && may_pass(t->failure.err))
        retry_soon(t);
}

/* --- loading: from the disk to the core --- */

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

/* The verified pieces are known: runs the torrent, or waits for the user. */
static void
loaded(struct torrent *t, const char *note)
{
    torrent_set_phase(t, PHASE_READY);
    free(t->disk.note);
    t->disk.note = note[0] != '\0' ? strdup(note) : NULL;
    t->wish.force_check = t->wish.trusted = t->disk.strict = false;
    t->wish.consent = (struct torrent_consent){false};
    if (t->wish.move_only_new && bitfield_full(&t->core.have))
        torrent_move_forget(t);
    t->wish.move_only_new = false;
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
    if (t->wish.paused || (t->core.frozen && t->core.have.count == 0 && t->facts.piece_count > 0))
        return;
    torrent_go(t);
}

/* A torrent has been loaded: starts the loads that wait. Torrents that were stopped, paused or
 * loaded meanwhile are skipped. */
static void
load_next(struct torrent_env *env)
{
    env->loads.count--;
    while (env->loads.count < env->loads.max && !list_empty(&env->loads.waiting)) {
        struct torrent *t = LIST_ENTRY(list_pop_front(&env->loads.waiting), struct torrent, load);

        if (t->phase == PHASE_IDLE && !t->wish.stopping && !t->wish.paused)
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

/* The missing data is back: the torrent is a download again. True if it is loaded as a download. */
static bool
is_back(struct torrent *t, const struct resume_result *res)
{
    int err = t->failure.err;

    if (!t->core.frozen || t->wish.seed_only || t->failure.source != FAILURE_FILES ||
        res->gone > 0 || (err != SPRAT_E_GONE && err != SPRAT_E_NOENT && err != SPRAT_E_SHORT))
        return false;
    t->core.frozen = false;
    torrent_recovered(t, FAILURE_FILES);
    torrent_load(t);
    return true;
}

static void
on_resumed(void *user, struct resume_result *res)
{
    struct torrent *t = user;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    t->disk.resume = NULL;
    t->wish.worknames = t->wish.worknames || storage_has_worknames(t->disk.storage);
    torrent_set_phase(t, PHASE_IDLE);
    load_next(t->env);
    if (t->wish.stopping)
        return; /* torrent_stop_go_on() handles this */
    if (res->err == SPRAT_E_CANCELLED) {
        if (!t->wish.paused) /* false if the torrent was paused and resumed before this result */
            torrent_load(t);
        return;
    }
    if (res->err == SPRAT_E_AGAIN) { /* thousands of torrents are being loaded at once */
        loop_timer_set(t->retry, mono_add_ms(loop_now(t->env->loop), TORRENT_BUSY_MS));
        return;
    }
    if (res->err == SPRAT_E_GONE) {
        wait_for_gone(t, res);
        torrent_load(t);
        return;
    }
    if (res->err != 0) {
        torrent_fail(t, FAILURE_LOAD, res->err, res->why);
        if (storage_doubtful(t->disk.storage)) { /* it is of no use any more */
            t->disk.reloading = true;
            torrent_set_phase(t, PHASE_SAVING);
        }
        return;
    }
    if (is_back(t, res))
        return;
    bitfield_copy(&t->core.have, res->have);
    if (res->gone > 0 && !t->wish.seed_only)
        wait_for_gone(t, res);
    loaded(t, res->note != NULL ? res->note : "");
}

/* With --adopt, a file under a working name counts as the torrent's too. */
enum workname_use
torrent_worknames(const struct torrent *t)
{
    if (t->wish.worknames)
        return WORKNAME_MAKE;
    return t->wish.consent.adopt ? WORKNAME_FIND : WORKNAME_NONE;
}

static int
open_storage(struct torrent *t, struct errbuf *eb)
{
    struct storage_options so = {
        .disk = t->env->shared->disk,
        .done = t->env->doneq,
        .mi = t->mi,
        .dir = t->save_dir,
        .writable = !t->wish.seed_only,
        .dir_later = true,
        .selection = t->wish.selection,
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
        .download = !t->wish.seed_only && !t->core.frozen,
        .check_all = t->wish.force_check,
        .strict = t->disk.strict,
        .trust_all = t->wish.trusted,
        .adopt = t->wish.consent.adopt,
        .refetch = t->wish.consent.refetch,
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
    torrent_set_phase(t, PHASE_CHECKING);
    return 0;
}

void
torrent_load(struct torrent *t)
{
    struct torrent_loads *loads = &t->env->loads;
    struct errbuf eb = {""};
    int err;

    ASSERT(t->phase == PHASE_IDLE);
    if (loads->count >= TORRENT_LOADS_MAX) {
        if (!list_linked(&t->load))
            list_push_back(&loads->waiting, &t->load);
        return;
    }
    list_remove(&t->load);
    err = torrent_enter(t, &eb);
    if (err == 0)
        err = open_storage(t, &eb);
    if (err == 0 && torrent_gather(t))
        return;
    if (err == 0)
        err = start_check(t, &eb);
    if (err != 0)
        torrent_fail(t, FAILURE_LOAD, err, eb.text);
}

void
torrent_go(struct torrent *t)
{
    if (!torrent_room_find(t))
        torrent_start(t);
}

void
torrent_start(struct torrent *t)
{
    torrent_set_phase(t, PHASE_RUNNING);
    core_start(t);
    if (core_complete(t))
        torrent_on_complete(t);
    t->env->calls->admit(t);
}

/* --- the turn --- */

/* Whether the upload ratio has reached the user's. Checked in each turn, so no counter is kept
 * here. */
static void
check_ratio(struct torrent *t)
{
    uint64_t given = t->totals.up_before + t->totals.up_session;

    if (t->wish.seed != SEED_RATIO || t->phase != PHASE_RUNNING ||
        t->disk.completion != COMPLETION_DONE)
        return;
    if (t->core.swarm != NULL)
        given += swarm_uploaded(t->core.swarm);
    if ((double)given >= t->wish.ratio * (double)t->facts.total_size) {
        t->wish.stop = WHY_STOP_RATIO;
        torrent_stop(t);
    }
}

/* At the end, data that could not be committed is left to the next session. */
static bool
commits(const struct torrent *t)
{
    return t->disk.commit != NULL && t->phase < PHASE_CLOSING;
}

void
torrent_turn(struct torrent *t)
{
    struct mono at = MONO_NEVER;

    disk_go_on(t);
    torrent_completion_go_on(t);
    check_ratio(t);
    torrent_stop_go_on(t);
    torrent_select_go_on(t);
    if (t->phase == PHASE_RESTING) {
        torrent_rest_announce(t);
        at = announcer_expiry(t->announcer);
    }
    if (t->core.swarm != NULL && t->core.started)
        at = swarm_expiry(t->core.swarm);
    if (commits(t))
        at = mono_min(at, commit_expiry(t->disk.commit));
    at = mono_min(at, torrent_rest_if_idle(t));
    loop_timer_set(t->timer, at);
}

void
torrent_on_timer(void *ctx)
{
    struct torrent *t = ctx;
    struct swarm_input in = {.type = SWARM_IN_TICK};
    struct mono now = loop_now(t->env->loop);

    MAGIC_CHECK(t, TORRENT_MAGIC);
    if (commits(t) && mono_due(commit_expiry(t->disk.commit), now))
        commit_run(t->disk.commit, now);
    if (t->core.started)
        torrent_feed(t, &in);
    torrent_mark_dirty(t);
}

/* --- what people ask for --- */

static void
store_status(struct torrent *t)
{
    struct state_update u = {.set_status = true,
                             .status = t->wish.paused ? STATE_PAUSED : STATE_RUNNING};

    (void)torrent_store(t, &u, NULL, NULL);
}

void
torrent_set_limits(struct torrent *t, uint64_t up_limit, uint64_t down_limit)
{
    struct swarm_input in = {.type = SWARM_IN_LIMITS, .u.limits = {up_limit, down_limit}};
    struct state_update u = {.set_limits = true, .up_limit = up_limit, .down_limit = down_limit};

    t->wish.up_limit = up_limit;
    t->wish.down_limit = down_limit;
    torrent_feed(t, &in);
    (void)torrent_store(t, &u, NULL, NULL);
}

void
torrent_pause(struct torrent *t)
{
    struct swarm_input in = {.type = SWARM_IN_PAUSE};

    if (t->wish.paused || t->wish.stopping)
        return;
    t->wish.paused = true;
    store_status(t);
    if (t->phase == PHASE_CHECKING && t->disk.resume != NULL)
        resume_cancel(t->disk.resume);
    if (t->phase == PHASE_RUNNING) {
        torrent_feed(t, &in);
        torrent_set_phase(t, PHASE_READY);
    } else if (t->phase == PHASE_RESTING) {
        torrent_rest_pause(t, true);
    }
}

void
torrent_resume(struct torrent *t, const struct torrent_consent *consent)
{
    bool failed = t->failure.err != 0;

    if (t->wish.removing || (!t->wish.paused && !failed && t->phase != PHASE_STOPPED))
        return;
    t->wish.paused = false;
    t->core.frozen = false;
    if (consent != NULL)
        t->wish.consent = *consent;
    clear_failure(t);
    t->told = (struct torrent_told){0};
    store_status(t);
    if (t->phase == PHASE_STOPPED) {
        t->wish.stopping = false;
        t->wish.stop = WHY_STOP_ASKED;
        t->wish.seed = SEED_FOREVER;
        torrent_set_phase(t, PHASE_IDLE);
    }
    if (t->phase == PHASE_RESTING)
        torrent_rest_pause(t, false);
    if (t->phase == PHASE_IDLE)
        torrent_load(t);
    else if (failed && (t->phase == PHASE_READY || t->phase == PHASE_RUNNING))
        torrent_reload(t);
    else if (t->phase == PHASE_READY)
        torrent_go(t);
}
