/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The core and the fronts count and can't log, so a timer checks the counters.
 */
#include "tracker/daemon/hints.h"

#include <stdlib.h>

struct hints {
    struct loop *loop;
    const struct worker_common *common;
    struct loop_timer *timer;
    bool told_loopback;
    uint64_t hellos;      /* when the last line about TLS was logged */
    struct mono hello_at; /* the next one is logged at the earliest */
};

static void
check_loopback(struct hints *h)
{
    struct tracker_stats s;

    if (h->told_loopback)
        return;
    shards_stats(h->common->shards, &s);
    h->told_loopback = s.withheld > 0;
    if (h->told_loopback)
        log_warn(h->common->log,
                 "a peer on this host announced from a loopback address and is not told to peers "
                 "on other hosts: set external-address to this host's address, or let the peer "
                 "announce to that address");
}

static void
check_tls(struct hints *h)
{
    struct mono now = loop_now(h->loop);
    struct metrics m = {0};

    worker_count_all(h->common, &m);
    if (m.http_tls_hellos == h->hellos || mono_before(now, h->hello_at))
        return;
    log_event(h->common->log, LOG_INFO,
              "TLS came to an address that is for plain HTTP: https:// URLs need listen-https and "
              "tls-cert",
              log_number("connections", m.http_tls_hellos - h->hellos));
    h->hellos = m.http_tls_hellos;
    h->hello_at = mono_add_ms(now, (int64_t)HINTS_REPEAT_S * 1000);
}

static void
check_counters(void *ctx)
{
    struct hints *h = ctx;

    check_loopback(h);
    check_tls(h);
    loop_timer_set(h->timer, mono_add_ms(loop_now(h->loop), HINTS_PERIOD_MS));
}

struct hints *
hints_new(struct loop *loop, const struct worker_common *common)
{
    struct hints *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return NULL;
    *h = (struct hints){.loop = loop, .common = common};
    h->timer = loop_timer_new(loop, check_counters, h);
    if (h->timer == NULL) {
        free(h);
        return NULL;
    }
    loop_timer_set(h->timer, mono_add_ms(loop_now(loop), HINTS_PERIOD_MS));
    return h;
}

void
hints_free(struct hints *h)
{
    if (h == NULL)
        return;
    loop_timer_free(h->timer);
    free(h);
}
