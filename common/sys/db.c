/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opens, migrates and runs SQLite databases, and writes the error messages. Independent of
 * the tables.
 */
#include "common/sys/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/assert.h"

enum { STATEMENTS_MAX = 64, WAL_TRIES_MAX = 500 };

struct db_cached {
    const char *sql;
    sqlite3_stmt *st;
};

struct db {
    sqlite3 *sq;
    char *path;
    struct db_cached cached[STATEMENTS_MAX];
    unsigned cached_count;
};

static int
err_from_sqlite(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return 0;
    case SQLITE_NOMEM: return SPRAT_E_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return SPRAT_E_BUSY;
    case SQLITE_FULL: return SPRAT_E_NOSPACE;
    case SQLITE_READONLY: return SPRAT_E_READONLY;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN: return SPRAT_E_ACCESS;
    default: return SPRAT_E_DB;
    }
}

int
db_error(struct db *db, int rc, const char *doing, struct errbuf *eb)
{
    int sys = db->sq != NULL ? sqlite3_system_errno(db->sq) : 0;

    switch (rc & 0xff) {
    case SQLITE_NOTADB:
        return errbuf_set(eb, SPRAT_E_DB,
                          "%s is not a database, or damaged; it was left as it is: move it away, "
                          "or restore a copy",
                          db->path);
    case SQLITE_CORRUPT:
        return errbuf_set(eb, SPRAT_E_DB,
                          "the database %s is damaged (%s); it was left as it is: move it away, or "
                          "restore a copy",
                          db->path, sqlite3_errstr(rc));
    case SQLITE_BUSY:
        return errbuf_set(eb, SPRAT_E_BUSY, "%s: another process keeps the database %s locked",
                          doing, db->path);
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        if (sys == ENOSPC || sys == EDQUOT || sys == EROFS || sys == EACCES)
            return errbuf_set(eb, sprat_err_from_errno(sys), "%s in %s: %s", doing, db->path,
                              strerror(sys));
        break;
    }
    return errbuf_set(eb, err_from_sqlite(rc), "%s in %s: %s", doing, db->path,
                      db->sq != NULL ? sqlite3_errmsg(db->sq) : sqlite3_errstr(rc));
}

int
db_exec(struct db *db, const char *sql, const char *doing, struct errbuf *eb)
{
    int rc = sqlite3_exec(db->sq, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : db_error(db, rc, doing, eb);
}

/* The first column of the first row of |sql| as a number. */
static int
query_int(struct db *db, const char *sql, int64_t *out, struct errbuf *eb)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db->sq, sql, -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? 0 : db_error(db, rc, "reading", eb);
}

/* The result code of what SQLite found. A page that it could not read because memory was out, or
 * because the disk failed, is not damaged; SQLite says so only within the text. */
static int
code_of_check(const char *text)
{
    static const char mark[] = "error code";
    const char *at = text != NULL ? strstr(text, mark) : NULL;
    int code = 0;

    if (text == NULL)
        return SQLITE_NOMEM;
    if (strcmp(text, "ok") == 0)
        return SQLITE_OK;
    if (at != NULL)
        code = atoi(at + sizeof(mark));
    return code == SQLITE_IOERR_NOMEM ? SQLITE_NOMEM : code > 0 ? code : SQLITE_CORRUPT;
}

/* |pragma| answers "ok", or what is wrong. */
static int
check_integrity(struct db *db, const char *pragma, struct errbuf *eb)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db->sq, pragma, -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        rc = code_of_check((const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    return rc == SQLITE_OK ? 0 : db_error(db, rc, "checking", eb);
}

int
db_check(struct db *db, struct errbuf *eb)
{
    return check_integrity(db, "PRAGMA integrity_check(1)", eb);
}

/* The last connection that closes a database empties and deletes its WAL. True if a WAL with
 * contents is there: a process died with the database open, or has it open now. */
static bool
has_wal(const char *path, struct errbuf *eb, int *err)
{
    char *wal = NULL;
    struct stat st;
    bool has;

    *err = 0;
    if (asprintf(&wal, "%s-wal", path) < 0) {
        *err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
        return false;
    }
    has = stat(wal, &st) == 0 && st.st_size > 0;
    free(wal);
    return has;
}

/* Reads the file's application id and schema version. An empty file has version 0 and no id. */
static int
read_version(struct db *db, const struct db_schema *schema, int64_t *version, struct errbuf *eb)
{
    int64_t app = 0, tables = 0;
    int err;

    if ((err = query_int(db, "PRAGMA user_version", version, eb)) != 0 ||
        (err = query_int(db, "PRAGMA application_id", &app, eb)) != 0 ||
        (err = query_int(db, "SELECT count(*) FROM sqlite_schema", &tables, eb)) != 0)
        return err;
    if ((uint32_t)app != schema->application_id && (app != 0 || tables != 0 || *version != 0))
        return errbuf_set(eb, SPRAT_E_DB, "%s is a database of another program", db->path);
    if (*version > (int64_t)schema->migration_count)
        return errbuf_set(eb, SPRAT_E_VERSION,
                          "%s was written by a newer version of this program (schema %lld, this "
                          "one knows up to %u): use that version, or another state directory",
                          db->path, (long long)*version, schema->migration_count);
    if (*version < 0)
        return db_error(db, SQLITE_CORRUPT, "opening", eb);
    return 0;
}

/* Runs the missing migrations in one transaction. Another process may have been faster, so the
 * version is read again inside. */
static int
migrate(struct db *db, const struct db_schema *schema, struct errbuf *eb)
{
    char sql[80];
    int64_t version;
    int err = db_begin(db, eb);

    if (err != 0)
        return err;
    err = read_version(db, schema, &version, eb);
    for (unsigned i = (unsigned)version; err == 0 && i < schema->migration_count; i++)
        err = db_exec(db, schema->migrations[i], "updating the tables", eb);
    if (err == 0) {
        snprintf(sql, sizeof(sql), "PRAGMA user_version=%u; PRAGMA application_id=%d",
                 schema->migration_count, (int)schema->application_id);
        err = db_exec(db, sql, "updating the tables", eb);
    }
    if (err == 0)
        err = db_commit(db, eb);
    if (err != 0)
        db_rollback(db);
    return err;
}

/* Reads everything in one transaction, since another process may be creating the tables. After an
 * error the connection is unusable. */
static int
look_at_version(struct db *db, const struct db_schema *schema, int64_t *version, struct errbuf *eb)
{
    int err = db_exec(db, "BEGIN", "opening", eb);

    if (err == 0)
        err = read_version(db, schema, version, eb);
    return err == 0 ? db_commit(db, eb) : err;
}

/* Two processes that open a new database at the same time can conflict here, where SQLite does not
 * wait by itself. */
static int
enter_wal(struct db *db, struct errbuf *eb)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    int err = SPRAT_E_BUSY;

    for (int i = 0; i < WAL_TRIES_MAX && err == SPRAT_E_BUSY; i++) {
        if (i > 0)
            nanosleep(&pause, NULL);
        err = db_exec(db, "PRAGMA journal_mode=WAL", "opening", eb);
    }
    return err;
}

/* quick_check reads every page, but not the contents of indexes: it finds torn and foreign pages.
 * It takes a second for 150 MB, so it is done where there is a reason: after an unclean end, and
 * before a migration. */
static int
set_up(struct db *db, const struct db_schema *schema, bool check, struct errbuf *eb)
{
    static const char durable[] = "PRAGMA synchronous=FULL";
    static const char fast[] = "PRAGMA synchronous=NORMAL";
    static const char safe[] = "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF";
    int64_t version;
    int err;

    sqlite3_extended_result_codes(db->sq, 1);
    sqlite3_busy_timeout(db->sq, DB_BUSY_MS);
    err = look_at_version(db, schema, &version, eb);
    if (err == 0 && (check || version < (int64_t)schema->migration_count))
        err = check_integrity(db, "PRAGMA quick_check(1)", eb);
    if (err != 0 || (err = enter_wal(db, eb)) != 0 ||
        (err = db_exec(db, schema->durable ? durable : fast, "opening", eb)) != 0 ||
        (err = db_exec(db, safe, "opening", eb)) != 0)
        return err;
    return version < (int64_t)schema->migration_count ? migrate(db, schema, eb) : 0;
}

/* Creates the file with mode 0600, since it lists the user's downloads; SQLite would use the umask.
 * An existing file is not opened: closing any descriptor of it would drop the locks of other
 * connections of this process (POSIX), and other processes would then delete the WAL that they use.
 */
static int
create_private(const char *path, struct errbuf *eb)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd >= 0) {
        close(fd);
        return 0;
    }
    if (errno == EEXIST && access(path, R_OK | W_OK) == 0)
        return 0;
    return errbuf_set(eb, sprat_err_from_errno(errno), "can't open the database %s: %s", path,
                      strerror(errno));
}

static int
open_db(const char *path, const struct db_schema *schema, bool check, struct db **out,
        struct errbuf *eb)
{
    struct db *db = calloc(1, sizeof(*db));
    int err, rc;

    if (db != NULL)
        db->path = strdup(path);
    if (db == NULL || db->path == NULL) {
        db_close(db);
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    err = create_private(path, eb);
    if (err == 0) {
        rc = sqlite3_open_v2(path, &db->sq, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);
        err = rc == SQLITE_OK ? set_up(db, schema, check, eb) : db_error(db, rc, "opening", eb);
    }
    if (err != 0) {
        db_close(db);
        return err;
    }
    *out = db;
    return 0;
}

int
db_open(const char *path, const struct db_schema *schema, struct db **out, struct errbuf *eb)
{
    int err;
    bool check = has_wal(path, eb, &err);

    return err != 0 ? err : open_db(path, schema, check, out, eb);
}

int
db_open_unchecked(const char *path, const struct db_schema *schema, struct db **out,
                  struct errbuf *eb)
{
    int err, keep = 1;
    bool unclean = has_wal(path, eb, &err);

    if (err == 0)
        err = open_db(path, schema, false, out, eb);
    if (err == 0 && unclean)
        (void)sqlite3_file_control((*out)->sq, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    return err;
}

int
db_open_reader(struct db *db, struct db **out, struct errbuf *eb)
{
    /* A cache of 256 KiB: a reader reads a row once, and the page cache has the file. */
    static const char reader_pragmas[] =
        "PRAGMA query_only=ON; PRAGMA trusted_schema=OFF; PRAGMA cache_size=-256";
    struct db *r = calloc(1, sizeof(*r));
    int err, rc;

    if (r != NULL)
        r->path = strdup(db->path);
    if (r == NULL || r->path == NULL) {
        db_close(r);
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    /* Not SQLITE_OPEN_READONLY: a reader of a WAL writes to the file's shared memory. */
    rc = sqlite3_open_v2(r->path, &r->sq, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(r->sq, 1);
        sqlite3_busy_timeout(r->sq, DB_BUSY_MS);
    }
    err = rc == SQLITE_OK ? db_exec(r, reader_pragmas, "opening", eb)
                          : db_error(r, rc, "opening", eb);
    if (err != 0) {
        db_close(r);
        return err;
    }
    *out = r;
    return 0;
}

void
db_close(struct db *db)
{
    if (db == NULL)
        return;
    for (unsigned i = 0; i < db->cached_count; i++)
        sqlite3_finalize(db->cached[i].st);
    sqlite3_close(db->sq);
    free(db->path);
    free(db);
}

sqlite3 *
db_handle(struct db *db)
{
    return db->sq;
}

int
db_prepare(struct db *db, const char *sql, sqlite3_stmt **out, struct errbuf *eb)
{
    struct db_cached *slot = &db->cached[db->cached_count];
    int rc;

    for (unsigned i = 0; i < db->cached_count; i++) {
        if (db->cached[i].sql == sql) {
            *out = db->cached[i].st;
            sqlite3_reset(*out);
            sqlite3_clear_bindings(*out);
            return 0;
        }
    }
    ASSERT(db->cached_count < STATEMENTS_MAX); /* the statements are literals of the program, so
                                                  there are few */
    rc = sqlite3_prepare_v3(db->sq, sql, -1, SQLITE_PREPARE_PERSISTENT, &slot->st, NULL);
    if (rc != SQLITE_OK)
        return db_error(db, rc, "preparing", eb);
    slot->sql = sql;
    db->cached_count++;
    *out = slot->st;
    return 0;
}

int
db_run(struct db *db, sqlite3_stmt *st, const char *doing, struct errbuf *eb)
{
    int rc = sqlite3_step(st);
    int err = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : db_error(db, rc, doing, eb);

    sqlite3_reset(st);
    return err;
}

int
db_run_with(struct db *db, const char *sql, const int64_t *numbers, size_t count, const char *doing,
            struct errbuf *eb)
{
    sqlite3_stmt *st;
    int err = db_prepare(db, sql, &st, eb);

    if (err != 0)
        return err;
    ASSERT((size_t)sqlite3_bind_parameter_count(st) == count);
    for (size_t i = 0; i < count; i++)
        sqlite3_bind_int64(st, (int)i + 1, numbers[i]);
    return db_run(db, st, doing, eb);
}

int
db_begin(struct db *db, struct errbuf *eb)
{
    return db_exec(db, "BEGIN IMMEDIATE", "beginning a change", eb);
}

int
db_commit(struct db *db, struct errbuf *eb)
{
    return db_exec(db, "COMMIT", "storing a change", eb);
}

void
db_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->sq))
        sqlite3_exec(db->sq, "ROLLBACK", NULL, NULL, NULL);
}
