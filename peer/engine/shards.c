/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Loops, their threads, and the ways between them. What a torrent does, and what the loops share,
 * is others' business.
 */
#include "peer/engine/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/sys/thread.h"
#include "peer/engine/engine_impl.h"

struct shard {
    struct shards *all;
    struct engine *engine;
    struct loop *loop;
    struct thread thread;
    struct letter stopped; /* to the first loop */
};

struct shards {
    struct process *process;
    uint32_t count;
    bool running;     /* the threads are: their engines are not ours to touch */
    uint32_t started; /* threads, and the first loop */
    uint32_t to_stop; /* engines that engine_stop() is not through with */
    void (*done)(void *ctx);
    void *ctx;
    struct shard shards[ENGINE_LOOPS_MAX];
};

/* --- opening --- */

static int
open_shard(struct shards *sh, uint32_t i, struct loop *loop, const struct engine_config *cfg,
           const struct engine_handler *handler, struct errbuf *eb)
{
    struct shard *x = &sh->shards[i];
    int err = 0;

    x->all = sh;
    if (i == 0)
        x->loop = loop;
    else
        err = loop_new(&x->loop, eb);
    return err == 0 ? engine_open(sh->process, x->loop, cfg, handler, &x->engine, eb) : err;
}

int
shards_new(struct loop *loop, const struct engine_config *cfg, uint32_t loops,
           const struct engine_handler *handler, struct shards **out, struct errbuf *eb)
{
    struct shards *sh = calloc(1, sizeof(*sh));
    int err;

    ASSERT(loops > 0 && loops <= ENGINE_LOOPS_MAX);
    if (sh == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    sh->count = loops;
    err = process_new(cfg, loops, &sh->process, eb);
    if (err == 0 && process_rates_init(sh->process, loop) != 0)
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
    return engines_load(sh->process, eb);
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
stop_loop(struct engine *s, void *arg)
{
    (void)arg;
    loop_stop(s->env.loop);
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
        if (sh->shards[i].engine != NULL)
            engine_close(sh->shards[i].engine);
    if (sh->process != NULL) {
        process_quiet(sh->process);
        process_rates_fini(sh->process);
    }
    for (uint32_t i = 0; i < sh->count; i++) {
        if (sh->shards[i].engine != NULL)
            engine_release(sh->shards[i].engine);
        if (i > 0)
            loop_free(sh->shards[i].loop);
    }
    process_free(sh->process);
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
    return engine_listen(sh->shards[0].engine, addrs);
}

const char *
shards_listen_note(const struct shards *sh)
{
    return engine_listen_note(sh->shards[0].engine);
}

void
shards_udp_counts(const struct shards *sh, struct udpdoor_counts *counts)
{
    engine_udp_counts(sh->shards[0].engine, counts);
}

/* --- calls --- */

struct errand {
    struct engine *engine;
    void (*fn)(struct engine *s, void *arg);
    void *arg;
};

static void
run_errand(void *arg)
{
    const struct errand *e = arg;

    e->fn(e->engine, e->arg);
}

/* A loop whose thread was never started is still ours. */
void
shards_call(struct shards *sh, uint32_t i, void (*fn)(struct engine *s, void *arg), void *arg)
{
    struct errand e = {sh->shards[i].engine, fn, arg};

    ASSERT(i < sh->count);
    if (i == 0 || !sh->running || i >= sh->started)
        run_errand(&e);
    else
        mailbox_call(e.engine->mail, run_errand, &e);
}

static void
call_all(struct shards *sh, void (*fn)(struct engine *s, void *arg), void *arg)
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
add_one(struct engine *s, void *arg)
{
    struct adding *a = arg;
    struct torrent *t;

    a->err = engine_add(s, a->add, &t, a->eb);
    if (a->err == 0)
        a->then(t, a->arg);
}

int
shards_add(struct shards *sh, const struct torrent_add *add,
           void (*then)(struct torrent *t, void *arg), void *arg, struct errbuf *eb)
{
    struct adding a = {add, then, arg, eb, 0};

    shards_call(sh, process_pick(sh->process)->env.index, add_one, &a);
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
search_one(struct engine *s, void *arg)
{
    struct search *x = arg;
    struct torrent *t;
    size_t n = engine_find(s, x->what, x->by_beginning, &t);

    x->found += n;
    if (n == 0)
        return;
    x->shard = s->env.index;
    memcpy(x->hash, torrent_info_hash(t, !t->facts.has_v1), sizeof(x->hash));
}

static void
visit(struct engine *s, void *arg)
{
    struct search *x = arg;
    struct torrent *t = engine_find_by_hash(s, x->hash);

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
begin_share(struct engine *s, void *arg)
{
    (void)arg;
    process_begin_share(s);
}

void
shards_set_limits(struct shards *sh, uint64_t up_limit, uint64_t down_limit)
{
    if (sh->count == 1) {
        engine_set_limits(sh->shards[0].engine, up_limit, down_limit);
        return;
    }
    process_set_limits(sh->process, up_limit, down_limit);
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
    int err = mailbox_post(x->all->shards[0].engine->mail, &x->stopped);

    /* Nothing else comes into the first loop's box. */
    ASSERT(err == 0);
}

static void
stop_one(struct engine *s, void *arg)
{
    struct shards *sh = arg;
    struct shard *x = &sh->shards[s->env.index];

    x->stopped.run = count_stopped;
    engine_stop(s, on_stopped, x);
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
hurry_one(struct engine *s, void *arg)
{
    (void)arg;
    engine_hurry(s);
}

void
shards_hurry(struct shards *sh)
{
    call_all(sh, hurry_one, NULL);
}
