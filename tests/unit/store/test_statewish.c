/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The arguments with which a torrent was added are stored and read again.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "peer/store/statewish.h"
#include "tests/unit/store/fixture.h"

static void
expect_wish(struct state *st, int64_t id, const struct state_wish *want)
{
    struct errbuf eb = {""};
    struct state_wish got;

    cr_assert_eq(state_load_wish(st, id, &got, &eb), 0, "%s", eb.text);
    cr_expect_eq(got.seed, want->seed);
    cr_expect_float_eq(got.ratio, want->ratio, 1e-12);
    cr_expect_eq(got.sequential, want->sequential);
    cr_expect_eq(got.super_seed, want->super_seed);
    cr_expect_eq(got.reserve, want->reserve);
    cr_expect_eq(got.worknames, want->worknames);
    cr_assert_eq(got.tracker_count, want->tracker_count);
    for (size_t i = 0; i < got.tracker_count; i++)
        cr_expect_str_eq(got.trackers[i], want->trackers[i]);
    cr_assert_eq(got.peer_count, want->peer_count);
    for (size_t i = 0; i < got.peer_count; i++)
        cr_expect_str_eq(got.peers[i], want->peers[i]);
    state_wish_fini(&got);
    cr_expect_eq(got.tracker_count, 0);
}

Test(statewish, comes_back)
{
    struct fixture f;
    struct state *st;
    int64_t id;
    char first[] = "http://a.example/announce", second[] = "udp://b.example:1";
    char peer[] = "peer.example:6881";
    char *trackers[] = {first, second}, *peers[] = {peer};
    struct state_wish wish = {.seed = 1,
                              .ratio = 1.5,
                              .super_seed = true,
                              .trackers = trackers,
                              .tracker_count = 2,
                              .peers = peers,
                              .peer_count = 1,
                              .reserve = true};
    struct state_wish none;

    st = fixture_init_state(&f, true, &id);
    cr_expect_eq(state_load_wish(st, id, &none, NULL), SPRAT_E_NOTFOUND);
    cr_assert_eq(fixture_put_wish(st, id, &wish, NULL), 0);
    state_close(st);
    st = fixture_open_state(&f);
    expect_wish(st, id, &wish);
    wish = (struct state_wish){.seed = 2, .sequential = true};
    cr_assert_eq(fixture_put_wish(st, id, &wish, NULL), 0);
    expect_wish(st, id, &wish);
    cr_assert_eq(state_apply(st, id, &(struct state_update){.remove = true}, NULL), 0);
    cr_expect_eq(state_load_wish(st, id, &none, NULL), SPRAT_E_NOTFOUND,
                 "it goes with its torrent");
    state_close(st);
    fixture_fini(&f);
}

Test(statewish, working_names_are_kept_beside_all_else)
{
    struct fixture f;
    struct state *st;
    int64_t id;
    struct state_wish wish = {.seed = 1, .ratio = 1.5, .sequential = true}, got;

    st = fixture_init_state(&f, true, &id);
    cr_assert_eq(state_apply(st, id, &(struct state_update){.keep_worknames = true}, NULL), 0);
    cr_assert_eq(state_load_wish(st, id, &got, NULL), 0);
    cr_expect(got.worknames && !got.sequential && !got.reserve);
    cr_expect(got.seed < 0, "it says nothing of seeding");
    cr_expect_eq(got.tracker_count + got.peer_count, 0u);
    state_wish_fini(&got);
    cr_assert_eq(fixture_put_wish(st, id, &wish, NULL), 0);
    expect_wish(st, id, &wish);
    cr_assert_eq(state_apply(st, id, &(struct state_update){.keep_worknames = true}, NULL), 0);
    wish.worknames = true;
    expect_wish(st, id, &wish);
    state_close(st);
    fixture_fini(&f);
}

Test(statewish, what_cannot_be_stored)
{
    struct fixture f;
    struct state *st;
    struct errbuf eb;
    int64_t id;
    char bad[] = "http://a/\nhttp://b/";
    char *trackers[STATE_WISH_TRACKERS_MAX + 1];
    struct state_wish wish = {.trackers = trackers, .tracker_count = 1}, none;

    st = fixture_init_state(&f, true, &id);
    for (size_t i = 0; i <= STATE_WISH_TRACKERS_MAX; i++)
        trackers[i] = bad;
    cr_expect_eq(fixture_put_wish(st, id, &wish, &eb), SPRAT_E_INVAL);
    wish.tracker_count = STATE_WISH_TRACKERS_MAX + 1;
    bad[9] = ' ';
    cr_expect_eq(fixture_put_wish(st, id, &wish, &eb), SPRAT_E_INVAL);
    cr_expect_eq(state_load_wish(st, id, &none, NULL), SPRAT_E_NOTFOUND);
    wish.tracker_count = 0;
    wish.peers = trackers;
    wish.peer_count = STATE_WISH_PEERS_MAX + 1;
    cr_expect_eq(fixture_put_wish(st, id, &wish, &eb), SPRAT_E_INVAL);
    wish.peer_count = 0;
    wish.tracker_count = STATE_WISH_TRACKERS_MAX;
    cr_expect_eq(fixture_put_wish(st, id, &wish, &eb), 0);
    expect_wish(st, id, &wish);
    state_close(st);
    fixture_fini(&f);
}

/* A database of schema version 1 has no table of wishes. */
Test(statewish, an_older_database_is_brought_up_to_date)
{
    struct fixture f;
    struct state *st;
    int64_t id, again;
    sqlite3 *db;
    char *path;
    struct state_wish wish = {.seed = 2}, none;

    st = fixture_init_state(&f, true, &id);
    state_close(st);
    path = fixture_path(f.state_dir, "sprat.db");
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db,
                              "DROP TABLE wishes; ALTER TABLE torrents DROP COLUMN up_limit;"
                              "ALTER TABLE torrents DROP COLUMN down_limit;"
                              "ALTER TABLE torrents DROP COLUMN move_to;"
                              "ALTER TABLE torrents DROP COLUMN moved_from;"
                              "ALTER TABLE torrents DROP COLUMN name;"
                              "DROP INDEX files_by_inode; DROP TABLE bans; DROP TABLE dht;"
                              "PRAGMA user_version = 1",
                              NULL, NULL, NULL),
                 SQLITE_OK);
    sqlite3_close(db);
    free(path);
    st = fixture_open_state(&f);
    cr_assert_eq(state_add(st,
                           &(struct state_addition){.mi = f.mi, .dir = f.target, .managed = true},
                           &again, NULL),
                 0);
    cr_expect_eq(again, id, "what was in it is still there");
    cr_expect_eq(state_load_wish(st, id, &none, NULL), SPRAT_E_NOTFOUND);
    cr_expect_eq(fixture_put_wish(st, id, &wish, NULL), 0);
    expect_wish(st, id, &wish);
    state_close(st);
    fixture_fini(&f);
}
