/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of struct registry, shared by the modules that make it up: registry.c (opening,
 * schema, changes), registryuser.c, registrytorrent.c, registryclient.c, registrystats.c, and by
 * accounts.c and sessiontable.c. Not for others.
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

/* Opens a transaction whose changes get the next number of the counter, which it stores. */
int registry_begin(struct registry *r, int64_t *change, struct errbuf *eb);

/* Commits if |err| is 0, else undoes all; returns the error that there was in the end. */
int registry_end(struct registry *r, int err, struct errbuf *eb);

/* SPRAT_E_NOTFOUND with the sentence "there is no WHAT" if the last statement changed no row. */
int registry_need_change(struct registry *r, const char *what, struct errbuf *eb);

/* Steps a query: 1 and a row, 0 at its end, or an error. */
int registry_step(struct registry *r, sqlite3_stmt *q, const char *doing, struct errbuf *eb);

/* One step of a walk over a query's rows: true and a row. False where the walk ends: at the end of
 * the rows, at an error, or because |*err| says that the row before was enough. Then |*err| is how
 * it ended, and the query is reset. */
bool registry_next(struct registry *r, sqlite3_stmt *q, const char *doing, int *err,
                   struct errbuf *eb);

/* Printable UTF-8 of 1 to |max| bytes without blanks at its ends? */
bool registry_is_text(const char *text, size_t max);

/* Copies text so that it can be printed on a line of a terminal, whatever is in it; |dst| has room
 * for |len| + 1 bytes. */
void registry_make_printable(const char *src, size_t len, char *dst);

/* A text column into |dst| of |size| bytes, cut at the end of a character, and printable. */
void registry_get_text(sqlite3_stmt *q, int col, char *dst, size_t size);

/* A number column that can't be negative: a negative one is 0. */
static inline uint64_t
registry_get_u64(sqlite3_stmt *q, int col)
{
    int64_t v = sqlite3_column_int64(q, col);

    return v > 0 ? (uint64_t)v : 0;
}

/* For a column that can't hold more: ACCOUNTS_SUM_MAX at most. */
static inline int64_t
registry_put_u64(uint64_t v)
{
    return v > (uint64_t)ACCOUNTS_SUM_MAX ? ACCOUNTS_SUM_MAX : (int64_t)v;
}

/* Binds LIMIT and OFFSET at |at| and behind it. */
static inline void
registry_bind_page(sqlite3_stmt *q, int at, uint64_t skip, uint64_t limit)
{
    sqlite3_bind_int64(q, at, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    sqlite3_bind_int64(q, at + 1, skip > INT64_MAX ? INT64_MAX : (int64_t)skip);
}

/* A blob of exactly |len| bytes; false if it is none. */
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
