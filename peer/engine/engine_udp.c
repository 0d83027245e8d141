/* SPDX-License-Identifier: BSD-2-Clause
 *
 * UDP trackers for all loops. The UDP sockets and the client side of the protocol are on the first
 * loop. An announce of another loop is an errand: a letter that travels to the first loop and comes
 * back with the answer. A second letter, which comes back too, cancels it. So the loops share
 * connection ids, and every answer is matched in one place.
 *
 * The errands are bounded by the announces that the gate lets begin (tracker_gate.h).
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/minmax.h"
#include "common/codec/tracker_udp.h"
#include "peer/engine/engine_impl.h"
#include "peer/net/tracker_client.h"
#include "peer/net/udp_tracker.h"

struct errand {
    struct letter announce, cancel;
    struct engine *from, *first;
    /* The asking loop's: */
    unsigned away; /* letters that have not come back */
    bool cancelled;
    struct tracker_reply *wanted;
    void (*fn)(void *ctx, int err);
    void *ctx;
    /* The first loop's, until the announce comes back: */
    struct list link;
    struct udp_ask *ask; /* NULL: over */
    struct endpoint to[UDP_TRACKER_ADDRS_MAX];
    size_t count;
    struct tracker_announce what;
    char url_data[TRACKER_UDP_URL_MAX + 1];
    int err;
    struct tracker_reply reply;
    struct endpoint peers[TRACKER_CLIENT_PEERS_MAX];
};

/* --- back on the asking loop --- */

static void
copy_reply(struct tracker_reply *to, const struct tracker_reply *from)
{
    struct tracker_reply own = *to;

    *to = *from;
    to->peers = own.peers;
    to->peers_max = own.peers_max;
    to->npeers = min_u64(from->npeers, own.peers_max);
    to->names = own.names;
    to->names_max = own.names_max;
    memcpy(to->peers, from->peers, to->npeers * sizeof(to->peers[0]));
}

static void
come_back(struct errand *e)
{
    if (--e->away == 0)
        free(e);
}

static void
on_announced(struct letter *l)
{
    struct errand *e = LIST_ENTRY(l, struct errand, announce);

    if (!e->cancelled) {
        if (e->err == 0)
            copy_reply(e->wanted, &e->reply);
        e->fn(e->ctx, e->err);
    }
    come_back(e);
}

static void
on_cancelled(struct letter *l)
{
    come_back(LIST_ENTRY(l, struct errand, cancel));
}

/* --- on the first loop --- */

/* Sends the announce back. */
static void
end(struct errand *e, int err)
{
    e->ask = NULL;
    e->err = err;
    list_remove(&e->link);
    e->announce.run = on_announced;
    mailbox_post_own(e->from->mail, &e->announce);
}

static void
on_answer(void *ctx, int err)
{
    end(ctx, err);
}

static void
on_announce(struct letter *l)
{
    struct errand *e = LIST_ENTRY(l, struct errand, announce);
    struct engine *s = e->first;
    struct udp_request request = {.to = e->to,
                                  .count = e->count,
                                  .announce = &e->what,
                                  .url_data = e->url_data,
                                  .reply = &e->reply,
                                  .fn = on_answer,
                                  .ctx = e};

    if (s->udp.tracker != NULL)
        e->ask = udp_tracker_announce(s->udp.tracker, &request);
    if (e->ask != NULL)
        list_push_back(&s->udp.errands, &e->link);
    else
        end(e, s->udp.tracker != NULL ? SPRAT_E_NOMEM : SPRAT_E_CANCELLED);
}

static void
on_cancel(struct letter *l)
{
    struct errand *e = LIST_ENTRY(l, struct errand, cancel);

    if (e->ask != NULL) {
        udp_ask_cancel(e->ask);
        end(e, SPRAT_E_CANCELLED);
    }
    e->cancel.run = on_cancelled;
    mailbox_post_own(e->from->mail, &e->cancel);
}

/* --- from the asking loop --- */

static void *
announce(void *engine, const struct udp_request *request)
{
    struct engine *s = engine;
    struct errand *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return NULL;
    e->announce.run = on_announce;
    e->from = s;
    e->first = s->process->engines[0];
    e->away = 1;
    e->wanted = request->reply;
    e->fn = request->fn;
    e->ctx = request->ctx;
    list_init(&e->link);
    e->count = min_u64(request->count, UDP_TRACKER_ADDRS_MAX);
    memcpy(e->to, request->to, e->count * sizeof(e->to[0]));
    e->what = *request->announce;
    e->what.tracker_id = NULL; /* of HTTP, and borrowed */
    if (strlen(request->url_data) < sizeof(e->url_data))
        strcpy(e->url_data, request->url_data);
    tracker_reply_init(&e->reply, e->peers, TRACKER_CLIENT_PEERS_MAX);
    mailbox_post_own(e->first->mail, &e->announce);
    return e;
}

static void
cancel(void *ask)
{
    struct errand *e = ask;

    e->cancelled = true;
    e->away++;
    e->cancel.run = on_cancel;
    mailbox_post_own(e->first->mail, &e->cancel);
}

/* --- begin and end --- */

int
engine_open_udp(struct engine *s, struct udp_asker *asker)
{
    *asker = (struct udp_asker){.ctx = s, .announce = announce, .cancel = cancel};
    if (s->env.index != 0)
        return 0;
    s->udp.tracker = udp_tracker_new(s->env.loop, &s->process->shared.source, s->process->doors.udp,
                                     UDP_TRACKER_RETRY_MS);
    if (s->udp.tracker == NULL)
        return SPRAT_E_NOMEM;
    *asker = udp_tracker_asker(s->udp.tracker);
    return 0;
}

void
engine_close_udp(struct engine *s)
{
    LIST_EACH_SAFE (it, &s->udp.errands) {
        struct errand *e = LIST_ENTRY(it, struct errand, link);

        udp_ask_cancel(e->ask);
        end(e, SPRAT_E_CANCELLED);
    }
    udp_tracker_free(s->udp.tracker);
    s->udp.tracker = NULL;
}
