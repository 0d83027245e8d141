/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes, starts and drops a torrent's core. A torrent can have several one after another: when
 * files were changed under it, a new one begins with what is really there.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/minmax.h"
#include "common/crypto/random.h"
#include "config.h"
#include "peer/core/picker.h"
#include "peer/store/parts.h"
#include "peer/torrent/torrent_addrs.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_disk.h"
#include "peer/torrent/torrent_facts.h"
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_feed.h"
#include "peer/torrent/torrent_fx.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_peers.h"
#include "peer/torrent/torrent_track.h"
#include "peer/torrent/torrent_turn.h"

#define CLIENT "Sprat " PACKAGE_VERSION

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

static void
put_layer(void *user, const struct state_layer *l)
{
    struct torrent *t = user;

    /* A wrong layer is fetched again. */
    if (l->file < t->mi->file_count)
        (void)swarm_put_layer(t->core.swarm, l->file, l->hashes, l->len);
}

static void
begun(struct torrent *t)
{
    t->announcer = NULL;
    t->crowd = NULL;
    t->core.generation++;
    t->core.started = t->core.stopped = t->core.halted = false;
    t->core.carry_out = fx_carry_out;
}

/* The announcer of a torrent whose trackers are those of its link. */
static int
make_announcer(struct torrent *t)
{
    const struct announce_urls urls = {.extra = (const char *const *)t->options.trackers,
                                       .extra_count = t->options.tracker_count,
                                       .one = !torrent_may_be_told(t)};

    if (t->announcer == NULL)
        t->announcer = announcer_new(&t->facts.id, &urls, &t->env->rng);
    return t->announcer != NULL ? 0 : SPRAT_E_NOMEM;
}

/* The core of a torrent that waits for its metainfo. */
static int
new_fetch(struct torrent *t)
{
    struct torrent_env *env = t->env;
    struct metafetch_config cfg = {
        .id = t->facts.id,
        .client = CLIENT,
        .listen_port = env->shared->port,
        .peers_max = env->shared->peers_max > 0
                         ? min_u32(env->shared->peers_max, TORRENT_TURN_PEERS)
                         : TORRENT_TURN_PEERS,
        .takes_turns = true,
        .no_pex = env->shared->no_pex,
        .dht_port = torrent_dht_port(t),
        .trackers_only = t->options.trackers_only,
        .up = &env->up,
        .down = &env->down,
        .up_limit = t->options.up_limit,
        .down_limit = t->options.down_limit,
        .crowd = t->crowd,
        .bans = &env->bans,
    };
    uint64_t seed;

    if (make_announcer(t) != 0)
        return SPRAT_E_NOMEM;
    random_bytes(&seed, sizeof(seed));
    memcpy(cfg.peer_id, t->net.fetch_id, PEER_ID_LEN);
    cfg.announcer = t->announcer;
    t->core.fetch = metafetch_new(&cfg, seed, loop_now(env->loop));
    if (t->core.fetch == NULL)
        return SPRAT_E_NOMEM;
    begun(t);
    return 0;
}

static int
new_swarm(struct torrent *t)
{
    struct torrent_env *env = t->env;
    struct swarm_config cfg = {
        .client = CLIENT,
        .listen_port = env->shared->port,
        .announce_key = t->net.announce_key,
        .peers_max = env->shared->peers_max,
        .no_pex = env->shared->no_pex,
        .dht_port = torrent_dht_port(t),
        .sequential = t->options.sequential,
        .super_seed = t->options.super_seed,
        .up = &env->up,
        .down = &env->down,
        .sites = env->sites,
        .bans = &env->bans,
        .receivers = t->receivers,
        .up_limit = t->options.up_limit,
        .down_limit = t->options.down_limit,
        .announcer = t->announcer,
        .crowd = t->crowd,
        .trackers = (const char *const *)t->options.trackers,
        .tracker_count = t->options.tracker_count,
    };
    uint64_t seed;

    random_bytes(&seed, sizeof(seed));
    memcpy(cfg.peer_id, t->net.peer_id, PEER_ID_LEN);
    t->core.swarm = swarm_new(t->mi, &cfg, seed, loop_now(env->loop));
    if (t->core.swarm == NULL)
        return SPRAT_E_NOMEM;
    begun(t);
    if (t->mi->layers_missing)
        (void)state_each_layer(env->shared->state, t->id, put_layer, t, NULL);
    return 0;
}

int
core_new(struct torrent *t)
{
    ASSERT(!torrent_has_core(t));
    return t->facts.waiting ? new_fetch(t) : new_swarm(t);
}

/* Keeps the results of a swarm. */
static void
keep_results(struct torrent *t)
{
    struct swarm_stats st;

    swarm_get_stats(t->core.swarm, &st, loop_now(t->env->loop));
    t->totals.up_session += st.uploaded;
    t->totals.down_session += st.downloaded;
    if (t->core.started)
        bitfield_copy(&t->core.have, swarm_have(t->core.swarm));
}

/* Saves the core's results that the torrent keeps, and drops its connections and announces. */
static void
detach(struct torrent *t)
{
    ASSERT(!t->core.draining);
    if (t->core.swarm != NULL)
        keep_results(t);
    peers_drop_all(t);
    track_fini(t);
    addrs_fini(t);
}

static void
gone(struct torrent *t)
{
    t->core.swarm = NULL;
    t->core.fetch = NULL;
    turn_leave(t);
    t->core.generation++;
    disk_give_up(t);
}

static void
free_core(struct torrent *t, struct swarm_kept *kept)
{
    if (t->core.fetch != NULL)
        metafetch_free_but(t->core.fetch, kept);
    else
        swarm_free_but(t->core.swarm, kept);
}

void
core_drop(struct torrent *t)
{
    struct swarm_kept kept;

    if (!torrent_has_core(t))
        return;
    detach(t);
    free_core(t, &kept);
    announcer_free(kept.announcer);
    t->crowd = kept.crowd;
    gone(t);
}

void
core_put_away(struct torrent *t)
{
    struct swarm_kept kept;

    detach(t);
    swarm_free_but(t->core.swarm, &kept);
    t->announcer = kept.announcer;
    announcer_use(t->announcer, &t->env->rng);
    /* A torrent that rests should cost little memory. */
    if (crowd_is_worth_keeping(kept.crowd))
        t->crowd = kept.crowd;
    else
        crowd_free(kept.crowd);
    gone(t);
}

void
core_hand_over(struct torrent *t, bool with_announces)
{
    struct swarm_kept kept;

    ASSERT(t->core.fetch != NULL && !t->core.draining);
    peers_part_all(t);
    addrs_fini(t);
    if (!with_announces)
        track_fini(t);
    metafetch_free_but(t->core.fetch, &kept);
    t->crowd = kept.crowd;
    t->announcer = kept.announcer;
    announcer_use(t->announcer, &t->env->rng);
    gone(t);
    t->core.started = false;
}

bool
core_complete(const struct torrent *t)
{
    struct swarm_stats st;

    if (bitfield_full(swarm_have(t->core.swarm)))
        return true;
    if (t->options.selection == NULL || t->options.seed_only || t->core.frozen || !t->core.started)
        return false;
    swarm_get_stats(t->core.swarm, &st, loop_now(t->env->loop));
    return st.complete;
}

void
core_note_complete(struct torrent *t)
{
    if (t->life.completion == COMPLETION_NONE && core_complete(t))
        torrent_set_completion(t, COMPLETION_WANTED);
}

void
core_feed_selection(struct torrent *t)
{
    struct swarm_input in = {.type = SWARM_IN_PRIORITY};
    uint8_t *pieces;

    if (t->options.selection == NULL || t->options.seed_only || t->core.frozen)
        return;
    pieces = calloc((size_t)t->mi->piece_count + 1, 1);
    if (pieces == NULL) {
        torrent_fail(t, FAILURE_LOAD, SPRAT_E_NOMEM, "out of memory");
        return;
    }
    for (size_t i = 0; i < t->mi->file_count; i++) {
        const struct metainfo_file *f = &t->mi->files[i];
        unsigned level = level_of(t->options.selection[i]);

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

/* A core that must fetch nothing gets this input before START. */
static void
freeze(struct torrent *t)
{
    struct swarm_input in = {.type = SWARM_IN_PRIORITY};

    in.u.priority.count = t->mi->piece_count;
    torrent_feed(t, &in);
}

static void
feed_found(struct torrent *t)
{
    struct endpoint *found = t->rest.found;

    t->rest.found = NULL;
    if (found != NULL)
        addrs_feed(t, t->rest.found_source, found, t->rest.found_count);
    free(found);
}

void
core_start(struct torrent *t)
{
    struct swarm_input in = {.type = SWARM_IN_START};
    bool first = !t->core.started;

    if (first && t->core.swarm != NULL && (t->options.seed_only || t->core.frozen))
        freeze(t);
    if (first && t->core.swarm != NULL)
        core_feed_selection(t);
    t->core.started = true;
    if (first)
        in.u.start.have = &t->core.have;
    torrent_feed(t, &in);
    if (!first)
        return;
    addrs_add_stored(t);
    addrs_add_named(t, 0);
    track_say_unsupported(t);
    feed_found(t);
}

void
core_resume_after_failure(struct torrent *t)
{
    if (!t->core.halted || t->failure.err != 0)
        return;
    t->core.halted = false;
    if (t->life.phase == PHASE_RUNNING)
        core_start(t);
}
