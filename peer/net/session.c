/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine of a loop: opens what its torrents share, gives each its turn, and ends. What a
 * torrent does is its own affair.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/crypto/random.h"
#include "config.h"
#include "peer/net/session_impl.h"

#define SESSION_MAGIC 0x53455353u

/* --- turns --- */

void
session_mark_dirty(struct torrent *t)
{
    if (!list_linked(&t->dirty))
        list_push_back(&t->session->dirty, &t->dirty);
    loop_task_ask(t->session->turn);
}

static bool
all_stopped(const struct session *s)
{
    LIST_EACH(it, &s->torrents)
        if (LIST_ENTRY(it, const struct torrent, link)->phase != PHASE_STOPPED)
            return false;
    return true;
}

static void
end_if_stopped(struct session *s)
{
    if (!s->end.begun || s->end.told || !all_stopped(s) || !list_empty(&s->events) ||
        !farewells_done(s->farewells))
        return;
    s->end.told = true;
    loop_timer_set(s->end.deadline, MONO_NEVER);
    s->end.done(s->end.ctx);
}

static void
on_turn(void *ctx)
{
    struct session *s = ctx;
    struct list now, *link;

    MAGIC_CHECK(s, SESSION_MAGIC);
    list_init(&now);
    while ((link = list_pop_front(&s->dirty)) != NULL)
        list_push_back(&now, link);
    while ((link = list_pop_front(&now)) != NULL)
        torrent_turn(LIST_ENTRY(link, struct torrent, dirty));
    event_deliver(s);
    end_if_stopped(s);
}

static void
on_save(void *ctx)
{
    struct session *s = ctx;

    LIST_EACH(it, &s->torrents) {
        struct torrent *t = LIST_ENTRY(it, struct torrent, link);

        if (t->phase == PHASE_RUNNING)
            torrent_save(t);
        torrent_rest_trim(t);
    }
    bans_expire(&s->bans, loop_now(s->loop));
    block_pool_trim(conn_hub_blocks(s->hub), 0);
    loop_timer_set(s->save_timer, mono_add_ms(loop_now(s->loop), SESSION_SAVE_MS));
}

/* --- the disk's answers --- */

static void
notify_disk(void *ctx)
{
    struct session *s = ctx;

    loop_waker_wake(s->disk.waker);
}

/* There may be room at the disk. */
static void
on_room(struct session *s)
{
    struct list *link;

    conn_hub_kick(s->hub);
    while ((link = list_pop_front(&s->disk.crowded)) != NULL)
        session_mark_dirty(LIST_ENTRY(link, struct torrent, crowded));
}

static void
on_disk(void *ctx)
{
    struct session *s = ctx;

    MAGIC_CHECK(s, SESSION_MAGIC);
    doneq_drain(s->disk.doneq);
    on_room(s);
}

static void
on_again(void *ctx)
{
    struct session *s = ctx;

    MAGIC_CHECK(s, SESSION_MAGIC);
    s->disk.awaited = false;
    on_room(s);
}

void
session_await_disk(struct session *s)
{
    if (s->disk.awaited)
        return;
    s->disk.awaited = true;
    loop_timer_set(s->disk.again, mono_add_ms(loop_now(s->loop), SESSION_AGAIN_MS));
}

/* --- opening --- */

static int
open_disk(struct session *s)
{
    s->disk.waker = loop_waker_new(s->loop, on_disk, s);
    s->disk.again = loop_timer_new(s->loop, on_again, s);
    if (s->disk.waker == NULL || s->disk.again == NULL)
        return SPRAT_E_NOMEM;
    s->disk.doneq = doneq_new(notify_disk, s);
    return s->disk.doneq != NULL ? 0 : SPRAT_E_NOMEM;
}

static void
on_deadline(void *ctx)
{
    struct session *s = ctx;

    s->end.late = true;
    LIST_EACH(it, &s->torrents)
        track_cancel(LIST_ENTRY(it, struct torrent, link));
}

static void
on_farewells_over(void *ctx)
{
    struct session *s = ctx;

    loop_task_ask(s->turn);
}

static void
on_addresses_gone(void *ctx, const struct endpoint *addrs, size_t count)
{
    struct session *s = ctx;

    MAGIC_CHECK(s, SESSION_MAGIC);
    LIST_EACH_SAFE(it, &s->torrents)
        peers_on_addresses_gone(LIST_ENTRY(it, struct torrent, link), addrs, count);
}

static int
open_net(struct session *s)
{
    uint32_t loops = s->house->loops;
    uint64_t seed[2];

    random_bytes(seed, sizeof(seed));
    s->sites = sitebudget_new(loops, seed);
    s->resolver = resolver_new(s->loop);
    s->fetcher = fetcher_new(s->loop, "sprat/" PACKAGE_VERSION, s->house->ca_file);
    s->hub = conn_hub_new(s->loop, SESSION_BLOCKS_MAX / loops, CONN_HUB_BUFFERS_MAX / loops);
    s->mail = mailbox_new(s->loop, SESSION_LETTERS_MAX);
    s->farewells = farewells_new(s->loop, on_farewells_over, s);
    s->addresses = netwatch_new(s->loop, on_addresses_gone, s);
    s->turn = loop_task_new(s->loop, on_turn, s);
    s->save_timer = loop_timer_new(s->loop, on_save, s);
    s->end.deadline = loop_timer_new(s->loop, on_deadline, s);
    s->share.timer = loop_timer_new(s->loop, house_on_share, s);
    if (s->sites == NULL || s->share.timer == NULL || s->resolver == NULL ||
        s->fetcher == NULL || s->hub == NULL || s->mail == NULL || s->farewells == NULL ||
        s->addresses == NULL || s->turn == NULL || s->save_timer == NULL || s->end.deadline == NULL)
        return SPRAT_E_NOMEM;
    loop_timer_set(s->save_timer, mono_add_ms(loop_now(s->loop), SESSION_SAVE_MS));
    return 0;
}

static int
open_trackers(struct session *s, struct errbuf *eb)
{
    s->tracker = tracker_client_new(s->loop, s->resolver, s->fetcher, &s->house->doors.source,
                                    UDP_TRACKER_RETRY_MS);
    return s->tracker != NULL ? 0 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

static uint32_t
free_index(const struct house *h)
{
    uint32_t i = 0;

    while (h->sessions[i] != NULL)
        i++;
    ASSERT(i < h->loops);
    return i;
}

static struct session *
session_alloc(struct house *h, struct loop *loop, const struct session_config *cfg,
              const struct session_handler *handler)
{
    struct session *s = calloc(1, sizeof(*s));
    uint64_t seed, keys[2];

    if (s == NULL)
        return NULL;
    MAGIC_SET(s, SESSION_MAGIC);
    s->house = h;
    s->index = free_index(h);
    h->sessions[s->index] = s;
    s->loop = loop;
    s->handler = *handler;
    s->loads.max = SESSION_LOADS_MAX / h->loops;
    list_init(&s->torrents);
    list_init(&s->dirty);
    list_init(&s->disk.crowded);
    list_init(&s->loads.waiting);
    list_init(&s->events);
    list_init(&s->listen.stranger_list);
    random_bytes(keys, sizeof(keys));
    bans_init(&s->bans, keys);
    random_bytes(&seed, sizeof(seed));
    rng_init(&s->rng, seed);
    rate_bucket_init(&s->up, cfg->up_limit, loop_now(loop));
    rate_bucket_init(&s->down, cfg->down_limit, loop_now(loop));
    return s;
}

int
session_open(struct house *h, struct loop *loop, const struct session_config *cfg,
             const struct session_handler *handler, struct session **out, struct errbuf *eb)
{
    struct session *s = session_alloc(h, loop, cfg, handler);
    int err;

    if (s == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = open_disk(s);
    if (err == 0)
        err = open_net(s);
    if (err != 0)
        errbuf_set(eb, err, "out of memory");
    if (err == 0 && s->index == 0)
        err = session_listen_all(s, cfg, eb);
    if (err == 0)
        err = open_trackers(s, eb);
    if (err != 0) {
        session_close(s);
        session_release(s);
        return err;
    }
    *out = s;
    return 0;
}

int
session_new(struct loop *loop, const struct session_config *cfg,
            const struct session_handler *handler, struct session **out, struct errbuf *eb)
{
    struct house *h;
    int err = house_new(cfg, 1, &h, eb);

    if (err != 0)
        return err;
    err = session_open(h, loop, cfg, handler, out, eb);
    if (err != 0) {
        house_quiet(h);
        house_free(h);
        return err;
    }
    (*out)->own_house = true;
    return 0;
}

/* --- ending --- */

void
session_stop(struct session *s, void (*done)(void *ctx), void *ctx)
{
    MAGIC_CHECK(s, SESSION_MAGIC);
    if (s->end.begun)
        return;
    s->end.begun = true;
    s->end.done = done;
    s->end.ctx = ctx;
    loop_timer_set(s->end.deadline, mono_add_ms(loop_now(s->loop), SESSION_STOP_MS));
    LIST_EACH(it, &s->torrents)
        torrent_stop(LIST_ENTRY(it, struct torrent, link));
    loop_task_ask(s->turn);
}

void
session_hurry(struct session *s)
{
    MAGIC_CHECK(s, SESSION_MAGIC);
    if (!s->end.begun)
        return;
    on_deadline(s);
    farewells_cut(s->farewells);
    loop_task_ask(s->turn);
}

/* Torrents that were not stopped end as by a crash; only the disk's threads are waited for. */
static void
drop_torrents(struct session *s)
{
    LIST_EACH(it, &s->torrents)
        torrent_crash(LIST_ENTRY(it, struct torrent, link));
    LIST_EACH(c, &s->torrents) {
        struct torrent *t = LIST_ENTRY(c, struct torrent, link);

        while (t->disk.storage != NULL)
            doneq_wait(s->disk.doneq, -1);
    }
    while (!list_empty(&s->torrents))
        session_forget(s, LIST_ENTRY(s->torrents.next, struct torrent, link));
}

void
session_close(struct session *s)
{
    MAGIC_CHECK(s, SESSION_MAGIC);
    s->end.begun = true;
    if (s->mail != NULL)
        mailbox_drain(s->mail); /* who comes now is turned away */
    session_close_doors(s);
    drop_torrents(s);
    event_drop(s, NULL);
    tracker_client_free(s->tracker);
    fetcher_free(s->fetcher);
    resolver_free(s->resolver);
    farewells_free(s->farewells);
    netwatch_free(s->addresses);
    conn_hub_free(s->hub);
}

/* The database may have had updates of torrents that are gone: nobody waits for their answers. */
void
session_release(struct session *s)
{
    if (s->disk.doneq != NULL)
        doneq_drain(s->disk.doneq);
    doneq_free(s->disk.doneq);
    mailbox_free(s->mail);
    loop_waker_free(s->disk.waker);
    loop_timer_free(s->disk.again);
    loop_timer_free(s->share.timer);
    loop_task_free(s->turn);
    loop_timer_free(s->save_timer);
    loop_timer_free(s->end.deadline);
    sitebudget_free(s->sites);
    bans_fini(&s->bans);
    s->house->sessions[s->index] = NULL;
    MAGIC_CLEAR(s);
    free(s);
}

void
session_free(struct session *s)
{
    struct house *h;

    if (s == NULL)
        return;
    MAGIC_CHECK(s, SESSION_MAGIC);
    ASSERT(s->own_house);
    h = s->house;
    session_close(s);
    house_quiet(h);
    session_release(s);
    house_free(h);
}

void
session_set_limits(struct session *s, uint64_t up_limit, uint64_t down_limit)
{
    rate_bucket_set(&s->up, up_limit, loop_now(s->loop));
    rate_bucket_set(&s->down, down_limit, loop_now(s->loop));
    LIST_EACH(it, &s->torrents)
        session_mark_dirty(LIST_ENTRY(it, struct torrent, link));
}
