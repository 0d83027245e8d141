/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The gate bounds the announces of a whole process: how many begin in a second, in all and at one
 * tracker host, and how many are under way at a time. Without these bounds, a daemon with thousands
 * of torrents announces all of them in its first moment. The loops share one gate; any thread may
 * call it.
 */
#ifndef PEER_NET_TRACKER_GATE_H
#define PEER_NET_TRACKER_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

enum {
    TRACKER_GATE_RATE = 100,       /* announces of the process that begin in a second */
    TRACKER_GATE_HOST_RATE = 20,   /* the same at one tracker host */
    TRACKER_GATE_BURST = 1,        /* after a pause, the announces of this many seconds may begin
                                      at once */
    TRACKER_GATE_ASKS = 512,       /* announces of the process that are under way at a time */
    TRACKER_GATE_HOST_ASKS = 64,   /* the same at one tracker host */
    TRACKER_GATE_SILENT_MS = 5000, /* a host is silent if HOST_ASKS announces are under way there
                                      and none was answered for this long */
    TRACKER_GATE_AGAIN_MS = 50,    /* next attempt when too many announces are under way */
};

struct tracker_gate;

/* NULL when memory is out. */
struct tracker_gate *tracker_gate_new(void);
/* No announce may be under way (asserted). NULL is legal. */
void tracker_gate_free(struct tracker_gate *g);

/* Whether an announce at |host| may begin; if so, it counts as under way until
 * tracker_gate_leave(). If not, |*again| is the time of the next attempt, and |*silent| says
 * whether the host is silent. The rates do not apply to |urgent| announces ("stopped"), the numbers
 * of announces under way do. False when memory is out, too. */
bool tracker_gate_enter(struct tracker_gate *g, const char *host, bool urgent, struct mono now,
                        struct mono *again, bool *silent);

/* An announce that entered is over. |answered|: the tracker has answered, possibly with an error.
 */
void tracker_gate_leave(struct tracker_gate *g, const char *host, bool answered, struct mono now);

#endif
