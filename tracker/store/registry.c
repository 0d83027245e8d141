/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opens the registry, counts changes, and reads them. Values from the database are checked like any
 * other input.
 */
#include "tracker/store/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/utf8.h"
#include "tracker/store/registrydb.h"
#include "tracker/store/registryschema.h"

typedef int open_fn(const char *path, const struct db_schema *schema, struct db **out,
                    struct errbuf *eb);

static int
open_with(open_fn *open_it, const char *path, bool create, struct registry **out, struct errbuf *eb)
{
    struct registry *r;
    int err;

    if (!create && access(path, F_OK) != 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "can't open the database %s: %s", path,
                          strerror(errno));
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = open_it(path, &registryschema, &r->db, eb);
    if (err != 0) {
        free(r);
        return err;
    }
    *out = r;
    return 0;
}

int
registry_open(const char *path, bool create, struct registry **out, struct errbuf *eb)
{
    return open_with(db_open, path, create, out, eb);
}

int
registry_open_unchecked(const char *path, bool create, struct registry **out, struct errbuf *eb)
{
    return open_with(db_open_unchecked, path, create, out, eb);
}

int
registry_check(struct registry *r, struct errbuf *eb)
{
    return db_check(r->db, eb);
}

void
registry_close(struct registry *r)
{
    if (r == NULL)
        return;
    db_close(r->db);
    free(r);
}

void
registry_wait_ms(struct registry *r, int ms)
{
    sqlite3_busy_timeout(db_handle(r->db), ms);
}

/* ---- shared by all parts ---- */

int
registry_step(struct registry *r, sqlite3_stmt *q, const char *doing, struct errbuf *eb)
{
    int rc = sqlite3_step(q);

    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : db_error(r->db, rc, doing, eb);
}

bool
registry_next(struct registry *r, sqlite3_stmt *q, const char *doing, int *err, struct errbuf *eb)
{
    if (*err == 0) {
        int got = registry_step(r, q, doing, eb);

        if (got == 1)
            return true;
        *err = got;
    }
    sqlite3_reset(q);
    return false;
}

static int
read_counter(struct registry *r, int64_t *change, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db, "SELECT change FROM counter", &q, eb);

    if (err != 0)
        return err;
    err = registry_step(r, q, "reading the registry", eb);
    if (err == 1)
        *change = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    if (err == 0)
        return errbuf_set(eb, SPRAT_E_DB, "the registry has lost its counter of changes");
    return err < 0 ? err : 0;
}

int
registry_begin(struct registry *r, int64_t *change, struct errbuf *eb)
{
    int err = db_begin(r->db, eb);

    if (err != 0)
        return err;
    err = db_exec(r->db, "UPDATE counter SET change = change + 1", "storing a change", eb);
    if (err == 0)
        err = read_counter(r, change, eb);
    if (err != 0)
        db_rollback(r->db);
    return err;
}

int
registry_end(struct registry *r, int err, struct errbuf *eb)
{
    if (err == 0)
        err = db_commit(r->db, eb);
    if (err != 0)
        db_rollback(r->db);
    return err;
}

int
registry_need_change(struct registry *r, const char *what, struct errbuf *eb)
{
    if (sqlite3_changes(db_handle(r->db)) > 0)
        return 0;
    return errbuf_set(eb, SPRAT_E_NOTFOUND, "there is no %s", what);
}

bool
registry_is_text(const char *text, size_t max)
{
    size_t len = strlen(text);
    uint32_t cp;

    if (len == 0 || len > max || text[0] == ' ' || text[len - 1] == ' ')
        return false;
    for (size_t i = 0; i < len;) {
        unsigned n = utf8_decode((const uint8_t *)text + i, len - i, &cp);

        if (n == 0 || utf8_is_control(cp))
            return false;
        i += n;
    }
    return true;
}

void
registry_make_printable(const char *src, size_t len, char *dst)
{
    len = utf8_repair((const uint8_t *)src, len, dst);
    for (size_t i = 0; i < len; i++)
        if (dst[i] == '\n' || dst[i] == '\t')
            dst[i] = ' ';
}

void
registry_get_text(sqlite3_stmt *q, int col, char *dst, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(q, col);
    size_t len = text != NULL ? strlen(text) : 0;

    if (len >= size) {
        len = size - 1;
        while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)
            len--;
    }
    registry_make_printable(text != NULL ? text : "", len, dst);
}

/* ---- reading changes ---- */

int
registry_data_version(struct registry *r, int64_t *version, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db, "PRAGMA data_version", &q, eb);

    if (err != 0)
        return err;
    err = registry_step(r, q, "looking for changes", eb);
    if (err == 1)
        *version = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return err < 0 ? err : 0;
}

static int
beyond_limits(const char *what, struct errbuf *eb)
{
    return errbuf_set(eb, SPRAT_E_RANGE, "the database has a %s whose number is out of range",
                      what);
}

static int
give_user(sqlite3_stmt *q, const struct access_sink *sink, struct errbuf *eb)
{
    int64_t id = sqlite3_column_int64(q, 0);
    const struct access_row row = {
        .kind = ACCESS_ROW_USER,
        .user = {.id = (uint32_t)id,
                 .enabled = sqlite3_column_int(q, 1) != 0,
                 .can_leech = sqlite3_column_int(q, 2) != 0,
                 .slots = (uint32_t)registry_get_u64(q, 3)},
    };

    if (id <= 0 || id >= ACCESS_USERS_MAX)
        return beyond_limits("user", eb);
    return sink->put(sink->ctx, &row);
}

static int
give_passkey(sqlite3_stmt *q, const struct access_sink *sink, struct errbuf *eb)
{
    int64_t user = sqlite3_column_int64(q, 1);
    struct access_row row = {
        .kind = ACCESS_ROW_PASSKEY,
        .passkey = {.user = (uint32_t)user,
                    .expires = sqlite3_column_int64(q, 2),
                    .revoked = sqlite3_column_int(q, 3) != 0},
    };

    if (user <= 0 || user >= ACCESS_USERS_MAX)
        return beyond_limits("user", eb);
    if (!registry_get_blob(q, 0, row.passkey.key, sizeof(row.passkey.key)))
        return 0; /* no client can send such a passkey */
    return sink->put(sink->ctx, &row);
}

static int
give_torrent(sqlite3_stmt *q, const struct access_sink *sink, struct errbuf *eb)
{
    int64_t id = sqlite3_column_int64(q, 0);
    char reason[ACCESS_REASON_MAX + 1];
    const struct access_row row = {
        .kind = ACCESS_ROW_TORRENT,
        .torrent = {.id = (uint32_t)id,
                    .hidden = sqlite3_column_int(q, 1) != 0,
                    .removed = sqlite3_column_int64(q, 2) != 0 ? reason : NULL},
    };

    if (id <= 0 || id >= ACCESS_TORRENTS_MAX)
        return beyond_limits("torrent", eb);
    registry_get_text(q, 3, reason, sizeof(reason));
    return sink->put(sink->ctx, &row);
}

static int
give_hash(sqlite3_stmt *q, const struct access_sink *sink, struct errbuf *eb)
{
    int64_t torrent = sqlite3_column_int64(q, 1);
    struct access_row row = {.kind = ACCESS_ROW_HASH, .hash = {.torrent = (uint32_t)torrent}};

    if (torrent <= 0 || torrent >= ACCESS_TORRENTS_MAX)
        return beyond_limits("torrent", eb);
    return registry_get_blob(q, 0, row.hash.bytes, sizeof(row.hash.bytes))
               ? sink->put(sink->ctx, &row)
               : 0;
}

static int
give_client(sqlite3_stmt *q, const struct access_sink *sink, struct errbuf *eb)
{
    char prefix[ACCESS_PREFIX_MAX + 1];
    int rule = sqlite3_column_int(q, 1);
    const struct access_row row = {
        .kind = ACCESS_ROW_CLIENT,
        .client = {.prefix = prefix, .rule = (enum access_client)rule},
    };

    (void)eb;
    registry_get_text(q, 0, prefix, sizeof(prefix));
    if (rule < ACCESS_CLIENT_DENY || rule > ACCESS_CLIENT_ALLOW || prefix[0] == '\0')
        return 0;
    return sink->put(sink->ctx, &row);
}

/* The kinds of rows, in the order in which they are passed on. */
static const struct {
    const char *sql;
    int (*give)(sqlite3_stmt *q, const struct access_sink *sink, struct errbuf *eb);
} changes[] = {
    {"SELECT id, enabled, can_leech, slots FROM users WHERE change > ?", give_user},
    {"SELECT key, user, expires, revoked FROM passkeys WHERE change > ?", give_passkey},
    {"SELECT id, hidden, removed, reason FROM torrents WHERE change > ?", give_torrent},
    {"SELECT h.hash, h.torrent FROM torrents t JOIN hashes h ON h.hash IN (t.v1, "
     "substr(t.v2, 1, 20))"
     " WHERE t.change > ?",
     give_hash},
    {"SELECT prefix, rule FROM clients WHERE change > ?", give_client},
};

static int
read_rows(struct registry *r, size_t i, int64_t since, const struct access_sink *sink,
          struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db, changes[i].sql, &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, since);
    while (registry_next(r, q, "reading the registry", &err, eb)) {
        err = changes[i].give(q, sink, eb);
        if (err == SPRAT_E_NOMEM || err == SPRAT_E_LIMIT)
            errbuf_set(eb, err, "reading the registry: %s", sprat_strerror(err));
    }
    return err;
}

/* Reads everything in one transaction, so that the counter matches the rows. */
int
registry_read_changes(struct registry *r, int64_t *change, const struct access_sink *sink,
                      struct errbuf *eb)
{
    int64_t until;
    int err = db_exec(r->db, "BEGIN", "reading the registry", eb);

    if (err != 0)
        return err;
    err = read_counter(r, &until, eb);
    for (size_t i = 0; err == 0 && i < sizeof(changes) / sizeof(changes[0]); i++)
        err = read_rows(r, i, *change, sink, eb);
    err = registry_end(r, err, eb);
    if (err == 0)
        *change = until;
    return err;
}
