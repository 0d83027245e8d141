/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The queue of a loop's announces that wait for the process's gate (tracker_gate.h). Each tracker
 * host has three lists, by need: "stopped" first, then downloads, then seeds. When the gate lets an
 * announce begin, the most urgent need of all hosts goes first; among equal needs, the host whose
 * last announce began longest ago. The queue knows nothing of URLs, protocols or answers.
 */
#ifndef PEER_NET_TRACKER_QUEUE_H
#define PEER_NET_TRACKER_QUEUE_H

#include <stdbool.h>

#include "common/ds/list.h"
#include "common/ev/loop.h"
#include "peer/net/tracker_gate.h"

enum tracker_need {
    TRACKER_NEED_STOPPED,
    TRACKER_NEED_DOWNLOAD,
    TRACKER_NEED_SEED,
    TRACKER_NEEDS,
};

struct tracker_queue;
struct tracker_host;

/* An announce's entry, embedded in the announce; zeroed before tracker_queue_add(). */
struct tracker_entry {
    struct list link;              /* in a list of |waits_at| */
    struct tracker_host *waits_at; /* NULL: not in the queue */
    const char *host;              /* the gate's key; the owner's string */
    bool entered;                  /* the gate counts this announce as under way */
    bool told;                     /* begun() was called */
};

/* Callbacks for an entry, called from the loop. */
struct tracker_queue_owner {
    /* Begins the announce. False: memory is out, or no name lookup is possible now; the entry keeps
     * its place in the queue. Must not remove the entry. */
    bool (*begin)(struct tracker_entry *e);
    /* Called once: after begin() has succeeded, or while the entry waits, when its host is found
     * silent. Must not remove the entry. */
    void (*begun)(struct tracker_entry *e);
};

/* |l| and |gate| must outlive the queue. NULL when memory is out. */
struct tracker_queue *tracker_queue_new(struct loop *l, struct tracker_gate *gate,
                                        const struct tracker_queue_owner *owner);
/* No entry may be left, waiting or entered (asserted). NULL is legal. */
void tracker_queue_free(struct tracker_queue *q);

/* Appends |e|, which begins soon, never within this call. |host| must live as long as |e|. Returns
 * 0 or SPRAT_E_NOMEM. */
int tracker_queue_add(struct tracker_queue *q, struct tracker_entry *e, const char *host,
                      enum tracker_need need);

/* The announce is over, or is cancelled: removes |e| from the queue, or, if it has begun, lets it
 * leave the gate. |answered|: the tracker has answered, possibly with an error. No effect on an
 * entry that was not added. */
void tracker_queue_remove(struct tracker_queue *q, struct tracker_entry *e, bool answered);

#endif
