/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Several loops in one process. tests/system tests their connections.
 */
#include "peer/engine/shards.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/sys/addr.h"
#include "peer/store/create.h"

enum { LOOPS = 3, TORRENTS = 7 };

struct fixture {
    char dir[64];
    struct loop *loop;
    struct shards *shards;
    pthread_t first;
};

static void
on_event(void *ctx, struct torrent *t, const struct torrent_event *ev)
{
    (void)ctx;
    (void)t;
    (void)ev;
}

static void
open_shards(struct fixture *f, uint32_t loops)
{
    struct engine_handler h = {f, on_event};
    struct engine_config cfg = {.program = "test", .listen_count = 1};
    struct errbuf eb = {""};

    cr_assert_eq(addr_parse("127.0.0.40:0", &cfg.listen[0]), 0);
    cfg.state_dir = f->dir;
    cr_assert_eq(shards_new(f->loop, &cfg, loops, &h, &f->shards, &eb), 0, "%s", eb.text);
    cr_assert_eq(shards_load(f->shards, &eb), 0, "%s", eb.text);
}

static void
run(struct fixture *f)
{
    struct errbuf eb = {""};

    f->first = pthread_self();
    cr_assert_eq(shards_run(f->shards, &eb), 0, "%s", eb.text);
}

static void
init(struct fixture *f)
{
    struct errbuf eb = {""};

    *f = (struct fixture){.shards = NULL};
    snprintf(f->dir, sizeof(f->dir), "/tmp/sprat-shards-XXXXXX");
    cr_assert_not_null(mkdtemp(f->dir));
    cr_assert_eq(loop_new(&f->loop, &eb), 0);
    open_shards(f, LOOPS);
    run(f);
}

static void
fini(struct fixture *f)
{
    char cmd[128];

    shards_free(f->shards);
    loop_free(f->loop);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
    cr_expect_eq(system(cmd), 0);
}

/* A torrent of a file called NAME with these bytes. */
static struct metainfo *
make_torrent(struct fixture *f, const char *name, const char *bytes)
{
    struct create_options opt = {.format = METAINFO_HYBRID, .piece_length = 32768, .threads = 1};
    struct errbuf eb = {""};
    struct metainfo *mi = NULL;
    struct buf out;
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(bytes, file);
    fclose(file);
    opt.path = path;
    buf_init(&out, 1 << 20);
    cr_assert_eq(create_run(&opt, &out, NULL, &eb), 0, "%s", eb.text);
    cr_assert_eq(metainfo_parse(buf_data(&out), buf_len(&out), &mi, &eb), 0, "%s", eb.text);
    buf_fini(&out);
    return mi;
}

/* --- visits that the test waits for --- */

struct asked {
    struct fanout fan;
    struct fixture *f;
    void (*fn)(struct engine *s, void *arg);
    void *arg;
    uint32_t late;
    bool told, over;
};

static void
on_asked_visit(struct engine *s, struct fanout *fan)
{
    struct asked *a = LIST_ENTRY(fan, struct asked, fan);

    a->fn(s, a->arg);
}

static void
on_asked_done(struct fanout *fan, uint32_t late)
{
    struct asked *a = LIST_ENTRY(fan, struct asked, fan);

    cr_expect(pthread_equal(pthread_self(), a->f->first));
    cr_expect_not(a->told, "the continuation runs once");
    a->told = true;
    a->late = late;
    loop_stop(a->f->loop);
}

static void
on_asked_over(struct fanout *fan)
{
    struct asked *a = LIST_ENTRY(fan, struct asked, fan);

    cr_expect(a->told && !a->over);
    a->over = true;
    loop_stop(a->f->loop);
}

static void
ask(struct fixture *f, struct asked *a, void (*fn)(struct engine *s, void *arg), void *arg)
{
    *a = (struct asked){.fan = {.visit = on_asked_visit,
                                .done = on_asked_done,
                                .release = on_asked_over},
                        .f = f,
                        .fn = fn,
                        .arg = arg};
    f->first = pthread_self();
    shards_visit(f->shards, &a->fan);
}

/* Runs the first loop until the flag, which the continuation sets before it stops the loop. */
static void
run_until(struct fixture *f, const bool *flag)
{
    while (!*flag)
        cr_assert_eq(loop_run(f->loop), 0);
}

struct visited {
    struct shards_errand base;
    struct fixture *f;
    int (*fn)(struct torrent *t, void *arg, struct errbuf *eb);
    void *arg;
    struct metainfo *mi;
    struct errbuf why;
    int err;
    bool told, over;
};

static int
on_visited_torrent(struct torrent *t, struct shards_errand *base, struct errbuf *eb)
{
    struct visited *v = LIST_ENTRY(base, struct visited, base);

    v->mi = NULL; /* the engine has it */
    return v->fn(t, v->arg, eb);
}

static void
on_visited_done(struct shards_errand *base, int err, const struct errbuf *eb)
{
    struct visited *v = LIST_ENTRY(base, struct visited, base);

    cr_expect_not(v->told);
    v->told = true;
    v->err = err;
    v->why = *eb;
    loop_stop(v->f->loop);
}

static void
on_visited_over(struct shards_errand *base)
{
    struct visited *v = LIST_ENTRY(base, struct visited, base);

    metainfo_free(v->mi);
    v->over = true;
    loop_stop(v->f->loop);
}

static void
visited_init(struct visited *v, struct fixture *f,
             int (*fn)(struct torrent *t, void *arg, struct errbuf *eb), void *arg)
{
    *v = (struct visited){.base = {.fn = on_visited_torrent,
                                   .done = on_visited_done,
                                   .release = on_visited_over},
                          .f = f,
                          .fn = fn,
                          .arg = arg};
}

static int
with(struct fixture *f, const char *what,
     int (*fn)(struct torrent *t, void *arg, struct errbuf *eb), void *arg, struct errbuf *eb)
{
    struct visited v;

    visited_init(&v, f, fn, arg);
    shards_with(f->shards, what, &v.base);
    run_until(f, &v.over);
    *eb = v.why;
    return v.err;
}

static int
note_thread(struct torrent *t, void *arg, struct errbuf *eb)
{
    (void)t;
    (void)eb;
    *(pthread_t *)arg = pthread_self();
    return 0;
}

static int
add(struct fixture *f, const char *name, const char *bytes, pthread_t *where)
{
    struct torrent_add a = {.mi = make_torrent(f, name, bytes),
                            .save_dir = f->dir,
                            .paused = true,
                            .seed = SEED_FOREVER};
    struct visited v;

    visited_init(&v, f, note_thread, where);
    v.mi = a.mi;
    shards_add(f->shards, &a, &v.base);
    run_until(f, &v.over);
    return v.err;
}

static void
add_many(struct fixture *f, pthread_t where[TORRENTS])
{
    char name[16];

    for (int i = 0; i < TORRENTS; i++) {
        snprintf(name, sizeof(name), "file%d", i);
        cr_assert_eq(add(f, name, name, &where[i]), 0);
    }
}

static void
count(struct engine *s, void *arg)
{
    struct torrent *t = NULL;
    int *counts = arg;

    while ((t = engine_next(s, t)) != NULL)
        counts[engine_index(s)]++;
}

static int
torrents_of(struct fixture *f, uint32_t i)
{
    int counts[ENGINE_LOOPS_MAX] = {0};
    struct asked a;

    ask(f, &a, count, counts);
    run_until(f, &a.over);
    cr_expect_eq(a.late, 0);
    return counts[i];
}

Test(shards, torrents_are_dealt_out_evenly_and_stay)
{
    struct fixture f;
    pthread_t where[TORRENTS];

    init(&f);
    add_many(&f, where);
    cr_expect(pthread_equal(where[0], f.first), "the first loop is the caller's");
    for (int i = LOOPS; i < TORRENTS; i++)
        cr_expect(pthread_equal(where[i], where[i - LOOPS]));
    for (int i = 1; i < LOOPS; i++)
        cr_expect_not(pthread_equal(where[i], where[i - 1]));
    cr_expect_eq(torrents_of(&f, 0), 3);
    cr_expect_eq(torrents_of(&f, 1), 2);
    cr_expect_eq(torrents_of(&f, 2), 2);
    cr_expect_eq(add(&f, "file4", "file4", &where[0]), SPRAT_E_EXISTS, "whichever loop has it");
    fini(&f);
}

static int
note_name(struct torrent *t, void *arg, struct errbuf *eb)
{
    (void)eb;
    *(const struct metainfo **)arg = torrent_metainfo(t);
    return 42;
}

Test(shards, a_torrent_is_found_in_whichever_loop)
{
    struct fixture f;
    pthread_t where[TORRENTS];
    const struct metainfo *mi = NULL;
    struct errbuf eb;
    char hex[65];

    init(&f);
    add_many(&f, where);
    cr_expect_eq(with(&f, "file4", note_name, &mi, &eb), 42, "what it returned");
    cr_assert_not_null(mi);
    cr_expect_str_eq(mi->name, "file4");
    for (int i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02x", mi->id.v2[i]);
    cr_expect_eq(with(&f, hex, note_name, &mi, &eb), 42);
    cr_expect_eq(with(&f, "file", note_name, &mi, &eb), SPRAT_E_INVAL);
    cr_expect_not_null(strstr(eb.text, "torrents begin with file"), "%s", eb.text);
    cr_expect_eq(with(&f, "filed", note_name, &mi, &eb), SPRAT_E_NOTFOUND);
    cr_expect_not_null(strstr(eb.text, "no torrent filed"), "%s", eb.text);
    /* The loop with the fewest torrents is not file4's. */
    cr_assert_eq(add(&f, "file4", "other", &where[0]), 0);
    cr_expect_eq(with(&f, "file4", note_name, &mi, &eb), SPRAT_E_INVAL);
    cr_expect_not_null(strstr(eb.text, "torrents are named file4"), "%s", eb.text);
    fini(&f);
}

static void
on_stopped(void *ctx)
{
    struct fixture *f = ctx;

    cr_expect(pthread_equal(pthread_self(), f->first));
    loop_stop(f->loop);
}

static void
last_serial(struct engine *s, void *arg)
{
    struct torrent *t = NULL;
    uint64_t last = 0;

    while ((t = engine_next(s, t)) != NULL) {
        cr_expect_gt(torrent_serial(t), last, "in the order of adding");
        last = torrent_serial(t);
    }
    ((uint64_t *)arg)[engine_index(s)] = last;
}

Test(shards, they_stop_together_and_are_loaded_by_another_number_of_loops)
{
    struct fixture f;
    pthread_t where[TORRENTS];
    uint64_t last[ENGINE_LOOPS_MAX] = {0};
    struct asked a;

    init(&f);
    add_many(&f, where);
    shards_stop(f.shards, on_stopped, &f);
    cr_expect_eq(loop_run(f.loop), 0);
    shards_free(f.shards);
    open_shards(&f, 2);
    cr_expect_eq(torrents_of(&f, 0), 4);
    cr_expect_eq(torrents_of(&f, 1), 3);
    run(&f);
    cr_assert_eq(add(&f, "another", "another", &where[0]), 0);
    cr_expect_eq(torrents_of(&f, 1), 4);
    ask(&f, &a, last_serial, last);
    run_until(&f, &a.over);
    cr_expect_eq(last[0] > last[1] ? last[0] : last[1], TORRENTS + 1,
                 "numbers of all loops are one sequence");
    fini(&f);
}

/* --- a loop that hangs --- */

struct hang {
    pthread_mutex_t held; /* by the test: the loop waits for it */
    atomic_bool hangs;
    atomic_int visits[LOOPS];
};

/* Holds up loop 1. */
static void
hang(struct engine *s, void *arg)
{
    struct hang *h = arg;

    atomic_fetch_add(&h->visits[engine_index(s)], 1);
    if (engine_index(s) != 1)
        return;
    atomic_store(&h->hangs, true);
    pthread_mutex_lock(&h->held);
    pthread_mutex_unlock(&h->held);
}

static void
note_visit(struct engine *s, void *arg)
{
    struct hang *h = arg;

    atomic_fetch_add(&h->visits[engine_index(s)], 1);
}

static void
expect_visits(struct hang *h, int a, int b, int c)
{
    cr_expect_eq(atomic_load(&h->visits[0]), a);
    cr_expect_eq(atomic_load(&h->visits[1]), b);
    cr_expect_eq(atomic_load(&h->visits[2]), c);
}

static void
hex_of(const struct metainfo *mi, char hex[65])
{
    for (int i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02x", mi->id.v2[i]);
}

static void
note_silent(void *ctx, const struct shards_silent *t)
{
    char *names = ctx;

    cr_expect_geq(t->ms, FANOUT_MS);
    cr_expect(t->id->has_v2);
    strcat(names, t->name);
    strcat(names, " ");
}

/* The torrents file0 … file6 are in the loops 0, 1, 2, 0, 1, 2, 0. */
Test(shards, a_loop_that_hangs_holds_up_no_other)
{
    struct hang h = {.held = PTHREAD_MUTEX_INITIALIZER};
    pthread_t where[TORRENTS], thread;
    const struct metainfo *mi = NULL;
    struct asked first, second;
    struct visited late, named, named_late;
    struct fixture f;
    struct errbuf eb;
    char hex[2][65], names[64] = "";

    init(&f);
    add_many(&f, where);
    for (int i = 1; i <= 2; i++) {
        cr_assert_eq(with(&f, i == 1 ? "file1" : "file2", note_name, &mi, &eb), 42);
        hex_of(mi, hex[i - 1]);
    }
    pthread_mutex_lock(&h.held);
    ask(&f, &first, hang, &h);
    while (!atomic_load(&h.hangs))
        sched_yield();
    cr_expect_not(first.told, "the first loop has not waited");
    ask(&f, &second, note_visit, &h);
    visited_init(&late, &f, note_thread, &thread);
    shards_with(f.shards, hex[0], &late.base);
    visited_init(&named, &f, note_name, &mi);
    shards_with(f.shards, "file2", &named.base);
    visited_init(&named_late, &f, note_thread, &thread);
    shards_with(f.shards, "file1", &named_late.base);
    cr_expect_eq(with(&f, hex[1], note_name, &mi, &eb), 42, "%s", eb.text);
    cr_expect_not(first.told || second.told || late.told, "another loop answers meanwhile");
    run_until(&f, &late.told);
    cr_expect(first.told && second.told);
    cr_expect_eq(first.late, 2);
    cr_expect_eq(second.late, 2);
    shards_late(&first.fan, first.late, &eb);
    cr_expect_not_null(strstr(eb.text, "loop 1 has not answered"), "%s", eb.text);
    cr_expect_not_null(strstr(eb.text, "may still take effect"), "%s", eb.text);
    cr_expect_eq(late.err, SPRAT_E_TIMEOUT);
    cr_expect_not_null(strstr(late.why.text, "nothing was changed"), "%s", late.why.text);
    cr_expect_not(first.over || second.over || late.over, "loop 1 has their letters");
    shards_each_silent(f.shards, 1, note_silent, names);
    cr_expect_str_eq(names, "file1 file4 ", "the directory knows the torrents of loop 1");
    run_until(&f, &named.told);
    cr_expect_eq(named.err, 42, "a name is found without the loop that hangs: %s", named.why.text);
    run_until(&f, &named_late.told);
    cr_expect_eq(named_late.err, SPRAT_E_TIMEOUT, "its torrent is known, and does not answer");
    names[0] = '\0';
    shards_errand_silent(&named_late.base, note_silent, names);
    cr_expect_str_eq(names, "file1 ");
    pthread_mutex_unlock(&h.held);
    run_until(&f, &late.over);
    cr_expect(first.over && second.over);
    run_until(&f, &named_late.over);
    cr_expect(named.over);
    expect_visits(&h, 2, 1, 2);
    cr_expect_eq(torrents_of(&f, 1), 2, "the loop goes on");
    fini(&f);
}

/* --- visits that are held --- */

static void
hold(struct engine *s, void *arg)
{
    struct asked *a = arg;

    fanout_hold(&a->fan, s);
}

static void
let_go(struct engine *s, void *arg)
{
    struct asked *a = arg;

    fanout_let_go(&a->fan, s);
}

static void
expect_answers(void *ctx, const struct shards_silent *t)
{
    (void)ctx;
    cr_expect_eq(t->ms, 0, "%s is silent for %lld ms", t->name, (long long)t->ms);
}

/* A loop whose command waits for the disk or the database goes on with all other work. */
Test(shards, a_loop_that_holds_a_visit_is_not_silent)
{
    struct asked held, end;
    pthread_t where[TORRENTS];
    struct fixture f;
    struct errbuf eb;

    init(&f);
    add_many(&f, where);
    ask(&f, &held, hold, &held);
    run_until(&f, &held.told);
    cr_expect_eq(held.late, 7, "loops with a thread and without");
    for (uint32_t i = 0; i < LOOPS; i++) {
        shards_late(&held.fan, UINT32_C(1) << i, &eb);
        cr_expect_not_null(strstr(eb.text, "the request has not ended"), "%s", eb.text);
        shards_each_silent(f.shards, i, expect_answers, NULL);
    }
    ask(&f, &end, let_go, &held);
    run_until(&f, &end.over);
    cr_expect(held.over);
    fini(&f);
}

Test(shards, a_held_visit_may_end_while_its_answer_waits)
{
    struct asked held, end;
    struct fixture f;

    init(&f);
    ask(&f, &held, hold, &held);
    ask(&f, &end, let_go, &held);
    fini(&f);
    cr_expect(held.over && end.over);
}

Test(shards, visits_that_wait_at_the_end_are_told)
{
    struct hang h = {.held = PTHREAD_MUTEX_INITIALIZER};
    struct asked first, second;
    struct fixture f;

    init(&f);
    pthread_mutex_lock(&h.held);
    ask(&f, &first, hang, &h);
    while (!atomic_load(&h.hangs))
        sched_yield();
    ask(&f, &second, note_visit, &h);
    pthread_mutex_unlock(&h.held);
    fini(&f);
    cr_expect(first.over && second.over);
}
