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
    TRACKER_GATE_HOST_RATE = 20,   /* of them, at one tracker host */
    TRACKER_GATE_BURST = 1,        /* seconds: so many more may begin after a pause */
    TRACKER_GATE_ASKS = 512,       /* announces of the process that are under way */
    TRACKER_GATE_HOST_ASKS = 64,   /* of them, at one tracker host */
    TRACKER_GATE_SILENT_MS = 5000, /* a host whose announces are all under way and that has not
                                      answered for so long is silent */
    TRACKER_GATE_AGAIN_MS = 50,    /* when all are under way, the gate is asked again after that */
};

struct tracker_gate;

/* NULL when memory is out. */
struct tracker_gate *tracker_gate_new(void);
/* No announce may be under way (asserted). NULL is legal. */
void tracker_gate_free(struct tracker_gate *g);

/* Whether an announce at |host| may begin. If it may not: the time of the next attempt in |*again|,
 * and whether the host is silent in |*silent|. An |urgent| announce ("stopped") waits for no rate.
 */
bool tracker_gate_enter(struct tracker_gate *g, const char *host, bool urgent, struct mono now,
                        struct mono *again, bool *silent);

/* An announce that entered is over; |answered|: the tracker has answered, possibly with an error.
 */
void tracker_gate_leave(struct tracker_gate *g, const char *host, bool answered, struct mono now);

#endif
