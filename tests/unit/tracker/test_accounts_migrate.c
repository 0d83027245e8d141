/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A database of version 2 becomes one of version 3: users keep what they had, sessions go on where
 * they were, and a process that is killed on the way leaves a database of version 2.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tracker/tmpdb.h"
#include "tracker/core/session.h"
#include "tracker/store/accounts.h"
#include "tracker/store/registryschema.h"

static const uint64_t seed[2] = {1, 2};

enum {
    USERS = 300, /* SPRAT_TEST_USERS takes another number */
    SESSIONS = 12,
    SEEN_S = 1700000000,
};

static unsigned
number_of_users(void)
{
    const char *text = getenv("SPRAT_TEST_USERS");

    return text != NULL ? (unsigned)atoi(text) : USERS;
}

static void
run(sqlite3 *db, const char *sql)
{
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
}

static int64_t
number_of(const char *path, const char *sql)
{
    sqlite3_stmt *q;
    sqlite3 *db;
    int64_t n;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(q), SQLITE_ROW);
    n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

/* Sessions of every kind: of each user SESSIONS, every third ended; one in ten under two keys, as a
 * client that announced over HTTP and UDP had them. */
static void
make_version_2(const char *path)
{
    char sql[2000];
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    run(db, "PRAGMA journal_mode=WAL");
    run(db, registryschema.migrations[0]);
    run(db, registryschema.migrations[1]);
    snprintf(sql, sizeof(sql),
             "PRAGMA user_version=2; PRAGMA application_id=%d; BEGIN;"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
             " INSERT INTO users (id, name, class, enabled, can_leech, slots, added, uploaded,"
             " downloaded, downloaded_raw, change)"
             " SELECT i, 'user' || i, '', i %% 50 <> 0, 1, 0, 1, i * 1000, i * 500, i * 600, 1"
             " FROM n;"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
             " INSERT INTO torrents (id, name, size, v1, freeleech, hidden, added, removed, reason,"
             " completed, change) SELECT i, 'torrent' || i, 1000000,"
             " cast(printf('%%020d', i) AS BLOB), 0, 0, 1, 0, '', i, 1 FROM n;"
             "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d - 1)"
             " INSERT INTO totals SELECT id, 1 + (id + i * 37) %% 1000, 1000, 500, 600, 7, 0, %d"
             " FROM users, n;",
             (int)registryschema.application_id, number_of_users(), SESSIONS, SEEN_S);
    run(db, sql);
    snprintf(sql, sizeof(sql),
             "INSERT INTO sessions (user, torrent, peer_id, key, uploaded, downloaded, remaining,"
             " seeds, ended, seen, rise, run, completed)"
             " SELECT user, torrent, cast(printf('-qB4650-%%012d', user) AS BLOB), 1, 1000, 600,"
             " torrent %% 2, torrent %% 2 = 0, torrent %% 3 = 0, %d, %d, 5, 0 FROM totals;"
             "INSERT INTO sessions (user, torrent, peer_id, key, uploaded, downloaded, remaining,"
             " seeds, ended, seen, rise, run, completed)"
             " SELECT user, torrent, peer_id, 2, 900, 700, 1, 0, 0, %d, %d, 5, 0 FROM sessions"
             " WHERE torrent %% 10 = 0;"
             "INSERT INTO signals VALUES (1, 1, 0, 3, 1, 2, 9), (1, 1, 1, 3, 1, 2, 9),"
             " (1, 1, 2, 3, 1, 2, 9), (1, 1, 3, 3, 1, 2, 9); COMMIT;",
             SEEN_S, SEEN_S, SEEN_S - 5, SEEN_S - 5);
    run(db, sql);
    sqlite3_close(db);
}

static void
open_version_2(struct tmpdb *t)
{
    tmpdb_open(t, 0);
    registry_close(t->registry);
    t->registry = NULL;
    cr_assert_eq(unlink(t->path), 0);
    make_version_2(t->path);
}

static uint64_t
uploaded(struct registry *r, const char *name)
{
    struct registry_user u;
    struct errbuf eb;

    cr_assert_eq(registry_find_user(r, name, &u, &eb), 0, "%s", eb.text);
    return u.uploaded;
}

/* The client of a user says this of a torrent. */
static void
say(struct registry *r, int64_t seq, uint32_t user, uint32_t torrent, uint64_t up,
    enum tracker_event event, int64_t unix_s)
{
    struct tracker_announce a = {.uploaded = up, .downloaded = 700, .event = event};
    struct ledger_note n = {.unix_s = unix_s, .leechers_s = unix_s};
    struct accounts_batch batch = {
        .run = 9, .seq = seq, .npages = 1, .rate_possible = 1000000, .gap_max_s = 3600};
    char peer_id[TRACKER_PEER_ID_LEN + 1];
    struct accounts_result result;
    struct errbuf eb;
    struct ledger l;

    snprintf(peer_id, sizeof(peer_id), "-qB4650-%012u", user);
    memcpy(a.peer_id, peer_id, sizeof(a.peer_id));
    n.key = ledger_key_of(&a, user, torrent);
    ledger_init(&l, seed, 100, 3600);
    n.hash = ledger_prefetch(&l, &n.key);
    cr_assert_eq(ledger_put(&l, &a, &n), 0);
    batch.pages = &l.page;
    cr_assert_eq(accounts_apply(r, &batch, &result, &eb), 0, "%s", eb.text);
    cr_assert_eq(result.strangers, 0);
    ledger_fini(&l);
}

static void
check_version_3(const char *path, struct registry *r)
{
    unsigned users = number_of_users();
    struct registry_stats s;
    struct errbuf eb;

    cr_assert_eq(registry_stats(r, &s, &eb), 0, "%s", eb.text);
    cr_assert_eq(s.users, users);
    cr_assert_eq(s.users_enabled, users - users / 50);
    cr_assert_eq(s.torrents, 1000);
    cr_assert_eq(s.uploaded, (uint64_t)users * (users + 1) / 2 * 1000);
    cr_assert_eq(s.completed, 1000 * 1001 / 2);
    cr_assert_eq(s.seed_s, (uint64_t)users * SESSIONS * 7);
    cr_assert_eq(s.signals, 2, "those that accused honest members are gone");
    cr_assert_eq(number_of(path, "SELECT count(*) FROM sessions"), users * SESSIONS);
    cr_assert_eq(number_of(path, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

Test(accounts_migrate, users_and_sessions_go_on)
{
    struct errbuf eb;
    struct tmpdb t;

    open_version_2(&t);
    cr_assert_eq(registry_open(t.path, false, &t.registry, &eb), 0, "%s", eb.text);
    check_version_3(t.path, t.registry);
    /* User 1 has torrents 2, 39, 76, 113, 150, …: 39 has ended, 150 was there twice. */
    say(t.registry, 1, 1, 2, 1000, TRACKER_EVENT_NONE, SEEN_S + 60);
    cr_assert_eq(uploaded(t.registry, "user1"), 1000);
    say(t.registry, 2, 1, 2, 1030, TRACKER_EVENT_NONE, SEEN_S + 1800);
    cr_assert_eq(uploaded(t.registry, "user1"), 1030);
    say(t.registry, 3, 1, 150, 1007, TRACKER_EVENT_NONE, SEEN_S + 1800);
    cr_assert_eq(uploaded(t.registry, "user1"), 1037);
    say(t.registry, 4, 1, 39, 1000, TRACKER_EVENT_STOPPED, SEEN_S + 2);
    cr_assert_eq(uploaded(t.registry, "user1"), 1037);
    say(t.registry, 5, 1, 39, 5, TRACKER_EVENT_NONE, SEEN_S + 1800);
    cr_assert_eq(uploaded(t.registry, "user1"), 1042);
    tmpdb_close(&t);
}

/* ---- killed on the way ---- */

static int countdown;

static int
on_progress(void *ctx)
{
    (void)ctx;
    if (--countdown == 0)
        (void)kill(getpid(), SIGKILL);
    return 0;
}

static int
watch(sqlite3 *db, char **why, const struct sqlite3_api_routines *api)
{
    (void)why, (void)api;
    sqlite3_progress_handler(db, 200, on_progress, NULL);
    return SQLITE_OK;
}

/* Opens the database in a process that is killed after |steps| of SQLite's; true if it was through
 * before. */
static bool
open_and_die(const char *path, int steps)
{
    struct registry *r;
    struct errbuf eb;
    pid_t child = fork();
    int status;

    cr_assert_geq(child, 0);
    if (child == 0) {
        countdown = steps;
        sqlite3_auto_extension((void (*)(void))watch);
        _exit(registry_open(path, false, &r, &eb) == 0 ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "%x", (unsigned)status);
    return !WIFSIGNALED(status);
}

Test(accounts_migrate, a_kill_on_the_way_leaves_version_2)
{
    struct errbuf eb;
    struct tmpdb t;
    int killed = 0;

    open_version_2(&t);
    for (int steps = 20; !open_and_die(t.path, steps); steps += steps / 2) {
        killed++;
        cr_assert_eq(number_of(t.path, "PRAGMA user_version"), 2);
        cr_assert_eq(number_of(t.path, "SELECT count(*) FROM sessions WHERE key = 1"),
                     number_of_users() * SESSIONS);
        cr_assert_eq(number_of(t.path, "SELECT count(*) FROM signals"), 4);
    }
    cr_assert_geq(killed, 5);
    cr_assert_eq(registry_open(t.path, false, &t.registry, &eb), 0, "%s", eb.text);
    check_version_3(t.path, t.registry);
    tmpdb_close(&t);
}
