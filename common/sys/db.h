/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SQLite with our rules: WAL, a busy timeout, a schema version with migrations in order, a check on
 * opening, and errors as sentences that name the file. A database that is corrupt, not a database,
 * somebody else's, or newer than this program is reported and left as it is. One struct db is for
 * one thread at a time.
 */
#ifndef COMMON_SYS_DB_H
#define COMMON_SYS_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum { DB_BUSY_MS = 10000 };

struct db;

struct db_schema {
    uint32_t application_id;        /* marks the file as this program's */
    const char *const *migrations;  /* SQL that brings version i to i + 1; version 0 is empty */
    unsigned migration_count;       /* the version that this program reads and writes */
    bool durable;                   /* a commit survives power loss (synchronous=FULL) */
};

/* Opens or creates (mode 0600) the file. VERSION, DB, BUSY, ACCESS, NOSPACE, READONLY, NOENT. */
int db_open(const char *path, const struct db_schema *schema, struct db **out, struct errbuf *eb);
void db_close(struct db *db);

sqlite3 *db_handle(struct db *db);

/* The sprat_err for SQLite's result code |rc|, with a sentence: |doing| ("storing pieces"), the
 * file, the cause and, for a broken file, what to do. */
int db_error(struct db *db, int rc, const char *doing, struct errbuf *eb);

/* Runs SQL text without results. */
int db_exec(struct db *db, const char *sql, const char *doing, struct errbuf *eb);

/* A statement prepared once and kept by the db: for |sql| with the same address (a literal). Reset
 * and unbound when handed out. */
int db_prepare(struct db *db, const char *sql, sqlite3_stmt **out, struct errbuf *eb);

/* Steps a statement that has no rows, then resets it. */
int db_run(struct db *db, sqlite3_stmt *st, const char *doing, struct errbuf *eb);

/* BEGIN IMMEDIATE; COMMIT; ROLLBACK (which can't fail). */
int db_begin(struct db *db, struct errbuf *eb);
int db_commit(struct db *db, struct errbuf *eb);
void db_rollback(struct db *db);

#endif
