/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The core counts such peers and can't log, so a timer checks the counter.
 */
#include "tracker/daemon/loopbackhint.h"

#include <stdlib.h>

struct loopbackhint {
    struct loop *loop;
    struct shards *shards;
    const struct log *log;
    struct loop_timer *timer;
};

static void
check_counter(void *ctx)
{
    struct loopbackhint *h = ctx;
    struct tracker_stats s;

    shards_stats(h->shards, &s);
    if (s.withheld == 0) {
        loop_timer_set(h->timer, mono_add_ms(loop_now(h->loop), LOOPBACKHINT_PERIOD_MS));
        return;
    }
    log_warn(h->log,
             "a peer on this host announced from a loopback address and is not told to peers "
             "on other hosts: set external-address to this host's address, or let the peer "
             "announce to that address");
}

struct loopbackhint *
loopbackhint_new(struct loop *loop, struct shards *shards, const struct log *log)
{
    struct loopbackhint *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return NULL;
    *h = (struct loopbackhint){.loop = loop, .shards = shards, .log = log};
    h->timer = loop_timer_new(loop, check_counter, h);
    if (h->timer == NULL) {
        free(h);
        return NULL;
    }
    loop_timer_set(h->timer, mono_add_ms(loop_now(loop), LOOPBACKHINT_PERIOD_MS));
    return h;
}

void
loopbackhint_free(struct loopbackhint *h)
{
    if (h == NULL)
        return;
    loop_timer_free(h->timer);
    free(h);
}
