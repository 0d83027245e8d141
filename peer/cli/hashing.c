/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rate is the average since the beginning.
 */
#include "peer/cli/hashing.h"

#include "common/sys/clock.h"

enum {
    RATE_MS = 500,  /* there is no rate before this time */
    EVENT_MS = 500, /* between events */
};

void
hashing_init(struct hashing *h, struct screen *screen, const char *name)
{
    struct mono now = clock_mono();

    *h = (struct hashing){.screen = screen, .name = name, .began = now};
    h->next = mono_add_ms(now, EVENT_MS);
    if (screen->mode == SCREEN_PLAIN)
        screen->next = mono_add_ms(now, SCREEN_PLAIN_MS);
}

static void
put_event(struct hashing *h, const struct progress *p, struct mono now)
{
    if (!mono_due(h->next, now))
        return;
    h->next = mono_add_ms(now, EVENT_MS);
    screen_event(h->screen, "hashing",
                 json_pack("{s:I, s:I, s:I}", "done", (json_int_t)p->done, "total",
                           (json_int_t)p->total, "rate", (json_int_t)p->work_rate),
                 now);
}

bool
hashing_on_progress(void *hashing, uint64_t done, uint64_t total)
{
    struct hashing *h = hashing;
    struct mono now = clock_mono();
    int64_t ms = mono_diff_ms(now, h->began);
    struct progress p = {.name = h->name, .phase = "hashing", .done = done, .total = total};

    if (ms >= RATE_MS)
        p.work_rate = (uint64_t)((double)done * 1000 / (double)ms);
    put_event(h, &p, now);
    (void)screen_progress(h->screen, &p, now);
    return true;
}

void
hashing_on_notice(void *hashing, const char *text)
{
    struct hashing *h = hashing;

    screen_warn(h->screen, "%s", text);
}
