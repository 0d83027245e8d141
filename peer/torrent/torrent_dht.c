/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent that runs or rests is searched for. While it is checked, moved or paused it is not: a
 * peer that finds it then is turned away.
 */
#include "peer/torrent/torrent_dht.h"

#include <string.h>

#include "peer/torrent/torrent_addrs.h"
#include "peer/torrent/torrent_facts.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_wake.h"

static bool
is_wanted(const struct torrent *t)
{
    if (torrent_dht_port(t) == 0)
        return false;
    switch (t->life.phase) {
    case PHASE_RUNNING: return t->core.started;
    case PHASE_RETIRING: return true;
    case PHASE_RESTING: return !t->options.paused && !torrent_is_ending(t);
    case PHASE_IDLE:
    case PHASE_READY: return t->dht.told.wanted && torrent_is_coming(t); /* it comes from rest */
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
    struct torrent_search s = {.wanted = is_wanted(t)};

    if (!s.wanted)
        return s;
    s.has_v1 = t->facts.id.has_v1;
    s.has_v2 = t->facts.id.has_v2;
    s.seed = has_all(t);
    s.hungry = t->life.phase == PHASE_RUNNING && t->life.completion == COMPLETION_NONE &&
               peers_up(t) == 0;
    return s;
}

static bool
is_same(const struct torrent_search *a, const struct torrent_search *b)
{
    return a->wanted == b->wanted && a->has_v1 == b->has_v1 && a->has_v2 == b->has_v2 &&
           a->seed == b->seed && a->hungry == b->hungry;
}

void
torrent_dht_update(struct torrent *t)
{
    struct torrent_search s = make_search(t);

    if (is_same(&s, &t->dht.told))
        return;
    if (s.wanted && !t->dht.told.wanted)
        t->dht = (struct torrent_dht){.again = MONO_NEVER};
    t->dht.told = s;
    t->env->calls->search_dht(t, &s);
}

void
torrent_dht_on_peers(struct torrent *t, const struct endpoint *peers, size_t count)
{
    if (!t->dht.told.wanted)
        return; /* the search has ended meanwhile */
    if (torrent_has_core(t))
        addrs_feed(t, PEER_FROM_DHT, peers, count);
    else
        torrent_wake_on_found(t, peers, count);
}

void
torrent_dht_on_searched(struct torrent *t, uint32_t peers, struct mono again)
{
    if (!t->dht.told.wanted)
        return;
    t->dht.rounds++;
    t->dht.peers = peers;
    t->dht.again = again;
}
