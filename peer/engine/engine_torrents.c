/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine's list of torrents: added, loaded from the state database, found by hash or name,
 * forgotten.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/sys/file.h"
#include "common/sys/paths.h"
#include "peer/engine/engine_impl.h"
#include "peer/store/filelook.h"
#include "peer/store/statescan.h"
#include "peer/torrent/torrent_enrol.h"
#include "peer/torrent/torrent_new.h"
#include "peer/torrent/torrent_rest.h"
#include "peer/torrent/torrent_steps.h"

enum {
    FIND_DIGITS_MIN = 6,
    LOOK_GROUPS = 8, /* looks at the files of a loop's torrents, one for each mount; mounts beyond
                        the last share it */
};

struct torrent *
engine_find_by_hash(const struct engine *s, const uint8_t *hash)
{
    struct engine *owner;
    struct torrent *t = process_find(s->process, hash, &owner);

    return owner == s ? t : NULL;
}

static bool
is_known(struct process *h, const struct identity *id)
{
    return (id->has_v1 && process_find(h, identity_wire_hash(id, false), NULL) != NULL) ||
           (id->has_v2 && process_find(h, identity_wire_hash(id, true), NULL) != NULL);
}

static int
explain(int err, const struct torrent_add *add, struct errbuf *eb)
{
    if (err == SPRAT_E_EXISTS)
        return errbuf_set(eb, err, "%s has been added already", torrent_add_name(add));
    if (err == SPRAT_E_LIMIT)
        return errbuf_set(eb, err, "there are %d torrents already", ENGINE_TORRENTS_MAX);
    return errbuf_set(eb, err, "%s", sprat_strerror(err));
}

int
engine_may_add(struct process *h, const struct torrent_add *add, struct errbuf *eb)
{
    if (is_known(h, torrent_add_id(add)))
        return explain(SPRAT_E_EXISTS, add, eb);
    if (add->peer_count > TORRENT_ADD_PEERS_MAX)
        return errbuf_set(eb, SPRAT_E_LIMIT, "at most %d peers can be named",
                          TORRENT_ADD_PEERS_MAX);
    return process_is_full(h) ? explain(SPRAT_E_LIMIT, add, eb) : 0;
}

static int
admit(const struct engine *s, const struct torrent_add *add, struct errbuf *eb)
{
    return s->end.begun ? errbuf_set(eb, SPRAT_E_CANCELLED, "the program is ending")
                        : engine_may_add(s->process, add, eb);
}

/* A directory that can't be written to is the user's mistake: adding fails at once. In the
 * foreground, a torrent on a disk that is read-only now waits instead. */
static int
try_place(const struct process *h, const struct torrent_add *add, struct errbuf *eb)
{
    int err = add->seed_only || add->mi == NULL ? 0 : storage_try_dir(add->save_dir, add->mi, eb);

    return err == SPRAT_E_ACCESS || err == SPRAT_E_NOENT ||
                   (err == SPRAT_E_READONLY && h->shared.managed)
               ? err
               : 0;
}

/* The directory for the complete files is created now, while the user is there, and never by the
 * move: if it is missing then, its disk is not mounted. A directory that only the settings name may
 * be impossible to create: the move says so. */
static int
make_destination(const struct torrent_add *add, struct errbuf *eb)
{
    int err;

    if (add->seed_only || add->move_to == NULL)
        return 0;
    err = file_make_dirs(add->move_to, 0777, eb);
    return add->move_only_new ? 0 : err;
}

int
engine_look_at_place(const struct process *h, const struct torrent_add *add,
                     struct torrent_enrolment **out, struct errbuf *eb)
{
    int err = try_place(h, add, eb);

    if (err == 0)
        err = make_destination(add, eb);
    return err == 0 ? enrol_look(&h->shared, add, out, eb) : err;
}

/* The metainfo of a magnet link that an earlier run has fetched; NULL if there is none. */
static struct metainfo *
recall_metainfo(const struct process *h, const struct torrent_add *add)
{
    struct state *st = h->shared.state;
    struct metainfo *mi = NULL;
    struct state_torrent row;
    char *dir = NULL;
    int64_t id;

    if (path_absolute(add->save_dir, &dir, NULL) == 0 &&
        state_find_link(st, add->id, dir, &id, NULL) == 0 && state_get(st, id, &row, NULL) == 0) {
        if (row.metainfo_len > 0)
            (void)metainfo_parse(row.metainfo, row.metainfo_len, &mi, NULL);
        state_torrent_fini(&row);
    }
    free(dir);
    return mi;
}

int
engine_add(struct engine *s, const struct torrent_add *add, struct torrent **out, struct errbuf *eb)
{
    struct torrent_add enrolled = *add;
    struct metainfo *known = NULL;
    int err = admit(s, add, eb);

    enrolled.enrolment = NULL;
    if (err == 0 && add->mi == NULL)
        enrolled.mi = known = recall_metainfo(s->process, add);
    if (err == 0)
        err = engine_look_at_place(s->process, &enrolled, &enrolled.enrolment, eb);
    if (err == 0)
        err = enrol_store(enrolled.enrolment, s->process->shared.state, eb);
    if (err == 0)
        err = engine_add_placed(s, &enrolled, out, eb);
    enrol_free(enrolled.enrolment);
    if (err != 0)
        metainfo_free(known);
    return err;
}

int
engine_add_placed(struct engine *s, const struct torrent_add *add, struct torrent **out,
                  struct errbuf *eb)
{
    struct torrent *t;
    int err = admit(s, add, eb);

    if (err == 0)
        err = torrent_new(&s->env, add, &t, eb);
    if (err != 0)
        return err;
    err = process_enter(s->process, t);
    if (err != 0) {
        torrent_free_but_metainfo(t);
        return explain(err, add, eb);
    }
    list_push_back(&s->torrents, &t->link);
    engine_tell(t, TORRENT_EVENT_READY, 0, "");
    torrent_mark_dirty(t);
    if (add->enrolment != NULL)
        add->enrolment->used = true;
    *out = t;
    return 0;
}

void
engine_forget(struct engine *s, struct torrent *t)
{
    event_drop(s, t);
    engine_forget_wanted(s, t);
    process_leave(s->process, t);
    torrent_free(t);
}

/* The arguments with which the torrent was added, if they are known. */
static void
recall(const struct state_wish *wish, struct torrent_add *add)
{
    if (wish->seed == SEED_NONE || wish->seed == SEED_RATIO)
        add->seed = (enum seed_policy)wish->seed;
    add->ratio = wish->ratio;
    add->sequential = wish->sequential;
    add->super_seed = wish->super_seed;
    add->trackers = (const char *const *)wish->trackers;
    add->tracker_count = wish->tracker_count;
    add->peers = (const char *const *)wish->peers;
    add->peer_count = wish->peer_count;
    add->reserve = wish->reserve;
    add->worknames = wish->worknames;
    add->trackers_only = wish->trackers_only;
    add->only = wish->only;
    add->web_seeds = (const char *const *)wish->web_seeds;
    add->web_seed_count = wish->web_seed_count;
}

static void
say_not_loaded(struct process *h, const struct state_torrent *row, const char *why)
{
    log_error(&h->shared.log, "a torrent in %s was not loaded: %s", row->dir, why);
}

static void
recall_row(const struct state_torrent *row, struct torrent_add *add)
{
    *add = (struct torrent_add){.id = &row->identity,
                                .name = row->name != NULL ? row->name : "unnamed",
                                .save_dir = row->dir,
                                .seed = SEED_FOREVER,
                                .up_limit = row->up_limit,
                                .down_limit = row->down_limit,
                                .move_to = row->move_to,
                                .row = row,
                                .paused = row->status == STATE_PAUSED};
}

/* Loads a torrent completely: its files are checked. */
static int
load_row(struct process *h, int64_t id, struct errbuf *eb)
{
    struct state_torrent row;
    struct state_wish wish = {.seed = 0};
    struct torrent_add add;
    struct torrent *t;
    struct errbuf why;
    int err = state_get(h->shared.state, id, &row, eb);

    if (err != 0)
        return err;
    recall_row(&row, &add);
    err = state_load_wish(h->shared.state, id, &wish, &why);
    if (err == 0)
        recall(&wish, &add);
    if (err == SPRAT_E_NOTFOUND)
        err = 0;
    if (err == 0 && row.metainfo == NULL && !row.identity.has_v1 && !row.identity.has_v2)
        err = errbuf_set(&why, SPRAT_E_DB,
                         "the state database has neither its metadata nor an info-hash");
    if (err == 0 && row.metainfo != NULL)
        err = metainfo_parse(row.metainfo, row.metainfo_len, &add.mi, &why);
    if (err == 0) {
        err = engine_add_placed(process_pick(h), &add, &t, &why);
        if (err != 0)
            metainfo_free(add.mi);
    }
    if (err != 0)
        say_not_loaded(h, &row, why.text);
    state_wish_fini(&wish);
    state_torrent_fini(&row);
    return 0;
}

/* The groups into which spratd sorts its torrents when it starts. */
struct loading {
    struct process *h;
    /* Torrents that may rest, by loop and by the mount of their directory, so that a mount that
     * hangs holds up no others; NULL: none yet. */
    struct filelook *look[ENGINE_LOOPS_MAX][LOOK_GROUPS];
    uint64_t mounts[LOOK_GROUPS];
    unsigned mount_count;
    struct state_locks *locks;
    int64_t *ids; /* ids of the other torrents */
    size_t id_count, id_cap;
};

static int
load_later(struct loading *l, int64_t id)
{
    if (l->id_count == l->id_cap) {
        size_t cap = l->id_cap > 0 ? 2 * l->id_cap : 64;
        int64_t *ids = realloc(l->ids, cap * sizeof(*ids));

        if (ids == NULL)
            return SPRAT_E_NOMEM;
        l->ids = ids;
        l->id_cap = cap;
    }
    l->ids[l->id_count++] = id;
    return 0;
}

/* The group of the directory's mount. */
static unsigned
group_of(struct loading *l, const char *dir)
{
    uint64_t mount = disk_mount_of(l->h->shared.disk, dir);

    for (unsigned i = 0; i < l->mount_count; i++)
        if (l->mounts[i] == mount)
            return i;
    if (l->mount_count == LOOK_GROUPS)
        return LOOK_GROUPS - 1;
    l->mounts[l->mount_count] = mount;
    return l->mount_count++;
}

static void
begin_look(struct loading *l, struct engine *s, unsigned group)
{
    struct filelook **look = &l->look[s->env.index][group];

    if (*look != NULL)
        filelook_start(*look, l->h->shared.disk, s->env.doneq, rest_on_look);
    *look = NULL;
}

/* Whether the torrent only has to seed, as far as the database knows. */
static bool
can_rest(const struct state_scan_row *row, const struct torrent_add *add)
{
    const struct state_torrent *t = &row->torrent;
    bool wants =
        add->seed == SEED_NONE || (add->seed == SEED_RATIO &&
                                   (double)t->uploaded >= add->ratio * (double)add->mi->total_size);

    return t->clean && t->status != STATE_FAILED && t->completed != 0 && t->move_to == NULL &&
           t->moved_from == NULL && !row->has_peers && row->wish.peer_count == 0 &&
           !add->super_seed && !add->mi->layers_missing && !wants &&
           state_scan_has_all(row, add->mi->piece_count);
}

/* Adds the torrent to a look at files; SPRAT_E_LIMIT if it has more files than a look can hold. */
static int
add_to_look(struct loading *l, struct torrent *t, const struct state_scan_row *row,
            const struct metainfo *mi)
{
    unsigned group = group_of(l, row->torrent.dir);
    struct filelook **look = &l->look[t->env->index][group];
    int err = SPRAT_E_LIMIT;

    for (int i = 0; i < 2 && err == SPRAT_E_LIMIT; i++) {
        if (*look == NULL && (*look = filelook_new()) == NULL)
            return SPRAT_E_NOMEM;
        err = filelook_add(*look, t, row->torrent.dir, mi, row->files, row->file_count);
        if (err == SPRAT_E_LIMIT && filelook_count(*look) > 0)
            begin_look(l, engine_of(t), group);
        else
            break;
    }
    return err;
}

static int
rest_row(struct loading *l, const struct state_scan_row *row, const struct torrent_add *add)
{
    struct torrent *t;
    int err = torrent_new_at_rest(&process_pick(l->h)->env, add, row->has_choice, &t, NULL);

    if (err != 0)
        return err;
    err = process_enter(l->h, t);
    if (err == 0) {
        err = add_to_look(l, t, row, add->mi);
        if (err != 0)
            process_leave(l->h, t);
    }
    if (err != 0)
        torrent_free(t);
    else
        list_push_back(&engine_of(t)->torrents, &t->link);
    return err;
}

static int
sort_row(void *user, const struct state_scan_row *row)
{
    struct loading *l = user;
    struct torrent_add add;
    struct errbuf why;
    bool rests;

    recall_row(&row->torrent, &add);
    if (row->has_wish)
        recall(&row->wish, &add);
    if (row->torrent.metainfo == NULL)
        return load_later(l, row->torrent.id);
    if (metainfo_parse(row->torrent.metainfo, row->torrent.metainfo_len, &add.mi, &why) != 0) {
        say_not_loaded(l->h, &row->torrent, why.text);
        return 0;
    }
    rests = can_rest(row, &add) && !state_locks_have(l->locks, &add.mi->id) &&
            rest_row(l, row, &add) == 0;
    metainfo_free(add.mi);
    return rests ? 0 : load_later(l, row->torrent.id);
}

int
engines_load(struct process *h, struct errbuf *eb)
{
    struct loading l = {.h = h};
    int err;

    h->shared.managed = h->shared.loading = true;
    err = state_read_locks(h->shared.state, &l.locks, eb);
    if (err == 0)
        err = state_scan(h->shared.state, sort_row, &l, eb);
    for (uint32_t i = 0; i < h->shared.loops; i++)
        for (unsigned group = 0; group < LOOK_GROUPS; group++)
            begin_look(&l, h->engines[i], group);
    for (size_t i = 0; i < l.id_count && err == 0; i++)
        err = load_row(h, l.ids[i], eb);
    state_locks_free(l.locks);
    free(l.ids);
    h->shared.loading = false;
    return err;
}

struct torrent *
engine_next(const struct engine *s, const struct torrent *t)
{
    struct list *next = t != NULL ? t->link.next : s->torrents.next;

    return next == &s->torrents ? NULL : LIST_ENTRY(next, struct torrent, link);
}

/* Whether the hex digits of |hash| begin with |what|, in upper or lower case. */
static bool
has_prefix(const uint8_t *hash, size_t len, const char *what)
{
    size_t i;

    for (i = 0; what[i] != '\0' && i < 2 * len; i++) {
        unsigned nibble = i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15u;

        if (tolower((unsigned char)what[i]) != "0123456789abcdef"[nibble])
            return false;
    }
    return what[i] == '\0';
}

static bool
is_called(const char *name, const struct identity *id, const char *what)
{
    if (strcmp(name, what) == 0)
        return true;
    if (strlen(what) < FIND_DIGITS_MIN)
        return false;
    return (id->has_v1 && has_prefix(id->v1, sizeof(id->v1), what)) ||
           (id->has_v2 && has_prefix(id->v2, sizeof(id->v2), what));
}

bool
engine_is_meant(const char *name, const struct identity *id, const char *what, bool by_beginning)
{
    return by_beginning ? strncmp(name, what, strlen(what)) == 0 : is_called(name, id, what);
}

size_t
engine_find(const struct engine *s, const char *what, bool by_beginning, struct torrent **found)
{
    size_t n = 0;

    LIST_EACH (it, &s->torrents) {
        struct torrent *t = LIST_ENTRY(it, struct torrent, link);

        if (engine_is_meant(t->facts.name, &t->facts.id, what, by_beginning)) {
            *found = t;
            n++;
        }
    }
    return n;
}
