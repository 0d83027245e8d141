/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Warns the operator once when answers leave out peers that announced from a loopback address
 * (tracker/core/external.h), and names the setting to use.
 */
#ifndef TRACKER_DAEMON_LOOPBACKHINT_H
#define TRACKER_DAEMON_LOOPBACKHINT_H

#include "common/base/log.h"
#include "common/ev/loop.h"
#include "tracker/net/shards.h"

enum { LOOPBACKHINT_PERIOD_MS = 2000 }; /* between two checks of the counters, until the warning */

struct loopbackhint;

/* The arguments are borrowed. NULL when memory is out. */
struct loopbackhint *loopbackhint_new(struct loop *loop, struct shards *shards,
                                      const struct log *log);
void loopbackhint_free(struct loopbackhint *h); /* NULL is legal */

#endif
