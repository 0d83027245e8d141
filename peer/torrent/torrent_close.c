/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Saves and closes a torrent, because it stops, is removed, is loaded again or is put to rest.
 */
#include <stdlib.h>

#include "common/base/assert.h"
#include "peer/torrent/torrent_close.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_load.h"
#include "peer/torrent/torrent_move.h"
#include "peer/torrent/torrent_rest.h"
#include "peer/torrent/torrent_row.h"
#include "peer/torrent/torrent_save.h"
#include "peer/torrent/torrent_store.h"

/* --- saving --- */

static void
on_saved(void *user, int err, const char *why)
{
    struct torrent *t = user;

    if (err != 0 && t->life.goal != GOAL_RELOAD)
        log_error(&t->env->shared->log, "%s: %s", t->facts.name, why);
    torrent_end_job(t, JOB_SAVE);
    if (t->life.phase == PHASE_SAVING)
        torrent_set_phase(t, PHASE_CLOSING);
}

/* Whether a commit is under way: a group is being written, so the commit is neither idle nor
 * waiting for its time. */
static bool
commit_under_way(const struct commit *c)
{
    return c != NULL && !commit_idle(c) && commit_expiry(c).us == MONO_NEVER.us;
}

/* False if others have changed files, or a sync failed: a commit would vouch for files as they are
 * now. */
static bool
may_commit(const struct torrent *t)
{
    return t->disk.commit != NULL && !t->next_check.strict && !storage_doubtful(t->disk.storage);
}

/* The last commit: what was verified and not yet stored, and the exact stamps of the files. Without
 * them, a load would have to take any recent change of a file for our own write. */
void
close_save(struct torrent *t)
{
    bool reloads = t->life.goal == GOAL_RELOAD;

    if (t->disk.jobs > 0 || (reloads && commit_under_way(t->disk.commit)))
        return;
    if (!reloads)
        torrent_save(t);
    if (!may_commit(t)) {
        torrent_set_phase(t, PHASE_CLOSING);
        return;
    }
    torrent_begin_job(t, JOB_SAVE);
    if (commit_flush(t->disk.commit, loop_now(t->env->loop), !t->options.seed_only, false, on_saved,
                     t) != 0)
        on_saved(t, SPRAT_E_NOMEM, sprat_strerror(SPRAT_E_NOMEM));
}

/* --- closing --- */

static void
free_storage(struct torrent *t)
{
    commit_free(t->disk.commit);
    t->disk.commit = NULL;
    t->disk.storage = NULL;
    torrent_set_completion(t, COMPLETION_NONE);
}

static void
closed_to_reload(struct torrent *t)
{
    bool failed = t->failure.source == FAILURE_COMMIT || t->failure.source == FAILURE_LOAD;

    t->core.frozen = t->failure.source == FAILURE_FILES;
    torrent_set_goal(t, torrent_goal_of_user(t));
    torrent_set_phase(t, PHASE_IDLE);
    t->life.held = STEP_NONE;
    if (failed) /* of the disk */
        torrent_hold(t, STEP_LOAD, TORRENT_RETRY_MS);
}

static void
stopped(struct torrent *t)
{
    torrent_set_phase(t, PHASE_STOPPED);
    torrent_tell(t, TORRENT_EVENT_STOPPED, 0, "");
}

static void
on_forgotten(void *user, int err, const char *why)
{
    struct torrent *t = user;

    torrent_end_job(t, JOB_FORGET);
    if (err != 0)
        log_error(&t->env->shared->log, "%s: %s", t->facts.name, why);
    if (t->life.phase == PHASE_CLOSING) /* false if it is dropped as by a crash */
        stopped(t);
}

/* Deletes the torrent from the database. */
static void
forget(struct torrent *t)
{
    struct state_update u = {.remove = true};
    int err;

    torrent_begin_job(t, JOB_FORGET);
    err = torrent_store(t, &u, on_forgotten, t);
    if (err != 0)
        on_forgotten(t, err, sprat_strerror(err));
}

static void
closed(struct torrent *t)
{
    enum torrent_phase next = lifecycle_closed(t->life.phase, t->life.goal);

    free_storage(t);
    if (next == PHASE_RESTING)
        rest_begin(t);
    else if (next == PHASE_IDLE)
        closed_to_reload(t);
    else if (torrent_is_being_removed(t))
        forget(t);
    else
        stopped(t);
}

static void
on_closed(void *user)
{
    struct torrent *t = user;

    torrent_end_job(t, JOB_CLOSE);
    if (t->life.phase == PHASE_STOPPED) /* dropped as by a crash meanwhile */
        free_storage(t);
    else
        closed(t);
}

static void
begin_close(struct torrent *t)
{
    torrent_begin_job(t, JOB_CLOSE);
    storage_close(t->disk.storage, on_closed, t);
}

static void
on_erased(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    torrent_end_job(t, JOB_ERASE);
    if (res->err != 0)
        torrent_tell(t, TORRENT_EVENT_WARNING, res->err, res->why);
    torrent_set_goal(t, GOAL_REMOVE);
}

static void
erase(struct torrent *t)
{
    if (storage_remove_files(t->disk.storage, on_erased, t) == 0)
        torrent_begin_job(t, JOB_ERASE);
    else
        torrent_hold(t, STEP_CLOSE, TORRENT_BUSY_MS);
}

/* If a file exists under both of its names, the remembered name is the torrent's. */
static int
expect_files(struct torrent *t, struct errbuf *eb)
{
    struct state_file *files = calloc(t->mi->file_count + 1, sizeof(*files));
    int err = files == NULL
                  ? errbuf_set(eb, SPRAT_E_NOMEM, "out of memory")
                  : state_load_files(t->env->shared->state, t->id, files, t->mi->file_count, eb);

    for (size_t i = 0; err == 0 && i < t->mi->file_count; i++)
        if (files[i].present)
            storage_expect(t->disk.storage, i, files[i].inode);
    free(files);
    return err;
}

/* Opens the files of a torrent that has stopped before, to delete them. */
static int
reopen(struct torrent *t, struct errbuf *eb)
{
    struct storage_options so = {.disk = t->env->shared->disk,
                                 .done = t->env->doneq,
                                 .dir = t->save_dir,
                                 .selection = t->options.selection,
                                 .worknames = torrent_worknames(t),
                                 .dir_later = true,
                                 .writable = true};
    int err = torrent_need_metainfo(t, eb);

    so.mi = t->mi;
    if (err == 0)
        err = storage_new(&so, &t->disk.storage, eb);
    if (err == 0 && t->options.worknames)
        err = expect_files(t, eb);
    return err;
}

/* If the files can't be opened, for lack of the metainfo for instance, a warning says why, the
 * torrent is removed, and its files stay. */
static void
reopen_or_leave_files(struct torrent *t)
{
    struct errbuf eb = {""};
    int err;

    if (t->facts.waiting) { /* it has no files */
        torrent_set_goal(t, GOAL_REMOVE);
        return;
    }
    err = reopen(t, &eb);
    if (err == 0)
        return;
    torrent_tell(t, TORRENT_EVENT_WARNING, err, eb.text);
    torrent_set_goal(t, GOAL_REMOVE);
}

void
close_go_on(struct torrent *t)
{
    core_drop(t);
    if (t->disk.storage == NULL && t->life.goal == GOAL_ERASE)
        reopen_or_leave_files(t);
    if (t->disk.storage == NULL)
        closed(t);
    else if (torrent_is_being_removed(t) && move_undo(t))
        return;
    else if (t->life.goal == GOAL_ERASE)
        erase(t);
    else
        begin_close(t);
}

/* The results of these jobs need the torrent. */
static bool
awaits_result(const struct torrent *t)
{
    return t->life.job == JOB_LOOK || t->life.job == JOB_CHECK || t->life.job == JOB_SWITCH ||
           t->disk.jobs > 0 || commit_under_way(t->disk.commit) || !torrent_has_stored(t);
}

static void
on_crash_closed(void *user)
{
    free_storage(user);
}

void
torrent_crash(struct torrent *t)
{
    core_drop(t);
    torrent_set_phase(t, PHASE_STOPPED);
    if (!torrent_is_being_removed(t))
        torrent_set_goal(t, GOAL_REMOVE);
    if (t->disk.resume != NULL)
        resume_cancel(t->disk.resume);
    while (awaits_result(t))
        doneq_wait(t->env->doneq, -1);
    if (t->disk.storage != NULL && t->life.job != JOB_CLOSE)
        storage_close(t->disk.storage, on_crash_closed, t);
}

bool
torrent_is_closed(const struct torrent *t)
{
    return t->disk.storage == NULL;
}
