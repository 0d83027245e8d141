/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows are bounded when they are read, so that additions to them can't overflow; an invalid blob is
 * read as an empty one.
 */
#include "tracker/store/sessiontable.h"

#include <string.h>

#include "common/ds/buf.h"
#include "common/codec/cursor.h"
#include "tracker/store/registrydb.h"

enum {
    BLOB_VERSION = 1,
    BLOB_MAX = 1 + 24 + 1 + 8 * SESSION_STARTS + SESSION_SEGMENTS * (7 * 8 + 1),
};

static uint64_t
bounded(uint64_t v)
{
    return v > (uint64_t)ACCOUNTS_SUM_MAX ? (uint64_t)ACCOUNTS_SUM_MAX : v;
}

static int64_t
bounded_time(int64_t v)
{
    return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : v;
}

/* ---- the blob ---- */

static int64_t
latest_start(const struct session *s)
{
    int64_t latest = 0;

    for (int k = 0; k < SESSION_STARTS; k++)
        if (s->starts[k] > latest)
            latest = s->starts[k];
    return latest;
}

static uint8_t
count_earlier_starts(const struct session *s)
{
    uint8_t n = 0;

    for (int k = 0; k < SESSION_STARTS; k++)
        n = (uint8_t)(n + (s->starts[k] != 0 && s->starts[k] < latest_start(s)));
    return n;
}

static void
pack_segment(struct buf *out, const struct session_segment *g)
{
    for (int w = 0; w < LEDGER_WAYS; w++) {
        buf_put_u64(out, g->top[w]);
        buf_put_u64(out, (uint64_t)g->top_s[w]);
    }
    for (int w = 0; w < LEDGER_WAYS; w++)
        buf_put_u64(out, g->stop[w]);
    buf_put_u64(out, (uint64_t)g->stop_s);
    buf_put_u8(out, g->fell);
}

/* Writes all but the last segment and the last start; an empty blob if there are no others. */
static void
pack(struct buf *out, const struct session *s)
{
    uint8_t starts = count_earlier_starts(s);

    if (s->count <= 1 && starts == 0 && s->sealed_s == 0)
        return;
    buf_put_u8(out, BLOB_VERSION);
    for (int w = 0; w < LEDGER_WAYS; w++)
        buf_put_u64(out, s->sealed[w]);
    buf_put_u64(out, (uint64_t)s->sealed_s);
    buf_put_u8(out, starts);
    for (int k = 0; k < SESSION_STARTS; k++)
        if (s->starts[k] != 0 && s->starts[k] < latest_start(s))
            buf_put_u64(out, (uint64_t)s->starts[k]);
    for (unsigned i = 0; i + 1 < s->count; i++)
        pack_segment(out, &s->segments[i]);
}

static int64_t
read_time(struct cursor *c)
{
    return bounded_time((int64_t)cursor_u64(c));
}

static void
unpack_segment(struct cursor *c, struct session_segment *g)
{
    for (int w = 0; w < LEDGER_WAYS; w++) {
        g->top[w] = bounded(cursor_u64(c));
        g->top_s[w] = read_time(c);
    }
    for (int w = 0; w < LEDGER_WAYS; w++)
        g->stop[w] = bounded(cursor_u64(c));
    g->stop_s = read_time(c);
    g->fell = cursor_u8(c) != 0;
}

static bool
unpack(const uint8_t *data, size_t len, struct session *s)
{
    struct cursor c = cursor_make(data, len);
    uint8_t version = cursor_u8(&c), starts;

    for (int w = 0; w < LEDGER_WAYS; w++)
        s->sealed[w] = bounded(cursor_u64(&c));
    s->sealed_s = read_time(&c);
    starts = cursor_u8(&c);
    if (version != BLOB_VERSION || starts >= SESSION_STARTS)
        return false;
    for (uint8_t k = 0; k < starts; k++)
        s->starts[k + 1] = read_time(&c);
    while (cursor_ok(&c) && cursor_left(&c) > 0 && s->count + 1 < SESSION_SEGMENTS)
        unpack_segment(&c, &s->segments[s->count++]);
    return cursor_done(&c);
}

/* ---- rows ---- */

static void
get_older(sqlite3_stmt *q, int col, struct session *s)
{
    struct session older = *s;
    const uint8_t *blob = sqlite3_column_blob(q, col);

    if (blob != NULL && unpack(blob, (size_t)sqlite3_column_bytes(q, col), &older))
        *s = older;
}

/* Reads the columns of the last segment. A session without a segment has zeros there. */
static int
get_last(sqlite3_stmt *q, int at, struct session *s)
{
    struct session_segment g = {0};

    for (int w = 0; w < LEDGER_WAYS; w++) {
        g.top[w] = registry_get_u64(q, at++);
        g.top_s[w] = bounded_time(sqlite3_column_int64(q, at++));
    }
    for (int w = 0; w < LEDGER_WAYS; w++)
        g.stop[w] = registry_get_u64(q, at++);
    g.stop_s = bounded_time(sqlite3_column_int64(q, at++));
    g.fell = sqlite3_column_int(q, at++) != 0;
    if (g.top_s[LEDGER_UP] != 0 || g.top_s[LEDGER_DOWN] != 0 || g.stop_s != 0)
        s->segments[s->count++] = g;
    return at;
}

static void
get_session(sqlite3_stmt *q, int at, struct session *s)
{
    s->exists = sqlite3_column_type(q, at) != SQLITE_NULL;
    for (int w = 0; w < LEDGER_WAYS; w++)
        s->counted[w] = registry_get_u64(q, at++);
    for (int w = 0; w < LEDGER_WAYS; w++)
        s->base[w] = registry_get_u64(q, at++);
    s->first_s = bounded_time(sqlite3_column_int64(q, at++));
    s->starts[0] = bounded_time(sqlite3_column_int64(q, at++));
    get_older(q, at++, s);
    at = get_last(q, at, s);
    s->left = registry_get_u64(q, at++);
    s->seeds = sqlite3_column_int(q, at++) != 0;
    s->seen_s = bounded_time(sqlite3_column_int64(q, at++));
    s->run = sqlite3_column_int64(q, at++);
    s->completed_s = bounded_time(sqlite3_column_int64(q, at));
}

#define COLUMNS(prefix)                                                                            \
    prefix "uploaded, " prefix "downloaded, " prefix "base_uploaded, " prefix                      \
           "base_downloaded, " prefix "first, " prefix "start, " prefix "older, " prefix           \
           "top_uploaded, " prefix "top_uploaded_at, " prefix "top_downloaded, " prefix            \
           "top_downloaded_at, " prefix "stop_uploaded, " prefix "stop_downloaded, " prefix        \
           "stop_at, " prefix "fell, " prefix "remaining, " prefix "seeds, " prefix                \
           "seen, " prefix "run, " prefix "completed"

static void
get_owner(sqlite3_stmt *q, struct sessiontable_owner *owner)
{
    *owner = (struct sessiontable_owner){
        .freeleech = sqlite3_column_int(q, 0) != 0,
        .seen_s = bounded_time(sqlite3_column_int64(q, 1)),
    };
    for (int w = 0; w < LEDGER_WAYS; w++)
        owner->line.busy_ms[w] = bounded_time(sqlite3_column_int64(q, 2 + w) / 1000) * 1000;
}

int
sessiontable_read(struct registry *r, const struct ledger_key *k, struct session *s,
                  struct sessiontable_owner *owner, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db,
                         "SELECT t.freeleech, u.seen, u.busy_up, u.busy_down, " COLUMNS(
                             "s.") " FROM torrents t JOIN users u LEFT JOIN sessions s ON s.user = "
                                   "u.id AND s.torrent = t.id AND s.peer_id = ?3 WHERE u.id = ?1 "
                                   "AND t.id = ?2",
                         &q, eb);

    *s = (struct session){0};
    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, k->user);
    sqlite3_bind_int64(q, 2, k->torrent);
    sqlite3_bind_blob(q, 3, k->peer_id, sizeof(k->peer_id), SQLITE_STATIC);
    err = registry_step(r, q, "reading the accounts", eb);
    if (err == 1) {
        get_owner(q, owner);
        get_session(q, 4, s);
    }
    sqlite3_reset(q);
    return err;
}

static int
bind_last(sqlite3_stmt *q, int at, const struct session *s)
{
    struct session_segment g = {0};

    if (s->count > 0)
        g = s->segments[s->count - 1];
    for (int w = 0; w < LEDGER_WAYS; w++) {
        sqlite3_bind_int64(q, at++, registry_put_u64(g.top[w]));
        sqlite3_bind_int64(q, at++, g.top_s[w]);
    }
    for (int w = 0; w < LEDGER_WAYS; w++)
        sqlite3_bind_int64(q, at++, registry_put_u64(g.stop[w]));
    sqlite3_bind_int64(q, at++, g.stop_s);
    sqlite3_bind_int(q, at++, g.fell);
    return at;
}

static void
bind_session(sqlite3_stmt *q, int at, const struct session *s, const struct buf *older)
{
    for (int w = 0; w < LEDGER_WAYS; w++)
        sqlite3_bind_int64(q, at++, registry_put_u64(s->counted[w]));
    for (int w = 0; w < LEDGER_WAYS; w++)
        sqlite3_bind_int64(q, at++, registry_put_u64(s->base[w]));
    sqlite3_bind_int64(q, at++, s->first_s);
    sqlite3_bind_int64(q, at++, latest_start(s));
    if (buf_len(older) > 0)
        sqlite3_bind_blob(q, at, buf_data(older), (int)buf_len(older), SQLITE_STATIC);
    at = bind_last(q, at + 1, s);
    sqlite3_bind_int64(q, at++, registry_put_u64(s->left));
    sqlite3_bind_int(q, at++, s->seeds);
    sqlite3_bind_int64(q, at++, s->seen_s);
    sqlite3_bind_int64(q, at++, s->run);
    sqlite3_bind_int64(q, at, s->completed_s);
}

int
sessiontable_write(struct registry *r, const struct ledger_key *k, const struct session *s,
                   struct errbuf *eb)
{
    struct buf older;
    sqlite3_stmt *q;
    int err = db_prepare(r->db,
                         "INSERT OR REPLACE INTO sessions (user, torrent, peer_id, " COLUMNS(
                             "") ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                 "?, ?, ?, ?, ?)",
                         &q, eb);

    if (err != 0)
        return err;
    buf_init(&older, BLOB_MAX);
    pack(&older, s);
    sqlite3_bind_int64(q, 1, k->user);
    sqlite3_bind_int64(q, 2, k->torrent);
    sqlite3_bind_blob(q, 3, k->peer_id, sizeof(k->peer_id), SQLITE_STATIC);
    bind_session(q, 4, s, &older);
    err = older.err != 0 ? errbuf_set(eb, older.err, "%s", sprat_strerror(older.err))
                         : db_run(r->db, q, "storing the accounts", eb);
    buf_fini(&older);
    return err;
}

/* ---- forgetting ---- */

/* Finds the key of the last of the next |rows| rows; all zero if there are fewer. */
static int
find_end(struct registry *r, uint32_t rows, const struct accounts_forgetter *at,
         struct accounts_forgetter *end, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db,
                         "SELECT user, torrent, peer_id FROM sessions WHERE (user, torrent, "
                         "peer_id) > (?1, ?2, ?3) ORDER BY user, torrent, peer_id LIMIT 1 "
                         "OFFSET ?4",
                         &q, eb);

    *end = (struct accounts_forgetter){0};
    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, at->user);
    sqlite3_bind_int64(q, 2, at->torrent);
    sqlite3_bind_blob(q, 3, at->peer_id, sizeof(at->peer_id), SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, rows - 1);
    err = registry_step(r, q, "deleting old sessions", eb);
    if (err == 1) {
        end->user = sqlite3_column_int64(q, 0);
        end->torrent = sqlite3_column_int64(q, 1);
        (void)registry_get_blob(q, 2, end->peer_id, sizeof(end->peer_id));
    }
    sqlite3_reset(q);
    return err < 0 ? err : 0;
}

int
sessiontable_forget(struct registry *r, int64_t before, uint32_t rows,
                    struct accounts_forgetter *at, struct errbuf *eb)
{
    struct accounts_forgetter end;
    sqlite3_stmt *q;
    int err = find_end(r, rows, at, &end, eb);

    if (err == 0)
        err = db_prepare(r->db,
                         "DELETE FROM sessions WHERE (user, torrent, peer_id) > (?1, ?2, ?3) AND "
                         "(user, torrent, peer_id) <= (?4, ?5, ?6) AND seen < ?7",
                         &q, eb);
    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, at->user);
    sqlite3_bind_int64(q, 2, at->torrent);
    sqlite3_bind_blob(q, 3, at->peer_id, sizeof(at->peer_id), SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, end.user != 0 ? end.user : INT64_MAX);
    sqlite3_bind_int64(q, 5, end.torrent);
    sqlite3_bind_blob(q, 6, end.peer_id, sizeof(end.peer_id), SQLITE_STATIC);
    sqlite3_bind_int64(q, 7, before);
    err = db_run(r->db, q, "deleting old sessions", eb);
    if (err == 0)
        *at = end;
    return err;
}
