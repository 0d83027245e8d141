/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and writes a torrent's row of the state database, and takes the torrent's lock.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_row.h"
#include "peer/torrent/torrent_store.h"

static bool
is_of(const struct torrent *t, const struct metainfo *mi)
{
    return identity_equal(&mi->id, &t->facts.id);
}

/* The pieces that the core had when the torrent was put to rest. */
static int
load_rested(struct torrent *t, struct errbuf *eb)
{
    if (t->rest.pieces_have < t->facts.piece_count)
        return state_load_have(t->env->shared->state, t->id, &t->core.have, eb);
    for (uint32_t i = 0; i < t->facts.piece_count; i++)
        bitfield_set(&t->core.have, i);
    return 0;
}

int
torrent_need_metainfo(struct torrent *t, struct errbuf *eb)
{
    struct metainfo *mi = NULL;
    struct state_torrent row;
    int err;

    if (t->mi != NULL)
        return 0;
    if (t->facts.waiting)
        return errbuf_set(eb, SPRAT_E_MISSING,
                          "the metadata of %s is not known yet: it is being fetched from peers",
                          t->facts.name);
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
    t->mi = mi;
    return torrent_is_resting(t) ? load_rested(t, eb) : 0;
}

static int
make_row(const struct torrent *t, struct state_wish_row *row, struct errbuf *eb)
{
    const struct torrent_options *o = &t->options;
    struct state_wish wish = {.seed = (int)o->seed,
                              .ratio = o->ratio,
                              .sequential = o->sequential,
                              .super_seed = o->super_seed,
                              .trackers = o->trackers,
                              .tracker_count = o->tracker_count,
                              .peers = o->peers,
                              .peer_count = o->peer_count,
                              .reserve = o->reserve,
                              .worknames = o->worknames,
                              .trackers_only = o->trackers_only,
                              .only = o->only,
                              .web_seeds = o->web_seeds,
                              .web_seed_count = o->web_seed_count};

    return state_wish_row_init(row, &wish, eb);
}

int
row_store_options(struct torrent *t, struct errbuf *eb)
{
    struct state_wish_row row = {.seed = 0};
    struct state_update u = {.wish = &row};
    int err;

    if (!t->env->shared->managed)
        return 0;
    err = make_row(t, &row, eb);
    if (err == 0 && (err = torrent_store(t, &u, NULL, NULL)) != 0)
        errbuf_set(eb, err, "%s", sprat_strerror(err));
    state_wish_row_fini(&row);
    return err;
}

void
row_take_totals(struct torrent *t, const struct state_torrent *row)
{
    struct torrent_totals *sum = &t->totals;

    /* The stored totals include a part of this session's counts; |before| must not. */
    if (row->uploaded > sum->up_before + sum->up_session)
        sum->up_before = row->uploaded - sum->up_session;
    if (row->downloaded > sum->down_before + sum->down_session)
        sum->down_before = row->downloaded - sum->down_session;
    t->totals.added_at = row->added;
    t->totals.completed_at = row->completed;
    free(t->move.from);
    t->move.from = row->moved_from != NULL ? strdup(row->moved_from) : NULL;
}

int
row_read_totals(struct torrent *t, struct errbuf *eb)
{
    struct state_torrent row;
    int err = state_get(t->env->shared->state, t->id, &row, eb);

    if (err != 0)
        return err;
    row_take_totals(t, &row);
    state_torrent_fini(&row);
    return 0;
}

int
torrent_enter(struct torrent *t, struct errbuf *eb)
{
    int err = t->facts.waiting ? 0 : torrent_need_metainfo(t, eb);

    if (err == 0 && t->lock == NULL) {
        err = state_lock_torrent(t->env->shared->state, &t->facts.id, t->facts.name,
                                 t->env->shared->managed, &t->lock, eb);
        if (err == 0 && t->id != 0)
            err = row_read_totals(t, eb);
    }
    return err;
}
