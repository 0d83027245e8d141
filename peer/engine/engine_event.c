/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The event queue: events are queued where they arise and delivered to the user's handler from the
 * loop, so that the handler may do anything. After the last event of a removed torrent, the torrent
 * is forgotten and freed.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/engine/engine_impl.h"
#include "peer/torrent/torrent_life.h"

void
engine_tell(struct torrent *t, enum torrent_event_type type, int err, const char *message)
{
    size_t len = strnlen(message, ERRBUF_SIZE - 1);
    struct pending_event *ev = calloc(1, sizeof(*ev) + len + 1);

    if (ev == NULL) {
        log_error(&t->env->shared->log, "%s: %s (an event was lost: out of memory)", t->facts.name,
                  message);
        return;
    }
    ev->torrent = t;
    ev->type = type;
    ev->err = err;
    memcpy(ev->message, message, len);
    list_init(&ev->link);
    list_push_back(&engine_of(t)->events, &ev->link);
    loop_task_ask(engine_of(t)->steps);
}

void
event_drop(struct engine *s, const struct torrent *t)
{
    LIST_EACH_SAFE (it, &s->events) {
        struct pending_event *ev = LIST_ENTRY(it, struct pending_event, link);

        if (t != NULL && ev->torrent != t)
            continue;
        list_remove(&ev->link);
        free(ev);
    }
}

void
event_deliver(struct engine *s, void (*forget)(struct engine *s, struct torrent *t))
{
    struct list *link;

    while ((link = list_pop_front(&s->events)) != NULL) {
        struct pending_event *ev = LIST_ENTRY(link, struct pending_event, link);
        struct torrent *t = ev->torrent;
        struct torrent_event out = {.type = ev->type, .err = ev->err, .message = ev->message};

        s->handler.on_event(s->handler.ctx, t, &out);
        if (ev->type == TORRENT_EVENT_STOPPED && torrent_is_being_removed(t))
            forget(s, t);
        free(ev);
    }
}
