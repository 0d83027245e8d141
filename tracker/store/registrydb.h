/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fields of struct registry and helper functions, shared by the modules that implement it:
 * registry.c (opening, schema, changes), registryuser.c, registrytorrent.c, registryclient.c,
 * registrystats.c, and by accounts.c and sessiontable.c. Other modules must not include it.
 */
#ifndef TRACKER_STORE_REGISTRYDB_H
#define TRACKER_STORE_REGISTRYDB_H

#include <string.h>

#include "common/sys/db.h"
#include "tracker/store/accounts.h"
#include "tracker/store/registry.h"

struct registry {
    struct db *db;
};

/* Begins a transaction, and increments the counter of changes, whose value its changes get. */
int registry_begin(struct registry *r, int64_t *change, struct errbuf *eb);

/* Commits if |err| is 0, else rolls back; returns |err| or the error of the commit. */
int registry_end(struct registry *r, int err, struct errbuf *eb);

/* SPRAT_E_NOTFOUND with the sentence "there is no WHAT" if the last statement changed no row. */
int registry_need_change(struct registry *r, const char *what, struct errbuf *eb);

/* Steps a query: 1 with a row, 0 at its end, or an error. */
int registry_step(struct registry *r, sqlite3_stmt *q, const char *doing, struct errbuf *eb);

/* One step of a walk over the rows of a query: true if there is a row. False when the walk ends:
 * after the last row, at an error, or because the caller has set |*err|. Then |*err| is the result
 * of the walk, and the query is reset. */
bool registry_next(struct registry *r, sqlite3_stmt *q, const char *doing, int *err,
                   struct errbuf *eb);

/* Whether |text| is printable UTF-8 of 1 to |max| bytes without blanks at its ends. */
bool registry_is_text(const char *text, size_t max);

/* Copies text, and replaces characters that must not be printed on a terminal; |dst| has |len| + 1
 * bytes. */
void registry_make_printable(const char *src, size_t len, char *dst);

/* Copies a text column to |dst| of |size| bytes, printable, and cut at the end of a character. */
void registry_get_text(sqlite3_stmt *q, int col, char *dst, size_t size);

/* Reads a number column that can't be negative; a negative value is read as 0. */
static inline uint64_t
registry_get_u64(sqlite3_stmt *q, int col)
{
    int64_t v = sqlite3_column_int64(q, col);

    return v > 0 ? (uint64_t)v : 0;
}

/* Limits a value to ACCOUNTS_SUM_MAX, the largest that a column can hold. */
static inline int64_t
registry_put_u64(uint64_t v)
{
    return v > (uint64_t)ACCOUNTS_SUM_MAX ? ACCOUNTS_SUM_MAX : (int64_t)v;
}

/* Binds LIMIT to the parameter |at| and OFFSET to the next one. */
static inline void
registry_bind_page(sqlite3_stmt *q, int at, uint64_t skip, uint64_t limit)
{
    sqlite3_bind_int64(q, at, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    sqlite3_bind_int64(q, at + 1, skip > INT64_MAX ? INT64_MAX : (int64_t)skip);
}

/* Reads a blob of exactly |len| bytes; false if the column has another value. */
static inline bool
registry_get_blob(sqlite3_stmt *q, int col, uint8_t *dst, size_t len)
{
    const void *p = sqlite3_column_blob(q, col);

    if (p == NULL || (size_t)sqlite3_column_bytes(q, col) != len)
        return false;
    memcpy(dst, p, len);
    return true;
}

#endif
