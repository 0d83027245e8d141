/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Changes which files of a torrent are wanted: finds out where the data of each file lies
 * (parts.h), stores the choice, and then uses it. Disk and database do that on their own threads.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/store/diskcall.h"
#include "peer/store/parts.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_row.h"
#include "peer/torrent/torrent_select.h"
#include "peer/torrent/torrent_store.h"
#include "peer/torrent/torrent_wake.h"

bool
selection_is_all(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != FILE_NORMAL)
            return false;
    return true;
}

int
selection_stored(struct state *st, int64_t id, uint8_t *bytes, size_t count, struct errbuf *eb)
{
    int err = state_load_priorities(st, id, bytes, count, eb);

    for (size_t i = 0; err == 0 && i < count; i++)
        if ((bytes[i] & PARTS_PRIORITY) > FILE_HIGH)
            bytes[i] = FILE_NORMAL;
    return err;
}

int
select_load(struct torrent *t, size_t count, struct errbuf *eb)
{
    uint8_t *bytes = malloc(count + 1);
    int err;

    if (bytes == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = selection_stored(t->env->shared->state, t->id, bytes, count, eb);
    if (err != 0 || selection_is_all(bytes, count)) {
        free(bytes);
        return err;
    }
    t->options.selection = bytes;
    return 0;
}

/* Whether the new selection moves data to another place. */
static bool
moves(const struct torrent *t, const uint8_t *bytes, size_t count)
{
    const uint8_t *old = t->options.selection;

    for (size_t i = 0; i < count; i++) {
        bool was = old != NULL && (old[i] & PARTS_PARTED) != 0;
        bool is = (bytes[i] & PARTS_PARTED) != 0;

        if (is != was || (is && (bytes[i] & PARTS_PRIORITY) != 0))
            return true;
    }
    return false;
}

/* A file of which a disk thread finds out whether it exists. */
struct asked {
    size_t file;
    char *path, *work; /* its two names; |work| may be NULL */
    bool there;
};

/* A new choice that is not in use yet. First the place of each file's data is found out, then the
 * choice is stored, then it is used. */
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
select_forget(struct torrent *t)
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
is_loaded(const struct torrent *t)
{
    return t->life.phase == PHASE_READY || t->life.phase == PHASE_RUNNING;
}

static bool
rests_whole(const struct torrent *t)
{
    return t->life.phase == PHASE_RESTING && t->rest.pieces_have == t->facts.piece_count;
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
    if (!x->t->options.worknames || !worknames_get(names, file, work))
        return 0;
    a->work = strdup(work);
    return a->work != NULL ? 0 : SPRAT_E_NOMEM;
}

/* The data of an unwanted file that does not exist goes to the part file, and stays there until the
 * file is wanted. A storage that is open knows which files exist, and a torrent that rests with all
 * pieces has all files. For other torrents the disk is asked. */
static int
find_places(struct selecting *x, struct worknames *names)
{
    const struct torrent *t = x->t;
    int err = 0;

    drop_asked(x); /* of the first attempt, if the choice was outdated */
    x->asked = calloc(x->count + 1, sizeof(*x->asked));
    if (x->asked == NULL)
        return SPRAT_E_NOMEM;
    for (size_t i = 0; i < x->count && err == 0; i++) {
        bool parted = t->options.selection != NULL && (t->options.selection[i] & PARTS_PARTED) != 0;

        x->bytes[i] &= PARTS_PRIORITY;
        if (!parted && x->bytes[i] == FILE_SKIP && is_loaded(t))
            parted = !storage_is_there(t->disk.storage, i);
        else if (!parted && x->bytes[i] == FILE_SKIP && !rests_whole(t))
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
set_places(struct selecting *x)
{
    for (size_t i = 0; i < x->asked_count; i++)
        if (!x->asked[i].there)
            x->bytes[x->asked[i].file] |= PARTS_PARTED;
    drop_asked(x);
}

/* The choice is used from now on. A complete torrent is reloaded too, so that its state is that of
 * a download. */
static void
use(struct torrent *t, uint8_t *bytes, size_t count)
{
    bool moved = moves(t, bytes, count);

    free(t->options.selection);
    t->options.selection = bytes;
    t->complete_told = false;
    if (is_loaded(t) && (moved || t->life.completion != COMPLETION_NONE)) {
        torrent_reload(t);
        return;
    }
    if (t->core.started)
        core_feed_selection(t);
    if (t->life.phase == PHASE_RUNNING)
        core_note_complete(t);
    torrent_wake(t);
}

void
select_go_on(struct torrent *t)
{
    struct selecting *x = t->selecting;
    uint8_t *bytes;
    size_t count;

    if (x == NULL || !x->stored || (!is_loaded(t) && t->disk.storage != NULL))
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

    for (size_t i = 0; is_loaded(t) && i < x->count; i++)
        if ((x->bytes[i] & PARTS_PARTED) != 0 && storage_is_there(t->disk.storage, i) &&
            (t->options.selection == NULL || (t->options.selection[i] & PARTS_PARTED) == 0))
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

    if (x->t == NULL)
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
    select_go_on(x->t);
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
    set_places(x);
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
    if (t->options.seed_only)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s is only seeded", t->facts.name);
    if (!is_loaded(t) && t->disk.storage != NULL)
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

/* --- files by number --- */

/* Sets the bytes of the ranges "0,2,4-6", as far as there are |count| bytes. */
static void
set_ranges(const char *text, uint8_t *bytes, size_t count)
{
    char *end;

    for (const char *p = text; *p != '\0'; p = *end == ',' ? end + 1 : "") {
        unsigned long first = strtoul(p, &end, 10), last = first;

        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        for (size_t i = first; i <= last && i < count; i++)
            bytes[i] = FILE_NORMAL;
    }
}

/* The choice that the ranges mean; NULL when memory is out. BEP 53 does not say whether pad files
 * count. They do for libtorrent, whose numbers most links have; and in a v2 torrent, each gap
 * before the next piece counts as a pad file. */
static uint8_t *
choose_by_number(const char *ranges, const struct metainfo *mi)
{
    uint8_t *numbers = calloc(2 * mi->file_count + 1, 1), *chosen = malloc(mi->file_count + 1);
    size_t number = 0;

    if (numbers != NULL && chosen != NULL) {
        set_ranges(ranges, numbers, 2 * mi->file_count);
        for (size_t i = 0; i < mi->file_count; i++) {
            chosen[i] = numbers[number++];
            if (mi->format == METAINFO_V2 && mi->files[i].length % mi->piece_length != 0)
                number++;
        }
    } else {
        free(chosen);
        chosen = NULL;
    }
    free(numbers);
    return chosen;
}

static void
forget_numbers(struct torrent *t)
{
    free(t->options.only);
    t->options.only = NULL;
    (void)row_store_options(t, NULL);
}

/* The torrent, unless it was freed, is loaded with the choice. If the choice could not be stored,
 * all files are wanted. */
static void
on_numbers_chosen(void *user, int err, const char *why)
{
    struct torrent *t = user;

    if (err == SPRAT_E_CANCELLED)
        return;
    if (err != 0)
        torrent_tell(t, TORRENT_EVENT_WARNING, err, why);
    forget_numbers(t);
    torrent_mark_dirty(t);
}

bool
select_by_number(struct torrent *t)
{
    uint8_t *chosen;
    struct errbuf eb = {""};
    int err;

    if (t->selecting != NULL || t->options.only == NULL)
        return t->options.only != NULL;
    chosen = choose_by_number(t->options.only, t->mi);
    if (chosen == NULL)
        return false;
    err = torrent_select(t, chosen, on_numbers_chosen, t, &eb);
    free(chosen);
    if (err == 0)
        return true;
    torrent_tell(t, TORRENT_EVENT_WARNING, err, eb.text);
    forget_numbers(t);
    return false;
}
