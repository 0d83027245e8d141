/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tells the operator of mistakes that only show in the numbers, and which setting mends them:
 * answers leave out peers that announced from a loopback address (tracker/core/external.h), and
 * clients speak TLS to an address that is for plain HTTP.
 */
#ifndef TRACKER_DAEMON_HINTS_H
#define TRACKER_DAEMON_HINTS_H

#include "common/ev/loop.h"
#include "tracker/daemon/worker.h"

enum {
    HINTS_PERIOD_MS = 2000, /* between two checks of the counters */
    HINTS_REPEAT_S = 86400, /* between two lines about TLS; the other is logged once */
};

struct hints;

/* The arguments are borrowed. NULL when memory is out. */
struct hints *hints_new(struct loop *loop, const struct worker_common *common);
void hints_free(struct hints *h); /* NULL is legal */

#endif
