/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent that runs or rests is searched for. While it is checked, moved or paused it is not: a
 * peer that finds it then is turned away.
 */
#include "peer/torrent/torrent_search.h"

#include <string.h>

#include "peer/torrent/torrent_addrs.h"
#include "peer/torrent/torrent_facts.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_wake.h"

static bool
is_searched(const struct torrent_search *s)
{
    return s->dht || s->lsd;
}

/* Is the torrent in a phase in which peers are of use? */
static bool
is_open(const struct torrent *t)
{
    switch (t->life.phase) {
    case PHASE_RUNNING: return t->core.started;
    case PHASE_RETIRING: return true;
    case PHASE_RESTING: return !t->options.paused && !torrent_is_ending(t);
    case PHASE_IDLE:
    case PHASE_READY: /* it comes from rest */
        return is_searched(&t->seeking.told) && torrent_is_coming(t);
    case PHASE_STOPPING:
    case PHASE_SAVING:
    case PHASE_CLOSING:
    case PHASE_STOPPED: return false;
    }
    return false;
}

static bool
has_all(const struct torrent *t)
{
    uint32_t have = t->core.swarm != NULL ? torrent_have(t)->count : t->rest.pieces_have;

    return !t->facts.waiting && have == t->facts.piece_count;
}

static uint32_t
peers_up(const struct torrent *t)
{
    return t->core.fetch != NULL ? metafetch_peers_up(t->core.fetch)
                                 : swarm_peers_up(t->core.swarm);
}

static struct torrent_search
make_search(const struct torrent *t)
{
    const struct torrent_shared *shared = t->env->shared;
    struct torrent_search s = {.dht = false};

    if (!torrent_may_be_told(t) || shared->port == 0 || !is_open(t))
        return s;
    s.dht = shared->dht;
    s.lsd = shared->lsd;
    if (!is_searched(&s))
        return s;
    s.active = t->life.phase == PHASE_RUNNING;
    s.has_v1 = t->facts.id.has_v1;
    s.has_v2 = t->facts.id.has_v2;
    s.seed = has_all(t);
    s.hungry =
        t->life.phase == PHASE_RUNNING && t->life.completion == COMPLETION_NONE && peers_up(t) == 0;
    return s;
}

static bool
is_same(const struct torrent_search *a, const struct torrent_search *b)
{
    return a->dht == b->dht && a->lsd == b->lsd && a->active == b->active &&
           a->has_v1 == b->has_v1 && a->has_v2 == b->has_v2 && a->seed == b->seed &&
           a->hungry == b->hungry;
}

/* Once in the torrent's life in this process: the engine keeps what it takes of the names. */
static void
name_nodes(struct torrent *t)
{
    if (!t->seeking.nodes_named && t->mi != NULL && t->mi->node_count > 0)
        t->seeking.nodes_named =
            t->env->calls->add_dht_names(t->env, t->mi->nodes, t->mi->node_count);
}

void
torrent_search_update(struct torrent *t)
{
    struct torrent_search s = make_search(t);

    if (s.dht)
        name_nodes(t);
    if (is_same(&s, &t->seeking.told) || !t->env->calls->search(t, &s))
        return;
    if (s.dht && !t->seeking.told.dht)
        t->seeking = (struct torrent_seeking){.again = MONO_NEVER,
                                              .local = t->seeking.local,
                                              .nodes_named = t->seeking.nodes_named};
    t->seeking.told = s;
}

void
torrent_search_on_peers(struct torrent *t, enum peer_source source, const struct endpoint *peers,
                        size_t count)
{
    if (!(source == PEER_FROM_LSD ? t->seeking.told.lsd : t->seeking.told.dht) ||
        !torrent_may_be_told(t))
        return; /* the search has ended meanwhile */
    if (source == PEER_FROM_LSD)
        t->seeking.local++;
    if (torrent_has_core(t))
        addrs_feed(t, source, peers, count);
    else
        torrent_wake_on_found(t, source, peers, count);
}

void
torrent_search_on_round(struct torrent *t, uint32_t peers, struct mono again)
{
    if (!t->seeking.told.dht)
        return;
    t->seeking.rounds++;
    t->seeking.peers = peers;
    t->seeking.again = again;
}
