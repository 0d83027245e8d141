/* SPDX-License-Identifier: BSD-2-Clause
 *
 * State files: what one tracker saves another loads, nothing of a damaged file is loaded, and a
 * save that fails leaves the old file.
 */
#include "tracker/daemon/savedpeers.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/rng.h"
#include "common/crypto/sha.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "tests/unit/codec/failing_alloc.h"
#include "tests/unit/tracker/failing_thread.h"
#include "tracker/daemon/savefile.h"

static const struct tracker_seed seed = {{11, 22}, 33};

struct rig {
    char dir[32], path[48], bad[56];
    struct loop *loop;
    struct log log;
    unsigned errors; /* lines of the log */
    char error[LOG_LINE_MAX];
};

static void
on_log(void *ctx, const struct log_record *r)
{
    struct rig *rig = ctx;

    if (r->level != LOG_ERROR)
        return;
    rig->errors++;
    log_record_text(r, rig->error);
}

static void
rig_init(struct rig *r)
{
    struct errbuf eb;

    *r = (struct rig){.log = {.level = LOG_DEBUG, .write = on_log, .ctx = r}};
    strcpy(r->dir, "/tmp/sprat-test-XXXXXX");
    cr_assert_not_null(mkdtemp(r->dir));
    snprintf(r->path, sizeof(r->path), "%s/peers", r->dir);
    snprintf(r->bad, sizeof(r->bad), "%s.bad", r->path);
    cr_assert_eq(loop_new(&r->loop, &eb), 0);
}

static void
rig_fini(struct rig *r)
{
    unlink(r->path);
    unlink(r->bad);
    cr_assert_eq(rmdir(r->dir), 0, "no other file is left behind");
    loop_free(r->loop);
}

static struct shards *
shards_make(unsigned count, bool peer_ids)
{
    struct tracker_config config;
    struct shards *s;

    tracker_config_init(&config);
    config.peer_ids = peer_ids;
    config.address_peers = 0;
    s = shards_new(count, &config, &seed);
    cr_assert_not_null(s);
    return s;
}

static void
announce(struct shards *s, uint32_t torrent, uint32_t n, uint64_t left)
{
    uint8_t v4[SELECT_WANT_MAX * 6], v6[SELECT_WANT_MAX * 18];
    struct tracker_announce a = {.left = left, .port = 7};
    struct tracker_answer ans = {.v4 = v4, .v6 = v6, .max4 = 200, .max6 = 200};
    struct endpoint from = {.family = n % 3 == 0 ? IP_V6 : IP_V4};
    unsigned i;

    put_u32be(a.info_hash, torrent);
    put_u32be(a.info_hash + 4, torrent * 0x9e3779b9u);
    put_u32be(a.peer_id, n);
    put_u32be(from.ip, 0x0a000000 | n);
    i = shard_of(shards_rule(s), a.info_hash);
    tracker_on_announce(shards_lock(s, i), &a, &from, &ans, clock_mono());
    shards_unlock(s, i);
    cr_assert_null(ans.failure);
}

/* |torrents| torrents with up to |peers_max| peers each. */
static void
fill(struct shards *s, uint32_t torrents, uint32_t peers_max, struct rng *rng)
{
    for (uint32_t w = 0; w < torrents; w++)
        for (uint32_t n = rng_below(rng, peers_max) + 1; n > 0; n--)
            announce(s, w, n, rng_below(rng, 2));
}

/* Saves as a tracker that stops does. */
static void
save(struct rig *r, struct shards *s)
{
    struct savefile *f;
    struct errbuf eb;

    cr_assert_eq(savefile_new(r->loop, s, r->path, 300, &r->log, &f, &eb), 0);
    savefile_finish(f);
}

static uint64_t
count(struct shards *s)
{
    struct tracker_stats stats;

    shards_stats(s, &stats);
    return stats.peers4 + stats.peers6;
}

/* Loads the file if it is accepted, and returns the number of peers. */
static uint64_t
load(struct rig *r, struct shards *s)
{
    struct savedpeers *p = savedpeers_open(r->path, &r->log);

    if (p != NULL)
        savedpeers_load(p, s, &r->log);
    savedpeers_free(p);
    return count(s);
}

static struct tracker_scrape
scrape(struct shards *s, uint32_t torrent)
{
    struct tracker_scrape e = {.complete = 0};
    unsigned i;

    put_u32be(e.info_hash, torrent);
    put_u32be(e.info_hash + 4, torrent * 0x9e3779b9u);
    i = shard_of(shards_rule(s), e.info_hash);
    tracker_on_scrape(shards_lock(s, i), &e, clock_mono());
    shards_unlock(s, i);
    return e;
}

Test(savedpeers, are_the_same_for_any_number_of_shards)
{
    enum { TORRENTS = 60 };
    struct rng rng;
    struct rig r;

    rng_init(&rng, 5);
    rig_init(&r);
    for (unsigned round = 0; round < 24; round++) {
        bool ids = round % 2 != 0;
        struct shards *from = shards_make(1 + round % 4, ids),
                      *to = shards_make(1 + round % 3, ids);

        fill(from, TORRENTS, round % 5 == 0 ? 3000 : 30, &rng);
        save(&r, from);
        cr_assert_eq(load(&r, to), count(from));
        for (uint32_t w = 0; w < TORRENTS; w++) {
            struct tracker_scrape a = scrape(from, w), b = scrape(to, w);

            cr_assert_eq(memcmp(&a, &b, sizeof(a)), 0);
        }
        shards_free(from);
        shards_free(to);
    }
    cr_assert_eq(r.errors, 0, "%s", r.error);
    rig_fini(&r);
}

/* Writes |len| bytes as the state file, without a word about their order on the disk. */
static void
put_file(const struct rig *r, const uint8_t *data, size_t len)
{
    int fd = open(r->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
}

static void
expect_refused(struct rig *r, const uint8_t *data, size_t len)
{
    unsigned errors = r->errors;

    put_file(r, data, len);
    cr_assert_null(savedpeers_open(r->path, &r->log), "%zu bytes", len);
    cr_assert_eq(r->errors, errors + 1);
    cr_assert_eq(access(r->bad, F_OK), 0, "it is kept under another name");
    cr_assert_neq(access(r->path, F_OK), 0);
    unlink(r->bad);
}

/* Returns the content of a state file, which the caller frees. */
static uint8_t *
saved_bytes(struct rig *r, uint32_t torrents, uint32_t peers_max, size_t *len)
{
    struct shards *s = shards_make(2, true);
    struct errbuf eb;
    struct rng rng;
    uint8_t *data;

    rng_init(&rng, 1);
    fill(s, torrents, peers_max, &rng);
    save(r, s);
    shards_free(s);
    cr_assert_eq(file_read(r->path, 1 << 30, &data, len, &eb), 0, "%s", eb.text);
    return data;
}

Test(savedpeers, nothing_of_a_damaged_file_is_loaded)
{
    struct rig r;
    uint8_t *data;
    size_t len;

    rig_init(&r);
    data = saved_bytes(&r, 4, 8, &len);
    for (size_t cut = 0; cut < len; cut++)
        expect_refused(&r, data, cut);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        expect_refused(&r, data, len);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    data = realloc(data, len + 1);
    data[len] = 0;
    expect_refused(&r, data, len + 1);
    put_file(&r, data, len);
    free(data);
    rig_fini(&r);
}

/* Blocks of the reader are of 256 KiB; the file is cut around the end of each. */
Test(savedpeers, a_file_that_is_cut_between_blocks_is_damaged)
{
    struct rig r;
    uint8_t *data;
    size_t len;

    rig_init(&r);
    data = saved_bytes(&r, 20, 4000, &len);
    cr_assert_gt(len, 4 << 18);
    for (size_t at = 1 << 16; at < len; at += 1 << 16)
        for (size_t cut = at - 33; cut <= at + 33 && cut < len; cut += 11)
            expect_refused(&r, data, cut);
    put_file(&r, data, len);
    free(data);
    rig_fini(&r);
}

static void
seal(uint8_t *data, size_t len)
{
    sha256(data, len - SNAPSHOT_TAIL_LEN, data + len - SNAPSHOT_TAIL_LEN);
}

/* A good checksum does not make a file good. */
Test(savedpeers, more_promised_peers_than_there_are_are_damage)
{
    struct rig r;
    uint8_t *data;
    size_t len;

    rig_init(&r);
    data = saved_bytes(&r, 2, 20, &len);
    put_u32be(data + SNAPSHOT_HEAD_LEN + 24, 0xffffffff);
    seal(data, len);
    expect_refused(&r, data, len);
    cr_assert_not_null(strstr(r.error, "within a torrent"), "%s", r.error);
    free(data);
    rig_fini(&r);
}

/* Earlier versions wrote records of 4,096 peers, and before that whole swarms. */
Test(savedpeers, a_record_may_be_longer_than_a_block)
{
    enum { PEERS = 60000, PEER_LEN = 6 + 2 + 4 };
    size_t len = SNAPSHOT_HEAD_LEN + 40 + (size_t)PEERS * PEER_LEN + SNAPSHOT_TAIL_LEN;
    struct shards *s = shards_make(3, false);
    uint8_t *data = calloc(1, len), *at = data + SNAPSHOT_HEAD_LEN;
    struct rig r;

    rig_init(&r);
    memcpy(data, "SPRTSWM1", 8);
    put_u64be(data + 8, (uint64_t)clock_unix());
    put_u64be(data + 16, seed.hash[0]);
    put_u64be(data + 24, seed.hash[1]);
    put_u32be(at + 28, PEERS);
    for (uint32_t i = 0; i < PEERS; i++) {
        put_u32be(at + 40 + (size_t)i * PEER_LEN, 0x0a000000 + i);
        put_u16be(at + 44 + (size_t)i * PEER_LEN, 6881);
    }
    seal(data, len);
    put_file(&r, data, len);
    cr_assert_eq(load(&r, s), PEERS);
    cr_assert_eq(r.errors, 0, "%s", r.error);
    free(data);
    shards_free(s);
    rig_fini(&r);
}

/* Opens a good file, changes it in place, and loads it. Returns the peers that were loaded. */
static uint64_t
load_changed(struct rig *r, const uint8_t *data, size_t len, size_t at, size_t new_len)
{
    struct shards *s = shards_make(2, true);
    struct savedpeers *p;
    uint64_t loaded;
    int fd;

    put_file(r, data, len);
    p = savedpeers_open(r->path, &r->log);
    cr_assert_not_null(p);
    fd = open(r->path, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, &(uint8_t){data[at] ^ 1}, 1, (off_t)at), 1);
    cr_assert_eq(ftruncate(fd, (off_t)new_len), 0);
    close(fd);
    savedpeers_load(p, s, &r->log);
    savedpeers_free(p);
    loaded = count(s);
    shards_free(s);
    return loaded;
}

Test(savedpeers, a_change_between_the_readings_is_noticed)
{
    struct shards *s = shards_make(2, true);
    uint64_t all, loaded;
    struct rig r;
    uint8_t *data;
    size_t len;

    rig_init(&r);
    data = saved_bytes(&r, 20, 4000, &len);
    all = load(&r, s);
    cr_assert_eq(load_changed(&r, data, len, 100, len), 0);
    cr_assert_not_null(strstr(r.error, "changed"), "%s", r.error);
    loaded = load_changed(&r, data, len, len / 2, len);
    cr_assert(loaded > 0 && loaded < all, "only what is before the changed block");
    cr_assert_eq(r.errors, 2);
    loaded = load_changed(&r, data, len, len - 40, len / 2);
    cr_assert(loaded > 0 && loaded < all);
    cr_assert_not_null(strstr(r.error, "shorter"), "%s", r.error);
    free(data);
    shards_free(s);
    rig_fini(&r);
}

Test(savedpeers, of_a_tracker_without_ids_are_not_loaded_by_one_with_them)
{
    struct shards *from = shards_make(1, false), *to = shards_make(1, true);
    struct rig r;

    rig_init(&r);
    announce(from, 1, 1, 0);
    save(&r, from);
    cr_assert_eq(load(&r, to), 0);
    cr_assert_not_null(strstr(r.error, "peer-ids is yes"), "%s", r.error);
    shards_free(from);
    shards_free(to);
    rig_fini(&r);
}

Test(savedpeers, memory_may_run_out_anywhere)
{
    struct shards *from = shards_make(2, true);
    struct rng rng;
    struct rig r;
    bool failed = true;

    rng_init(&rng, 3);
    rig_init(&r);
    fill(from, 10, 20, &rng);
    save(&r, from);
    for (unsigned n = 0; failed; n++) {
        struct shards *to = shards_make(2, true);

        r.errors = 0;
        failing_alloc_after(n);
        (void)load(&r, to);
        failed = failing_alloc_end();
        cr_assert(failed || count(to) == count(from));
        shards_free(to);
        to = shards_make(2, true);
        cr_assert_eq(load(&r, to), count(from), "the file is still there");
        shards_free(to);
    }
    for (unsigned n = 0, errors = 1; errors > 0; n++) {
        struct shards *to = shards_make(2, true);
        struct savefile *f;
        struct errbuf eb;

        cr_assert_eq(savefile_new(r.loop, from, r.path, 300, &r.log, &f, &eb), 0);
        r.errors = 0;
        failing_alloc_after(n);
        savefile_finish(f);
        (void)failing_alloc_end();
        errors = r.errors;
        cr_assert_eq(load(&r, to), count(from), "the old file or the new one");
        shards_free(to);
    }
    shards_free(from);
    rig_fini(&r);
}

/* ---- saves that fail ---- */

static void
stop(void *ctx)
{
    loop_stop(ctx);
}

static void
spin(struct rig *r, int64_t ms)
{
    struct loop_timer *t = loop_timer_new(r->loop, stop, r->loop);

    loop_timer_set(t, mono_add_ms(loop_now(r->loop), ms));
    cr_assert_eq(loop_run(r->loop), 0);
    loop_timer_free(t);
}

/* Runs the loop until a save was tried again after |errors| errors. */
static void
wait_errors(struct rig *r, unsigned errors)
{
    for (int i = 0; i < 600 && r->errors < errors; i++)
        spin(r, 100);
    cr_assert_geq(r->errors, errors);
}

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;

    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A limit on the length of files acts as a full disk does, and needs no disk. */
Test(savedpeers, a_save_without_space_leaves_the_old_file_and_is_tried_again)
{
    struct shards *s = shards_make(2, false), *to = shards_make(2, false);
    struct savefile *f;
    struct errbuf eb;
    struct rng rng;
    struct rig r;
    uint64_t before;

    rng_init(&rng, 7);
    signal(SIGXFSZ, SIG_IGN);
    rig_init(&r);
    announce(s, 1, 1, 1);
    save(&r, s);
    before = count(s);
    fill(s, 20, 2000, &rng);
    cr_assert_eq(savefile_new(r.loop, s, r.path, 1, &r.log, &f, &eb), 0);
    limit_files(100000);
    wait_errors(&r, 2);
    cr_assert_not_null(strstr(r.error, r.path), "%s", r.error);
    cr_assert_eq(load(&r, to), before);
    failing_thread_after(0);
    r.errors = 0;
    wait_errors(&r, 1);
    failing_thread_end();
    limit_files(RLIM_INFINITY);
    savefile_finish(f);
    shards_free(to);
    to = shards_make(2, false);
    cr_assert_eq(load(&r, to), count(s));
    shards_free(s);
    shards_free(to);
    rig_fini(&r);
}

/* The tracker stops while a save runs, which is cancelled in favour of the last one. */
Test(savedpeers, the_last_save_does_not_wait_for_one_that_runs)
{
    struct shards *s = shards_make(2, true), *to = shards_make(2, true);
    struct savefile *f;
    struct errbuf eb;
    struct rng rng;
    struct rig r;

    rng_init(&rng, 7);
    rig_init(&r);
    fill(s, 50, 4000, &rng);
    cr_assert_eq(savefile_new(r.loop, s, r.path, 1, &r.log, &f, &eb), 0);
    spin(&r, 1005);
    savefile_finish(f);
    cr_assert_eq(r.errors, 0, "%s", r.error);
    cr_assert_eq(load(&r, to), count(s));
    shards_free(s);
    shards_free(to);
    rig_fini(&r);
}
