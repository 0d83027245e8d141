/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ends a torrent: completes it, syncing all verified data; stops it, which tells the trackers and
 * saves all; removes it; or only closes it, to load it again. Each is a row of steps whose results
 * come from other modules; the torrent's turn starts the next step.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
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
#include "peer/torrent/torrent_stop.h"
#include "peer/torrent/torrent_store.h"

/* --- complete --- */

void
torrent_on_complete(struct torrent *t)
{
    if (t->disk.completion == COMPLETION_NONE)
        torrent_set_completion(t, COMPLETION_WANTED);
}

static void
completed(struct torrent *t)
{
    torrent_set_completion(t, COMPLETION_DONE);
    torrent_room_leave(t);
    if (t->totals.completed_at == 0 && bitfield_full(torrent_have(t)))
        t->totals.completed_at = clock_unix();
    if (t->wish.seed_only)
        return;
    if (!t->disk.told_complete)
        torrent_tell(t, TORRENT_EVENT_COMPLETE, 0, "");
    t->disk.told_complete = true;
    if (t->wish.seed == SEED_NONE) {
        t->wish.stop = WHY_STOP_COMPLETE;
        torrent_stop(t);
    }
}

static void
on_flushed(void *user, int err, const char *why)
{
    struct torrent *t = user;

    if (t->disk.completion != COMPLETION_FLUSHING)
        return;
    if (err != 0) {
        torrent_set_completion(t, COMPLETION_FINISHED);
        torrent_fail(t, FAILURE_COMMIT, err, why);
        return;
    }
    torrent_recovered(t, FAILURE_COMMIT);
    if (t->disk.reloading) { /* the selection has changed by now, or files have */
        torrent_set_completion(t, COMPLETION_FINISHED);
        return;
    }
    storage_release(t->disk.storage);
    torrent_set_completion(t, COMPLETION_FLUSHED);
}

static void
on_finished(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    torrent_set_completion(t, res->err == 0 ? COMPLETION_FINISHED : COMPLETION_WANTED);
    if (res->err != 0 && res->err != SPRAT_E_CANCELLED)
        torrent_fail(t, FAILURE_COMMIT, res->err, res->why);
}

/* After a failure, the retry timer makes the next attempt. */
void
torrent_completion_go_on(struct torrent *t)
{
    bool waits = t->failure.source == FAILURE_COMMIT && !t->disk.retrying;

    if (t->phase != PHASE_RUNNING || waits || t->disk.reloading)
        return;
    switch (t->disk.completion) {
    case COMPLETION_WANTED:
        if (t->wish.seed_only)
            completed(t); /* nothing was written, nothing is to be made */
        else if (storage_finish(t->disk.storage, on_finished, t) == 0)
            torrent_set_completion(t, COMPLETION_FINISHING);
        break;
    case COMPLETION_FINISHED:
        torrent_set_completion(t, COMPLETION_FLUSHING);
        if (commit_flush(t->disk.commit, loop_now(t->env->loop), true,
                         bitfield_full(swarm_have(t->core.swarm)), on_flushed, t) != 0)
            torrent_set_completion(t, COMPLETION_FINISHED);
        break;
    case COMPLETION_FLUSHED:
        if (!torrent_move_go_on(t))
            completed(t);
        break;
    case COMPLETION_NONE:
    case COMPLETION_FINISHING:
    case COMPLETION_FLUSHING:
    case COMPLETION_MOVING:
    case COMPLETION_SWITCHING:
    case COMPLETION_CLEANING:
    case COMPLETION_DONE: break;
    }
}

/* --- saving --- */

/* Peers that can be dialled again: those that are connected by their own doing come with port 0. */
static size_t
collect_peers(const struct torrent *t, struct endpoint *peers, size_t max)
{
    const struct peerlist *list = swarm_peerlist(t->core.swarm);
    size_t n = 0;

    for (uint32_t i = peerlist_walk(list, PEERLIST_NONE); i != PEERLIST_NONE && n < max;
         i = peerlist_walk(list, i)) {
        const struct endpoint *e = peerlist_addr(list, i);

        if (e->port != 0)
            peers[n++] = *e;
    }
    return n;
}

static void
save(struct torrent *t, bool with_peers)
{
    struct endpoint peers[STATE_PEERS_MAX];
    struct state_update u = {.set_totals = true, .peers = peers, .seen = clock_unix()};
    struct torrent_status st;

    if (t->lock == NULL)
        return; /* the totals belong to the process that has the torrent */
    torrent_get_status(t, &st);
    u.uploaded = st.uploaded_ever;
    u.downloaded = st.downloaded_ever;
    if (t->core.swarm != NULL && with_peers)
        u.peer_count = collect_peers(t, peers, STATE_PEERS_MAX);
    if (u.uploaded == t->totals.up_saved && u.downloaded == t->totals.down_saved &&
        u.peer_count == 0)
        return;
    /* On an error the save a minute later stores the numbers, which are a little old until then. */
    if (state_apply_async(t->env->shared->state, t->id, &u, t->env->doneq, NULL, NULL) != 0)
        return;
    t->totals.up_saved = u.uploaded;
    t->totals.down_saved = u.downloaded;
}

void
torrent_save(struct torrent *t)
{
    save(t, true);
}

void
torrent_save_totals(struct torrent *t)
{
    save(t, false);
}

/* --- stopping --- */

/* The first step of stopping, which depends on the phase. */
static void
begin_end(struct torrent *t)
{
    struct swarm_input in = {.type = SWARM_IN_STOP};

    loop_timer_set(t->retry, MONO_NEVER);
    if (t->phase == PHASE_RESTING) {
        torrent_rest_stop(t);
        return;
    }
    if (t->phase == PHASE_CHECKING) {
        if (t->disk.resume != NULL)
            resume_cancel(t->disk.resume);
        return;
    }
    if (t->core.started && !t->disk.reloading) {
        torrent_set_phase(t, PHASE_STOPPING);
        torrent_feed(t, &in);
        disk_give_up(t);
    } else {
        torrent_set_phase(t, PHASE_SAVING);
    }
}

void
torrent_stop(struct torrent *t)
{
    if (t->wish.stopping)
        return;
    t->wish.stopping = true;
    if (t->phase >= PHASE_STOPPING) { /* a reload is under way: it becomes the end */
        t->disk.reloading = false;
        return;
    }
    t->disk.reloading = false;
    begin_end(t);
}

void
torrent_reload(struct torrent *t)
{
    if (t->phase != PHASE_READY && t->phase != PHASE_RUNNING)
        return;
    t->disk.reloading = true;
    torrent_save(t);
    core_drop(t);
    begin_end(t);
}

static void
on_saved(void *user, int err, const char *why)
{
    struct torrent *t = user;

    if (err != 0 && !t->disk.reloading)
        log_error(&t->env->shared->log, "%s: %s", t->facts.name, why);
    t->disk.busy = false;
    torrent_set_phase(t, PHASE_CLOSING);
}

/* A step is under way whose result comes from another module. */
static bool
completion_under_way(const struct torrent *t)
{
    switch (t->disk.completion) {
    case COMPLETION_FINISHING:
    case COMPLETION_FLUSHING:
    case COMPLETION_MOVING:
    case COMPLETION_SWITCHING:
    case COMPLETION_CLEANING: return true;
    case COMPLETION_NONE:
    case COMPLETION_WANTED:
    case COMPLETION_FINISHED:
    case COMPLETION_FLUSHED:
    case COMPLETION_DONE: return false;
    }
    return false;
}

/* Whether a commit is under way: a group is being written, so the commit is neither idle nor
 * waiting for its time. */
static bool
commit_under_way(const struct commit *c)
{
    return !commit_idle(c) && commit_expiry(c).us == MONO_NEVER.us;
}

/* False for a reload because others have changed files, or because a sync failed: a commit would
 * vouch for files as they are now. */
static bool
may_commit(const struct torrent *t)
{
    return t->disk.commit != NULL &&
           (!t->disk.reloading || (!t->disk.strict && !storage_doubtful(t->disk.storage)));
}

/* The last commit: what was verified and not yet stored, and the exact stamps of the files. Without
 * them, a load would have to take any recent change of a file for our own write. */
static void
step_saving(struct torrent *t)
{
    struct commit *c = t->disk.commit;

    if (t->disk.busy || t->disk.looking || t->disk.jobs > 0 || completion_under_way(t) ||
        (t->disk.reloading && c != NULL && commit_under_way(c)))
        return;
    if (!t->disk.reloading)
        torrent_save(t);
    if (!may_commit(t)) {
        torrent_set_phase(t, PHASE_CLOSING);
        return;
    }
    t->disk.busy = true;
    if (commit_flush(c, loop_now(t->env->loop), !t->wish.seed_only, false, on_saved, t) != 0)
        on_saved(t, SPRAT_E_NOMEM, sprat_strerror(SPRAT_E_NOMEM));
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

    if (err != 0)
        log_error(&t->env->shared->log, "%s: %s", t->facts.name, why);
    t->disk.busy = false;
    if (t->phase == PHASE_CLOSING) /* false if it is dropped as by a crash */
        stopped(t);
}

/* Deletes the torrent from the database. */
static void
forget(struct torrent *t)
{
    struct state_update u = {.remove = true};
    int err;

    t->disk.busy = true;
    err = torrent_store(t, &u, on_forgotten, t);
    if (err != 0)
        on_forgotten(t, err, sprat_strerror(err));
}

static void
ended(struct torrent *t)
{
    t->disk.busy = false;
    commit_free(t->disk.commit);
    t->disk.commit = NULL;
    t->disk.storage = NULL;
    torrent_set_completion(t, COMPLETION_NONE);
    if (t->rest.going) {
        torrent_rest_begin(t);
        return;
    }
    if (t->disk.reloading) {
        t->disk.reloading = false;
        t->core.frozen = t->failure.source == FAILURE_FILES;
        torrent_set_phase(t, PHASE_IDLE);
        /* After a failure of the disk, the reload waits. */
        if (t->failure.source == FAILURE_COMMIT || t->failure.source == FAILURE_LOAD)
            loop_timer_set(t->retry, mono_add_ms(loop_now(t->env->loop), TORRENT_RETRY_MS));
        else
            torrent_load(t);
        return;
    }
    if (t->wish.removing)
        forget(t);
    else
        stopped(t);
}

static void
on_closed(void *user)
{
    ended(user);
}

static void
on_removed(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    if (res->err != 0)
        torrent_tell(t, TORRENT_EVENT_WARNING, res->err, res->why);
    t->wish.remove_data = false;
    t->disk.busy = false;
    torrent_mark_dirty(t);
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

/* Deletes the files of a torrent that has stopped before. */
static bool
reopen(struct torrent *t)
{
    struct storage_options so = {.disk = t->env->shared->disk,
                                 .done = t->env->doneq,
                                 .dir = t->save_dir,
                                 .selection = t->wish.selection,
                                 .worknames = torrent_worknames(t),
                                 .writable = true};
    struct errbuf eb = {""};
    int err = torrent_need_metainfo(t, &eb);

    so.mi = t->mi;
    if (err == 0)
        err = storage_new(&so, &t->disk.storage, &eb);
    if (err == 0 && t->wish.worknames)
        err = expect_files(t, &eb);
    if (err != 0)
        torrent_tell(t, TORRENT_EVENT_WARNING, err, eb.text);
    return err == 0;
}

static void
step_closing(struct torrent *t)
{
    bool erase = t->wish.removing && t->wish.remove_data;

    if (t->disk.busy)
        return;
    core_drop(t);
    if (t->disk.storage == NULL && !(erase && reopen(t))) {
        ended(t);
        return;
    }
    if (t->wish.removing && torrent_move_undo(t))
        return;
    if (erase) {
        t->disk.busy = storage_remove_files(t->disk.storage, on_removed, t) == 0;
        return;
    }
    t->disk.busy = true;
    storage_close(t->disk.storage, on_closed, t);
}

void
torrent_stop_go_on(struct torrent *t)
{
    if (t->wish.stopping && t->phase == PHASE_IDLE)
        torrent_set_phase(t, PHASE_SAVING);
    if (t->wish.stopping && t->phase == PHASE_RESTING)
        torrent_rest_stop(t);
    if (t->phase == PHASE_STOPPING && t->core.swarm == NULL)
        torrent_rest_stop_go_on(t);
    else if (t->phase == PHASE_STOPPING && t->core.said_stopped)
        torrent_set_phase(t, PHASE_SAVING);
    if (t->phase == PHASE_SAVING)
        step_saving(t);
    if (t->phase == PHASE_CLOSING)
        step_closing(t);
}

int
torrent_remove(struct torrent *t, bool data, struct errbuf *eb)
{
    int err = torrent_enter(t, eb);

    if (err != 0)
        return err;
    t->wish.removing = true;
    t->wish.remove_data = data;
    if (t->phase != PHASE_STOPPED)
        torrent_stop(t);
    else
        /* If there are files to delete, the storage is opened once more. */
        torrent_set_phase(t, PHASE_CLOSING);
    return 0;
}

static void
on_crashed(void *user)
{
    struct torrent *t = user;

    commit_free(t->disk.commit);
    t->disk.commit = NULL;
    t->disk.storage = NULL;
}

void
torrent_crash(struct torrent *t)
{
    bool closing = t->phase == PHASE_CLOSING && t->disk.busy;

    core_drop(t);
    torrent_set_phase(t, PHASE_STOPPED);
    t->wish.stopping = t->wish.removing = true;
    if (t->disk.resume != NULL)
        resume_cancel(t->disk.resume);
    while (t->disk.resume != NULL || t->disk.jobs > 0 || t->rest.looking ||
           t->disk.completion == COMPLETION_SWITCHING ||
           (t->disk.commit != NULL && commit_under_way(t->disk.commit)) || !torrent_has_stored(t))
        doneq_wait(t->env->doneq, -1);
    if (t->disk.storage != NULL && !closing)
        storage_close(t->disk.storage, on_crashed, t);
}
