/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files of a torrent that are wanted: a new choice is stored, the core is told which pieces
 * that makes, and data that lies in the part file (parts.h) is moved when its file is wanted after
 * all. Disk and database are asked on their own threads.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "peer/core/picker.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_fx.h"
#include "peer/torrent/torrent_impl.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_rest.h"
#include "peer/torrent/torrent_select.h"
#include "peer/torrent/torrent_stop.h"
#include "peer/torrent/torrent_store.h"
#include "peer/store/diskcall.h"
#include "peer/store/parts.h"

static const unsigned levels[] = {
    [FILE_SKIP] = PICKER_PRIORITY_SKIP,
    [FILE_NORMAL] = PICKER_PRIORITY_NORMAL,
    [FILE_HIGH] = PICKER_PRIORITY_MAX,
};

static unsigned
level_of(uint8_t byte)
{
    return levels[byte & PARTS_PRIORITY];
}

bool
selection_is_all(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != FILE_NORMAL)
            return false;
    return true;
}

int
torrent_load_selection(struct torrent *t, struct errbuf *eb)
{
    size_t count = t->mi->file_count;
    uint8_t *bytes = malloc(count + 1);
    int err;

    if (bytes == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = state_load_priorities(t->env->shared->state, t->id, bytes, count, eb);
    for (size_t i = 0; err == 0 && i < count; i++)
        if ((bytes[i] & PARTS_PRIORITY) > FILE_HIGH)
            bytes[i] = FILE_NORMAL;
    if (err != 0 || selection_is_all(bytes, count)) {
        free(bytes);
        return err;
    }
    t->wish.selection = bytes;
    return 0;
}

/* Whether the new selection moves data to another place. */
static bool
moves(const struct torrent *t, const uint8_t *bytes, size_t count)
{
    const uint8_t *old = t->wish.selection;

    for (size_t i = 0; i < count; i++) {
        bool was = old != NULL && (old[i] & PARTS_PARTED) != 0;
        bool is = (bytes[i] & PARTS_PARTED) != 0;

        if (is != was || (is && (bytes[i] & PARTS_PRIORITY) != 0))
            return true;
    }
    return false;
}

void
core_feed_selection(struct torrent *t)
{
    struct swarm_input in = {.type = SWARM_IN_PRIORITY};
    uint8_t *pieces;

    if (t->wish.selection == NULL || t->wish.seed_only || t->core.frozen)
        return;
    pieces = calloc((size_t)t->mi->piece_count + 1, 1);
    if (pieces == NULL) {
        torrent_fail(t, FAILURE_LOAD, SPRAT_E_NOMEM, "out of memory");
        return;
    }
    for (size_t i = 0; i < t->mi->file_count; i++) {
        const struct metainfo_file *f = &t->mi->files[i];
        unsigned level = level_of(t->wish.selection[i]);

        if ((f->attr & ATTR_PAD) != 0 || f->length == 0)
            continue;
        uint64_t last = (f->offset + f->length - 1) / t->mi->piece_length;
        for (uint64_t p = f->offset / t->mi->piece_length; p <= last; p++)
            if (pieces[p] < level)
                pieces[p] = (uint8_t)level;
    }
    for (uint32_t p = 0, end; p < t->mi->piece_count; p = end) {
        for (end = p + 1; end < t->mi->piece_count && pieces[end] == pieces[p];)
            end++;
        in.u.priority.first = p;
        in.u.priority.count = end - p;
        in.u.priority.priority = pieces[p];
        torrent_feed(t, &in);
    }
    free(pieces);
}

/* --- a new choice --- */

/* A file of which a disk thread finds out whether it exists. */
struct asked {
    size_t file;
    char *path, *work; /* its two names; |work| may be NULL */
    bool there;
};

/* A new choice on its way: the place of each file's data is found out, the choice is stored, and
 * then it is used. */
struct selecting {
    struct torrent *t; /* NULL: the torrent is gone */
    char *dir;
    uint8_t *bytes; /* one per file (parts.h) */
    size_t count;
    struct asked *asked;
    size_t asked_count;
    bool stored; /* |done| was called; the choice is used as soon as the torrent's state allows */
    torrent_stored_fn done;
    void *user;
};

static void
drop_asked(struct selecting *x)
{
    for (size_t i = 0; i < x->asked_count; i++) {
        free(x->asked[i].path);
        free(x->asked[i].work);
    }
    free(x->asked);
    x->asked = NULL;
    x->asked_count = 0;
}

static void
selecting_free(struct selecting *x)
{
    if (x->t != NULL)
        x->t->selecting = NULL;
    drop_asked(x);
    free(x->dir);
    free(x->bytes);
    free(x);
}

void
torrent_select_forget(struct torrent *t)
{
    struct selecting *x = t->selecting;

    if (x == NULL)
        return;
    if (x->stored)
        selecting_free(x);
    else
        x->t = NULL; /* its job still runs */
}

static struct selecting *
selecting_new(struct torrent *t, const uint8_t *chosen)
{
    struct selecting *x = calloc(1, sizeof(*x));

    if (x == NULL)
        return NULL;
    x->t = t;
    x->count = t->mi->file_count;
    x->dir = strdup(t->save_dir);
    x->bytes = malloc(x->count + 1);
    if (x->dir == NULL || x->bytes == NULL) {
        free(x->dir);
        free(x->bytes);
        free(x);
        return NULL;
    }
    memcpy(x->bytes, chosen, x->count);
    return x;
}

static bool
is_running(const struct torrent *t)
{
    return t->phase == PHASE_READY || t->phase == PHASE_RUNNING;
}

static int
ask(struct selecting *x, size_t file, struct worknames *names)
{
    struct asked *a = &x->asked[x->asked_count];
    char work[WORKNAME_PATH_MAX];

    *a = (struct asked){.file = file, .path = strdup(x->t->mi->files[file].path)};
    if (a->path == NULL)
        return SPRAT_E_NOMEM;
    x->asked_count++;
    if (!x->t->wish.worknames || !worknames_get(names, file, work))
        return 0;
    a->work = strdup(work);
    return a->work != NULL ? 0 : SPRAT_E_NOMEM;
}

/* The data of an unwanted file that does not exist goes to the part file, and stays there until the
 * file is wanted. A storage that is open knows which files exist. A torrent at rest has all its
 * files. Of others, the disk is asked. */
static int
find_places(struct selecting *x, struct worknames *names)
{
    const struct torrent *t = x->t;
    int err = 0;

    x->asked = calloc(x->count + 1, sizeof(*x->asked));
    if (x->asked == NULL)
        return SPRAT_E_NOMEM;
    for (size_t i = 0; i < x->count && err == 0; i++) {
        bool parted = t->wish.selection != NULL && (t->wish.selection[i] & PARTS_PARTED) != 0;

        x->bytes[i] &= PARTS_PRIORITY;
        if (!parted && x->bytes[i] == FILE_SKIP && is_running(t))
            parted = !storage_is_there(t->disk.storage, i);
        else if (!parted && x->bytes[i] == FILE_SKIP && t->phase != PHASE_RESTING)
            err = ask(x, i, names);
        x->bytes[i] |= parted ? PARTS_PARTED : 0;
    }
    return err;
}

static int
prepare(struct selecting *x)
{
    struct worknames names;
    int err = worknames_init(&names, x->t->mi);

    if (err == 0)
        err = find_places(x, &names);
    worknames_fini(&names);
    return err;
}

/* Runs on a disk thread. */
static int
look(void *user, struct errbuf *why)
{
    struct selecting *x = user;

    (void)why;
    for (size_t i = 0; i < x->asked_count; i++)
        x->asked[i].there = storage_has_file(x->dir, x->asked[i].path, x->asked[i].work);
    return 0;
}

static void
take_places(struct selecting *x)
{
    for (size_t i = 0; i < x->asked_count; i++)
        if (!x->asked[i].there)
            x->bytes[x->asked[i].file] |= PARTS_PARTED;
    drop_asked(x);
}

/* The choice is used from now on. */
static void
use(struct torrent *t, uint8_t *bytes, size_t count)
{
    /* A complete torrent is reloaded too, so that its state is that of a download. */
    bool reload =
        is_running(t) && (moves(t, bytes, count) || t->disk.completion != COMPLETION_NONE);

    free(t->wish.selection);
    t->wish.selection = bytes;
    t->disk.told_complete = false;
    if (reload)
        torrent_reload(t);
    else if (t->core.started)
        core_feed_selection(t);
    if (!reload && t->phase == PHASE_RUNNING && core_complete(t))
        torrent_on_complete(t);
    torrent_wake(t); /* a torrent rests only while all its files are complete and wanted */
}

void
torrent_select_go_on(struct torrent *t)
{
    struct selecting *x = t->selecting;
    uint8_t *bytes;
    size_t count;

    if (x == NULL || !x->stored || (!is_running(t) && t->disk.storage != NULL))
        return;
    bytes = x->bytes;
    count = x->count;
    x->bytes = NULL;
    selecting_free(x);
    use(t, bytes, count);
}

static void
end_with(struct selecting *x, int err, const char *why)
{
    torrent_stored_fn done = x->done;
    void *user = x->user;

    selecting_free(x);
    done(user, err, why);
}

/* A file was made while the choice was being stored: its data can't go to the part file any more.
 */
static bool
is_outdated(const struct selecting *x)
{
    const struct torrent *t = x->t;

    for (size_t i = 0; is_running(t) && i < x->count; i++)
        if ((x->bytes[i] & PARTS_PARTED) != 0 && storage_is_there(t->disk.storage, i) &&
            (t->wish.selection == NULL || (t->wish.selection[i] & PARTS_PARTED) == 0))
            return true;
    return false;
}

static int begin(struct selecting *x);

static void
on_chosen(void *user, int err, const char *why)
{
    struct selecting *x = user;
    torrent_stored_fn done = x->done;
    void *done_user = x->user;

    if (err == 0 && x->t == NULL)
        err = SPRAT_E_CANCELLED;
    if (err == 0 && is_outdated(x)) {
        err = begin(x);
        if (err == 0)
            return;
    }
    if (err != 0) {
        end_with(x, err, why[0] != '\0' ? why : sprat_strerror(err));
        return;
    }
    x->stored = true;
    torrent_select_go_on(x->t);
    done(done_user, 0, "");
}

static int
store(struct selecting *x)
{
    struct state_update u = {.priorities = x->bytes, .priority_count = x->count};

    return torrent_store(x->t, &u, on_chosen, x);
}

static void
on_looked(void *user, int err, const char *why)
{
    struct selecting *x = user;

    if (x->t == NULL)
        err = SPRAT_E_CANCELLED;
    take_places(x);
    if (err == 0)
        err = store(x);
    if (err != 0)
        end_with(x, err, why[0] != '\0' ? why : sprat_strerror(err));
}

static int
begin(struct selecting *x)
{
    struct torrent_env *env = x->t->env;
    int err = prepare(x);

    if (err != 0)
        return err;
    return x->asked_count == 0
               ? store(x)
               : disk_call(env->shared->disk, x->dir, env->doneq, look, on_looked, x);
}

int
torrent_select(struct torrent *t, const uint8_t *chosen, torrent_stored_fn done, void *user,
               struct errbuf *eb)
{
    struct selecting *x;
    int err = torrent_need_metainfo(t, eb);

    if (err != 0)
        return err;
    if (t->wish.seed_only)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s is only seeded", t->facts.name);
    if (!is_running(t) && t->disk.storage != NULL)
        return errbuf_set(eb, SPRAT_E_BUSY, "the files of %s are being checked: try again later",
                          t->facts.name);
    if (t->selecting != NULL)
        return errbuf_set(eb, SPRAT_E_BUSY,
                          "another choice of files of %s is being stored: try again later",
                          t->facts.name);
    x = selecting_new(t, chosen);
    if (x == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    x->done = done;
    x->user = user;
    t->selecting = x;
    err = begin(x);
    if (err != 0) {
        selecting_free(x);
        return errbuf_set(eb, err, "%s", sprat_strerror(err));
    }
    return 0;
}

int
torrent_select_first(struct torrent *t, const uint8_t *chosen, struct errbuf *eb)
{
    struct selecting *x = selecting_new(t, chosen);
    struct state_update u = {0};
    int err;

    if (x == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = prepare(x);
    if (err == 0)
        err = look(x, eb);
    if (err != 0)
        errbuf_set(eb, err, "%s", sprat_strerror(err));
    take_places(x);
    u.priorities = x->bytes;
    u.priority_count = x->count;
    if (err == 0)
        err = state_apply(t->env->shared->state, t->id, &u, eb);
    if (err == 0) {
        free(t->wish.selection);
        t->wish.selection = x->bytes;
        x->bytes = NULL;
    }
    selecting_free(x);
    return err;
}

uint8_t
torrent_file_priority(const struct torrent *t, size_t file)
{
    return t->wish.selection == NULL ? FILE_NORMAL : t->wish.selection[file] & PARTS_PRIORITY;
}

/* --- files that are wanted after all --- */

static bool
is_to_move(const struct torrent *t, size_t file)
{
    const uint8_t *bytes = t->wish.selection;

    return bytes != NULL && (bytes[file] & PARTS_PARTED) != 0 &&
           (bytes[file] & PARTS_PRIORITY) != 0;
}

/* Afterwards the torrent is closed and loaded again. */
static void
on_settled(void *user, int err, const char *why)
{
    struct torrent *t = user;

    t->disk.busy = false;
    for (size_t i = 0; err == 0 && i < t->mi->file_count; i++)
        if (is_to_move(t, i))
            t->wish.selection[i] &= PARTS_PRIORITY;
    if (err != 0)
        torrent_fail(t, FAILURE_LOAD, err, why);
    torrent_mark_dirty(t);
}

/* Stores the stamps of the files whose data was copied out of the part file, and that their data
 * lies in the files, in one change. */
static int
settle(struct torrent *t)
{
    struct state_update u = {.priority_count = t->mi->file_count};
    struct state_file *files = calloc(t->mi->file_count + 1, sizeof(*files));
    uint8_t *bytes = malloc(t->mi->file_count + 1);
    int err = files == NULL || bytes == NULL ? SPRAT_E_NOMEM : 0;

    for (size_t i = 0; err == 0 && i < t->mi->file_count; i++) {
        bytes[i] = t->wish.selection[i];
        if (!is_to_move(t, i))
            continue;
        struct storage_stamp s = storage_file_stamp(t->disk.storage, i);

        bytes[i] &= PARTS_PRIORITY;
        u.file_count += state_file_from(&files[u.file_count], i, &s);
    }
    u.files = files;
    u.priorities = bytes;
    if (err == 0)
        err = torrent_store(t, &u, on_settled, t);
    free(files);
    free(bytes);
    return err;
}

static void
on_gathered(void *user, const struct storage_result *res)
{
    struct torrent *t = user;
    int err = res->err == 0 ? settle(t) : res->err;

    if (err != 0)
        on_settled(t, err, res->err != 0 ? res->why : sprat_strerror(err));
}

bool
torrent_gather(struct torrent *t)
{
    bool any = false;

    for (size_t i = 0; t->wish.selection != NULL && i < t->mi->file_count && !any; i++)
        any = is_to_move(t, i);
    if (!any || t->wish.seed_only)
        return false;
    if (storage_gather(t->disk.storage, on_gathered, t) != 0) {
        torrent_fail(t, FAILURE_LOAD, SPRAT_E_BUSY, sprat_strerror(SPRAT_E_BUSY));
        return true;
    }
    /* Then it is closed and loaded again, by the steps of a reload. */
    t->disk.busy = t->disk.reloading = true;
    torrent_set_phase(t, PHASE_SAVING);
    return true;
}
