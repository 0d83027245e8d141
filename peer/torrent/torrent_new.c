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
#include "peer/torrent/torrent_enrol.h"
#include "peer/torrent/torrent_facts.h"
#include "peer/torrent/torrent_hosts.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_new.h"
#include "peer/torrent/torrent_peers.h"
#include "peer/torrent/torrent_row.h"
#include "peer/torrent/torrent_select.h"
#include "peer/torrent/torrent_steps.h"
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

/* Copies the arguments of adding, paths and lists included. SPRAT_E_NOMEM. */
static int
fill(struct torrent *t, const struct torrent_add *add)
{
    static const char client[] = "-SR0100-";
    struct torrent_options *o = &t->options;

    o->paused = add->paused;
    o->seed_only = add->seed_only;
    o->sequential = add->sequential;
    o->super_seed = add->super_seed;
    o->seed = add->seed;
    o->ratio = add->ratio;
    o->up_limit = add->up_limit;
    o->down_limit = add->down_limit;
    o->reserve = add->reserve;
    o->worknames = add->worknames;
    o->tracker_count = add->tracker_count;
    o->trackers = copy_strings(add->trackers, add->tracker_count);
    o->peer_count = add->peer_count;
    o->peers = copy_strings(add->peers, add->peer_count);
    o->trackers_only = add->trackers_only;
    o->only = add->only != NULL ? strdup(add->only) : NULL;
    o->web_seed_count = add->web_seed_count;
    o->web_seeds = copy_strings(add->web_seeds, add->web_seed_count);
    t->next_check = (struct torrent_next_check){
        .all = add->force_check, .trusted = add->trusted, .consent = add->consent};
    t->move.only_new = add->move_only_new;
    t->move.to = add->move_to != NULL ? strdup(add->move_to) : NULL;
    torrent_life_init(t);
    random_bytes(t->net.peer_id, PEER_ID_LEN);
    memcpy(t->net.peer_id, client, sizeof(client) - 1);
    random_bytes(t->net.fetch_id, PEER_ID_LEN);
    memcpy(t->net.fetch_id, client, sizeof(client) - 1);
    random_bytes(&t->net.announce_key, sizeof(t->net.announce_key));
    t->save_dir = strdup(add->save_dir);
    t->receivers = add->receivers ? receivers_new() : NULL;
    t->timer = loop_timer_new(t->env->loop, torrent_on_timer, t);
    t->retry = loop_timer_new(t->env->loop, torrent_on_retry, t);
    if ((add->move_to != NULL && t->move.to == NULL) || (add->only != NULL && o->only == NULL))
        return SPRAT_E_NOMEM;
    if (add->receivers && t->receivers == NULL)
        return SPRAT_E_NOMEM;
    if (o->trackers == NULL || o->peers == NULL || o->web_seeds == NULL)
        return SPRAT_E_NOMEM;
    return t->save_dir != NULL && t->timer != NULL && t->retry != NULL ? 0 : SPRAT_E_NOMEM;
}

/* An earlier run has already moved the torrent to the same directory. */
static void
arrive(struct torrent *t)
{
    free(t->save_dir);
    t->save_dir = t->move.to;
    t->move.to = NULL;
}

/* Takes the lock, which another process may have: then torrent_load() tries again later. */
static int
enter_loaded(struct torrent *t, const struct state_torrent *row, struct errbuf *eb)
{
    int err = torrent_enter(t, eb);

    if (err != 0 && err != SPRAT_E_BUSY)
        return err;
    t->id = row->id;
    row_take_totals(t, row);
    return 0;
}

static int
enter_enrolled(struct torrent *t, struct torrent_enrolment *e, struct errbuf *eb)
{
    t->id = e->id;
    t->options.ratio = e->ratio;
    t->options.worknames = e->worknames;
    if (e->arrived)
        arrive(t);
    return row_read_totals(t, eb);
}

/* Reads what the database knows. The have-bits are shown until the files are checked; those of a
 * torrent that stays paused are not checked before it is resumed. */
static int
enter_state(struct torrent *t, const struct torrent_add *add, struct errbuf *eb)
{
    int err = add->enrolment != NULL ? enter_enrolled(t, add->enrolment, eb)
                                     : enter_loaded(t, add->row, eb);

    if (err != 0 || t->facts.waiting)
        return err;
    err = state_load_have(t->env->shared->state, t->id, &t->core.have, eb);
    return err == 0 ? select_load(t, t->mi->file_count, eb) : err;
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
    list_init(&t->turn.waits);
    list_init(&t->stores.waiters);
    list_init(&t->disk.waiting);
    list_init(&t->disk.stalled);
    list_init(&t->disk.free);
    list_init(&t->net.asks);
    list_init(&t->net.names);
    hosts_init(t);
    t->rest.due = MONO_NEVER;
    return t;
}

/* The announcer of a torrent at rest. */
static int
make_announcer(struct torrent *t, const struct torrent_add *add)
{
    const struct announce_urls urls = {.extra = add->trackers,
                                       .extra_count = add->tracker_count,
                                       .tiers = add->mi->tiers,
                                       .tier_count = add->mi->tier_count,
                                       .one = add->mi->is_private};

    t->announcer = announcer_new(&t->facts.id, &urls, &t->env->rng);
    return t->announcer != NULL ? 0 : SPRAT_E_NOMEM;
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
        err = torrent_facts_init(&t->facts, add);
    if (err == 0 && add->mi != NULL)
        err = bitfield_init(&t->core.have, add->mi->piece_count);
    if (err != 0)
        errbuf_set(eb, err, "out of memory");
    else
        err = enter_state(t, add, eb);
    if (err == 0 && (err = core_new(t)) != 0)
        errbuf_set(eb, err, "out of memory");
    if (err != 0) {
        t->mi = NULL; /* the caller keeps it */
        torrent_free(t);
        return err;
    }
    if (add->enrolment != NULL) {
        t->lock = add->enrolment->lock;
        add->enrolment->lock = NULL;
    }
    *out = t;
    return 0;
}

/* The row of the database says that all pieces are stored. */
static void
fill_from_row(struct torrent *t, const struct state_torrent *row)
{
    t->id = row->id;
    row_take_totals(t, row);
    t->totals.up_saved = row->uploaded;
    t->totals.down_saved = row->downloaded;
    t->complete_told = true;
    t->rest.pieces_have = t->facts.piece_count;
    t->rest.bytes_have = t->rest.bytes_wanted = t->facts.total_size;
}

int
torrent_new_at_rest(struct torrent_env *env, const struct torrent_add *add, bool chosen,
                    struct torrent **out, struct errbuf *eb)
{
    struct torrent *t = torrent_alloc(env);
    int err;

    if (t == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = fill(t, add);
    if (err == 0)
        err = torrent_facts_init(&t->facts, add);
    if (err == 0)
        err = make_announcer(t, add);
    if (err != 0)
        errbuf_set(eb, err, "out of memory");
    else
        fill_from_row(t, add->row);
    if (err == 0 && chosen)
        err = select_load(t, add->mi->file_count, eb);
    if (err != 0) {
        torrent_free(t);
        return err;
    }
    torrent_life_init_at_rest(t);
    *out = t;
    return 0;
}

void
torrent_free_but_metainfo(struct torrent *t)
{
    t->mi = NULL;
    torrent_free(t);
}

void
torrent_free(struct torrent *t)
{
    MAGIC_CHECK(t, TORRENT_MAGIC);
    select_forget(t);
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
    receivers_free(t->receivers);
    free(t->facts.name);
    announcer_free(t->announcer);
    crowd_free(t->crowd);
    free(t->failure.message);
    free(t->disk.why);
    free(t->disk.note);
    free(t->options.selection);
    free_strings(t->options.trackers, t->options.tracker_count);
    free_strings(t->options.peers, t->options.peer_count);
    free_strings(t->options.web_seeds, t->options.web_seed_count);
    free(t->options.only);
    metainfo_free(t->core.learned);
    free(t->move.to);
    free(t->move.from);
    room_claim_drop(&t->prepare.claim);
    bitfield_fini(&t->prepare.have);
    free(t->save_dir);
    metainfo_free(t->mi);
    MAGIC_CLEAR(t);
    free(t);
}
