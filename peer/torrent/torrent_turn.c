/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent takes its turn in its own steps: the first one of the queue is asked to take them when
 * a turn has ended.
 */
#include "peer/torrent/torrent_turn.h"

#include "peer/torrent/torrent_feed.h"

void
turns_init(struct torrent_turns *turns, uint32_t loops)
{
    list_init(&turns->waiting);
    turns->max = TORRENT_TURNS_MAX / loops;
}

static struct torrent *
first_of(const struct torrent_turns *turns)
{
    return list_empty(&turns->waiting)
               ? NULL
               : LIST_ENTRY(turns->waiting.next, struct torrent, turn.waits);
}

/* Lets the first of the queue know that there is a turn for it. */
static void
call_next(const struct torrent_turns *turns)
{
    struct torrent *next = first_of(turns);

    if (next != NULL && turns->count < turns->max)
        torrent_mark_dirty(next);
}

/* Tells the core, which acts on it at once. */
static void
set_turn(struct torrent *t, bool turn)
{
    struct swarm_input in = {.type = SWARM_IN_TICK};

    t->turn.has = turn;
    if (t->core.fetch == NULL)
        return;
    metafetch_set_turn(t->core.fetch, turn);
    torrent_feed(t, &in);
}

static void
note_progress(struct torrent *t)
{
    t->turn.since = loop_now(t->env->loop);
    t->turn.bytes = metafetch_bytes(t->core.fetch);
}

static void
take(struct torrent *t)
{
    struct torrent_turns *turns = &t->env->turns;

    list_remove(&t->turn.waits);
    turns->count++;
    note_progress(t);
    set_turn(t, true);
    call_next(turns);
}

static void
end(struct torrent *t)
{
    struct torrent_turns *turns = &t->env->turns;

    turns->count--;
    set_turn(t, false);
    call_next(turns);
}

void
turn_leave(struct torrent *t)
{
    if (t->turn.has)
        end(t);
    if (!list_linked(&t->turn.waits))
        return;
    list_remove(&t->turn.waits);
    call_next(&t->env->turns); /* there may have been a turn for this one */
}

/* Is the turn over, because others wait and it brings nothing? */
static bool
is_over(struct torrent *t)
{
    if (metafetch_bytes(t->core.fetch) != t->turn.bytes)
        note_progress(t);
    return !list_empty(&t->env->turns.waiting) &&
           mono_diff_ms(loop_now(t->env->loop), t->turn.since) >= TORRENT_TURN_MS;
}

void
turn_update(struct torrent *t)
{
    struct torrent_turns *turns = &t->env->turns;

    if (t->core.fetch == NULL || !metafetch_wants_turn(t->core.fetch, loop_now(t->env->loop))) {
        turn_leave(t);
        return;
    }
    if (t->turn.has && is_over(t))
        end(t);
    if (t->turn.has)
        return;
    if (!list_linked(&t->turn.waits))
        list_push_back(&turns->waiting, &t->turn.waits);
    if (turns->count < turns->max && first_of(turns) == t)
        take(t);
}
