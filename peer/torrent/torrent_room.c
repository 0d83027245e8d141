/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks before the first byte of a download that its directory can be written to and has as much
 * space as the missing pieces need. A disk thread does the check before the core starts. If the
 * check fails, the torrent waits, and the user hears of it at once rather than when the disk is
 * full.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/magic.h"
#include "peer/torrent/torrent_impl.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_room.h"

enum { MIB_SHIFT = 20 };

static unsigned long long
to_mib(uint64_t bytes, bool up)
{
    return (bytes + (up ? (UINT64_C(1) << MIB_SHIFT) - 1 : 0)) >> MIB_SHIFT;
}

/* The sentence about a disk without enough space. */
static void
no_space(const struct torrent *t, uint64_t others, struct errbuf *eb)
{
    const struct storage_room *room = &t->disk.room;
    char also[80] = "";

    if (others > 0)
        snprintf(also, sizeof(also), ", and other torrents need %llu MiB of that",
                 to_mib(others, true));
    errbuf_set(eb, 0, "no space for %s in %s: %llu MiB are needed, %llu MiB are free%s",
               t->facts.name, t->save_dir, to_mib(room->need, true), to_mib(room->free, false),
               also);
}

/* Whether the torrent is still READY and ought to run: its state has not changed meanwhile. */
static bool
still_waits(const struct torrent *t)
{
    return t->phase == PHASE_READY && !t->wish.paused && !t->wish.stopping && !t->disk.reloading;
}

static void
ready(struct torrent *t)
{
    torrent_recovered(t, FAILURE_ROOM);
    torrent_start(t);
}

/* Another load may remove the obstacle to writing the files, so the retry loads the torrent again.
 */
static void
on_prepared(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    t->disk.preparing = false;
    torrent_mark_dirty(t);
    if (!still_waits(t)) {
        torrent_room_leave(t);
        return;
    }
    if (res->err != 0) {
        torrent_set_phase(t, PHASE_IDLE);
        torrent_fail(t, FAILURE_ROOM, res->err, res->why);
        return;
    }
    if (t->wish.reserve)
        room_claim_pay(&t->disk.claim, t->disk.room.need);
    ready(t);
}

static void
on_room(void *user, const struct storage_result *res)
{
    struct torrent *t = user;
    struct errbuf eb;
    uint64_t others;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    t->disk.preparing = false;
    torrent_mark_dirty(t);
    if (!still_waits(t))
        return;
    if (res->err != 0) {
        torrent_fail(t, FAILURE_ROOM, res->err, res->why);
    } else if (!roombook_claim(&t->env->shared->room, &t->disk.claim, &t->disk.room, &others)) {
        no_space(t, others, &eb);
        torrent_fail(t, FAILURE_ROOM, SPRAT_E_NOSPACE, eb.text);
    } else {
        t->disk.preparing = storage_prepare(t->disk.storage, &t->disk.room_have, t->wish.reserve,
                                            on_prepared, t) == 0;
        if (!t->disk.preparing)
            torrent_fail(t, FAILURE_ROOM, SPRAT_E_NOMEM, sprat_strerror(SPRAT_E_NOMEM));
    }
}

/* Asks for the free disk space. The verified pieces are copied, because a disk thread reads them.
 */
static bool
measure(struct torrent *t, storage_done_fn done)
{
    struct bitfield *have = &t->disk.room_have;

    if (have->nbits != t->facts.piece_count && bitfield_init(have, t->facts.piece_count) != 0)
        return false;
    bitfield_copy(have, torrent_have(t));
    t->disk.preparing = storage_find_room(t->disk.storage, have, &t->disk.room, done, t) == 0;
    return t->disk.preparing;
}

bool
torrent_room_find(struct torrent *t)
{
    const struct bitfield *have = torrent_have(t);

    if (t->wish.seed_only || t->core.frozen || (bitfield_full(have) && t->facts.total_size > 0))
        return false;
    if (!t->disk.preparing && !measure(t, on_room))
        loop_timer_set(t->retry, mono_add_ms(loop_now(t->env->loop), TORRENT_BUSY_MS));
    return true;
}

void
torrent_room_retry(struct torrent *t)
{
    if (still_waits(t) && !t->disk.preparing && !torrent_room_find(t))
        torrent_start(t);
}

void
torrent_room_leave(struct torrent *t)
{
    room_claim_drop(&t->disk.claim);
}

static void
on_measured(void *user, const struct storage_result *res)
{
    struct torrent *t = user;
    struct errbuf eb;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    t->disk.preparing = false;
    torrent_mark_dirty(t);
    if (res->err != 0 || !t->disk.room.known || t->phase != PHASE_RUNNING ||
        t->failure.err != SPRAT_E_NOSPACE || t->disk.room.need <= t->disk.room.free)
        return;
    no_space(t, 0, &eb);
    free(t->failure.message);
    t->failure.message = strdup(eb.text);
}

void
torrent_room_explain(struct torrent *t)
{
    if (!t->disk.preparing && t->phase == PHASE_RUNNING)
        (void)measure(t, on_measured);
}
