/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The registry's torrents. An announced info-hash has 20 bytes, so the table |hashes| has the v1
 * hash and the first 20 bytes of the v2 hash; the row of the torrent has the whole v2 hash.
 */
#include "common/sys/clock.h"
#include "tracker/store/registrydb.h"
#include "tracker/store/registrysums.h"

enum { WIRE_LEN = TRACKER_HASH_LEN };

/* Finds the torrent that clients announce by |hash|; |*id| is 0 if there is none. */
static int
find_hash(struct registry *r, const uint8_t *hash, int64_t *id, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db, "SELECT torrent FROM hashes WHERE hash = ?", &q, eb);

    *id = 0;
    if (err != 0)
        return err;
    sqlite3_bind_blob(q, 1, hash, WIRE_LEN, SQLITE_STATIC);
    err = registry_step(r, q, "looking for a torrent", eb);
    if (err == 1)
        *id = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return err < 0 ? err : 0;
}

#define TORRENT_COLUMNS                                                                            \
    "id, name, size, v1, v2, freeleech, hidden, added, removed, reason, uploaded, "                \
    "downloaded_raw, completed"

static void
read_torrent(sqlite3_stmt *q, struct registry_torrent *t)
{
    *t = (struct registry_torrent){
        .id = sqlite3_column_int64(q, 0),
        .size = registry_get_u64(q, 2),
        .freeleech = sqlite3_column_int(q, 5) != 0,
        .hidden = sqlite3_column_int(q, 6) != 0,
        .added = sqlite3_column_int64(q, 7),
        .removed = sqlite3_column_int64(q, 8),
        .uploaded = registry_get_u64(q, 10),
        .downloaded_raw = registry_get_u64(q, 11),
        .completed = registry_get_u64(q, 12),
    };
    t->has_v1 = registry_get_blob(q, 3, t->v1, sizeof(t->v1));
    t->has_v2 = registry_get_blob(q, 4, t->v2, sizeof(t->v2));
    registry_get_text(q, 1, t->name, sizeof(t->name));
    registry_get_text(q, 9, t->reason, sizeof(t->reason));
}

static int
get_torrent(struct registry *r, int64_t id, struct registry_torrent *out, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db, "SELECT " TORRENT_COLUMNS " FROM torrents WHERE id = ?", &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, id);
    err = registry_step(r, q, "reading a torrent", eb);
    if (err == 1)
        read_torrent(q, out);
    sqlite3_reset(q);
    if (err == 0)
        return errbuf_set(eb, SPRAT_E_NOTFOUND, "there is no such torrent");
    return err < 0 ? err : 0;
}

int
registry_find_torrent(struct registry *r, const uint8_t *hash, size_t len,
                      struct registry_torrent *out, struct errbuf *eb)
{
    int64_t id;
    int err = find_hash(r, hash, &id, eb);

    if (err == 0 && id == 0)
        err = errbuf_set(eb, SPRAT_E_NOTFOUND, "this torrent was never registered");
    if (err == 0)
        err = get_torrent(r, id, out, eb);
    if (err == 0 && len == sizeof(out->v2) && out->has_v2 &&
        memcmp(out->v2, hash, sizeof(out->v2)) != 0)
        err = errbuf_set(eb, SPRAT_E_NOTFOUND, "this torrent was never registered");
    return err;
}

/* Finds the torrent that has one of |t|'s hashes; |*id| is 0 if no torrent has. */
static int
find_either(struct registry *r, const struct registry_torrent *t, int64_t *id, struct errbuf *eb)
{
    int64_t by_v2 = 0;
    int err = 0;

    *id = 0;
    if (t->has_v1)
        err = find_hash(r, t->v1, id, eb);
    if (err == 0 && t->has_v2)
        err = find_hash(r, t->v2, &by_v2, eb);
    if (err == 0 && *id != 0 && by_v2 != 0 && *id != by_v2)
        return errbuf_set(eb, SPRAT_E_MISMATCH, "its two hashes are registered as two torrents");
    if (*id == 0)
        *id = by_v2;
    return err;
}

/* Copies values of |old| that |t| lacks. False if |t| has nothing that |old| lacks. */
static bool
merge(struct registry_torrent *t, const struct registry_torrent *old)
{
    bool is_new = old->removed != 0 || (t->has_v1 && !old->has_v1) || (t->has_v2 && !old->has_v2);

    if (!t->has_v1 && old->has_v1)
        memcpy(t->v1, old->v1, sizeof(t->v1));
    if (!t->has_v2 && old->has_v2)
        memcpy(t->v2, old->v2, sizeof(t->v2));
    t->has_v1 = t->has_v1 || old->has_v1;
    t->has_v2 = t->has_v2 || old->has_v2;
    if (t->name[0] == '\0')
        memcpy(t->name, old->name, sizeof(t->name));
    if (t->size == 0)
        t->size = old->size;
    t->added = old->added;
    return is_new;
}

static void
bind_hash(sqlite3_stmt *q, int at, bool has, const uint8_t *hash, int len)
{
    if (has)
        sqlite3_bind_blob(q, at, hash, len, SQLITE_STATIC);
    else
        sqlite3_bind_null(q, at);
}

static int
put_torrent(struct registry *r, struct registry_torrent *t, int64_t change, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db,
        "INSERT INTO torrents (id, name, size, v1, v2, freeleech, hidden, added, removed, reason, "
        "change) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, '', ?9) ON CONFLICT (id) DO UPDATE SET "
        "name = ?2, size = ?3, v1 = ?4, v2 = ?5, freeleech = ?6, hidden = ?7, removed = 0, "
        "reason = '', change = ?9",
        &q, eb);

    if (err != 0)
        return err;
    if (t->id != 0)
        sqlite3_bind_int64(q, 1, t->id);
    sqlite3_bind_text(q, 2, t->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 3, t->size > INT64_MAX ? INT64_MAX : (int64_t)t->size);
    bind_hash(q, 4, t->has_v1, t->v1, sizeof(t->v1));
    bind_hash(q, 5, t->has_v2, t->v2, sizeof(t->v2));
    sqlite3_bind_int(q, 6, t->freeleech);
    sqlite3_bind_int(q, 7, t->hidden);
    sqlite3_bind_int64(q, 8, t->added);
    sqlite3_bind_int64(q, 9, change);
    err = db_run(r->db, q, "adding a torrent", eb);
    if (err == 0 && t->id == 0)
        t->id = sqlite3_last_insert_rowid(db_handle(r->db));
    if (err == 0 && t->id >= ACCESS_TORRENTS_MAX)
        err = errbuf_set(eb, SPRAT_E_LIMIT, "the maximum of %d torrents is reached",
                         ACCESS_TORRENTS_MAX - 1);
    return err;
}

static int
put_hash(struct registry *r, const uint8_t *hash, int64_t torrent, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err =
        db_prepare(r->db, "INSERT OR IGNORE INTO hashes (hash, torrent) VALUES (?, ?)", &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_blob(q, 1, hash, WIRE_LEN, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, torrent);
    return db_run(r->db, q, "adding a torrent", eb);
}

/* Runs within a transaction. */
static int
add_torrent(struct registry *r, struct registry_torrent *t, int64_t change, struct errbuf *eb)
{
    struct registry_torrent old;
    int err = find_either(r, t, &t->id, eb);

    if (err != 0)
        return err;
    t->added = clock_unix();
    if (t->id != 0) {
        err = get_torrent(r, t->id, &old, eb);
        if (err == 0 && !merge(t, &old))
            err = errbuf_set(eb, SPRAT_E_EXISTS, "this torrent is registered already");
    }
    if (err == 0)
        err = registrysums_add_torrent(r, t->id, eb);
    if (err == 0)
        err = put_torrent(r, t, change, eb);
    if (err == 0 && t->has_v1)
        err = put_hash(r, t->v1, t->id, eb);
    if (err == 0 && t->has_v2)
        err = put_hash(r, t->v2, t->id, eb);
    return err;
}

int
registry_add_torrent(struct registry *r, struct registry_torrent *t, struct errbuf *eb)
{
    char name[REGISTRY_TITLE_MAX + 1];
    int64_t change;
    int err;

    if (!t->has_v1 && !t->has_v2)
        return errbuf_set(eb, SPRAT_E_INVAL, "a torrent needs an info-hash");
    registry_make_printable(t->name, strlen(t->name), name);
    strcpy(t->name, name);
    err = registry_begin(r, &change, eb);
    if (err != 0)
        return err;
    return registry_end(r, add_torrent(r, t, change, eb), eb);
}

int
registry_set_torrent(struct registry *r, const struct registry_torrent *t, struct errbuf *eb)
{
    int64_t change;
    int err = registry_begin(r, &change, eb);

    if (err != 0)
        return err;
    err = db_run_with(
        r->db, "UPDATE torrents SET freeleech = ?, hidden = ?, change = ? WHERE id = ?",
        (const int64_t[]){t->freeleech, t->hidden, change, t->id}, 4, "changing a torrent", eb);
    if (err == 0)
        err = registry_need_change(r, "such torrent", eb);
    return registry_end(r, err, eb);
}

int
registry_remove_torrent(struct registry *r, int64_t id, const char *reason, struct errbuf *eb)
{
    int64_t change;
    sqlite3_stmt *q;
    int err;

    if (!registry_is_text(reason, ACCESS_REASON_MAX))
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "the reason of a removal is 1 to %d bytes of text: clients are shown it",
                          ACCESS_REASON_MAX);
    err = registry_begin(r, &change, eb);
    if (err != 0)
        return err;
    err = registrysums_remove_torrent(r, id, eb);
    if (err == 0)
        err = db_prepare(
            r->db, "UPDATE torrents SET removed = ?, reason = ?, change = ? WHERE id = ?", &q, eb);
    if (err == 0) {
        sqlite3_bind_int64(q, 1, clock_unix());
        sqlite3_bind_text(q, 2, reason, -1, SQLITE_STATIC);
        sqlite3_bind_int64(q, 3, change);
        sqlite3_bind_int64(q, 4, id);
        err = db_run(r->db, q, "removing a torrent", eb);
    }
    if (err == 0)
        err = registry_need_change(r, "such torrent", eb);
    return registry_end(r, err, eb);
}

int
registry_each_torrent(struct registry *r, uint64_t skip, uint64_t limit,
                      int (*each)(void *ctx, const struct registry_torrent *t), void *ctx,
                      struct errbuf *eb)
{
    struct registry_torrent t;
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db, "SELECT " TORRENT_COLUMNS " FROM torrents ORDER BY id DESC LIMIT ? OFFSET ?", &q,
        eb);

    if (err != 0)
        return err;
    registry_bind_page(q, 1, skip, limit);
    while (registry_next(r, q, "listing torrents", &err, eb)) {
        read_torrent(q, &t);
        err = each(ctx, &t);
    }
    return err;
}
