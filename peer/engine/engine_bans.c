/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bans belong to the process: each loop has a copy, which its torrents share, so that a look-up
 * needs no lock. A letter tells all loops of a torrent's ban. A copy outlives the torrents' cores,
 * so that a ban stays while a torrent rests or is loaded again, and an accepted connection is
 * looked up in the copy before anything is read.
 */
#include <stdlib.h>

#include "peer/engine/engine_impl.h"
#include "peer/torrent/torrent_fx.h"

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
    LIST_EACH_SAFE(it, &s->torrents)
        torrent_feed(LIST_ENTRY(it, struct torrent, link), &in);
}

void
engine_share_ban(struct engine *s, const struct endpoint *addr)
{
    struct mono until = mono_add_ms(loop_now(s->env.loop), BANS_MS);

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
