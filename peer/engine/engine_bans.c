/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bans belong to the process: each loop has a copy, which its torrents share, so that a look-up
 * needs no lock. A letter tells all loops of a torrent's ban. A copy outlives the torrents' cores,
 * so that a ban stays while a torrent rests or is loaded again, and an accepted connection is
 * looked up in the copy before anything is read. The loop whose torrent banned a site also stores
 * the ban, so that it outlasts the process; one commit at a time, whatever number of sites is
 * banned meanwhile.
 */
#include <stdlib.h>

#include "common/sys/clock.h"

#include "peer/engine/engine_impl.h"
#include "peer/torrent/torrent_feed.h"

/* --- the database --- */

void
engine_bans_init(struct engine *s, const uint64_t seed[2])
{
    struct mono now = loop_now(s->env.loop);
    int64_t unix_now = clock_unix();

    bans_init(&s->env.bans, seed);
    /* Bans are added in the order of their ends, because the ban that was added first is forgotten
     * first. */
    for (size_t i = s->process->ban_count; i-- > 0;) {
        const struct state_ban *ban = &s->process->bans[i];

        if (ban->until > unix_now)
            bans_add(&s->env.bans, &ban->site, mono_add_ms(now, (ban->until - unix_now) * 1000));
    }
}

static void store_waiting(struct engine *s);

static void
on_stored(void *engine, int err, const char *why)
{
    struct engine *s = engine;

    s->bans.storing = false;
    if (err != 0)
        log_warn(&s->process->shared.log, "a ban will be forgotten when this process ends: %s",
                 why);
    if (s->bans.count > 0)
        store_waiting(s);
}

static void
store_waiting(struct engine *s)
{
    int err = state_put_bans_async(s->process->shared.state, s->bans.waiting, s->bans.count,
                                   clock_unix(), s->env.doneq, on_stored, s);

    s->bans.count = 0;
    s->bans.storing = err == 0;
    if (err != 0)
        log_warn(&s->process->shared.log, "a ban will be forgotten when this process ends: %s",
                 sprat_strerror(err));
}

static void
store_ban(struct engine *s, const struct endpoint *addr)
{
    struct engine_bans *b = &s->bans;

    if (b->waiting == NULL)
        b->waiting = calloc(ENGINE_BANS_MAX, sizeof(*b->waiting));
    if (b->waiting == NULL || b->count == ENGINE_BANS_MAX)
        return;
    b->waiting[b->count++] = (struct state_ban){endpoint_site(addr), clock_unix() + BANS_MS / 1000};
    if (!b->storing)
        store_waiting(s);
}

void
engine_bans_close(struct engine *s)
{
    if (s->bans.count > 0)
        store_waiting(s);
}

void
engine_bans_fini(struct engine *s)
{
    free(s->bans.waiting);
    bans_fini(&s->env.bans);
}

/* --- the other loops --- */

/* A site that was banned. */
struct ban_news {
    struct letter letter;
    struct engine *to;
    struct endpoint addr;
    struct mono until;
};

static void
on_ban_news(struct letter *l)
{
    struct ban_news *news = LIST_ENTRY(l, struct ban_news, letter);
    struct swarm_input in = {.type = SWARM_IN_BANNED};
    struct engine *s = news->to;

    bans_add(&s->env.bans, &news->addr, news->until);
    free(news);
    LIST_EACH_SAFE (it, &s->torrents)
        torrent_feed(LIST_ENTRY(it, struct torrent, link), &in);
}

void
engine_share_ban(struct engine *s, const struct endpoint *addr)
{
    struct mono until = mono_add_ms(loop_now(s->env.loop), BANS_MS);

    store_ban(s, addr);
    for (uint32_t i = 0; i < s->process->shared.loops; i++) {
        struct engine *to = s->process->engines[i];
        struct ban_news *news = to != NULL ? malloc(sizeof(*news)) : NULL;

        if (news == NULL)
            continue;
        *news =
            (struct ban_news){.letter.run = on_ban_news, .to = to, .addr = *addr, .until = until};
        /* A loop whose mailbox is full learns of the site by its own torrents. */
        if (mailbox_post(to->mail, &news->letter) != 0)
            free(news);
    }
}
