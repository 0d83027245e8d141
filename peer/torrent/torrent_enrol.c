/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The lock comes first: from then on no other process changes the torrent's row, so what is read
 * here still holds when the database's thread stores the rest.
 */
#include "peer/torrent/torrent_enrol.h"

#include <stdlib.h>
#include <string.h>

#include "common/sys/paths.h"
#include "peer/store/parts.h"
#include "peer/store/storage.h"
#include "peer/store/workname.h"
#include "peer/torrent/torrent_select.h"

/* The directory is that of |save_dir|, or |move_to| if an earlier run has moved the torrent there.
 */
static int
find_dir(struct torrent_enrolment *e, struct state *st, const struct torrent_add *add,
         struct errbuf *eb)
{
    int64_t id;
    int err = add->move_to != NULL ? state_find(st, torrent_add_id(add), add->move_to, &id, eb)
                                   : SPRAT_E_NOTFOUND;

    if (err == SPRAT_E_NOTFOUND)
        return path_absolute(add->save_dir, &e->dir, eb);
    if (err != 0)
        return err;
    e->arrived = true;
    e->dir = strdup(add->move_to);
    return e->dir != NULL ? 0 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

/* The ratio is for uploads from now on, so the ratio of earlier uploads (by `sprat seed` or `get`)
 * is added to it. */
static int
read_row(struct torrent_enrolment *e, struct state *st, const struct torrent_add *add, int64_t id,
         struct errbuf *eb)
{
    struct state_torrent row;
    int err = state_get(st, id, &row, eb);

    if (err != 0)
        return err;
    e->known = true;
    e->managed = row.managed;
    if (e->addition.managed && add->seed == SEED_RATIO && add->mi != NULL &&
        add->mi->total_size > 0)
        e->ratio += (double)row.uploaded / (double)add->mi->total_size;
    state_torrent_fini(&row);
    return 0;
}

/* A load always looks for files that an earlier session left under working names, independent of
 * this session's option. |*stored|: the database knows of such files. */
static int
read_worknames(struct torrent_enrolment *e, struct state *st, int64_t id, bool *stored,
               struct errbuf *eb)
{
    struct state_wish wish;
    int err = state_load_wish(st, id, &wish, eb);

    *stored = err == 0 && wish.worknames;
    e->worknames = e->worknames || *stored;
    state_wish_fini(&wish);
    return err == SPRAT_E_NOTFOUND ? 0 : err;
}

/* The data of an unwanted file that does not exist goes to the part file, and stays there until the
 * file is wanted. |now| is the stored choice. */
static int
choose(struct torrent_enrolment *e, const struct torrent_add *add, const uint8_t *now)
{
    const struct metainfo *mi = add->mi;
    char work[WORKNAME_PATH_MAX];
    struct worknames names;
    int err = worknames_init(&names, mi);

    e->selection = malloc(mi->file_count + 1);
    if (e->selection == NULL)
        err = SPRAT_E_NOMEM;
    for (size_t i = 0; err == 0 && i < mi->file_count; i++) {
        uint8_t parted = now[i] & PARTS_PARTED;
        bool has_work = e->worknames && worknames_get(&names, i, work);

        e->selection[i] = add->selection[i] & PARTS_PRIORITY;
        if (e->selection[i] == FILE_SKIP &&
            !storage_has_file(e->dir, mi->files[i].path, has_work ? work : NULL))
            parted = PARTS_PARTED;
        e->selection[i] |= parted;
    }
    worknames_fini(&names);
    return err;
}

/* Decides which choice of files is stored, if any. |id| is 0 for a torrent without a row. */
static int
choose_files(struct torrent_enrolment *e, struct state *st, const struct torrent_add *add,
             int64_t id, struct errbuf *eb)
{
    size_t count;
    uint8_t *now;
    int err = 0;

    if (add->selection == NULL)
        return 0;
    count = add->mi->file_count;
    now = malloc(count + 1);
    if (now == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    memset(now, FILE_NORMAL, count);
    if (id != 0)
        err = selection_stored(st, id, now, count, eb);
    if (err == 0 && (!selection_is_all(now, count) || !selection_is_all(add->selection, count))) {
        err = choose(e, add, now);
        if (err != 0)
            errbuf_set(eb, err, "%s", sprat_strerror(err));
    }
    free(now);
    return err;
}

/* Only the type of the pointers changes. */
static char **
strings(const char *const *all)
{
    return (char **)(uintptr_t)all;
}

static int
make_wish(struct torrent_enrolment *e, const struct torrent_add *add, struct errbuf *eb)
{
    const struct state_wish wish = {.seed = (int)add->seed,
                                    .ratio = e->ratio,
                                    .sequential = add->sequential,
                                    .super_seed = add->super_seed,
                                    .trackers = strings(add->trackers),
                                    .tracker_count = add->tracker_count,
                                    .peers = strings(add->peers),
                                    .peer_count = add->peer_count,
                                    .reserve = add->reserve,
                                    .worknames = e->worknames,
                                    .trackers_only = add->trackers_only,
                                    .only = add->only != NULL ? strings(&add->only)[0] : NULL,
                                    .web_seeds = strings(add->web_seeds),
                                    .web_seed_count = add->web_seed_count};

    return state_wish_row_init(&e->wish, &wish, eb);
}

/* A foreground command stores only what later sessions need to find the files. */
static int
make_update(struct torrent_enrolment *e, const struct torrent_add *add, bool worknames_stored,
            struct errbuf *eb)
{
    struct state_update *u = &e->update;

    u->priorities = e->selection;
    u->priority_count = e->selection != NULL ? add->mi->file_count : 0;
    u->keep_worknames = e->worknames && !worknames_stored;
    e->addition.mi = add->mi;
    e->addition.identity = torrent_add_id(add);
    e->addition.name = torrent_add_name(add);
    e->addition.dir = e->dir;
    e->addition.update = u;
    if (!e->addition.managed)
        return 0;
    u->wish = &e->wish;
    u->set_status = true;
    u->status = add->paused ? STATE_PAUSED : STATE_RUNNING;
    u->set_move_to = true;
    u->move_to = e->arrived ? NULL : add->move_to;
    u->set_limits = true;
    u->up_limit = add->up_limit;
    u->down_limit = add->down_limit;
    return make_wish(e, add, eb);
}

static int
look(struct torrent_enrolment *e, struct state *st, const struct torrent_add *add,
     struct errbuf *eb)
{
    bool worknames_stored = false;
    int64_t id = 0;
    int err = find_dir(e, st, add, eb);

    if (err != 0)
        return err;
    err = add->mi != NULL ? state_find(st, &add->mi->id, e->dir, &id, eb)
                          : state_find_link(st, add->id, e->dir, &id, eb);
    if (err == 0)
        err = read_row(e, st, add, id, eb);
    if (err == 0)
        err = read_worknames(e, st, id, &worknames_stored, eb);
    if (err == SPRAT_E_NOTFOUND && id == 0)
        err = 0;
    if (err == 0)
        err = choose_files(e, st, add, id, eb);
    return err == 0 ? make_update(e, add, worknames_stored, eb) : err;
}

int
enrol_look(const struct torrent_shared *shared, const struct torrent_add *add,
           struct torrent_enrolment **out, struct errbuf *eb)
{
    struct torrent_enrolment *e = calloc(1, sizeof(*e));
    int err;

    if (e == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    e->ratio = add->ratio;
    e->worknames = add->worknames;
    e->addition.managed = shared->managed;
    err = state_lock_torrent(shared->state, torrent_add_id(add), torrent_add_name(add),
                             shared->managed, &e->lock, eb);
    if (err == 0)
        err = look(e, shared->state, add, eb);
    if (err != 0) {
        enrol_free(e);
        return err;
    }
    *out = e;
    return 0;
}

int
enrol_store(struct torrent_enrolment *e, struct state *st, struct errbuf *eb)
{
    return state_add(st, &e->addition, &e->id, eb);
}

int
enrol_store_async(struct torrent_enrolment *e, struct state *st, struct doneq *q,
                  state_done_fn done, void *user)
{
    return state_add_async(st, &e->addition, &e->id, q, done, user);
}

bool
enrol_undo(struct torrent_enrolment *e, struct state *st, struct doneq *q, state_done_fn done,
           void *user)
{
    const struct state_update u = {.remove = !e->known, .unmanage = true};

    return e->stored && !e->used && !e->managed &&
           state_apply_async(st, e->id, &u, q, done, user) == 0;
}

void
enrol_free(struct torrent_enrolment *e)
{
    if (e == NULL)
        return;
    lockfile_release(e->lock);
    state_wish_row_fini(&e->wish);
    free(e->selection);
    free(e->dir);
    free(e);
}
