/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state database: what is stored comes back, and what is broken is reported and left alone.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/sys/addr.h"
#include "common/sys/file.h"
#include "peer/store/state.h"
#include "peer/store/statescan.h"
#include "tests/unit/store/fixture.h"

/* A command that has the torrent file works on what spratd knows by a magnet link with one
 * info-hash. */
static void
bring_metainfo(bool v2)
{
    struct fixture f;
    struct state *st;
    struct state_torrent t;
    struct identity id = {.has_v1 = !v2, .has_v2 = v2};
    struct state_addition a = {.identity = &id, .name = "a film"};
    int64_t row, again;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    st = fixture_open_state(&f);
    if (v2)
        memcpy(id.v2, f.mi->id.v2, sizeof(id.v2));
    else
        memcpy(id.v1, f.mi->id.v1, sizeof(id.v1));
    a.dir = f.target;
    cr_assert_eq(state_add(st, &a, &row, NULL), 0);
    a.mi = f.mi;
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(state_add(st, &a, &again, NULL), 0);
        cr_expect_eq(again, row);
    }
    cr_assert_eq(state_get(st, row, &t, NULL), 0);
    cr_expect(identity_equal(&t.identity, &f.mi->id));
    cr_assert_eq(t.metainfo_len, f.mi->raw_len);
    cr_expect_arr_eq(t.metainfo, f.mi->raw, f.mi->raw_len);
    state_torrent_fini(&t);
    state_close(st);
    fixture_fini(&f);
}

Test(state, a_second_add_brings_the_metainfo)
{
    bring_metainfo(false);
    bring_metainfo(true);
}

/* A torrent that is known by a magnet link with one info-hash, and later by its torrent file. */
Test(state, a_torrent_without_metainfo_gets_it_later)
{
    struct fixture f;
    struct state *st;
    struct state_torrent t;
    struct identity id = {.has_v1 = true};
    struct state_addition a = {.identity = &id, .name = "a film", .managed = true};
    struct state_update u = {.set_limits = true, .up_limit = 7};
    struct doneq *q;
    int64_t row, found;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    st = fixture_open_state(&f);
    memcpy(id.v1, f.mi->id.v1, sizeof(id.v1));
    a.dir = f.target;
    cr_assert_eq(state_add(st, &a, &row, NULL), 0);
    cr_assert_eq(state_apply(st, row, &u, NULL), 0);
    state_close(st);
    st = fixture_open_state(&f);
    cr_assert_eq(state_find(st, &id, f.target, &found, NULL), 0);
    cr_expect_eq(found, row);
    cr_assert_eq(state_get(st, row, &t, NULL), 0);
    cr_expect(t.metainfo == NULL && t.metainfo_len == 0);
    cr_expect(identity_equal(&t.identity, &id));
    cr_expect_str_eq(t.name, "a film");
    state_torrent_fini(&t);

    q = doneq_new(NULL, NULL);
    cr_assert_not_null(q);
    u = (struct state_update){
        .identity = &f.mi->id, .metainfo = f.mi->raw, .metainfo_len = f.mi->raw_len};
    cr_assert_eq(state_apply_async(st, row, &u, q, NULL, NULL), 0);
    state_close(st);
    st = fixture_open_state(&f);
    cr_expect_eq(state_find(st, &id, f.target, &found, NULL), SPRAT_E_NOTFOUND);
    cr_expect_eq(state_find_link(st, &id, f.target, &found, NULL), 0, "a part of the identity");
    cr_expect_eq(found, row);
    cr_expect_eq(state_find_link(st, &id, "/elsewhere", &found, NULL), SPRAT_E_NOTFOUND);
    memcpy(id.v1, f.mi->id.v2, sizeof(id.v1));
    cr_expect_eq(state_find_link(st, &id, f.target, &found, NULL), 0, "the truncated v2 hash");
    a.identity = &id;
    cr_assert_eq(state_add(st, &a, &found, NULL), 0);
    cr_expect_eq(found, row, "the link adds no second row");
    found = 0;
    cr_assert_eq(state_find(st, &f.mi->id, f.target, &found, NULL), 0);
    cr_expect_eq(found, row);
    cr_assert_eq(state_get(st, row, &t, NULL), 0);
    cr_expect(identity_equal(&t.identity, &f.mi->id));
    cr_assert_eq(t.metainfo_len, f.mi->raw_len);
    cr_expect_arr_eq(t.metainfo, f.mi->raw, f.mi->raw_len);
    cr_expect_eq(t.up_limit, 7);
    cr_expect(t.managed);
    state_torrent_fini(&t);
    doneq_drain(q);
    doneq_free(q);
    state_close(st);
    fixture_fini(&f);
}

Test(state, torrent_comes_back)
{
    struct fixture f;
    struct state *st;
    struct state_torrent t;
    struct stat sb;
    int64_t id, again;
    struct state_update u = {
        .set_totals = true,
        .uploaded = 7,
        .downloaded = 1ull << 40,
        .set_completed = true,
        .completed = 99,
        .set_status = true,
        .status = STATE_FAILED,
        .error = "no room",
        .set_clean = true,
        .clean = false,
        .active = 1000,
    };

    st = fixture_init_state(&f, false, &id);
    cr_assert_eq(stat(f.state_dir, &sb), 0);
    cr_expect_eq(sb.st_mode & 0777, 0700);
    char *path = fixture_path(f.state_dir, "sprat.db");
    cr_assert_eq(stat(path, &sb), 0);
    cr_expect_eq(sb.st_mode & 0777, 0600);
    free(path);
    cr_assert_eq(state_apply(st, id, &u, NULL), 0);
    state_close(st);
    st = fixture_open_state(&f);
    cr_assert_eq(state_add(st,
                           &(struct state_addition){.mi = f.mi, .dir = f.target, .managed = true},
                           &again, NULL),
                 0);
    cr_expect_eq(again, id);
    cr_assert_eq(state_get(st, id, &t, NULL), 0);
    cr_expect(t.managed && !t.clean && t.identity.has_v1 && t.identity.has_v2);
    cr_expect_arr_eq(t.identity.v2, f.mi->id.v2, 32);
    cr_expect_str_eq(t.dir, f.target);
    cr_expect_str_eq(t.error, "no room");
    cr_expect_eq(t.status, STATE_FAILED);
    cr_expect_eq(t.uploaded, 7);
    cr_expect_eq(t.downloaded, 1ull << 40);
    cr_expect_eq(t.completed, 99);
    cr_expect_eq(t.session, 1000);
    cr_expect_eq(t.active, 1000);
    cr_expect_gt(t.added, 1000000000);
    cr_expect(t.metainfo_len == f.mi->raw_len && memcmp(t.metainfo, f.mi->raw, f.mi->raw_len) == 0);
    state_torrent_fini(&t);
    /* A second crash keeps the first session's time; a clean end and a new start set a new one. */
    u = (struct state_update){.set_clean = true, .active = 2000};
    cr_assert_eq(state_apply(st, id, &u, NULL), 0);
    cr_assert_eq(state_get(st, id, &t, NULL), 0);
    cr_expect_eq(t.session, 1000);
    cr_expect_eq(t.active, 2000);
    cr_expect_eq(t.uploaded, 7, "what is not set stays");
    cr_expect_str_eq(t.error, "no room");
    state_torrent_fini(&t);
    u = (struct state_update){.set_clean = true, .clean = true, .active = 2500};
    cr_assert_eq(state_apply(st, id, &u, NULL), 0);
    u = (struct state_update){.set_clean = true, .active = 3000};
    cr_assert_eq(state_apply(st, id, &u, NULL), 0);
    cr_assert_eq(state_get(st, id, &t, NULL), 0);
    cr_expect_eq(t.session, 3000);
    state_torrent_fini(&t);
    state_close(st);
    fixture_fini(&f);
}

Test(state, other_directory_is_another_row)
{
    struct fixture f;
    struct state *st;
    int64_t a, b;

    st = fixture_init_state(&f, false, &a);
    cr_assert_eq(state_add(st, &(struct state_addition){.mi = f.mi, .dir = f.source}, &b, NULL), 0);
    cr_expect_neq(a, b);
    state_close(st);
    fixture_fini(&f);
}

Test(state, have_bits_in_chunks)
{
    static const uint32_t set[] = {0, 4095, 4096, 9000, 70000};
    static const uint32_t lost[] = {4096, 69999};
    struct state_update u = {.have = set, .have_count = 5};
    struct fixture f;
    struct state *st;
    struct bitfield have;
    int64_t id;

    st = fixture_init_state(&f, false, &id);
    cr_assert_eq(bitfield_init(&have, 70001), 0);
    cr_assert_eq(state_apply(st, id, &u, NULL), 0);
    cr_assert_eq(state_load_have(st, id, &have, NULL), 0);
    cr_expect_eq(have.count, 5);
    for (size_t i = 0; i < 5; i++)
        cr_expect(bitfield_get(&have, set[i]));
    u = (struct state_update){.lost = lost, .lost_count = 2};
    cr_assert_eq(state_apply(st, id, &u, NULL), 0);
    cr_assert_eq(state_load_have(st, id, &have, NULL), 0);
    cr_expect_eq(have.count, 4);
    cr_expect_not(bitfield_get(&have, 4096));
    u = (struct state_update){.clear_have = true, .have = set, .have_count = 1};
    cr_assert_eq(state_apply(st, id, &u, NULL), 0);
    cr_assert_eq(state_load_have(st, id, &have, NULL), 0);
    cr_expect_eq(have.count, 1);
    bitfield_fini(&have);
    cr_assert_eq(bitfield_init(&have, 1), 0); /* bits beyond a smaller torrent's end are dropped */
    cr_assert_eq(state_load_have(st, id, &have, NULL), 0);
    cr_expect_eq(have.count, 1);
    bitfield_fini(&have);
    state_close(st);
    fixture_fini(&f);
}

static void
count_layer(void *user, const struct state_layer *l)
{
    size_t *n = user;

    cr_expect_eq(l->file, 3);
    cr_expect_eq(l->len, 64);
    cr_expect_eq(l->hashes[63], 5);
    (*n)++;
}

Test(state, files_priorities_peers_layers)
{
    struct fixture f;
    struct state *st;
    struct state_file files[3] = {
        {.file = 0, .present = true, .size = 1ull << 50, .mtime_ns = -5, .inode = UINT64_MAX},
        {.file = 2, .present = true, .size = 3, .mtime_ns = 9, .inode = 1},
    };
    struct state_update u = {.files = files, .file_count = 2, .seen = 10};
    struct endpoint peers[3], got[3];
    uint8_t prio[4] = {0, 1, 2, 3}, hashes[64] = {[63] = 5};
    struct state_layer layer = {.file = 3, .hashes = hashes, .len = 64};
    int64_t id;
    size_t n = 0;

    st = fixture_init_state(&f, false, &id);
    cr_assert_eq(addr_parse("1.2.3.4:5", &peers[0]), 0);
    cr_assert_eq(addr_parse("[2001:db8::1]:65535", &peers[1]), 0);
    u.peers = peers;
    u.peer_count = 1;
    u.layers = &layer;
    u.layer_count = 1;
    cr_assert_eq(state_apply(st, id, &u, NULL), 0);
    u = (struct state_update){.peers = &peers[1], .peer_count = 1, .seen = 11};
    cr_assert_eq(state_apply(st, id, &u, NULL), 0);
    cr_expect_eq(state_load_peers(st, id, got, 3, NULL), 2);
    cr_expect(endpoint_equal(&got[0], &peers[1]), "the latest first");
    cr_expect(endpoint_equal(&got[1], &peers[0]));
    cr_expect_eq(state_load_peers(st, id, got, 1, NULL), 1);
    cr_assert_eq(state_load_files(st, id, files, 3, NULL), 0);
    cr_expect(files[0].present && !files[1].present && files[2].present);
    cr_expect(files[0].size == 1ull << 50 && files[0].mtime_ns == -5 &&
              files[0].inode == UINT64_MAX);
    cr_assert_eq(state_load_priorities(st, id, prio, 4, NULL), 0);
    cr_expect(prio[0] == 1 && prio[3] == 1);
    prio[2] = 0;
    cr_assert_eq(
        state_apply(st, id, &(struct state_update){.priorities = prio, .priority_count = 4}, NULL),
        0);
    memset(prio, 9, 4);
    cr_assert_eq(state_load_priorities(st, id, prio, 4, NULL), 0);
    cr_expect(prio[0] == 1 && prio[2] == 0);
    cr_assert_eq(state_each_layer(st, id, count_layer, &n, NULL), 0);
    cr_expect_eq(n, 1);
    cr_assert_eq(state_apply(st, id, &(struct state_update){.remove = true}, NULL), 0);
    cr_expect_eq(state_load_peers(st, id, got, 3, NULL), 0, "all that hung on it went too");
    cr_expect_eq(state_apply(st, id, &u, NULL), SPRAT_E_NOTFOUND);
    state_close(st);
    fixture_fini(&f);
}

Test(state, peers_are_bounded)
{
    struct fixture f;
    struct state *st;
    struct endpoint peers[STATE_PEERS_MAX + 50], got[STATE_PEERS_MAX + 50];
    int64_t id;

    st = fixture_init_state(&f, false, &id);
    for (unsigned i = 0; i < STATE_PEERS_MAX + 50; i++) {
        struct state_update u = {.peers = &peers[i], .peer_count = 1, .seen = i};
        peers[i] = (struct endpoint){.family = IP_V4, .ip = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
        if (i + 1 >= STATE_PEERS_MAX || i % 50 == 0)
            cr_assert_eq(state_apply(st, id, &u, NULL), 0);
    }
    struct state_update all = {.peers = peers, .peer_count = STATE_PEERS_MAX, .seen = 1};
    cr_assert_eq(state_apply(st, id, &all, NULL), 0);
    cr_expect_eq(state_load_peers(st, id, got, STATE_PEERS_MAX + 50, NULL), STATE_PEERS_MAX);
    state_close(st);
    fixture_fini(&f);
}

static int
count_managed(void *user, const struct state_scan_row *row)
{
    int *n = user;

    cr_expect_not_null(row->torrent.metainfo);
    return ++*n == 2 ? SPRAT_E_LIMIT : 0;
}

Test(state, managed_torrents_are_listed)
{
    struct fixture f;
    struct state *st;
    int64_t id;
    int n = 0;

    st = fixture_init_state(&f, false, &id);
    cr_assert_eq(state_scan(st, count_managed, &n, NULL), 0);
    cr_expect_eq(n, 0);
    cr_assert_eq(state_add(st,
                           &(struct state_addition){.mi = f.mi, .dir = f.target, .managed = true},
                           &id, NULL),
                 0);
    cr_assert_eq(state_scan(st, count_managed, &n, NULL), 0);
    cr_expect_eq(n, 1);
    cr_assert_eq(state_add(st, &(struct state_addition){.mi = f.mi, .dir = f.target}, &id, NULL),
                 0);
    n = 0;
    cr_assert_eq(state_scan(st, count_managed, &n, NULL), 0);
    cr_expect_eq(n, 1, "it is still spratd's");
    cr_assert_eq(state_apply(st, id, &(struct state_update){.unmanage = true}, NULL), 0);
    n = 0;
    cr_assert_eq(state_scan(st, count_managed, &n, NULL), 0);
    cr_expect_eq(n, 0);
    cr_assert_eq(state_add(st,
                           &(struct state_addition){.mi = f.mi, .dir = f.target, .managed = true},
                           &id, NULL),
                 0);
    cr_assert_eq(state_add(st,
                           &(struct state_addition){.mi = f.mi, .dir = f.source, .managed = true},
                           &id, NULL),
                 0);
    n = 0;
    cr_expect_eq(state_scan(st, count_managed, &n, NULL), SPRAT_E_LIMIT);
    state_close(st);
    fixture_fini(&f);
}

struct scanned {
    int count;
    int64_t id;
    bool all, some;
};

static int
look_closely(void *user, const struct state_scan_row *row)
{
    struct scanned *seen = user;

    if (row->torrent.id != seen->id)
        return 0;
    seen->count++;
    seen->all = state_scan_has_all(row, 5000);
    seen->some = state_scan_has_all(row, 4097);
    cr_expect_eq(row->file_count, 2u);
    cr_expect_eq(row->files[1].file, 7u);
    cr_expect_eq(row->files[1].size, 1ull << 33);
    cr_expect_eq(row->files[1].mtime_ns, -5);
    cr_expect(row->has_wish && row->has_choice && row->has_peers);
    cr_expect_eq(row->wish.tracker_count, 1u);
    return 0;
}

Test(state, one_pass_reads_what_belongs_to_a_torrent)
{
    struct fixture f;
    struct state *st;
    struct scanned seen = {0};
    int64_t other, last;
    uint32_t pieces[5000];
    uint8_t choice[] = {1, 0};
    char url[] = "http://127.0.0.1/announce";
    char *trackers[] = {url};
    struct state_wish wish = {.trackers = trackers, .tracker_count = 1};
    struct state_file files[] = {{.file = 2, .present = true, .size = 1},
                                 {.file = 7, .present = true, .size = 1ull << 33, .mtime_ns = -5}};
    struct endpoint peer = {.family = IP_V4, .ip = {127, 0, 0, 1}, .port = 1};
    struct state_update u = {.have = pieces,
                             .have_count = 5000,
                             .files = files,
                             .file_count = 2,
                             .peers = &peer,
                             .peer_count = 1};
    struct state_update lose = {.lost = pieces + 4097, .lost_count = 1};

    for (uint32_t i = 0; i < 5000; i++)
        pieces[i] = i;
    st = fixture_init_state(&f, false, &other);
    cr_assert_eq(state_add(st,
                           &(struct state_addition){.mi = f.mi, .dir = f.target, .managed = true},
                           &seen.id, NULL),
                 0);
    cr_assert_eq(state_add(st,
                           &(struct state_addition){.mi = f.mi, .dir = f.source, .managed = true},
                           &last, NULL),
                 0);
    cr_assert_eq(state_apply(st, other, &u, NULL), 0);
    cr_assert_eq(state_apply(st, seen.id, &u, NULL), 0);
    cr_assert_eq(state_apply(st, last, &lose, NULL), 0);
    cr_assert_eq(fixture_put_wish(st, seen.id, &wish, NULL), 0);
    cr_assert_eq(
        state_apply(st, seen.id,
                    &(struct state_update){.priorities = choice, .priority_count = sizeof(choice)},
                    NULL),
        0);
    cr_assert_eq(state_scan(st, look_closely, &seen, NULL), 0);
    cr_expect(seen.count == 1 && seen.all && seen.some);
    cr_assert_eq(state_apply(st, seen.id, &lose, NULL), 0);
    cr_assert_eq(state_scan(st, look_closely, &seen, NULL), 0);
    cr_expect(seen.count == 2 && !seen.all && seen.some);
    u = (struct state_update){.forget_peers = true};
    cr_assert_eq(state_apply(st, seen.id, &u, NULL), 0);
    cr_expect_eq(state_load_peers(st, seen.id, &peer, 1, NULL), 0);
    state_close(st);
    fixture_fini(&f);
}

Test(state, one_user_of_a_torrent)
{
    struct fixture f;
    struct state *st, *other;
    struct lockfile *lock, *second;
    struct errbuf eb = {0};
    char pid[32];
    int64_t id;

    st = fixture_init_state(&f, false, &id);
    cr_assert_eq(state_open(f.state_dir, "sprat seed", &other, NULL), 0);
    cr_assert_eq(state_lock_torrent(st, &f.mi->id, f.mi->name, false, &lock, NULL), 0);
    cr_expect_eq(state_lock_torrent(other, &f.mi->id, f.mi->name, false, &second, &eb),
                 SPRAT_E_BUSY);
    snprintf(pid, sizeof(pid), "pid %ld", (long)getpid());
    cr_expect_not_null(strstr(eb.text, "sprat test"), "%s", eb.text);
    cr_expect_not_null(strstr(eb.text, pid), "%s", eb.text);
    lockfile_release(lock);
    cr_expect_eq(state_lock_torrent(other, &f.mi->id, f.mi->name, false, &second, &eb), 0);
    lockfile_release(second);
    state_close(other);
    state_close(st);
    fixture_fini(&f);
}

static char *
db_path(const struct fixture *f)
{
    return fixture_path(f->state_dir, "sprat.db");
}

/* Opens a spoilt database: it must be refused with its name, and not one byte of it changed. */
static void
expect_refused(struct fixture *f, int err)
{
    char *path = db_path(f);
    uint8_t *before, *after;
    size_t before_len, after_len;
    struct state *st;
    struct errbuf eb = {0};

    cr_assert_eq(file_read(path, 1 << 26, &before, &before_len, NULL), 0);
    cr_expect_eq(state_open(f->state_dir, "x", &st, &eb), err, "%s", eb.text);
    cr_expect_not_null(strstr(eb.text, "sprat.db"), "%s", eb.text);
    cr_assert_eq(file_read(path, 1 << 26, &after, &after_len, NULL), 0);
    cr_expect(before_len == after_len && memcmp(before, after, after_len) == 0);
    free(before);
    free(after);
    free(path);
}

static void
run_sql(const char *path, const char *sql)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void
store_file(struct state *st, int64_t id, uint32_t file, uint64_t inode)
{
    struct state_file rec = {
        .file = file, .present = true, .size = 5, .mtime_ns = 77, .inode = inode};
    struct state_update u = {.files = &rec, .file_count = 1};

    cr_assert_eq(state_apply(st, id, &u, NULL), 0);
}

/* The row of another torrent than the fixture's: |f| has that one from now on. */
static int64_t
add_another(struct fixture *f, struct state *st, const char *name, bool managed)
{
    int64_t id;

    fixture_file(f, name, 9, 40);
    fixture_torrent(f, METAINFO_V2, 32768);
    cr_assert_eq(
        state_add(st, &(struct state_addition){.mi = f->mi, .dir = f->target, .managed = managed},
                  &id, NULL),
        0);
    return id;
}

Test(state, finds_other_torrents_by_inode)
{
    struct state_sharer found[STATE_SHARERS_MAX];
    struct fixture f;
    struct state *st;
    int64_t first, elsewhere, second, third;

    st = fixture_init_state(&f, false, &first);
    cr_assert_eq(state_add(st,
                           &(struct state_addition){.mi = f.mi, .dir = f.source, .managed = true},
                           &elsewhere, NULL),
                 0);
    second = add_another(&f, st, "second", false);
    third = add_another(&f, st, "third", true);
    store_file(st, first, 1, UINT64_MAX);
    store_file(st, elsewhere, 1, UINT64_MAX);
    store_file(st, second, 2, UINT64_MAX);
    store_file(st, third, 0, UINT64_MAX);
    store_file(st, third, 3, 12);
    cr_assert_eq(state_find_inode(st, first, UINT64_MAX, found, NULL), 2,
                 "not itself, here or elsewhere");
    cr_expect(found[0].torrent == third && found[0].file == 0, "spratd's is first");
    cr_expect(found[1].torrent == second && found[1].file == 2);
    cr_expect_eq(state_find_inode(st, third, UINT64_MAX, found, NULL), 3);
    cr_expect_eq(state_find_inode(st, third, 12, found, NULL), 0);
    cr_expect_eq(state_find_inode(st, first, 13, found, NULL), 0);
    for (uint32_t i = 0; i < STATE_SHARERS_MAX + 5; i++)
        store_file(st, second, i, 14);
    cr_expect_eq(state_find_inode(st, first, 14, found, NULL), STATE_SHARERS_MAX);
    state_close(st);
    fixture_fini(&f);
}

/* Two torrents of an older version may have written to one file: its records are not believed. */
Test(state, what_two_torrents_had_is_not_believed_after_an_update)
{
    struct fixture f;
    struct state *st;
    struct state_file files[3];
    int64_t first, second;
    char *path;

    st = fixture_init_state(&f, false, &first);
    second = add_another(&f, st, "second", true);
    store_file(st, first, 0, 12);
    store_file(st, first, 1, 13);
    store_file(st, second, 2, 13);
    state_close(st);
    path = db_path(&f);
    run_sql(path, "ALTER TABLE torrents DROP COLUMN name;"
                  "ALTER TABLE wishes DROP COLUMN only_files;"
                  "ALTER TABLE wishes DROP COLUMN web_seeds;"
                  "DROP INDEX files_by_inode; DROP TABLE bans; DROP TABLE dht;"
                  "PRAGMA user_version = 5");
    free(path);
    st = fixture_open_state(&f);
    cr_assert_eq(state_load_files(st, first, files, 3, NULL), 0);
    cr_expect(files[0].mtime_ns == 77 && files[1].mtime_ns == 0 && files[1].inode == 13);
    cr_assert_eq(state_load_files(st, second, files, 3, NULL), 0);
    cr_expect(files[2].mtime_ns == 0 && files[2].size == 5);
    state_close(st);
    fixture_fini(&f);
}

/* Rows that we would never write: they are read without harm. */
Test(state, hostile_rows)
{
    struct fixture f;
    struct state *st;
    struct state_torrent t;
    struct state_file files[4];
    struct bitfield have;
    struct endpoint peers[4];
    uint8_t prio[4];
    char *path;
    int64_t id;

    st = fixture_init_state(&f, false, &id);
    path = db_path(&f);
    run_sql(path,
            "INSERT INTO pieces SELECT id, -1, x'ff' FROM torrents;"
            "INSERT INTO pieces SELECT id, 0, zeroblob(0) FROM torrents;"
            "INSERT INTO pieces SELECT id, 9223372036854775807, x'ffff' FROM torrents;"
            "INSERT INTO pieces SELECT id, 2, 'text' FROM torrents;"
            "INSERT INTO files SELECT id, -3, 1, 1, 1 FROM torrents;"
            "INSERT INTO files SELECT id, 4, 1, 1, 1 FROM torrents;"
            "INSERT INTO files SELECT id, 1, 'x', -1, 'y' FROM torrents;"
            "INSERT INTO peers SELECT id, x'04', 5 FROM torrents;"
            "INSERT INTO peers SELECT id, zeroblob(19), 6 FROM torrents;"
            "INSERT INTO priorities SELECT id, x'00' FROM torrents;"
            "INSERT INTO layers SELECT id, 7, zeroblob(0) FROM torrents;"
            "UPDATE torrents SET info_hash_v1 = x'00', info_hash_v2 = NULL, status = 77, clean = 5,"
            " completed = -9, metainfo = x'';");
    cr_assert_eq(state_get(st, id, &t, NULL), 0);
    cr_expect(!t.identity.has_v1 && !t.identity.has_v2 && t.status == STATE_RUNNING &&
              t.metainfo_len == 0);
    state_torrent_fini(&t);
    cr_assert_eq(bitfield_init(&have, 5000), 0);
    cr_expect_eq(state_load_have(st, id, &have, NULL), 0);
    cr_expect_eq(have.count, 0);
    bitfield_fini(&have);
    cr_expect_eq(state_load_files(st, id, files, 4, NULL), 0);
    cr_expect(files[1].present && files[1].size == 0);
    cr_expect_eq(state_load_peers(st, id, peers, 4, NULL), 0);
    cr_expect_eq(state_load_priorities(st, id, prio, 4, NULL), 0);
    cr_expect_eq(prio[0], 1);
    free(path);
    state_close(st);
    fixture_fini(&f);
}

Test(state, garbage_is_left_alone)
{
    struct fixture f;
    char *path;
    uint8_t *noise = malloc(8192);

    fixture_init(&f);
    cr_assert_eq(mkdir(f.state_dir, 0700), 0);
    path = db_path(&f);
    for (size_t i = 0; i < 8192; i++)
        noise[i] = fixture_byte(1, i);
    fixture_write(path, noise, 8192);
    expect_refused(&f, SPRAT_E_DB);
    fixture_write(path, "short", 5);
    expect_refused(&f, SPRAT_E_DB);
    free(noise);
    free(path);
    fixture_fini(&f);
}

Test(state, damaged_pages_are_left_alone)
{
    struct fixture f;
    struct state *st;
    char *path;
    int64_t id;

    st = fixture_init_state(&f, false, &id);
    state_close(st);
    path = db_path(&f);
    cr_assert_eq(truncate(path, 3 * 4096 + 100), 0);
    expect_refused(&f, SPRAT_E_DB);
    free(path);
    fixture_fini(&f);
}

Test(state, newer_and_foreign_databases_are_left_alone)
{
    struct fixture f;
    struct state *st;
    char *path;
    int64_t id;

    st = fixture_init_state(&f, false, &id);
    state_close(st);
    path = db_path(&f);
    run_sql(path, "PRAGMA user_version = 9999");
    expect_refused(&f, SPRAT_E_VERSION);
    cr_assert_eq(unlink(path), 0);
    run_sql(path, "CREATE TABLE t (a); PRAGMA user_version = 1");
    expect_refused(&f, SPRAT_E_DB);
    free(path);
    fixture_fini(&f);
}

/* Several processes on one directory, opening it new and writing at once. */
Test(state, processes_share_it)
{
    enum { CHILDREN = 4, ROUNDS = 20 };
    struct fixture f;
    struct state *st;
    struct bitfield have;
    pid_t pids[CHILDREN];
    int64_t id;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    for (uint32_t c = 0; c < CHILDREN; c++) {
        pids[c] = fork();
        cr_assert_geq(pids[c], 0);
        if (pids[c] != 0)
            continue;
        int bad =
            state_open(f.state_dir, "child", &st, NULL) != 0 ||
            state_add(st, &(struct state_addition){.mi = f.mi, .dir = f.target}, &id, NULL) != 0;
        for (uint32_t i = 0; !bad && i < ROUNDS; i++) {
            uint32_t piece = c * ROUNDS + i;
            struct state_update u = {.have = &piece, .have_count = 1};
            bad = state_apply(st, id, &u, NULL) != 0;
        }
        _exit(bad);
    }
    for (int c = 0; c < CHILDREN; c++) {
        int status;
        cr_assert_eq(waitpid(pids[c], &status, 0), pids[c]);
        cr_expect_eq(status, 0);
    }
    st = fixture_open_state(&f);
    cr_assert_eq(state_add(st, &(struct state_addition){.mi = f.mi, .dir = f.target}, &id, NULL),
                 0);
    cr_assert_eq(bitfield_init(&have, CHILDREN * ROUNDS), 0);
    cr_assert_eq(state_load_have(st, id, &have, NULL), 0);
    cr_expect(bitfield_full(&have));
    bitfield_fini(&have);
    state_close(st);
    fixture_fini(&f);
}

struct async_result {
    bool done;
    int err;
};

static void
on_applied(void *user, int err, const char *why)
{
    struct async_result *r = user;

    cr_expect_not_null(why);
    r->done = true;
    r->err = err;
}

Test(state, async_updates_come_in_order)
{
    struct fixture f;
    struct state *st;
    struct async_result r[50] = {{0}};
    struct state_torrent t;
    int64_t id;
    char error[32];

    st = fixture_init_state(&f, false, &id);
    fixture_open(&f);
    for (int i = 0; i < 50; i++) {
        struct state_update u = {.set_status = true, .status = STATE_FAILED, .error = error};
        snprintf(error, sizeof(error), "error %d", i);
        cr_assert_eq(state_apply_async(st, i == 7 ? -1 : id, &u, f.q, on_applied, &r[i]), 0);
        memset(error, 'x', sizeof(error) - 1); /* it was copied */
    }
    fixture_wait(&f, &r[49].done);
    for (int i = 0; i < 50; i++)
        cr_expect(r[i].done && r[i].err == (i == 7 ? SPRAT_E_NOTFOUND : 0), "update %d: %d", i,
                  r[i].err);
    cr_assert_eq(state_get(st, id, &t, NULL), 0);
    cr_expect_str_eq(t.error, "error 49");
    state_torrent_fini(&t);
    state_close(st);
    fixture_fini(&f);
}

/* A torrent and what it is added with are stored together or not at all. */
Test(state, torrents_are_added_in_one_transaction)
{
    struct fixture f;
    struct state *st;
    struct async_result r[3] = {{0}};
    const uint32_t have[] = {0}, refused[] = {7 * STATE_PIECES_PER_ROW};
    struct state_update good = {.set_limits = true, .up_limit = 7, .have = have, .have_count = 1};
    struct state_update bad = {.have = refused, .have_count = 1};
    struct state_addition a = {.managed = true, .update = &good};
    struct state_torrent t;
    int64_t first, id[3] = {0}, none;
    char *path;

    st = fixture_init_state(&f, false, &first);
    fixture_open(&f);
    a.mi = f.mi;
    a.dir = f.source;
    cr_assert_eq(state_find(st, &f.mi->id, a.dir, &none, NULL), SPRAT_E_NOTFOUND);
    cr_assert_eq(state_add_async(st, &a, &id[0], f.q, on_applied, &r[0]), 0);
    fixture_wait(&f, &r[0].done);
    cr_assert_eq(r[0].err, 0);
    cr_assert_eq(state_get(st, id[0], &t, NULL), 0);
    cr_expect(t.managed && t.up_limit == 7);
    state_torrent_fini(&t);
    path = db_path(&f);
    run_sql(path, "CREATE TRIGGER refuse BEFORE INSERT ON pieces WHEN new.chunk = 7 "
                  "BEGIN SELECT raise(ABORT, 'refused'); END");
    free(path);
    a.dir = "/elsewhere";
    a.update = &bad;
    cr_assert_eq(state_add_async(st, &a, &id[1], f.q, on_applied, &r[1]), 0);
    fixture_wait(&f, &r[1].done);
    cr_expect_neq(r[1].err, 0);
    cr_expect_neq(state_add(st, &a, &id[2], NULL), 0);
    cr_expect_eq(state_find(st, &f.mi->id, a.dir, &none, NULL), SPRAT_E_NOTFOUND);
    state_close(st);
    fixture_fini(&f);
}
