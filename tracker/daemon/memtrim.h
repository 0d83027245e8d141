/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Returns memory to the system after a burst of TLS connections. A connection takes about 50 KiB
 * until its handshake ends. When thousands of them have ended, their pages are free, but a few
 * small allocations at higher addresses keep malloc() from returning the pages.
 */
#ifndef TRACKER_DAEMON_MEMTRIM_H
#define TRACKER_DAEMON_MEMTRIM_H

#include "common/ev/loop.h"
#include "tracker/daemon/worker.h"

enum {
    MEMTRIM_PERIOD_MS = 5000,     /* between two checks of the number of handshakes */
    MEMTRIM_HANDSHAKES_MIN = 100, /* handshakes that must have ended since the last check */
};

struct memtrim;

/* The arguments are borrowed. NULL when memory is out. */
struct memtrim *memtrim_new(struct loop *loop, const struct worker_common *common);
void memtrim_free(struct memtrim *t); /* NULL is legal */

#endif
