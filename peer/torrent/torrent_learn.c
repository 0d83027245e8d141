/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Gives a torrent the metainfo for which it waits. The torrent is in PHASE_IDLE, or it has stopped,
 * and has no core, so that nothing but its facts, its lock and its announcer depends on the
 * identity.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_new.h"
#include "peer/torrent/torrent_row.h"
#include "peer/torrent/torrent_select.h"
#include "peer/torrent/torrent_store.h"

/* A magnet link may have only one of a hybrid's two info-hashes. */
static bool
is_of(const struct identity *a, const struct identity *b)
{
    bool v1 = a->has_v1 && b->has_v1, v2 = a->has_v2 && b->has_v2;

    return (v1 || v2) && (!v1 || memcmp(a->v1, b->v1, sizeof(a->v1)) == 0) &&
           (!v2 || memcmp(a->v2, b->v2, sizeof(a->v2)) == 0);
}

static bool
has_same_key(const struct identity *a, const struct identity *b)
{
    size_t a_len, b_len;
    const uint8_t *x = identity_key(a, &a_len), *y = identity_key(b, &b_len);

    return a_len == b_len && memcmp(x, y, a_len) == 0;
}

/* The lock file is named by the identity's key, which another info-hash changes. */
static int
lock(struct torrent *t, const struct metainfo *mi, struct lockfile **out, struct errbuf *eb)
{
    if (t->lock != NULL && has_same_key(&t->facts.id, &mi->id))
        return 0;
    return state_lock_torrent(t->env->shared->state, &mi->id, mi->name, t->env->shared->managed,
                              out, eb);
}

static void
forget_others_names(struct torrent_options *o)
{
    while (o->tracker_count > 0)
        free(o->trackers[--o->tracker_count]);
    while (o->peer_count > 0)
        free(o->peers[--o->peer_count]);
}

/* The torrent has |mi| now. A store that fails keeps it until the process ends. */
static void
store(struct torrent *t)
{
    const struct state_update u = {
        .identity = &t->mi->id, .metainfo = t->mi->raw, .metainfo_len = t->mi->raw_len};

    (void)torrent_store(t, &u, NULL, NULL);
    if (t->mi->is_private) {
        forget_others_names(&t->options);
        (void)row_store_options(t, NULL);
    }
}

/* The first core makes an announcer that has the trackers of the metainfo too. */
static void
become(struct torrent *t, struct metainfo *mi, struct lockfile *taken)
{
    if (taken != NULL) {
        lockfile_release(t->lock);
        t->lock = taken;
    }
    t->mi = mi;
    announcer_free(t->announcer);
    t->announcer = NULL;
    store(t);
    torrent_mark_dirty(t);
}

int
torrent_learn(struct torrent *t, struct metainfo *mi, struct errbuf *eb)
{
    const struct torrent_add add = {.mi = mi};
    struct torrent_facts facts;
    struct lockfile *taken = NULL;
    int err;

    if (torrent_is_ending(t))
        return errbuf_set(eb, SPRAT_E_AGAIN, "%s is being removed: add it again in a moment",
                          t->facts.name);
    if (!is_of(&t->facts.id, &mi->id))
        return errbuf_set(eb, SPRAT_E_MISMATCH, "the file is of another torrent than %s",
                          t->facts.name);
    err = lock(t, mi, &taken, eb);
    if (err != 0)
        return err;
    err = torrent_facts_init(&facts, &add);
    if (err == 0)
        err = bitfield_init(&t->core.have, mi->piece_count);
    if (err == 0) /* of a command that had the torrent before */
        err = select_load(t, mi->file_count, eb);
    if (err == 0)
        err = t->env->calls->exchange_facts(t, &facts);
    free(facts.name);
    if (err == 0) {
        become(t, mi, taken);
        return 0;
    }
    lockfile_release(taken);
    bitfield_fini(&t->core.have);
    t->core.have = (struct bitfield){0};
    return errbuf_set(eb, err,
                      err == SPRAT_E_EXISTS ? "%s has been added already" : "%s: out of memory",
                      mi->name);
}
