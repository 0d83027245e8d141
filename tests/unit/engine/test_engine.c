/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whole engines that exchange real data over loopback.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sys/clock.h"
#include "peer/store/parts.h"
#include "peer/store/storagejob.h"
#include "peer/torrent/torrent_impl.h"
#include "peer/torrent/torrent_life.h"
#include "tests/unit/engine/rig.h"

static bool
first_checked(struct rig *r)
{
    return r->s[0].events[TORRENT_EVENT_CHECKED] > 0;
}

static bool
one_complete(struct rig *r)
{
    return r->s[1].events[TORRENT_EVENT_COMPLETE] > 0;
}

static bool
three_complete(struct rig *r)
{
    for (int i = 1; i <= 3; i++)
        if (r->s[i].events[TORRENT_EVENT_COMPLETE] == 0)
            return false;
    return true;
}

static void
seed(struct rig *r)
{
    rig_open(r, 0);
    rig_add(r, 0, (struct torrent_add){.seed_only = true, .seed = SEED_FOREVER});
    rig_run(r, 5000, first_checked);
}

static void
get(struct rig *r, int i, enum seed_policy policy)
{
    const char *peer = rig_addr(r, 0);

    rig_open(r, i);
    rig_add(r, i, (struct torrent_add){.seed = policy, .peers = &peer, .peer_count = 1});
}

static void
transfer(enum metainfo_format format, uint64_t size, bool multi)
{
    struct rig r;
    struct torrent_status st;

    rig_init(&r, format, size, multi);
    seed(&r);
    get(&r, 1, SEED_FOREVER);
    rig_run(&r, 10000, one_complete);
    cr_expect(rig_same(&r, 1));
    torrent_get_status(r.s[1].torrent, &st);
    cr_expect_eq(st.state, TORRENT_SEEDING);
    cr_expect_eq(st.swarm.bytes_have, size);
    cr_expect_geq(st.downloaded_ever, size);
    rig_stop(&r, 1);
    torrent_get_status(r.s[0].torrent, &st);
    cr_expect_geq(st.uploaded_ever, size);
    rig_stop(&r, 0);
    rig_fini(&r);
}

Test(engine, transfers_v1)
{
    transfer(METAINFO_V1, 1000003, false);
}

Test(engine, transfers_v2)
{
    transfer(METAINFO_V2, 1000003, false);
}

Test(engine, transfers_hybrid)
{
    transfer(METAINFO_HYBRID, 1000003, true);
}

Test(engine, transfers_a_directory_v1)
{
    transfer(METAINFO_V1, 300001, true);
}

Test(engine, transfers_a_directory_v2)
{
    transfer(METAINFO_V2, 300001, true);
}

Test(engine, transfers_less_than_a_block)
{
    transfer(METAINFO_HYBRID, 5, false);
}

Test(engine, a_chain_of_peers_each_knowing_one)
{
    struct rig r;

    rig_init(&r, METAINFO_HYBRID, 3000000, true);
    seed(&r);
    for (int i = 1; i <= 3; i++) {
        char peer[64];
        const char *peers[1] = {peer};

        snprintf(peer, sizeof(peer), "%s", rig_addr(&r, i - 1));
        rig_open(&r, i);
        rig_add(&r, i, (struct torrent_add){.seed = SEED_FOREVER, .peers = peers, .peer_count = 1});
    }
    rig_run(&r, 20000, three_complete);
    for (int i = 1; i <= 3; i++)
        cr_expect(rig_same(&r, i));
    rig_fini(&r);
}

/* --- what the state database keeps --- */

static bool
one_stopped(struct rig *r)
{
    return r->s[1].events[TORRENT_EVENT_STOPPED] > 0;
}

static bool
one_checked(struct rig *r)
{
    return r->s[1].events[TORRENT_EVENT_CHECKED] > 0;
}

static bool
one_has_some(struct rig *r)
{
    struct torrent_status st;

    torrent_get_status(r->s[1].torrent, &st);
    return st.swarm.pieces_have >= 4;
}

/* Runs until |until| is true, and calls it every few milliseconds: for changes without an event. */
static void
poll_until(struct rig *r, int ms, bool (*until)(struct rig *r))
{
    struct mono end = mono_add_ms(clock_mono(), ms);

    while (!until(r)) {
        cr_assert(mono_before(clock_mono(), end), "it took longer than %d ms", ms);
        rig_run(r, 5, NULL);
    }
}

Test(engine, seed_none_ends_when_complete)
{
    struct rig r;
    struct torrent_status st;

    rig_init(&r, METAINFO_HYBRID, 200000, false);
    seed(&r);
    get(&r, 1, SEED_NONE);
    rig_run(&r, 10000, one_stopped);
    cr_expect_eq(r.s[1].events[TORRENT_EVENT_COMPLETE], 1);
    torrent_get_status(r.s[1].torrent, &st);
    cr_expect_eq(st.state, TORRENT_STOPPED);
    cr_expect_eq(st.swarm.pieces_have, st.swarm.pieces_total);
    cr_expect_neq(st.completed_at, 0);
    rig_stop(&r, 1);
    rig_fini(&r);
}

Test(engine, a_complete_copy_is_believed_the_next_time)
{
    struct rig r;
    struct torrent_status st;

    rig_init(&r, METAINFO_HYBRID, 200000, true);
    seed(&r);
    get(&r, 1, SEED_FOREVER);
    rig_run(&r, 10000, one_complete);
    rig_stop(&r, 1);
    get(&r, 1, SEED_FOREVER);
    rig_run(&r, 10000, one_complete);
    torrent_get_status(r.s[1].torrent, &st);
    cr_expect_eq(st.swarm.downloaded, 0u);
    cr_expect_eq(st.downloaded_ever, 200000u);
    rig_fini(&r);
}

Test(engine, goes_on_where_it_was_after_an_orderly_end_and_after_a_crash)
{
    for (int crash = 0; crash < 2; crash++) {
        struct rig r;
        struct torrent_status st;
        const char *peer;
        uint32_t had;

        rig_init(&r, METAINFO_V2, 4000000, false);
        seed(&r);
        engine_set_limits(r.s[0].session, 600000, 0);
        get(&r, 1, SEED_FOREVER);
        poll_until(&r, 10000, one_has_some);
        if (crash) {
            rig_run(&r, 1500, NULL); /* a group of have-bits is committed by then */
            rig_crash(&r, 1);
        } else {
            rig_stop(&r, 1);
        }
        engine_set_limits(r.s[0].session, 0, 0);
        /* After an orderly end, the seeder's address is remembered. */
        peer = rig_addr(&r, 0);
        rig_open(&r, 1);
        rig_add(&r, 1,
                (struct torrent_add){
                    .seed = SEED_FOREVER, .peers = &peer, .peer_count = crash ? 1 : 0});
        rig_run(&r, 10000, one_checked);
        torrent_get_status(r.s[1].torrent, &st);
        had = st.swarm.pieces_have;
        cr_expect_geq(had, 4u);
        cr_expect_lt(had, st.swarm.pieces_total);
        rig_run(&r, 20000, one_complete);
        cr_expect(rig_same(&r, 1));
        rig_fini(&r);
    }
}

Test(engine, the_same_torrent_twice_is_refused)
{
    struct rig r;
    struct torrent_add add = {.seed = SEED_FOREVER};
    struct engine_config cfg = {.program = "second", .listen_count = 0};
    struct engine_handler h = {0};
    struct engine *second;
    struct torrent *t;
    struct errbuf eb = {""};
    char state[128];

    rig_init(&r, METAINFO_HYBRID, 50000, false);
    seed(&r);
    cr_assert_eq(metainfo_parse(r.raw, r.raw_len, &add.mi, &eb), 0);
    add.save_dir = rig_path(&r, 0, "");
    cr_expect_eq(engine_add(r.s[0].session, &add, &t, &eb), SPRAT_E_EXISTS);
    snprintf(state, sizeof(state), "%s/state0", r.dir);
    cfg.state_dir = state;
    cr_assert_eq(engine_new(r.loop, &cfg, &h, &second, &eb), 0, "%s", eb.text);
    cr_expect_eq(engine_add(second, &add, &t, &eb), SPRAT_E_BUSY);
    cr_expect_not_null(strstr(eb.text, "test"), "%s", eb.text);
    engine_free(second);
    metainfo_free(add.mi);
    rig_fini(&r);
}

Test(engine, pause_and_resume)
{
    struct rig r;
    struct torrent_status st;

    rig_init(&r, METAINFO_HYBRID, 3000000, false);
    seed(&r);
    engine_set_limits(r.s[0].session, 500000, 0);
    get(&r, 1, SEED_FOREVER);
    poll_until(&r, 10000, one_has_some);
    torrent_pause(r.s[1].torrent);
    rig_run(&r, 200, NULL);
    torrent_get_status(r.s[1].torrent, &st);
    cr_expect_eq(st.state, TORRENT_PAUSED);
    cr_expect_eq(st.swarm.peers_connected, 0u);
    engine_set_limits(r.s[0].session, 0, 0);
    torrent_resume(r.s[1].torrent, NULL);
    torrent_resume(r.s[1].torrent, NULL);
    rig_run(&r, 20000, one_complete);
    cr_expect(rig_same(&r, 1));
    rig_fini(&r);
}

Test(engine, added_in_pause_it_does_nothing_until_resumed)
{
    struct rig r;
    const char *peer;

    rig_init(&r, METAINFO_V1, 100000, false);
    seed(&r);
    peer = rig_addr(&r, 0);
    rig_open(&r, 1);
    rig_add(&r, 1,
            (struct torrent_add){
                .seed = SEED_FOREVER, .peers = &peer, .peer_count = 1, .paused = true});
    rig_run(&r, 200, NULL);
    cr_expect_eq(r.s[1].events[TORRENT_EVENT_READY], 1);
    cr_expect_eq(r.s[1].events[TORRENT_EVENT_CHECKED], 0);
    torrent_resume(r.s[1].torrent, NULL);
    rig_run(&r, 10000, one_complete);
    rig_fini(&r);
}

Test(engine, a_share_ratio_ends_the_seeding)
{
    struct rig r;
    const char *peer;

    rig_init(&r, METAINFO_HYBRID, 500000, false);
    seed(&r);
    get(&r, 1, SEED_RATIO);
    rig_run(&r, 10000, one_stopped); /* the ratio is 0: at once */
    rig_stop(&r, 1);
    peer = rig_addr(&r, 0);
    rig_open(&r, 1);
    rig_add(
        &r, 1,
        (struct torrent_add){.seed = SEED_RATIO, .ratio = 0.5, .peers = &peer, .peer_count = 1});
    rig_run(&r, 10000, one_complete);
    cr_expect_eq(r.s[1].events[TORRENT_EVENT_STOPPED], 0);
    rig_crash(&r, 0);
    peer = rig_addr(&r, 1);
    rig_open(&r, 2);
    rig_add(&r, 2, (struct torrent_add){.seed = SEED_FOREVER, .peers = &peer, .peer_count = 1});
    rig_run(&r, 10000, one_stopped);
    rig_fini(&r);
}

Test(engine, removed_with_its_data)
{
    struct rig r;

    rig_init(&r, METAINFO_HYBRID, 100000, true);
    seed(&r);
    get(&r, 1, SEED_FOREVER);
    rig_run(&r, 10000, one_complete);
    cr_expect_eq(access(rig_path(&r, 1, "data/a"), F_OK), 0);
    cr_assert_eq(torrent_remove(r.s[1].torrent, true, NULL), 0);
    rig_run(&r, 10000, one_stopped);
    cr_expect_null(engine_next(r.s[1].session, NULL));
    cr_expect_neq(access(rig_path(&r, 1, "data"), F_OK), 0);
    rig_stop(&r, 1);
    rig_fini(&r);
}

Test(engine, finds_torrents_by_hash_and_name)
{
    struct rig r;

    rig_init(&r, METAINFO_HYBRID, 1000, false);
    seed(&r);
    struct engine *s = r.s[0].session;
    struct torrent *t = r.s[0].torrent, *found = NULL;
    const struct metainfo *mi = torrent_metainfo(t);
    char hex[65];

    for (int i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02X", mi->id.v2[i]);
    cr_expect_eq(engine_find(s, hex, false, &found), 1);
    cr_expect_eq(found, t);
    hex[6] = '\0';
    cr_expect_eq(engine_find(s, hex, false, &found), 1);
    cr_expect_eq(found, t);
    hex[5] = '\0';
    cr_expect_eq(engine_find(s, hex, false, &found), 0);
    cr_expect_eq(engine_find(s, "data", false, &found), 1);
    cr_expect_eq(found, t);
    cr_expect_eq(engine_find(s, "date", false, &found), 0);
    cr_expect_eq(engine_find(s, "da", false, &found), 0);
    cr_expect_eq(engine_find(s, "da", true, &found), 1);
    cr_expect_eq(engine_find_by_hash(s, mi->id.v1), t);
    cr_expect_null(engine_find_by_hash(s, mi->id.v2 + 12));
    cr_expect_eq(engine_next(s, NULL), t);
    cr_expect_null(engine_next(s, t));
    rig_fini(&r);
}

/* --- files that change under a seeder --- */

static bool
zero_failed(struct rig *r)
{
    return r->s[0].events[TORRENT_EVENT_ERROR] > 0;
}

static bool
zero_lost_some(struct rig *r)
{
    struct torrent_status st;

    torrent_get_status(r->s[0].torrent, &st);
    return st.swarm.state == SWARM_ACTIVE && st.swarm.pieces_have < st.swarm.pieces_total;
}

static bool
zero_resumed(struct rig *r)
{
    return r->s[0].events[TORRENT_EVENT_RESUMED] > 0;
}

/* Damages one of two files, and restores it. */
static void
damage(int how)
{
    struct rig r;
    struct torrent_status st;
    char path[256], keep[300], cmd[600];
    int fd;

    rig_init(&r, METAINFO_HYBRID, 600000, true);
    seed(&r);
    snprintf(path, sizeof(path), "%s", rig_path(&r, 0, "data/b"));
    snprintf(keep, sizeof(keep), "%s.keep", path);
    snprintf(cmd, sizeof(cmd), "cp %s %s", path, keep);
    cr_assert_eq(system(cmd), 0);
    rig_run(&r, 1500, NULL); /* files are compared with their stamps once a second */
    if (how == 0) {
        cr_assert_eq(unlink(path), 0);
    } else if (how == 1) {
        cr_assert_eq(truncate(path, 1000), 0);
    } else {
        fd = open(path, O_WRONLY);
        cr_assert_eq(pwrite(fd, "changed", 7, 100000), 7);
        close(fd);
    }
    get(&r, 1, SEED_FOREVER);
    rig_run(&r, 10000, zero_failed);
    cr_expect_not_null(strstr(r.s[0].message, "data/b"), "%s", r.s[0].message);
    poll_until(&r, 10000, zero_lost_some);
    torrent_get_status(r.s[0].torrent, &st);
    cr_expect_lt(st.swarm.pieces_have, st.swarm.pieces_total);
    cr_expect_gt(st.swarm.pieces_have, 0u, "the other file is still there");
    cr_expect_str_neq(st.error, "");
    cr_expect_eq(r.s[1].events[TORRENT_EVENT_BANNED], 0);
    cr_expect_eq(r.s[1].events[TORRENT_EVENT_COMPLETE], 0);
    rig_run(&r, 500, NULL); /* the found pieces are stored with the files' present stamps */
    cr_assert_eq(rename(keep, path), 0);
    rig_run(&r, 20000, zero_resumed);
    rig_run(&r, 20000, one_complete);
    rig_fini(&r);
}

Test(engine, a_file_that_vanishes_under_a_seeder)
{
    damage(0);
}

Test(engine, a_file_that_shrinks_under_a_seeder)
{
    damage(1);
}

Test(engine, a_file_that_changes_under_a_seeder)
{
    damage(2);
}

/* --- a directory that can't be written to --- */

static bool
one_failed(struct rig *r)
{
    return r->s[1].events[TORRENT_EVENT_ERROR] > 0;
}

static bool
one_resumed(struct rig *r)
{
    return r->s[1].events[TORRENT_EVENT_RESUMED] > 0;
}

Test(engine, a_file_of_another_is_not_overwritten)
{
    struct rig r;
    struct torrent_status st;
    char text[32] = "";
    FILE *f;

    rig_init(&r, METAINFO_HYBRID, 100000, false);
    seed(&r);
    cr_assert_eq(mkdir(rig_path(&r, 1, ""), 0755), 0);
    f = fopen(rig_path(&r, 1, "data"), "w");
    fputs("precious", f);
    fclose(f);
    get(&r, 1, SEED_FOREVER);
    rig_run(&r, 10000, one_failed);
    cr_expect_eq(r.s[1].last_err, SPRAT_E_EXISTS);
    cr_expect_not_null(strstr(r.s[1].message, "data"), "%s", r.s[1].message);
    rig_run(&r, 200, NULL);
    torrent_get_status(r.s[1].torrent, &st);
    cr_expect_eq(st.state, TORRENT_ERROR);
    f = fopen(rig_path(&r, 1, "data"), "r");
    cr_expect_not_null(fgets(text, sizeof(text), f));
    fclose(f);
    cr_expect_str_eq(text, "precious");
    rig_stop(&r, 1);
    rig_fini(&r);
}

Test(engine, a_full_disk_pauses_and_goes_on_when_there_is_room, .timeout = 60)
{
    struct rig r;
    struct rlimit big, small = {400000, 400000};
    struct torrent_status st;

    /* A limit of file sizes instead of a full disk: a write beyond it fails with EFBIG. */
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &big), 0);
    rig_init(&r, METAINFO_HYBRID, 3000000, false);
    seed(&r);
    small.rlim_max = big.rlim_max;
    get(&r, 1, SEED_FOREVER);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    rig_run(&r, 10000, one_failed);
    cr_expect_not_null(strstr(r.s[1].message, "data"), "%s", r.s[1].message);
    rig_run(&r, 200, NULL);
    torrent_get_status(r.s[1].torrent, &st);
    cr_expect_eq(st.state, TORRENT_ERROR);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &big), 0);
    rig_run(&r, 20000, one_resumed);
    rig_run(&r, 20000, one_complete);
    cr_expect(rig_same(&r, 1));
    rig_fini(&r);
}

static size_t
count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

Test(engine, leaves_no_descriptor_behind)
{
    size_t before = count_descriptors();

    for (int i = 0; i < 2; i++) {
        struct rig r;

        rig_init(&r, METAINFO_HYBRID, 500000, true);
        seed(&r);
        get(&r, 1, SEED_FOREVER);
        rig_run(&r, 10000, one_complete);
        if (i == 0) {
            rig_stop(&r, 1);
            rig_stop(&r, 0);
        }
        rig_fini(&r);
    }
    cr_expect_eq(count_descriptors(), before);
}

Test(engine, a_paused_torrent_shows_what_it_had)
{
    struct rig r;
    struct torrent_status st;

    rig_init(&r, METAINFO_HYBRID, 500000, true);
    seed(&r);
    get(&r, 1, SEED_FOREVER);
    rig_run(&r, 10000, one_complete);
    rig_stop(&r, 1);
    rig_open(&r, 1);
    rig_add(&r, 1, (struct torrent_add){.seed = SEED_FOREVER, .paused = true});
    torrent_get_status(r.s[1].torrent, &st);
    cr_expect_eq(st.state, TORRENT_PAUSED);
    cr_expect_eq(st.swarm.pieces_have, st.swarm.pieces_total);
    cr_expect_eq(st.swarm.bytes_have, 500000u);
    rig_fini(&r);
}

static bool
zero_stopped(struct rig *r)
{
    return r->s[0].events[TORRENT_EVENT_STOPPED] > 0;
}

static bool
zero_idle(struct rig *r)
{
    struct torrent_status st;

    torrent_get_status(r->s[0].torrent, &st);
    return st.state == TORRENT_PAUSED;
}

Test(engine, paused_stopped_and_removed_while_it_is_checked)
{
    struct rig r;
    struct torrent_add add = {.seed_only = true, .seed = SEED_FOREVER};

    rig_init(&r, METAINFO_HYBRID, 8000000, true);
    rig_open(&r, 0);
    rig_add(&r, 0, add);
    torrent_pause(r.s[0].torrent);
    poll_until(&r, 5000, zero_idle);
    cr_expect_eq(r.s[0].events[TORRENT_EVENT_CHECKED], 0);
    torrent_resume(r.s[0].torrent, NULL);
    torrent_pause(r.s[0].torrent);
    torrent_resume(r.s[0].torrent, NULL);
    rig_run(&r, 10000, first_checked);
    rig_stop(&r, 0);
    rig_open(&r, 0);
    add.force_check = true;
    rig_add(&r, 0, add);
    rig_stop(&r, 0);
    cr_expect_eq(r.s[0].events[TORRENT_EVENT_STOPPED], 1);
    rig_open(&r, 0);
    rig_add(&r, 0, add);
    cr_assert_eq(torrent_remove(r.s[0].torrent, false, NULL), 0);
    rig_run(&r, 5000, zero_stopped);
    cr_expect_null(engine_next(r.s[0].session, NULL));
    cr_expect_eq(access(rig_path(&r, 0, "data/a"), F_OK), 0, "the data stays");
    rig_open(&r, 1);
    rig_fini(&r);
}

/* A tracker that never answers delays the end by its timeout at most. */
Test(engine, a_silent_tracker_delays_the_end_by_so_much, .timeout = 30)
{
    struct rig r;
    const char *tracker = "udp://127.0.0.9:9/announce";
    struct mono before;

    rig_init(&r, METAINFO_HYBRID, 1000, false);
    rig_open(&r, 0);
    rig_add(&r, 0,
            (struct torrent_add){
                .seed_only = true, .seed = SEED_FOREVER, .trackers = &tracker, .tracker_count = 1});
    rig_run(&r, 5000, first_checked);
    rig_run(&r, 100, NULL);
    before = clock_mono();
    rig_stop(&r, 0);
    cr_expect_lt(mono_diff_ms(clock_mono(), before), ENGINE_STOP_MS + 1000);
    rig_fini(&r);
}

struct choice {
    struct rig *rig;
    bool stored;
    int err;
};

static void
on_choice(void *user, int err, const char *why)
{
    struct choice *c = user;

    (void)why;
    c->stored = true;
    c->err = err;
    loop_stop(c->rig->loop);
}

/* While the choice is being stored, the unwanted file is made. Its data can't go to the part file
 * then, so the choice is made and stored again; sanitizer builds see that the first one is freed.
 */
Test(engine, a_choice_of_files_is_outdated_by_a_file_that_is_made)
{
    static const uint8_t chosen[] = {FILE_NORMAL, FILE_SKIP, FILE_NORMAL};
    struct errbuf eb = {""};
    struct choice c = {0};
    struct torrent *t;
    struct rig r;
    FILE *f;

    rig_init(&r, METAINFO_V1, 100000, true);
    c.rig = &r;
    rig_open(&r, 1);
    rig_add(&r, 1, (struct torrent_add){.seed = SEED_FOREVER});
    rig_run(&r, 5000, one_checked);
    t = r.s[1].torrent;
    /* A running torrent has its save directory. No event says when it runs. */
    for (int i = 0; i < 500 && !torrent_is_running(t); i++)
        rig_run(&r, 10, NULL);
    cr_assert(torrent_is_running(t));
    cr_assert_eq(torrent_select(t, chosen, on_choice, &c, &eb), 0, "%s", eb.text);
    cr_assert_eq(mkdir(rig_path(&r, 1, "data"), 0755), 0);
    f = fopen(rig_path(&r, 1, "data/b"), "w");
    cr_assert_not_null(f);
    fclose(f);
    cr_assert_eq(filetree_look(&t->disk.storage->tree, 1, NULL, &eb), 0, "%s", eb.text);
    while (!c.stored)
        loop_run(r.loop);
    cr_expect_eq(c.err, 0);
    cr_assert_not_null(t->options.selection);
    cr_expect_eq(t->options.selection[1], FILE_SKIP, "its data lies in the file");
    rig_fini(&r);
}
