/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list of hosts with waiting entries, ordered by the time of their last beginning, and a timer
 * for the next attempt at the gate.
 */
#include "peer/net/tracker_queue.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/base/magic.h"

#define TRACKER_QUEUE_MAGIC 0x54524b51u

/* A tracker host at which entries wait. */
struct tracker_host {
    struct list link;
    struct list entries[TRACKER_NEEDS];
    bool silent; /* the host was found silent, and all its entries have been told */
    char name[];
};

struct tracker_queue {
    uint32_t magic;
    struct loop *loop;
    struct tracker_gate *gate;
    struct tracker_queue_owner owner;
    struct list hosts;          /* the host at which an announce began longest ago comes first */
    struct loop_timer *attempt; /* the next attempt to let announces begin */
    uint32_t entered;           /* entries that the gate counts */
};

static struct tracker_host *
host_of(struct tracker_queue *q, const char *name)
{
    size_t len = strlen(name);
    struct tracker_host *h;

    LIST_EACH (it, &q->hosts) {
        h = LIST_ENTRY(it, struct tracker_host, link);
        if (strcmp(h->name, name) == 0)
            return h;
    }
    h = calloc(1, sizeof(*h) + len + 1);
    if (h == NULL)
        return NULL;
    memcpy(h->name, name, len + 1);
    for (int need = 0; need < TRACKER_NEEDS; need++)
        list_init(&h->entries[need]);
    list_init(&h->link);
    list_push_back(&q->hosts, &h->link);
    return h;
}

/* Removes a waiting entry from its host, and frees the host if it was the host's last. */
static void
stop_waiting(struct tracker_entry *e)
{
    struct tracker_host *h = e->waits_at;

    list_remove(&e->link);
    e->waits_at = NULL;
    for (int need = 0; need < TRACKER_NEEDS; need++)
        if (!list_empty(&h->entries[need]))
            return;
    list_remove(&h->link);
    free(h);
}

static void
call_begun(struct tracker_queue *q, struct tracker_entry *e)
{
    if (e->told)
        return;
    e->told = true;
    q->owner.begun(e);
}

/* Announces that wait at a silent host count as begun: the announcer may turn to other trackers. */
static void
mark_silent(struct tracker_queue *q, struct tracker_host *h)
{
    if (h->silent)
        return;
    h->silent = true;
    for (int need = 0; need < TRACKER_NEEDS; need++)
        LIST_EACH (it, &h->entries[need])
            call_begun(q, LIST_ENTRY(it, struct tracker_entry, link));
}

/* Begins |e|, which waits at |h| and which the gate has let in. False: |e| leaves the gate and
 * keeps its place. */
static bool
begin(struct tracker_queue *q, struct tracker_host *h, struct tracker_entry *e)
{
    if (!q->owner.begin(e)) {
        tracker_gate_leave(q->gate, e->host, false, loop_now(q->loop));
        return false;
    }
    list_remove(&h->link);
    list_push_back(&q->hosts, &h->link);
    stop_waiting(e);
    e->entered = true;
    q->entered++;
    call_begun(q, e);
    return true;
}

/* Lets the first entry of |need| at |h| begin. False: nothing began; |*again| is brought forward to
 * the time of the next attempt at this host. */
static bool
begin_at(struct tracker_queue *q, struct tracker_host *h, enum tracker_need need,
         struct mono *again)
{
    struct mono now = loop_now(q->loop), at;
    struct tracker_entry *e;
    bool silent;

    if (list_empty(&h->entries[need]))
        return false;
    e = LIST_ENTRY(h->entries[need].next, struct tracker_entry, link);
    if (!tracker_gate_enter(q->gate, e->host, need == TRACKER_NEED_STOPPED, now, &at, &silent)) {
        *again = mono_min(*again, at);
        if (silent)
            mark_silent(q, h);
        return false;
    }
    if (begin(q, h, e))
        return true;
    *again = mono_min(*again, mono_add_ms(now, TRACKER_GATE_AGAIN_MS));
    return false;
}

/* Lets one announce begin, the most urgent that can. False: none can; |*again| is the time of the
 * next attempt. */
static bool
begin_one(struct tracker_queue *q, struct mono *again)
{
    *again = MONO_NEVER;
    for (int need = 0; need < TRACKER_NEEDS; need++)
        LIST_EACH_SAFE (it, &q->hosts)
            if (begin_at(q, LIST_ENTRY(it, struct tracker_host, link), need, again))
                return true;
    return false;
}

static void
on_attempt(void *ctx)
{
    struct tracker_queue *q = ctx;
    struct mono again;

    MAGIC_CHECK(q, TRACKER_QUEUE_MAGIC);
    while (begin_one(q, &again))
        ;
    loop_timer_set(q->attempt, again);
}

int
tracker_queue_add(struct tracker_queue *q, struct tracker_entry *e, const char *host,
                  enum tracker_need need)
{
    struct tracker_host *h = host_of(q, host);

    if (h == NULL)
        return SPRAT_E_NOMEM;
    e->host = host;
    e->waits_at = h;
    h->silent = false; /* so that the new entry is told too, if the host is still silent */
    list_init(&e->link);
    list_push_back(&h->entries[need], &e->link);
    loop_timer_set(q->attempt, loop_now(q->loop));
    return 0;
}

void
tracker_queue_remove(struct tracker_queue *q, struct tracker_entry *e, bool answered)
{
    if (e->waits_at != NULL)
        stop_waiting(e);
    if (!e->entered)
        return;
    e->entered = false;
    q->entered--;
    tracker_gate_leave(q->gate, e->host, answered, loop_now(q->loop));
    loop_timer_set(q->attempt, loop_now(q->loop));
}

struct tracker_queue *
tracker_queue_new(struct loop *l, struct tracker_gate *gate,
                  const struct tracker_queue_owner *owner)
{
    struct tracker_queue *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return NULL;
    MAGIC_SET(q, TRACKER_QUEUE_MAGIC);
    q->loop = l;
    q->gate = gate;
    q->owner = *owner;
    list_init(&q->hosts);
    q->attempt = loop_timer_new(l, on_attempt, q);
    if (q->attempt == NULL) {
        tracker_queue_free(q);
        return NULL;
    }
    return q;
}

void
tracker_queue_free(struct tracker_queue *q)
{
    if (q == NULL)
        return;
    MAGIC_CHECK(q, TRACKER_QUEUE_MAGIC);
    ASSERT(list_empty(&q->hosts) && q->entered == 0);
    loop_timer_free(q->attempt);
    MAGIC_CLEAR(q);
    free(q);
}
