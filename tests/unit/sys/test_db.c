/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The SQLite wrapper: versions, migrations, and files that are not ours to touch.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sys/clock.h"
#include "common/sys/db.h"

static const char *const steps[] = {
    "CREATE TABLE a (x INTEGER UNIQUE)",
    "ALTER TABLE a ADD COLUMN y TEXT DEFAULT 'new'",
    "CREATE TABLE broken (",
};

static struct db_schema
schema_of(unsigned version)
{
    return (struct db_schema){.application_id = 0x54657374, .migrations = steps,
                              .migration_count = version, .durable = true};
}

static void
make_path(char dir[32], char path[64])
{
    strcpy(dir, "/tmp/sprat-test-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, 64, "%s/t.db", dir);
}

static void
remove_dir(const char *dir)
{
    char cmd[64];

    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    cr_assert_eq(system(cmd), 0);
}

static int64_t
number(struct db *db, const char *sql)
{
    sqlite3_stmt *st;
    int64_t n;

    cr_assert_eq(db_prepare(db, sql, &st, NULL), 0);
    cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
    n = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return n;
}

Test(db, migrates_step_by_step)
{
    struct db_schema v1 = schema_of(1), v2 = schema_of(2), v3 = schema_of(3);
    char dir[32], path[64];
    struct errbuf eb = {0};
    struct db *db;

    make_path(dir, path);
    cr_assert_eq(db_open(path, &v1, &db, &eb), 0, "%s", eb.text);
    cr_assert_eq(db_exec(db, "INSERT INTO a VALUES (5)", "testing", &eb), 0);
    cr_expect_eq(number(db, "PRAGMA synchronous"), 2, "FULL");
    db_close(db);
    cr_assert_eq(db_open(path, &v2, &db, &eb), 0, "%s", eb.text);
    cr_expect_eq(number(db, "SELECT x FROM a WHERE y = 'new'"), 5);
    cr_expect_eq(number(db, "PRAGMA user_version"), 2);
    db_close(db);
    cr_expect_eq(db_open(path, &v1, &db, &eb), SPRAT_E_VERSION);
    cr_expect_not_null(strstr(eb.text, path), "%s", eb.text);
    cr_expect_neq(db_open(path, &v3, &db, &eb), 0, "a step that fails");
    cr_assert_eq(db_open(path, &v2, &db, &eb), 0, "undoes itself: %s", eb.text);
    db_close(db);
    remove_dir(dir);
}

Test(db, errors_are_sentences)
{
    struct db_schema v1 = schema_of(1);
    char dir[32], path[64];
    struct errbuf eb = {0};
    sqlite3_stmt *st, *again;
    struct db *db;

    make_path(dir, path);
    cr_assert_eq(db_open(path, &v1, &db, &eb), 0);
    cr_expect_eq(db_exec(db, "INSERT INTO nothing VALUES (1)", "storing things", &eb), SPRAT_E_DB);
    cr_expect_not_null(strstr(eb.text, "storing things"), "%s", eb.text);
    cr_expect_not_null(strstr(eb.text, path), "%s", eb.text);
    const char *sql = "INSERT INTO a (x) VALUES (?)";
    cr_assert_eq(db_prepare(db, sql, &st, NULL), 0);
    sqlite3_bind_int(st, 1, 3);
    cr_expect_eq(db_run(db, st, "adding", NULL), 0);
    cr_assert_eq(db_prepare(db, sql, &again, NULL), 0);
    cr_expect_eq(st, again, "prepared once");
    sqlite3_bind_int(again, 1, 3);
    cr_expect_eq(db_run(db, again, "adding", &eb), SPRAT_E_DB, "not unique");
    db_close(db);
    cr_expect_eq(db_open("/nonexistent/t.db", &v1, &db, &eb), SPRAT_E_NOENT);
    cr_expect_neq(db_open(dir, &v1, &db, &eb), 0, "a directory");
    db_close(NULL);
    remove_dir(dir);
}

Test(db, runs_with_numbers)
{
    struct db_schema v1 = schema_of(1);
    char dir[32], path[64];
    struct errbuf eb = {0};
    struct db *db;

    make_path(dir, path);
    cr_assert_eq(db_open(path, &v1, &db, &eb), 0);
    for (int64_t x = 1; x <= 3; x++)
        cr_expect_eq(db_run_with(db, "INSERT INTO a (x) VALUES (?)", &x, 1, "adding", &eb), 0, "%s",
                     eb.text);
    cr_expect_eq(db_run_with(db, "UPDATE a SET x = ?2 WHERE x = ?1",
                             (const int64_t[]){3, INT64_MIN}, 2, "changing", &eb),
                 0, "%s", eb.text);
    cr_expect_eq(number(db, "SELECT count(*) FROM a"), 3);
    cr_expect_eq(number(db, "SELECT min(x) FROM a"), INT64_MIN);
    cr_expect_eq(db_run_with(db, "UPDATE a SET x = 7", NULL, 0, "changing things", &eb), SPRAT_E_DB,
                 "not unique");
    cr_expect_not_null(strstr(eb.text, "changing things"), "%s", eb.text);
    db_close(db);
    remove_dir(dir);
}

Test(db, rollback_undoes)
{
    struct db_schema v1 = schema_of(1);
    char dir[32], path[64];
    struct db *db;

    make_path(dir, path);
    cr_assert_eq(db_open(path, &v1, &db, NULL), 0);
    cr_assert_eq(db_begin(db, NULL), 0);
    cr_assert_eq(db_exec(db, "INSERT INTO a (x) VALUES (1)", "testing", NULL), 0);
    db_rollback(db);
    db_rollback(db); /* without a transaction it does nothing */
    cr_expect_eq(number(db, "SELECT count(*) FROM a"), 0);
    cr_assert_eq(db_begin(db, NULL), 0);
    cr_assert_eq(db_exec(db, "INSERT INTO a (x) VALUES (1)", "testing", NULL), 0);
    cr_assert_eq(db_commit(db, NULL), 0);
    db_rollback(db);
    cr_expect_eq(number(db, "SELECT count(*) FROM a"), 1);
    db_close(db);
    remove_dir(dir);
}

static int
add_from_another_process(const char *path)
{
    struct db_schema schema = schema_of(2);
    struct db *db;
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        int err = db_open(path, &schema, &db, NULL);

        if (err == 0)
            err = db_exec(db, "INSERT INTO a (x) VALUES (7)", "testing", NULL);
        db_close(err == 0 ? db : NULL);
        _exit(err != 0);
    }
    cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

/* Closing a descriptor of a file takes away all of the process's locks on it. A second connection
 * must not do that to the first: another process would take itself for the last, and delete the
 * WAL. */
Test(db, two_connections_of_a_process_keep_their_locks)
{
    char dir[32], path[64], wal[80];
    struct db_schema schema = schema_of(2);
    struct db *one, *two;

    make_path(dir, path);
    snprintf(wal, sizeof(wal), "%s-wal", path);
    cr_assert_eq(db_open(path, &schema, &one, NULL), 0);
    cr_assert_eq(number(one, "SELECT count(*) FROM a"), 0);
    cr_assert_eq(db_open(path, &schema, &two, NULL), 0);
    cr_assert_eq(add_from_another_process(path), 0);
    cr_assert_eq(access(wal, F_OK), 0, "the WAL is still there");
    cr_assert_eq(number(one, "SELECT count(*) FROM a"), 1);
    db_close(two);
    cr_assert_eq(db_exec(one, "INSERT INTO a (x) VALUES (8)", "testing", NULL), 0);
    db_close(one);
    cr_assert_eq(db_open(path, &schema, &one, NULL), 0);
    cr_assert_eq(number(one, "SELECT count(*) FROM a"), 2);
    db_close(one);
    remove_dir(dir);
}

/* A process that writes and dies with the database open. */
static void
die_with_it_open(const char *path)
{
    struct db_schema schema = schema_of(2);
    struct db *db;
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        int err = db_open(path, &schema, &db, NULL);

        if (err == 0)
            err = db_exec(db, "INSERT INTO a (x) VALUES (-1)", "testing", NULL);
        _exit(err != 0);
    }
    cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
    cr_assert_eq(status, 0);
}

/* Overwrites a page in the middle, which opening alone does not read. */
static void
damage(const char *path)
{
    uint8_t noise[4096];
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    memset(noise, 0xa5, sizeof(noise));
    cr_assert_eq(pwrite(fd, noise, sizeof(noise), 20 * 4096), (ssize_t)sizeof(noise));
    close(fd);
}

/* A check reads the whole file: at every open it made each command of a large tracker wait. */
Test(db, is_checked_after_an_unclean_end)
{
    char dir[32], path[64];
    struct db_schema schema = schema_of(2);
    struct errbuf eb = {0};
    struct db *db;

    make_path(dir, path);
    cr_assert_eq(db_open(path, &schema, &db, NULL), 0);
    cr_assert_eq(
        db_exec(db,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)"
                " INSERT INTO a (x, y) SELECT i, hex(randomblob(100)) FROM n",
                "testing", NULL),
        0);
    cr_assert_eq(db_check(db, &eb), 0, "%s", eb.text);
    db_close(db);
    damage(path);
    cr_assert_eq(db_open(path, &schema, &db, &eb), 0, "a clean end: %s", eb.text);
    cr_expect_eq(db_check(db, &eb), SPRAT_E_DB);
    cr_expect_not_null(strstr(eb.text, "is damaged"), "%s", eb.text);
    db_close(db);
    die_with_it_open(path);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(db_open_unchecked(path, &schema, &db, &eb), 0, "%s", eb.text);
        cr_assert_eq(number(db, "SELECT count(*) FROM a WHERE x = -1"), 1);
        db_close(db);
    }
    cr_expect_eq(db_open(path, &schema, &db, &eb), SPRAT_E_DB, "a command left the sign of it");
    remove_dir(dir);
}

Test(clock, runs_forward)
{
    struct mono a = clock_mono(), b;

    usleep(2000);
    b = clock_mono();
    cr_expect_geq(mono_diff_us(b, a), 2000);
    cr_expect_gt(clock_unix(), 1500000000);
}
