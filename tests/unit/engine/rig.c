/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sets up engines that run in one process and exchange data over loopback.
 */
#include "tests/unit/engine/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/rng.h"
#include "common/ds/buf.h"
#include "common/sys/addr.h"
#include "common/sys/clock.h"
#include "peer/store/create.h"

static void
write_file(const char *path, uint64_t size, uint64_t seed)
{
    struct rng rng;
    FILE *f = fopen(path, "wb");
    uint8_t chunk[4096];

    cr_assert_not_null(f, "%s", path);
    rng_init(&rng, seed);
    while (size > 0) {
        size_t n = size < sizeof(chunk) ? (size_t)size : sizeof(chunk);

        rng_fill(&rng, chunk, sizeof(chunk));
        cr_assert_eq(fwrite(chunk, 1, n, f), n);
        size -= n;
    }
    fclose(f);
}

const char *
rig_path(struct rig *r, int i, const char *file)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/copy%d%s%s", r->dir, i, file[0] != '\0' ? "/" : "", file);
    return path;
}

static void
on_late(void *ctx)
{
    struct rig *r = ctx;

    r->late = true;
    loop_stop(r->loop);
}

void
rig_init(struct rig *r, enum metainfo_format format, uint64_t size, bool multi)
{
    struct create_options opt = {.format = format, .piece_length = 32768, .threads = 1};
    struct errbuf eb = {""};
    struct buf out;

    *r = (struct rig){.late = false};
    snprintf(r->dir, sizeof(r->dir), "/tmp/sprat-session-XXXXXX");
    cr_assert_not_null(mkdtemp(r->dir));
    cr_assert_eq(mkdir(rig_path(r, 0, ""), 0755), 0);
    if (multi) {
        cr_assert_eq(mkdir(rig_path(r, 0, "data"), 0755), 0);
        write_file(rig_path(r, 0, "data/a"), size / 3, 1);
        write_file(rig_path(r, 0, "data/b"), size - size / 3, 2);
        write_file(rig_path(r, 0, "data/empty"), 0, 3);
    } else {
        write_file(rig_path(r, 0, "data"), size, 1);
    }
    opt.path = rig_path(r, 0, "data");
    buf_init(&out, 1 << 24);
    cr_assert_eq(create_run(&opt, &out, NULL, &eb), 0, "%s", eb.text);
    r->raw = buf_take(&out, &r->raw_len);
    cr_assert_eq(loop_new(&r->loop, &eb), 0);
    r->timer = loop_timer_new(r->loop, on_late, r);
}

void
rig_fini(struct rig *r)
{
    char cmd[128];

    for (int i = 0; i < RIG_SESSIONS_MAX; i++)
        if (r->s[i].session != NULL)
            rig_crash(r, i);
    loop_timer_free(r->timer);
    loop_free(r->loop);
    free(r->raw);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", r->dir);
    cr_expect_eq(system(cmd), 0);
}

static void
check_until(struct rig *r)
{
    if (r->until != NULL && r->until(r))
        loop_stop(r->loop);
}

static void
on_event(void *ctx, struct torrent *t, const struct torrent_event *ev)
{
    struct rig_session *s = ctx;

    s->torrent = t;
    s->events[ev->type]++;
    s->last_err = ev->err;
    if (ev->message[0] != '\0')
        snprintf(s->message, sizeof(s->message), "%s", ev->message);
    if (getenv("RIG_TRACE") != NULL)
        fprintf(stderr, "session %d: event %d %s\n", (int)(s - s->rig->s), ev->type, ev->message);
    check_until(s->rig);
}

void
rig_open(struct rig *r, int i)
{
    struct engine_handler h = {&r->s[i], on_event};
    struct engine_config cfg = {.program = "test", .listen_count = 1};
    struct errbuf eb = {""};
    char text[64], state[128];

    r->s[i] = (struct rig_session){.rig = r};
    snprintf(text, sizeof(text), "127.0.0.%d:0", i + 10);
    snprintf(state, sizeof(state), "%s/state%d", r->dir, i);
    cr_assert_eq(addr_parse(text, &cfg.listen[0]), 0);
    cfg.state_dir = state;
    cr_assert_eq(engine_new(r->loop, &cfg, &h, &r->s[i].session, &eb), 0, "%s", eb.text);
}

void
rig_add(struct rig *r, int i, struct torrent_add add)
{
    struct errbuf eb = {""};

    cr_assert_eq(metainfo_parse(r->raw, r->raw_len, &add.mi, &eb), 0, "%s", eb.text);
    add.save_dir = rig_path(r, i, "");
    cr_assert_eq(engine_add(r->s[i].session, &add, &r->s[i].torrent, &eb), 0, "%s", eb.text);
}

const char *
rig_addr(struct rig *r, int i)
{
    static char text[ADDR_TEXT_MAX];
    const struct endpoint *addrs;

    cr_assert_geq(engine_listen(r->s[i].session, &addrs), 1u);
    return addr_format(&addrs[0], text);
}

void
rig_run(struct rig *r, int ms, bool (*until)(struct rig *r))
{
    r->until = until;
    r->late = false;
    if (until != NULL && until(r))
        return;
    loop_timer_set(r->timer, mono_add_ms(clock_mono(), ms));
    loop_run(r->loop);
    loop_timer_set(r->timer, MONO_NEVER);
    r->until = NULL;
    if (until != NULL)
        cr_assert_not(r->late, "it took longer than %d ms", ms);
}

static void
on_stopped(void *ctx)
{
    struct rig_session *s = ctx;

    s->stopped = true;
    loop_stop(s->rig->loop);
}

void
rig_stop(struct rig *r, int i)
{
    engine_stop(r->s[i].session, on_stopped, &r->s[i]);
    loop_timer_set(r->timer, mono_add_ms(clock_mono(), ENGINE_STOP_MS + 2000));
    loop_run(r->loop);
    loop_timer_set(r->timer, MONO_NEVER);
    cr_assert(r->s[i].stopped);
    rig_crash(r, i);
}

void
rig_crash(struct rig *r, int i)
{
    engine_free(r->s[i].session);
    r->s[i].session = NULL;
    r->s[i].torrent = NULL;
}

bool
rig_same(struct rig *r, int i)
{
    char cmd[256];

    snprintf(cmd, sizeof(cmd), "diff -r %s/copy0/data %s/copy%d/data", r->dir, r->dir, i);
    return system(cmd) == 0;
}
