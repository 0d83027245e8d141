/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Collects a torrent's totals and its peers that can be dialled, and passes them to the state
 * database's thread.
 */
#include "common/sys/clock.h"
#include "peer/torrent/torrent_save.h"

#include "peer/torrent/torrent_facts.h"

/* Peers that can be dialled again: those that connected by themselves have port 0. */
static size_t
collect_peers(const struct torrent *t, struct endpoint *peers, size_t max)
{
    const struct peerlist *list = torrent_peerlist(t);
    size_t n = 0;

    for (uint32_t i = peerlist_walk(list, PEERLIST_NONE); i != PEERLIST_NONE && n < max;
         i = peerlist_walk(list, i)) {
        const struct endpoint *e = peerlist_addr(list, i);

        if (e->port != 0)
            peers[n++] = *e;
    }
    return n;
}

static void
save(struct torrent *t, bool with_peers)
{
    struct endpoint peers[STATE_PEERS_MAX];
    struct state_update u = {.set_totals = true, .peers = peers, .seen = clock_unix()};
    struct torrent_status st;

    if (t->lock == NULL)
        return; /* the totals belong to the process that has the torrent */
    torrent_get_status(t, &st);
    u.uploaded = st.uploaded_ever;
    u.downloaded = st.downloaded_ever;
    if (torrent_has_core(t) && with_peers)
        u.peer_count = collect_peers(t, peers, STATE_PEERS_MAX);
    if (u.uploaded == t->totals.up_saved && u.downloaded == t->totals.down_saved &&
        u.peer_count == 0)
        return;
    /* On an error the save a minute later stores the numbers, which are a little old until then. */
    if (state_apply_async(t->env->shared->state, t->id, &u, t->env->doneq, NULL, NULL) != 0)
        return;
    t->totals.up_saved = u.uploaded;
    t->totals.down_saved = u.downloaded;
}

void
torrent_save(struct torrent *t)
{
    save(t, true);
}

void
torrent_save_totals(struct torrent *t)
{
    save(t, false);
}
