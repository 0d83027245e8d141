/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Several loops in one process. What goes over their connections is tested by tests/system.
 */
#include "peer/engine/shards.h"

#include <criterion/criterion.h>
#include <pthread.h>
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

static void
note_thread(struct torrent *t, void *arg)
{
    (void)t;
    *(pthread_t *)arg = pthread_self();
}

static int
add(struct fixture *f, const char *name, const char *bytes, pthread_t *where)
{
    struct torrent_add a = {.mi = make_torrent(f, name, bytes),
                            .save_dir = f->dir,
                            .paused = true,
                            .seed = SEED_FOREVER};
    struct errbuf eb = {""};
    int err = shards_add(f->shards, &a, note_thread, where, &eb);

    if (err != 0)
        metainfo_free(a.mi);
    return err;
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

    while ((t = engine_next(s, t)) != NULL)
        ++*(int *)arg;
}

static int
torrents_of(struct fixture *f, uint32_t i)
{
    int n = 0;

    shards_call(f->shards, i, count, &n);
    return n;
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
    cr_expect_eq(shards_with(f.shards, "file4", note_name, &mi, &eb), 42, "what it returned");
    cr_assert_not_null(mi);
    cr_expect_str_eq(mi->name, "file4");
    for (int i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02x", mi->info_hash_v2[i]);
    cr_expect_eq(shards_with(f.shards, hex, note_name, &mi, &eb), 42);
    cr_expect_eq(shards_with(f.shards, "file", note_name, &mi, &eb), SPRAT_E_INVAL);
    cr_expect_not_null(strstr(eb.text, "torrents begin with file"), "%s", eb.text);
    cr_expect_eq(shards_with(f.shards, "filed", note_name, &mi, &eb), SPRAT_E_NOTFOUND);
    cr_expect_not_null(strstr(eb.text, "no torrent filed"), "%s", eb.text);
    /* The loop with the fewest torrents is not file4's. */
    cr_assert_eq(add(&f, "file4", "other", &where[0]), 0);
    cr_expect_eq(shards_with(f.shards, "file4", note_name, &mi, &eb), SPRAT_E_INVAL);
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
    if (last > *(uint64_t *)arg)
        *(uint64_t *)arg = last;
}

Test(shards, they_stop_together_and_are_loaded_by_another_number_of_loops)
{
    struct fixture f;
    pthread_t where[TORRENTS];
    uint64_t last = 0;

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
    for (uint32_t i = 0; i < 2; i++)
        shards_call(f.shards, i, last_serial, &last);
    cr_expect_eq(last, TORRENTS + 1, "numbers of all loops are one sequence");
    fini(&f);
}
