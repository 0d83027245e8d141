/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Every loop computes its sums on its own thread. If a loop does not answer in time, neither the
 * line nor the watchdog's message is sent.
 */
#include "peer/daemon/unitstatus.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/printable.h"
#include "common/ev/loop.h"
#include "common/sys/sdnotify.h"

enum { PERIOD_MS = 10000 };

struct unitstatus {
    struct fanout fan; /* the visit of all loops */
    struct unitstatus_sums parts[ENGINE_LOOPS_MAX];
    bool asking; /* a visit is under way, and uses this struct */
    bool ended;  /* the owner has freed this struct; its memory is freed after the visit */
    struct daemon *daemon;
    struct loop_timer *timer;
    int64_t period_ms;
    bool watched;
    char told[UNITSTATUS_TEXT_MAX];
};

/* Whether the torrent should download but its data does not move. */
static bool
is_waiting(const struct torrent *t, const struct torrent_status *st, struct torrent_reasons *why)
{
    if (st->state != TORRENT_ERROR && st->state != TORRENT_DOWNLOADING)
        return false;
    torrent_get_reasons(t, st, why);
    return !why_moves(why->all[0].code);
}

static void
sum_loop(struct engine *s, struct fanout *f)
{
    struct unitstatus_sums *sum = &LIST_ENTRY(f, struct unitstatus, fan)->parts[engine_index(s)];
    struct torrent_reasons why;
    struct torrent_status st;

    for (struct torrent *t = engine_next(s, NULL); t != NULL; t = engine_next(s, t)) {
        torrent_get_status(t, &st);
        sum->count[st.state]++;
        sum->down_rate += st.swarm.down_rate;
        sum->up_rate += st.swarm.up_rate;
        if (is_waiting(t, &st, &why) && sum->waiting++ == 0)
            snprintf(sum->first, sizeof(sum->first), "%s: %s", torrent_name(t), why.all[0].text);
    }
}

/* Appends to |text|; cuts what does not fit. */
static void __attribute__((format(printf, 2, 3)))
append(char text[UNITSTATUS_TEXT_MAX], const char *fmt, ...)
{
    size_t len = strlen(text);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + len, UNITSTATUS_TEXT_MAX - len, fmt, ap);
    va_end(ap);
}

const char *
unitstatus_text(const struct unitstatus_sums *sums, char out[UNITSTATUS_TEXT_MAX])
{
    char text[UNITSTATUS_TEXT_MAX] = "", number[WHY_NUMBER_MAX];
    const char *between = ": ";
    uint32_t all = 0;

    for (int i = 0; i <= TORRENT_STOPPED; i++)
        all += sums->count[i];
    append(text, all == 1 ? "%u torrent" : "%u torrents", all);
    for (int i = 0; i <= TORRENT_STOPPED; i++) {
        if (sums->count[i] == 0)
            continue;
        append(text, "%s%u %s", between, sums->count[i], torrent_state_name((enum torrent_state)i));
        between = ", ";
    }
    append(text, "; %s/s down", why_size(sums->down_rate, number));
    append(text, ", %s/s up", why_size(sums->up_rate, number));
    if (sums->waiting > 0)
        append(text, "; %u %s: %s%s", sums->waiting, sums->waiting == 1 ? "waits" : "wait",
               sums->waiting == 1 ? "" : "for instance ", sums->first);
    return printable(text, out, UNITSTATUS_TEXT_MAX);
}

static void
add_sums(struct unitstatus_sums *all, const struct unitstatus_sums *part)
{
    for (int i = 0; i <= TORRENT_STOPPED; i++)
        all->count[i] += part->count[i];
    all->down_rate += part->down_rate;
    all->up_rate += part->up_rate;
    if (all->waiting == 0)
        memcpy(all->first, part->first, sizeof(all->first));
    all->waiting += part->waiting;
}

static void
on_sums(struct fanout *f, uint32_t late)
{
    struct unitstatus *u = LIST_ENTRY(f, struct unitstatus, fan);
    struct unitstatus_sums sums = {.waiting = 0};
    char text[UNITSTATUS_TEXT_MAX], state[UNITSTATUS_TEXT_MAX + 16];

    if (u->ended || late != 0)
        return;
    for (uint32_t i = 0; i < shards_count(u->daemon->shards); i++)
        add_sums(&sums, &u->parts[i]);
    if (u->watched)
        sdnotify("WATCHDOG=1");
    unitstatus_text(&sums, text);
    if (strcmp(text, u->told) != 0) {
        snprintf(state, sizeof(state), "STATUS=%s", text);
        sdnotify(state);
        strcpy(u->told, text);
    }
}

static void
after_sums(struct fanout *f)
{
    struct unitstatus *u = LIST_ENTRY(f, struct unitstatus, fan);

    u->asking = false;
    if (u->ended)
        free(u);
}

/* Begins a visit of all loops, unless the last visit is still under way. */
static void
on_timer(void *ctx)
{
    struct unitstatus *u = ctx;
    struct daemon *d = u->daemon;

    if (d->stopping)
        return;
    loop_timer_set(u->timer, mono_add_ms(loop_now(d->loop), u->period_ms));
    if (u->asking)
        return;
    u->asking = true;
    memset(u->parts, 0, sizeof(u->parts));
    shards_visit(d->shards, &u->fan);
}

int
unitstatus_new(struct daemon *d, struct unitstatus **out, struct errbuf *eb)
{
    int64_t watchdog_ms = (int64_t)(sdnotify_watchdog_us() / 1000);
    struct unitstatus *u;

    *out = NULL;
    if (!sdnotify_is_heard())
        return 0;
    u = calloc(1, sizeof(*u));
    if (u == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    u->daemon = d;
    u->fan.visit = sum_loop;
    u->fan.done = on_sums;
    u->fan.release = after_sums;
    u->watched = watchdog_ms > 0;
    u->period_ms = u->watched && watchdog_ms / 2 < PERIOD_MS ? watchdog_ms / 2 : PERIOD_MS;
    u->timer = loop_timer_new(d->loop, on_timer, u);
    if (u->timer == NULL) {
        free(u);
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    on_timer(u);
    *out = u;
    return 0;
}

void
unitstatus_free(struct unitstatus *u)
{
    if (u == NULL)
        return;
    loop_timer_free(u->timer);
    u->ended = true;
    if (!u->asking)
        free(u);
}
