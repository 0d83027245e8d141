/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The numbers of metafetch, for users and for the state database. These functions read the state
 * and change nothing.
 */
#include "peer/core/crowd_fx.h"
#include "peer/core/metafetch_impl.h"

/* The copy of which most is there. */
static void
count_blocks(const struct metafetch *m, struct metafetch_stats *ms)
{
    for (uint32_t i = 0; i < METAFETCH_COPIES_MAX; i++) {
        const struct metacopy *c = &m->copies[i];

        if (ms->blocks > 0 && c->have <= ms->have)
            continue;
        ms->blocks = c->blocks;
        ms->have = c->have;
    }
}

void
metafetch_get_stats(const struct metafetch *m, struct swarm_stats *st, struct metafetch_stats *ms,
                    struct mono now)
{
    const struct metafetch_peer *p;
    uint32_t iter = 0;

    *ms = (struct metafetch_stats){.blocks = 0};
    count_blocks(m, ms);
    while ((p = fetch_next_peer(m, &iter)) != NULL) {
        ms->offering += p->at.state == PEER_UP && p->size > 0;
        st->standing.requests += p->out_count;
    }
    st->state = m->state;
    st->up_overhead = m->up_bytes;
    st->down_overhead = m->down_bytes;
    st->down_rate = rate_meter_rate(&m->meter, now);
    st->standing.idle_ms = -1;
    crowd_fill_stats(m->crowd, m->state == SWARM_ACTIVE, 0, st);
}

uint32_t
metafetch_peers_up(const struct metafetch *m)
{
    return crowd_up(m->crowd);
}

bool
metafetch_next_peer_stats(const struct metafetch *m, uint32_t *iter, struct swarm_peer_stats *st)
{
    const struct metafetch_peer *p;

    do {
        p = fetch_next_peer(m, iter);
        if (p == NULL)
            return false;
    } while (p->at.state != PEER_UP);
    *st = crowd_peer_stats(m->crowd, &p->at);
    st->am_choking = st->peer_choking = true;
    st->requests_out = p->out_count;
    return true;
}

const struct peerlist *
metafetch_peerlist(const struct metafetch *m)
{
    return crowd_list(m->crowd);
}

const struct announcer *
metafetch_announcer(const struct metafetch *m)
{
    return m->announcer;
}
