/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine of a process: opens what all torrents share, gives each its turn, and ends. What a
 * torrent does is its own affair.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/crypto/random.h"
#include "common/sys/fdlimit.h"
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
    }
    block_pool_trim(conn_hub_blocks(s->hub), 0);
    loop_timer_set(s->save_timer, mono_add_ms(loop_now(s->loop), SESSION_SAVE_MS));
}

/* Content, locks and the database need descriptors too: connections must not starve them. */
static uint32_t
conns_max(uint32_t wanted)
{
    uint32_t half = fdlimit_raise(SESSION_FILES_MAX) / 2;
    uint32_t most = half < SESSION_CONNS_MAX ? half : SESSION_CONNS_MAX;

    return wanted > 0 && wanted < most ? wanted : most;
}

/* --- the disk's answers --- */

static void
notify_disk(void *ctx)
{
    struct session *s = ctx;

    loop_waker_wake(s->disk.waker);
}

static void
on_disk(void *ctx)
{
    struct session *s = ctx;
    struct list *link;

    MAGIC_CHECK(s, SESSION_MAGIC);
    doneq_drain(s->disk.doneq);
    conn_hub_kick(s->hub);
    while ((link = list_pop_front(&s->disk.crowded)) != NULL)
        session_mark_dirty(LIST_ENTRY(link, struct torrent, crowded));
}

/* --- opening --- */

static int
open_disk(struct session *s, const struct session_config *cfg, struct errbuf *eb)
{
    struct disk_options opt = {0};
    int err;

    s->disk.waker = loop_waker_new(s->loop, on_disk, s);
    if (s->disk.waker == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    s->disk.doneq = doneq_new(notify_disk, s);
    if (s->disk.doneq == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = disk_new(&opt, &s->disk.disk, eb);
    if (err != 0)
        return err;
    return state_open(cfg->state_dir, cfg->program, &s->disk.state, eb);
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

static int
open_net(struct session *s, struct errbuf *eb)
{
    s->resolver = resolver_new(s->loop);
    s->fetcher = fetcher_new(s->loop, "sprat/" PACKAGE_VERSION);
    s->hub = conn_hub_new(s->loop, SESSION_BLOCKS_MAX);
    s->farewells = farewells_new(s->loop, on_farewells_over, s);
    s->turn = loop_task_new(s->loop, on_turn, s);
    s->save_timer = loop_timer_new(s->loop, on_save, s);
    s->end.deadline = loop_timer_new(s->loop, on_deadline, s);
    if (s->resolver == NULL || s->fetcher == NULL || s->hub == NULL ||
        s->farewells == NULL || s->turn == NULL || s->save_timer == NULL || s->end.deadline == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    loop_timer_set(s->save_timer, mono_add_ms(loop_now(s->loop), SESSION_SAVE_MS));
    return 0;
}

static int
open_trackers(struct session *s, struct errbuf *eb)
{
    s->tracker = tracker_client_new(s->loop, s->resolver, s->fetcher, &s->listen.source,
                                    UDP_TRACKER_RETRY_MS);
    return s->tracker != NULL ? 0 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

int
session_new(struct loop *loop, const struct session_config *cfg,
            const struct session_handler *handler, struct session **out, struct errbuf *eb)
{
    struct session *s = calloc(1, sizeof(*s));
    uint64_t seed[2];
    int err;

    if (s == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    MAGIC_SET(s, SESSION_MAGIC);
    s->loop = loop;
    s->handler = *handler;
    if (cfg->log != NULL)
        s->log = *cfg->log;
    else
        s->log = (struct log){.write = NULL};
    list_init(&s->torrents);
    list_init(&s->dirty);
    list_init(&s->disk.crowded);
    list_init(&s->loads.waiting);
    list_init(&s->events);
    list_init(&s->listen.stranger_list);
    s->listen.conns_max = conns_max(cfg->conns_max);
    s->peers_max = cfg->peers_max;
    s->no_pex = cfg->no_pex;
    random_bytes(seed, sizeof(seed));
    hashmap_init(&s->by_hash, seed, session_key_matches);
    rate_bucket_init(&s->up, cfg->up_limit, loop_now(loop));
    rate_bucket_init(&s->down, cfg->down_limit, loop_now(loop));
    err = open_disk(s, cfg, eb);
    if (err == 0)
        err = open_net(s, eb);
    if (err == 0)
        err = session_listen_all(s, cfg, eb);
    if (err == 0)
        err = open_trackers(s, eb);
    if (err != 0) {
        session_free(s);
        return err;
    }
    *out = s;
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
session_free(struct session *s)
{
    if (s == NULL)
        return;
    MAGIC_CHECK(s, SESSION_MAGIC);
    session_close_doors(s);
    drop_torrents(s);
    event_drop(s, NULL);
    tracker_client_free(s->tracker);
    fetcher_free(s->fetcher);
    resolver_free(s->resolver);
    farewells_free(s->farewells);
    conn_hub_free(s->hub);
    state_close(s->disk.state);
    if (s->disk.doneq != NULL)
        doneq_drain(s->disk.doneq);
    disk_free(s->disk.disk);
    doneq_free(s->disk.doneq);
    loop_waker_free(s->disk.waker);
    loop_task_free(s->turn);
    loop_timer_free(s->save_timer);
    loop_timer_free(s->end.deadline);
    hashmap_fini(&s->by_hash);
    MAGIC_CLEAR(s);
    free(s);
}

void
session_set_limits(struct session *s, uint64_t up_limit, uint64_t down_limit)
{
    rate_bucket_set(&s->up, up_limit, loop_now(s->loop));
    rate_bucket_set(&s->down, down_limit, loop_now(s->loop));
    LIST_EACH(it, &s->torrents)
        session_mark_dirty(LIST_ENTRY(it, struct torrent, link));
}
