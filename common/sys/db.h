/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opens SQLite databases with fixed rules: WAL, a busy timeout, a schema version with migrations in
 * order, a check after an unclean end, and error messages that name the file. A database that is
 * corrupt, not a database, of another program, or newer than this program is reported and not
 * changed. Only one thread at a time may use a struct db.
 */
#ifndef COMMON_SYS_DB_H
#define COMMON_SYS_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum { DB_BUSY_MS = 10000 };

struct db;

struct db_schema {
    uint32_t application_id;        /* marks the file as this program's */
    const char *const *migrations;  /* SQL that upgrades version i to i + 1; version 0 is empty */
    unsigned migration_count;       /* the version that this program reads and writes */
    bool durable;                   /* a commit survives power loss (synchronous=FULL) */
};

/* Opens or creates (mode 0600) the file. If the last process that had it open did not close it, or
 * if it is about to be migrated, its pages are checked. VERSION, DB, BUSY, ACCESS, NOSPACE,
 * READONLY, NOENT. */
int db_open(const char *path, const struct db_schema *schema, struct db **out, struct errbuf *eb);
/* db_open() without the check after an unclean end, for a command beside a daemon, and for a second
 * connection of a process. Closing it leaves the sign of an unclean end to the next db_open(). */
int db_open_unchecked(const char *path, const struct db_schema *schema, struct db **out,
                      struct errbuf *eb);
/* Checks all of the database, the contents of its indexes included. DB: it is damaged. */
int db_check(struct db *db, struct errbuf *eb);
/* Opens the file once more, for reading only. A reader does not wait for the commits of other
 * connections (WAL), nor for their syncs. |db| stays open until the reader is closed. */
int db_open_reader(struct db *db, struct db **out, struct errbuf *eb);
void db_close(struct db *db);

sqlite3 *db_handle(struct db *db);

/* Returns the sprat_err for SQLite's result code |rc|, with a message: |doing| ("storing pieces"),
 * the file, the cause and, for a broken file, what to do. */
int db_error(struct db *db, int rc, const char *doing, struct errbuf *eb);

/* Runs SQL text without results. */
int db_exec(struct db *db, const char *sql, const char *doing, struct errbuf *eb);

/* Prepares a statement once and keeps it in |db|; the key is the address of |sql| (a literal). The
 * statement is returned reset and unbound. */
int db_prepare(struct db *db, const char *sql, sqlite3_stmt **out, struct errbuf *eb);

/* Steps a statement that has no rows, then resets it. */
int db_run(struct db *db, sqlite3_stmt *st, const char *doing, struct errbuf *eb);

/* Runs a statement that has no rows and whose parameters are all numbers: |sql| as in db_prepare(),
 * and |count| numbers, one for each parameter. */
int db_run_with(struct db *db, const char *sql, const int64_t *numbers, size_t count,
                const char *doing, struct errbuf *eb);

/* BEGIN IMMEDIATE; COMMIT; ROLLBACK (which can't fail). */
int db_begin(struct db *db, struct errbuf *eb);
int db_commit(struct db *db, struct errbuf *eb);
void db_rollback(struct db *db);

#endif
