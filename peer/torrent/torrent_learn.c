/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Gives a torrent the metainfo for which it waits. Its core ends, and the torrent is loaded as one
 * whose metainfo was known from the start: in PHASE_IDLE, or stopped, nothing but its facts, its
 * lock and its announcer depends on the identity.
 */
#include "peer/torrent/torrent_learn.h"

#include <stdlib.h>
#include <string.h>

#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_facts.h"
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_row.h"
#include "peer/torrent/torrent_select.h"
#include "peer/torrent/torrent_store.h"

/* Links name v2 torrents by the truncated hash too, as if it were a v1 hash. */
static bool
is_truncated(const struct identity *link, const struct identity *id)
{
    return link->has_v1 && !link->has_v2 && id->has_v2 &&
           memcmp(link->v1, id->v2, sizeof(link->v1)) == 0;
}

/* A magnet link may have only one of a hybrid's two info-hashes. */
static bool
is_of(const struct identity *a, const struct identity *b)
{
    bool v1 = a->has_v1 && b->has_v1, v2 = a->has_v2 && b->has_v2;

    if (is_truncated(a, b))
        return true;
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

/* From now on the peers are those that one tracker named (BEP 27). If several have named some, it
 * is not known which is whose, and all are forgotten. */
static void
become_private(struct torrent *t)
{
    struct mono now = loop_now(t->env->loop);
    bool one = t->announcer != NULL && announcer_limit(t->announcer, now);

    while (t->options.peer_count > 0)
        free(t->options.peers[--t->options.peer_count]);
    if (t->crowd == NULL)
        return;
    crowd_keep_only(t->crowd, one ? PEER_FROM_TRACKER : 0);
    if (t->announcer != NULL)
        crowd_set_origin(t->crowd, announcer_origin(t->announcer));
}

/* The trackers of a link are the only ones that are known, unless the metainfo names others. */
static void
forget_trackers(struct torrent_options *o)
{
    while (o->tracker_count > 0)
        free(o->trackers[--o->tracker_count]);
}

/* The torrent has |mi| now. A store that fails keeps it until the process ends. */
static void
store(struct torrent *t)
{
    const struct state_update u = {.identity = &t->mi->id,
                                   .metainfo = t->mi->raw,
                                   .metainfo_len = t->mi->raw_len,
                                   .forget_peers = t->mi->is_private};

    (void)torrent_store(t, &u, NULL, NULL);
    (void)row_store_options(t, NULL);
}

/* The core ends before a piece is asked or told. */
static void
end_core(struct torrent *t, bool with_announces)
{
    if (t->core.fetch != NULL)
        core_hand_over(t, with_announces);
    if (t->life.phase == PHASE_RUNNING)
        torrent_set_phase(t, PHASE_READY);
    if (t->life.phase == PHASE_READY)
        torrent_set_phase(t, PHASE_IDLE);
}

static void
become(struct torrent *t, struct metainfo *mi, struct lockfile *taken,
       const struct identity *before)
{
    /* The swarm takes over the announcer, unless that has other hashes or other trackers. */
    bool same = identity_equal(before, &mi->id) && mi->tier_count == 0;

    if (taken != NULL) {
        lockfile_release(t->lock);
        t->lock = taken;
    }
    end_core(t, same);
    t->mi = mi;
    if (mi->is_private)
        become_private(t);
    if (mi->is_private && mi->tier_count > 0)
        forget_trackers(&t->options);
    if (!same) {
        announcer_free(t->announcer);
        t->announcer = NULL;
    }
    t->options.trackers_only = false;
    store(t);
    torrent_recovered(t, FAILURE_CORE);
    torrent_tell(t, TORRENT_EVENT_METADATA, 0, "");
    torrent_mark_dirty(t);
}

int
torrent_learn(struct torrent *t, struct metainfo *mi, struct errbuf *eb)
{
    const struct torrent_add add = {.mi = mi};
    const struct identity before = t->facts.id;
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
        become(t, mi, taken, &before);
        return 0;
    }
    lockfile_release(taken);
    bitfield_fini(&t->core.have);
    t->core.have = (struct bitfield){0};
    return errbuf_set(eb, err,
                      err == SPRAT_E_EXISTS ? "%s has been added already" : "%s: out of memory",
                      mi->name);
}

void
learn_go_on(struct torrent *t)
{
    struct metainfo *mi = t->core.learned;
    struct errbuf eb = {""};
    int err;

    if (mi == NULL)
        return;
    t->core.learned = NULL;
    err = torrent_learn(t, mi, &eb);
    if (err == 0)
        return;
    metainfo_free(mi);
    if (!torrent_is_ending(t))
        torrent_fail(t, FAILURE_CORE, err, eb.text);
}
