/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Loops, their threads, and the ways between them. What a torrent does, and what the loops share,
 * is others' business.
 */
#include "peer/net/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/sys/thread.h"
#include "peer/net/session_impl.h"

struct shard {
    struct shards *all;
    struct session *session;
    struct loop *loop;
    struct thread thread;
    struct letter stopped; /* to the first loop */
};

struct shards {
    struct house *house;
    uint32_t count;
    bool running; /* the threads are: their sessions are not ours to touch */
    uint32_t started; /* threads, and the first loop */
    uint32_t to_stop; /* sessions that session_stop() is not through with */
    void (*done)(void *ctx);
    void *ctx;
    struct shard shards[SESSION_LOOPS_MAX];
};

/* --- opening --- */

static int
open_shard(struct shards *sh, uint32_t i, struct loop *loop, const struct session_config *cfg,
           const struct session_handler *handler, struct errbuf *eb)
{
    struct shard *x = &sh->shards[i];
    int err = 0;

    x->all = sh;
    if (i == 0)
        x->loop = loop;
    else
        err = loop_new(&x->loop, eb);
    return err == 0 ? session_open(sh->house, x->loop, cfg, handler, &x->session, eb) : err;
}

int
shards_new(struct loop *loop, const struct session_config *cfg, uint32_t loops,
           const struct session_handler *handler, struct shards **out, struct errbuf *eb)
{
    struct shards *sh = calloc(1, sizeof(*sh));
    int err;

    ASSERT(loops > 0 && loops <= SESSION_LOOPS_MAX);
    if (sh == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    sh->count = loops;
    err = house_new(cfg, loops, &sh->house, eb);
    if (err == 0 && house_rates_init(sh->house, loop) != 0)
        err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    for (uint32_t i = 0; i < loops && err == 0; i++)
        err = open_shard(sh, i, loop, cfg, handler, eb);
    if (err != 0) {
        shards_free(sh);
        return err;
    }
    shards_set_limits(sh, cfg->up_limit, cfg->down_limit);
    *out = sh;
    return 0;
}

int
shards_load(struct shards *sh, struct errbuf *eb)
{
    ASSERT(!sh->running);
    return sessions_load(sh->house, eb);
}

/* --- threads --- */

/* The loop ends before its time only if the kernel refuses to wait: that would be our bug. */
static void *
thread_main(void *arg)
{
    struct shard *x = arg;
    int err = loop_run(x->loop);

    ASSERT(err == 0);
    return NULL;
}

static int
start_thread(struct shard *x, uint32_t i)
{
    char name[16];
    int err = thread_start(&x->thread, thread_main, x);

    if (err != 0)
        return err;
    snprintf(name, sizeof(name), "loop %u", i);
    thread_set_name(&x->thread, name);
    return 0;
}

int
shards_run(struct shards *sh, struct errbuf *eb)
{
    int err = 0;

    sh->running = true;
    for (sh->started = 1; sh->started < sh->count && err == 0; sh->started += err == 0)
        err = start_thread(&sh->shards[sh->started], sh->started);
    return err == 0 ? 0 : errbuf_set(eb, err, "can't start a thread for a loop");
}

static void
stop_loop(struct session *s, void *arg)
{
    (void)arg;
    loop_stop(s->loop);
}

static void
join_threads(struct shards *sh)
{
    for (uint32_t i = 1; sh->running && i < sh->started; i++) {
        shards_call(sh, i, stop_loop, NULL);
        thread_join(&sh->shards[i].thread);
    }
    sh->running = false;
}

void
shards_free(struct shards *sh)
{
    if (sh == NULL)
        return;
    join_threads(sh);
    for (uint32_t i = 0; i < sh->count; i++)
        if (sh->shards[i].session != NULL)
            session_close(sh->shards[i].session);
    if (sh->house != NULL) {
        house_quiet(sh->house);
        house_rates_fini(sh->house);
    }
    for (uint32_t i = 0; i < sh->count; i++) {
        if (sh->shards[i].session != NULL)
            session_release(sh->shards[i].session);
        if (i > 0)
            loop_free(sh->shards[i].loop);
    }
    house_free(sh->house);
    free(sh);
}

uint32_t
shards_count(const struct shards *sh)
{
    return sh->count;
}

size_t
shards_listen(const struct shards *sh, const struct endpoint **addrs)
{
    return session_listen(sh->shards[0].session, addrs);
}

const char *
shards_listen_note(const struct shards *sh)
{
    return session_listen_note(sh->shards[0].session);
}

void
shards_udp_counts(const struct shards *sh, struct udpdoor_counts *counts)
{
    session_udp_counts(sh->shards[0].session, counts);
}

/* --- calls --- */

struct errand {
    struct session *session;
    void (*fn)(struct session *s, void *arg);
    void *arg;
};

static void
run_errand(void *arg)
{
    const struct errand *e = arg;

    e->fn(e->session, e->arg);
}

/* A loop whose thread was never started is still ours. */
void
shards_call(struct shards *sh, uint32_t i, void (*fn)(struct session *s, void *arg), void *arg)
{
    struct errand e = {sh->shards[i].session, fn, arg};

    ASSERT(i < sh->count);
    if (i == 0 || !sh->running || i >= sh->started)
        run_errand(&e);
    else
        mailbox_call(e.session->mail, run_errand, &e);
}

static void
call_all(struct shards *sh, void (*fn)(struct session *s, void *arg), void *arg)
{
    for (uint32_t i = 0; i < sh->count; i++)
        shards_call(sh, i, fn, arg);
}

struct adding {
    const struct torrent_add *add;
    void (*then)(struct torrent *t, void *arg);
    void *arg;
    struct errbuf *eb;
    int err;
};

static void
add_one(struct session *s, void *arg)
{
    struct adding *a = arg;
    struct torrent *t;

    a->err = session_add(s, a->add, &t, a->eb);
    if (a->err == 0)
        a->then(t, a->arg);
}

int
shards_add(struct shards *sh, const struct torrent_add *add,
           void (*then)(struct torrent *t, void *arg), void *arg, struct errbuf *eb)
{
    struct adding a = {add, then, arg, eb, 0};

    shards_call(sh, house_pick(sh->house)->index, add_one, &a);
    return a.err;
}

/* What was found so far. Between the search and the visit a torrent may go: so it is looked for
 * again then, by its hash. */
struct search {
    const char *what;
    bool by_beginning; /* of the name */
    size_t found;
    uint32_t shard;
    uint8_t hash[TRACKER_HASH_LEN];
    int (*fn)(struct torrent *t, void *arg, struct errbuf *eb);
    void *arg;
    struct errbuf *eb;
    int err;
};

static void
search_one(struct session *s, void *arg)
{
    struct search *x = arg;
    struct torrent *t;
    size_t n = session_find(s, x->what, x->by_beginning, &t);

    x->found += n;
    if (n == 0)
        return;
    x->shard = s->index;
    memcpy(x->hash, torrent_info_hash(t, !t->facts.has_v1), sizeof(x->hash));
}

static void
visit(struct session *s, void *arg)
{
    struct search *x = arg;
    struct torrent *t = session_find_by_hash(s, x->hash);

    x->err = t != NULL ? x->fn(t, x->arg, x->eb) : SPRAT_E_NOTFOUND;
    x->found = t != NULL;
}

int
shards_with(struct shards *sh, const char *what,
            int (*fn)(struct torrent *t, void *arg, struct errbuf *eb), void *arg,
            struct errbuf *eb)
{
    struct search x = {.what = what, .fn = fn, .arg = arg, .eb = eb};

    call_all(sh, search_one, &x);
    if (x.found == 0 && what[0] != '\0') {
        x.by_beginning = true;
        call_all(sh, search_one, &x);
    }
    if (x.found > 1)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          x.by_beginning
                              ? "the names of %zu torrents begin with %s: write more of one"
                              : "%zu torrents are named %s: name one by its info-hash",
                          x.found, what);
    if (x.found == 1)
        shards_call(sh, x.shard, visit, &x);
    if (x.found == 0)
        return errbuf_set(eb, SPRAT_E_NOTFOUND, "there is no torrent %s", what);
    return x.err;
}

/* --- limits --- */

static void
begin_share(struct session *s, void *arg)
{
    (void)arg;
    house_begin_share(s);
}

void
shards_set_limits(struct shards *sh, uint64_t up_limit, uint64_t down_limit)
{
    if (sh->count == 1) {
        session_set_limits(sh->shards[0].session, up_limit, down_limit);
        return;
    }
    house_set_limits(sh->house, up_limit, down_limit);
    call_all(sh, begin_share, NULL);
}

/* --- the end --- */

static void
count_stopped(struct letter *l)
{
    struct shards *sh = LIST_ENTRY(l, struct shard, stopped)->all;

    if (--sh->to_stop == 0)
        sh->done(sh->ctx);
}

static void
on_stopped(void *ctx)
{
    struct shard *x = ctx;
    int err = mailbox_post(x->all->shards[0].session->mail, &x->stopped);

    /* Nothing else comes into the first loop's box. */
    ASSERT(err == 0);
}

static void
stop_one(struct session *s, void *arg)
{
    struct shards *sh = arg;
    struct shard *x = &sh->shards[s->index];

    x->stopped.run = count_stopped;
    session_stop(s, on_stopped, x);
}

void
shards_stop(struct shards *sh, void (*done)(void *ctx), void *ctx)
{
    if (sh->done != NULL)
        return;
    sh->done = done;
    sh->ctx = ctx;
    sh->to_stop = sh->count;
    call_all(sh, stop_one, sh);
}

static void
hurry_one(struct session *s, void *arg)
{
    (void)arg;
    session_hurry(s);
}

void
shards_hurry(struct shards *sh)
{
    call_all(sh, hurry_one, NULL);
}
