/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine of a loop: opens the data that its torrents share, runs the steps of the torrents, and
 * ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/crypto/random.h"
#include "config.h"
#include "peer/engine/engine_impl.h"
#include "peer/torrent/torrent_close.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_peers.h"
#include "peer/torrent/torrent_rest.h"
#include "peer/torrent/torrent_save.h"
#include "peer/torrent/torrent_steps.h"
#include "peer/torrent/torrent_track.h"
#include "peer/torrent/torrent_turn.h"

#define ENGINE_MAGIC 0x53455353u

_Static_assert((int)TORRENT_TURNS_MAX >= (int)ENGINE_LOOPS_MAX, "each loop has a turn");

/* --- steps of torrents --- */

void
engine_mark_dirty(struct torrent *t)
{
    if (!list_linked(&t->dirty))
        list_push_back(&engine_of(t)->dirty, &t->dirty);
    loop_task_ask(engine_of(t)->steps);
}

static bool
all_stopped(const struct engine *s)
{
    LIST_EACH (it, &s->torrents)
        if (LIST_ENTRY(it, const struct torrent, link)->life.phase != PHASE_STOPPED)
            return false;
    return true;
}

static void
end_if_stopped(struct engine *s)
{
    if (!s->end.begun || s->end.told || !all_stopped(s) || !list_empty(&s->events) ||
        !farewells_done(s->env.farewells))
        return;
    s->end.told = true;
    loop_timer_set(s->end.deadline, MONO_NEVER);
    s->end.done(s->end.ctx);
}

static void
on_steps(void *ctx)
{
    struct engine *s = ctx;
    struct list now, *link;

    MAGIC_CHECK(s, ENGINE_MAGIC);
    list_init(&now);
    while ((link = list_pop_front(&s->dirty)) != NULL)
        list_push_back(&now, link);
    while ((link = list_pop_front(&now)) != NULL)
        torrent_do_steps(LIST_ENTRY(link, struct torrent, dirty));
    event_deliver(s, engine_forget);
    end_if_stopped(s);
}

static void
on_save(void *ctx)
{
    struct engine *s = ctx;

    LIST_EACH (it, &s->torrents) {
        struct torrent *t = LIST_ENTRY(it, struct torrent, link);

        if (torrent_is_running(t))
            torrent_save(t);
        rest_trim(t);
    }
    bans_expire(&s->env.bans, loop_now(s->env.loop));
    block_pool_trim(conn_hub_blocks(s->env.hub), 0);
    loop_timer_set(s->save_timer, mono_add_ms(loop_now(s->env.loop), ENGINE_SAVE_MS));
}

/* --- the disk's answers --- */

static void
notify_disk(void *ctx)
{
    struct engine *s = ctx;

    loop_waker_wake(s->disk.waker);
}

/* There may be room at the disk. */
static void
on_room(struct engine *s)
{
    struct list *link;

    conn_hub_kick(s->env.hub);
    while ((link = list_pop_front(&s->env.crowded)) != NULL)
        torrent_mark_dirty(LIST_ENTRY(link, struct torrent, crowded));
}

static void
on_disk(void *ctx)
{
    struct engine *s = ctx;

    MAGIC_CHECK(s, ENGINE_MAGIC);
    doneq_drain(s->env.doneq);
    on_room(s);
}

static void
on_again(void *ctx)
{
    struct engine *s = ctx;

    MAGIC_CHECK(s, ENGINE_MAGIC);
    s->disk.awaited = false;
    on_room(s);
}

void
engine_await_disk(struct engine *s)
{
    if (s->disk.awaited)
        return;
    s->disk.awaited = true;
    loop_timer_set(s->disk.again, mono_add_ms(loop_now(s->env.loop), ENGINE_AGAIN_MS));
}

/* --- opening --- */

static int
open_disk(struct engine *s)
{
    s->disk.waker = loop_waker_new(s->env.loop, on_disk, s);
    s->disk.again = loop_timer_new(s->env.loop, on_again, s);
    if (s->disk.waker == NULL || s->disk.again == NULL)
        return SPRAT_E_NOMEM;
    s->env.doneq = doneq_new(notify_disk, s);
    return s->env.doneq != NULL ? 0 : SPRAT_E_NOMEM;
}

static void
on_deadline(void *ctx)
{
    struct engine *s = ctx;

    s->env.late = true;
    LIST_EACH (it, &s->torrents)
        track_cancel(LIST_ENTRY(it, struct torrent, link));
}

static void
on_farewells_over(void *ctx)
{
    struct engine *s = ctx;

    loop_task_ask(s->steps);
}

static void
on_addresses_gone(void *ctx, const struct endpoint *addrs, size_t count)
{
    struct engine *s = ctx;

    MAGIC_CHECK(s, ENGINE_MAGIC);
    LIST_EACH_SAFE (it, &s->torrents)
        peers_on_addresses_gone(LIST_ENTRY(it, struct torrent, link), addrs, count);
}

static void
on_interfaces_changed(void *ctx)
{
    struct engine *s = ctx;

    MAGIC_CHECK(s, ENGINE_MAGIC);
    engine_search_on_change(s);
}

static int
open_net(struct engine *s)
{
    struct netwatch_handler watch = {
        .ctx = s, .on_gone = on_addresses_gone, .on_changed = on_interfaces_changed};
    uint32_t loops = s->process->shared.loops;
    uint64_t seed[2];

    random_bytes(seed, sizeof(seed));
    s->env.sites = sitebudget_new(loops, seed);
    s->env.resolver = resolver_new(s->env.loop);
    s->fetcher = fetcher_new(s->env.loop, "sprat/" PACKAGE_VERSION, s->process->ca_file);
    s->env.hub = conn_hub_new(s->env.loop, ENGINE_BLOCKS_MAX / loops, CONN_HUB_BUFFERS_MAX / loops);
    s->mail = mailbox_new(s->env.loop, ENGINE_LETTERS_MAX);
    s->env.farewells = farewells_new(s->env.loop, on_farewells_over, s);
    s->addresses = netwatch_new(s->env.loop, &watch);
    s->steps = loop_task_new(s->env.loop, on_steps, s);
    s->save_timer = loop_timer_new(s->env.loop, on_save, s);
    s->end.deadline = loop_timer_new(s->env.loop, on_deadline, s);
    s->share.timer = loop_timer_new(s->env.loop, process_on_share, s);
    if (s->env.sites == NULL || s->share.timer == NULL || s->env.resolver == NULL ||
        s->fetcher == NULL || s->env.hub == NULL || s->mail == NULL || s->env.farewells == NULL ||
        s->addresses == NULL || s->steps == NULL || s->save_timer == NULL ||
        s->end.deadline == NULL)
        return SPRAT_E_NOMEM;
    loop_timer_set(s->save_timer, mono_add_ms(loop_now(s->env.loop), ENGINE_SAVE_MS));
    return 0;
}

static int
open_trackers(struct engine *s, struct errbuf *eb)
{
    struct udp_asker udp;

    if (engine_open_udp(s, &udp) == 0)
        s->env.tracker =
            tracker_client_new(s->env.loop, s->env.resolver, s->fetcher, s->process->shared.gate,
                               &s->process->shared.source, &udp);
    return s->env.tracker != NULL ? 0 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

static uint32_t
free_index(const struct process *h)
{
    uint32_t i = 0;

    while (h->engines[i] != NULL)
        i++;
    ASSERT(i < h->shared.loops);
    return i;
}

static struct engine *
engine_alloc(struct process *h, struct loop *loop, const struct engine_config *cfg,
             const struct engine_handler *handler)
{
    struct engine *s = calloc(1, sizeof(*s));
    uint64_t seed, keys[2];

    if (s == NULL)
        return NULL;
    MAGIC_SET(s, ENGINE_MAGIC);
    s->process = h;
    s->env.calls = &engine_env_calls;
    s->env.shared = &h->shared;
    s->env.index = free_index(h);
    h->engines[s->env.index] = s;
    s->env.loop = loop;
    s->handler = *handler;
    s->env.loads.max = TORRENT_LOADS_MAX / h->shared.loops;
    list_init(&s->torrents);
    list_init(&s->dirty);
    list_init(&s->env.crowded);
    list_init(&s->env.loads.waiting);
    turns_init(&s->env.turns, h->shared.loops);
    list_init(&s->events);
    list_init(&s->listen.stranger_list);
    random_bytes(keys, sizeof(keys));
    engine_bans_init(s, keys);
    engine_search_init(s, keys);
    list_init(&s->udp.errands);
    random_bytes(&seed, sizeof(seed));
    rng_init(&s->env.rng, seed);
    rate_bucket_init(&s->env.up, cfg->up_limit, loop_now(loop));
    rate_bucket_init(&s->env.down, cfg->down_limit, loop_now(loop));
    return s;
}

int
engine_open(struct process *h, struct loop *loop, const struct engine_config *cfg,
            const struct engine_handler *handler, struct engine **out, struct errbuf *eb)
{
    struct engine *s = engine_alloc(h, loop, cfg, handler);
    int err;

    if (s == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = open_disk(s);
    if (err == 0)
        err = open_net(s);
    if (err != 0)
        errbuf_set(eb, err, "out of memory");
    if (err == 0 && s->env.index == 0)
        err = engine_listen_all(s, cfg, eb);
    if (err == 0 && s->env.index == 0)
        err = engine_open_searches(s, cfg, eb);
    if (err == 0)
        err = open_trackers(s, eb);
    if (err != 0) {
        engine_close(s);
        engine_release(s);
        return err;
    }
    *out = s;
    return 0;
}

int
engine_new(struct loop *loop, const struct engine_config *cfg, const struct engine_handler *handler,
           struct engine **out, struct errbuf *eb)
{
    struct process *h;
    int err = process_new(cfg, 1, &h, eb);

    if (err != 0)
        return err;
    err = engine_open(h, loop, cfg, handler, out, eb);
    if (err != 0) {
        process_quiet(h);
        process_free(h);
        return err;
    }
    (*out)->own_process = true;
    return 0;
}

/* --- ending --- */

void
engine_stop(struct engine *s, void (*done)(void *ctx), void *ctx)
{
    MAGIC_CHECK(s, ENGINE_MAGIC);
    if (s->end.begun)
        return;
    s->end.begun = true;
    s->end.done = done;
    s->end.ctx = ctx;
    loop_timer_set(s->end.deadline, mono_add_ms(loop_now(s->env.loop), ENGINE_STOP_MS));
    LIST_EACH (it, &s->torrents)
        torrent_stop(LIST_ENTRY(it, struct torrent, link));
    loop_task_ask(s->steps);
}

void
engine_hurry(struct engine *s)
{
    MAGIC_CHECK(s, ENGINE_MAGIC);
    if (!s->end.begun)
        return;
    on_deadline(s);
    farewells_cut(s->env.farewells);
    loop_task_ask(s->steps);
}

/* Torrents that were not stopped end as by a crash; only the disk's threads are waited for. */
static void
drop_torrents(struct engine *s)
{
    LIST_EACH (it, &s->torrents)
        torrent_crash(LIST_ENTRY(it, struct torrent, link));
    LIST_EACH (c, &s->torrents) {
        const struct torrent *t = LIST_ENTRY(c, struct torrent, link);

        while (!torrent_is_closed(t))
            doneq_wait(s->env.doneq, -1);
    }
    while (!list_empty(&s->torrents))
        engine_forget(s, LIST_ENTRY(s->torrents.next, struct torrent, link));
}

void
engine_close(struct engine *s)
{
    MAGIC_CHECK(s, ENGINE_MAGIC);
    s->end.begun = true;
    if (s->mail != NULL)
        mailbox_drain(s->mail); /* connections that arrive now are closed */
    engine_close_searches(s);
    engine_drop_strangers(s);
    drop_torrents(s);
    engine_bans_close(s);
    event_drop(s, NULL);
    tracker_client_free(s->env.tracker);
    engine_close_udp(s);
    engine_close_doors(s);
    fetcher_free(s->fetcher);
    resolver_free(s->env.resolver);
    farewells_free(s->env.farewells);
    netwatch_free(s->addresses);
    conn_hub_free(s->env.hub);
}

/* The database may still have updates of torrents that are gone: their results are ignored. */
void
engine_release(struct engine *s)
{
    if (s->env.doneq != NULL)
        doneq_drain(s->env.doneq);
    doneq_free(s->env.doneq);
    mailbox_free(s->mail);
    loop_waker_free(s->disk.waker);
    loop_timer_free(s->disk.again);
    loop_timer_free(s->share.timer);
    loop_task_free(s->steps);
    loop_timer_free(s->save_timer);
    loop_timer_free(s->end.deadline);
    sitebudget_free(s->env.sites);
    engine_bans_fini(s);
    engine_fini_searches(s);
    s->process->engines[s->env.index] = NULL;
    MAGIC_CLEAR(s);
    free(s);
}

void
engine_free(struct engine *s)
{
    struct process *h;

    if (s == NULL)
        return;
    MAGIC_CHECK(s, ENGINE_MAGIC);
    ASSERT(s->own_process);
    h = s->process;
    engine_close(s);
    process_quiet(h);
    engine_release(s);
    process_free(h);
}

void
engine_set_limits(struct engine *s, uint64_t up_limit, uint64_t down_limit)
{
    rate_bucket_set(&s->env.up, up_limit, loop_now(s->env.loop));
    rate_bucket_set(&s->env.down, down_limit, loop_now(s->env.loop));
    LIST_EACH (it, &s->torrents)
        torrent_mark_dirty(LIST_ENTRY(it, struct torrent, link));
}

uint32_t
engine_index(const struct engine *s)
{
    return s->env.index;
}
