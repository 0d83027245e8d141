/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keeps spare connections: when nearly all connections of the process are in use, each loop closes
 * one that transfers nothing, if it has one, so that the next peer can connect, to any torrent.
 */
#include <stdlib.h>

#include "peer/engine/engine_impl.h"
#include "peer/torrent/torrent_feed.h"

enum { ASK_MS = 100 }; /* no loop is asked again sooner */

/* True if |t|'s core closed a connection. */
static bool
gives_up_one(struct torrent *t)
{
    struct swarm_input in = {.type = SWARM_IN_MAKE_ROOM};
    uint32_t before = t->net.conns;

    if (before > 0)
        torrent_feed(t, &in);
    return t->net.conns < before;
}

/* The torrents take turns, in the order of their serial numbers. */
static void
give_up_one(struct engine *s)
{
    for (int round = 0; round < 2; round++) {
        LIST_EACH_SAFE (it, &s->torrents) {
            struct torrent *t = LIST_ENTRY(it, struct torrent, link);

            if ((round == 0) != (t->serial > s->spare.turn) || !gives_up_one(t))
                continue;
            s->spare.turn = t->serial;
            return;
        }
    }
}

struct spare_request {
    struct letter letter;
    struct engine *to;
};

static void
on_request(struct letter *l)
{
    struct spare_request *r = LIST_ENTRY(l, struct spare_request, letter);
    struct engine *s = r->to;

    free(r);
    give_up_one(s);
}

static void
ask(struct engine *to)
{
    struct spare_request *r = to != NULL ? malloc(sizeof(*r)) : NULL;

    if (r == NULL)
        return;
    *r = (struct spare_request){.letter.run = on_request, .to = to};
    if (mailbox_post(to->mail, &r->letter) != 0)
        free(r);
}

void
engine_keep_spare(struct engine *s)
{
    struct mono now = loop_now(s->env.loop);

    if (!process_is_crowded(s->process) || !mono_due(s->spare.next, now))
        return;
    s->spare.next = mono_add_ms(now, ASK_MS);
    for (uint32_t i = 0; i < s->process->shared.loops; i++)
        if (s->process->engines[i] != s)
            ask(s->process->engines[i]);
    give_up_one(s);
}
