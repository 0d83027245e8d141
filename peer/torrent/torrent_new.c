/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes a torrent from the arguments of adding and its row in the state database, and frees it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/magic.h"
#include "common/crypto/random.h"
#include "peer/torrent/torrent_addrs.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_disk.h"
#include "peer/torrent/torrent_hosts.h"
#include "peer/torrent/torrent_impl.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_new.h"
#include "peer/torrent/torrent_peers.h"
#include "peer/torrent/torrent_rest.h"
#include "peer/torrent/torrent_select.h"
#include "peer/torrent/torrent_store.h"
#include "peer/torrent/torrent_track.h"

static char **
copy_strings(const char *const *strings, size_t count)
{
    char **copy = calloc(count + 1, sizeof(*copy));

    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = strdup(strings[i]);
        if (copy[i] == NULL) {
            for (size_t k = 0; k < i; k++)
                free(copy[k]);
            free(copy);
            return NULL;
        }
    }
    return copy;
}

static void
free_strings(char **strings, size_t count)
{
    for (size_t i = 0; strings != NULL && i < count; i++)
        free(strings[i]);
    free(strings);
}

/* Copies the arguments of adding into the user's wishes, paths and lists included. SPRAT_E_NOMEM.
 */
static int
fill(struct torrent *t, const struct torrent_add *add)
{
    static const char client[] = "-SR0100-";
    struct torrent_wish *w = &t->wish;

    w->paused = add->paused;
    w->seed_only = add->seed_only;
    w->force_check = add->force_check;
    w->consent = add->consent;
    w->trusted = add->trusted;
    w->sequential = add->sequential;
    w->super_seed = add->super_seed;
    w->seed = add->seed;
    w->ratio = add->ratio;
    w->up_limit = add->up_limit;
    w->down_limit = add->down_limit;
    w->reserve = add->reserve;
    w->worknames = add->worknames;
    w->move_only_new = add->move_only_new;
    w->move_to = add->move_to != NULL ? strdup(add->move_to) : NULL;
    w->tracker_count = add->tracker_count;
    w->trackers = copy_strings(add->trackers, add->tracker_count);
    w->peer_count = add->peer_count;
    w->peers = copy_strings(add->peers, add->peer_count);
    random_bytes(w->peer_id, PEER_ID_LEN);
    memcpy(w->peer_id, client, sizeof(client) - 1);
    random_bytes(&w->key, sizeof(w->key));
    t->save_dir = strdup(add->save_dir);
    t->timer = loop_timer_new(t->env->loop, torrent_on_timer, t);
    t->retry = loop_timer_new(t->env->loop, torrent_on_retry, t);
    if (add->move_to != NULL && w->move_to == NULL)
        return SPRAT_E_NOMEM;
    if (w->trackers == NULL || w->peers == NULL || t->save_dir == NULL || t->timer == NULL ||
        t->retry == NULL)
        return SPRAT_E_NOMEM;
    return 0;
}

/* The facts that a torrent keeps while it rests. */
static int
learn(struct torrent *t, const struct metainfo *mi)
{
    struct torrent_facts *f = &t->facts;

    f->name = strdup(mi->name);
    f->total_size = mi->total_size;
    f->piece_count = mi->piece_count;
    f->id = mi->id;
    return f->name != NULL ? 0 : SPRAT_E_NOMEM;
}

static bool
is_of(const struct torrent *t, const struct metainfo *mi)
{
    return identity_equal(&mi->id, &t->facts.id);
}

int
torrent_need_metainfo(struct torrent *t, struct errbuf *eb)
{
    struct metainfo *mi = NULL;
    struct state_torrent row;
    int err;

    if (t->mi != NULL)
        return 0;
    err = state_get(t->env->shared->state, t->id, &row, eb);
    if (err != 0)
        return err;
    err = metainfo_parse(row.metainfo, row.metainfo_len, &mi, eb);
    state_torrent_fini(&row);
    if (err == 0 && !is_of(t, mi))
        err = errbuf_set(eb, SPRAT_E_MISMATCH, "the state database has another torrent for %s",
                         t->facts.name);
    if (err == 0 && t->core.have.nbits == 0 && bitfield_init(&t->core.have, mi->piece_count) != 0)
        err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    if (err != 0) {
        metainfo_free(mi);
        return err;
    }
    for (uint32_t i = 0; torrent_is_resting(t) && i < mi->piece_count; i++)
        bitfield_set(&t->core.have, i);
    t->mi = mi;
    return 0;
}

/* The user's ratio is for uploads from now on, so the ratio of earlier uploads (by `sprat seed` or
 * `get`) is added to it. */
static void
begin_ratio(struct torrent *t)
{
    const struct torrent_totals *sum = &t->totals;

    if (t->wish.seed == SEED_RATIO && t->facts.total_size > 0)
        t->wish.ratio += (double)(sum->up_before + sum->up_session) / (double)t->facts.total_size;
}

/* A load always looks for files that an earlier session left under working names, independent of
 * this session's option. The option is stored before the first such file is made. */
static int
remember_worknames(struct torrent *t, struct errbuf *eb)
{
    struct state *st = t->env->shared->state;
    struct state_wish wish;
    bool stored = false;
    int err = state_load_wish(st, t->id, &wish, eb);

    if (err == 0)
        stored = wish.worknames;
    state_wish_fini(&wish);
    if (err != 0 && err != SPRAT_E_NOTFOUND)
        return err;
    t->wish.worknames = t->wish.worknames || stored;
    return t->wish.worknames && !stored
               ? state_apply(st, t->id, &(struct state_update){.keep_worknames = true}, eb)
               : 0;
}

static int
wish_row(const struct torrent *t, struct state_wish_row *row, struct errbuf *eb)
{
    struct state_wish wish = {.seed = (int)t->wish.seed,
                              .ratio = t->wish.ratio,
                              .sequential = t->wish.sequential,
                              .super_seed = t->wish.super_seed,
                              .trackers = t->wish.trackers,
                              .tracker_count = t->wish.tracker_count,
                              .peers = t->wish.peers,
                              .peer_count = t->wish.peer_count,
                              .reserve = t->wish.reserve,
                              .worknames = t->wish.worknames};

    return state_wish_row_init(row, &wish, eb);
}

int
torrent_store_wish(struct torrent *t, struct errbuf *eb)
{
    struct state_wish_row row = {.seed = 0};
    struct state_update u = {.wish = &row};
    int err = t->env->shared->managed ? wish_row(t, &row, eb) : 0;

    if (err == 0 && t->env->shared->managed && (err = torrent_store(t, &u, NULL, NULL)) != 0)
        errbuf_set(eb, err, "%s", sprat_strerror(err));
    state_wish_row_fini(&row);
    return err;
}

/* Stores what spratd needs after a restart. Reads the have-bits of a torrent that stays paused,
 * because its files are not looked at before it is resumed. */
static int
remember(struct torrent *t, struct errbuf *eb)
{
    struct state *st = t->env->shared->state;
    struct state_wish_row row = {.seed = 0};
    struct state_update u = {.wish = &row,
                             .set_status = true,
                             .status = t->wish.paused ? STATE_PAUSED : STATE_RUNNING,
                             .set_move_to = true,
                             .move_to = t->wish.move_to,
                             .set_limits = true,
                             .up_limit = t->wish.up_limit,
                             .down_limit = t->wish.down_limit};
    int err = t->env->shared->loading ? 0 : remember_worknames(t, eb);

    if (err == 0 && t->env->shared->managed && !t->env->shared->loading) {
        err = wish_row(t, &row, eb);
        if (err == 0)
            err = state_apply(st, t->id, &u, eb);
        state_wish_row_fini(&row);
    }
    if (err == 0 && t->wish.paused)
        err = state_load_have(st, t->id, &t->core.have, eb);
    return err;
}

static void
take_totals(struct torrent *t, const struct state_torrent *row)
{
    struct torrent_totals *sum = &t->totals;

    /* The stored totals include a part of this session's counts; |before| must not. */
    if (row->uploaded > sum->up_before + sum->up_session)
        sum->up_before = row->uploaded - sum->up_session;
    if (row->downloaded > sum->down_before + sum->down_session)
        sum->down_before = row->downloaded - sum->down_session;
    t->totals.added_at = row->added;
    t->totals.completed_at = row->completed;
    free(t->wish.moved_from);
    t->wish.moved_from = row->moved_from != NULL ? strdup(row->moved_from) : NULL;
}

/* Reads the parts of the database's row that other processes may have changed since. */
static int
read_totals(struct torrent *t, struct errbuf *eb)
{
    struct state_torrent row;
    int err = state_get(t->env->shared->state, t->id, &row, eb);

    if (err != 0)
        return err;
    take_totals(t, &row);
    state_torrent_fini(&row);
    return 0;
}

int
torrent_enter(struct torrent *t, struct errbuf *eb)
{
    int err = torrent_need_metainfo(t, eb);

    if (err == 0 && t->lock == NULL) {
        err = state_lock_torrent(t->env->shared->state, &t->facts.id, t->facts.name,
                                 t->env->shared->managed, &t->lock, eb);
        if (err == 0 && t->id != 0)
            err = read_totals(t, eb);
    }
    return err;
}

/* An earlier run has already moved the torrent to the same directory. */
static void
arrive(struct torrent *t)
{
    free(t->save_dir);
    t->save_dir = t->wish.move_to;
    t->wish.move_to = NULL;
}

/* Takes the lock, and reads the row of the database. If another process has a torrent of spratd,
 * torrent_load() tries again later. */
static int
enter_state(struct torrent *t, const struct state_torrent *row, struct errbuf *eb)
{
    struct state *st = t->env->shared->state;
    int err = torrent_enter(t, eb);

    if (err == 0 && row == NULL && t->wish.move_to != NULL && state_has(st, t->mi, t->wish.move_to))
        arrive(t);
    if (err == SPRAT_E_BUSY && t->env->shared->loading)
        err = 0;
    if (err == 0 && row != NULL) {
        t->id = row->id;
        take_totals(t, row);
    } else if (err == 0) {
        err = state_add(st, t->mi, t->save_dir, t->env->shared->managed, &t->id, eb);
        if (err == 0)
            err = read_totals(t, eb);
        if (err == 0 && t->env->shared->managed)
            begin_ratio(t);
    }
    return err == 0 ? remember(t, eb) : err;
}

static struct torrent *
torrent_alloc(struct torrent_env *env)
{
    struct torrent *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    MAGIC_SET(t, TORRENT_MAGIC);
    t->env = env;
    list_init(&t->link);
    list_init(&t->dirty);
    list_init(&t->crowded);
    list_init(&t->load);
    list_init(&t->stores.waiters);
    list_init(&t->disk.waiting);
    list_init(&t->disk.stalled);
    list_init(&t->disk.free);
    list_init(&t->net.asks);
    list_init(&t->net.names);
    hosts_init(t);
    t->rest.at = MONO_NEVER;
    return t;
}

int
torrent_new(struct torrent_env *env, const struct torrent_add *add, struct torrent **out,
            struct errbuf *eb)
{
    struct torrent *t = torrent_alloc(env);
    int err;

    if (t == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    t->mi = add->mi;
    err = fill(t, add);
    if (err == 0)
        err = learn(t, add->mi);
    if (err == 0)
        err = bitfield_init(&t->core.have, add->mi->piece_count);
    if (err != 0)
        errbuf_set(eb, err, "out of memory");
    else
        err = enter_state(t, add->row, eb);
    if (err == 0)
        err = torrent_load_selection(t, eb);
    if (err == 0 && add->selection != NULL &&
        (t->wish.selection != NULL || !selection_is_all(add->selection, t->mi->file_count)))
        err = torrent_select_first(t, add->selection, eb);
    if (err == 0 && (err = core_new(t)) != 0)
        errbuf_set(eb, err, "out of memory");
    if (err != 0) {
        t->mi = NULL; /* the caller keeps it */
        torrent_free(t);
        return err;
    }
    *out = t;
    return 0;
}

int
torrent_new_at_rest(struct torrent_env *env, const struct torrent_add *add, struct torrent **out,
                    struct errbuf *eb)
{
    struct torrent *t = torrent_alloc(env);
    int err;

    if (t == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = fill(t, add);
    if (err == 0)
        err = learn(t, add->mi);
    if (err == 0) {
        const struct announce_urls urls = {.extra = add->trackers,
                                           .extra_count = add->tracker_count,
                                           .tiers = add->mi->tiers,
                                           .tier_count = add->mi->tier_count};

        t->announcer = announcer_new(&add->mi->id, &urls, &env->rng);
        err = t->announcer != NULL ? 0 : SPRAT_E_NOMEM;
    }
    if (err != 0) {
        torrent_free(t);
        return errbuf_set(eb, err, "out of memory");
    }
    t->id = add->row->id;
    take_totals(t, add->row);
    t->totals.up_saved = add->row->uploaded;
    t->totals.down_saved = add->row->downloaded;
    t->disk.told_complete = true;
    t->rest.looking = true;
    t->phase = PHASE_CHECKING;
    *out = t;
    return 0;
}

void
torrent_free(struct torrent *t)
{
    MAGIC_CHECK(t, TORRENT_MAGIC);
    torrent_select_forget(t);
    core_drop(t);
    track_fini(t);
    addrs_fini(t);
    peers_fini(t);
    disk_fini(t);
    commit_free(t->disk.commit);
    list_remove(&t->link);
    list_remove(&t->dirty);
    list_remove(&t->crowded);
    list_remove(&t->load);
    loop_timer_free(t->timer);
    loop_timer_free(t->retry);
    lockfile_release(t->lock);
    bitfield_fini(&t->core.have);
    free(t->core.later);
    free(t->rest.found);
    free(t->facts.name);
    announcer_free(t->announcer);
    free(t->failure.message);
    free(t->disk.why);
    free(t->disk.note);
    free(t->wish.selection);
    free_strings(t->wish.trackers, t->wish.tracker_count);
    free_strings(t->wish.peers, t->wish.peer_count);
    free(t->wish.move_to);
    free(t->wish.moved_from);
    room_claim_drop(&t->disk.claim);
    bitfield_fini(&t->disk.room_have);
    free(t->save_dir);
    metainfo_free(t->mi);
    MAGIC_CLEAR(t);
    free(t);
}
