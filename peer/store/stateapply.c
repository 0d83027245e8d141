/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Applies one update of one torrent as SQL, within a transaction of the caller.
 */
#include <string.h>

#include "common/base/bytes.h"
#include "common/sys/addr.h"
#include "peer/store/statedb.h"

enum { CHUNK_BYTES = STATE_PIECES_PER_ROW / 8 };

size_t
state_addr_pack(const struct endpoint *e, uint8_t out[STATE_ADDR_MAX])
{
    char zone[ADDR_ZONE_MAX];
    size_t len = strlen(addr_zone_name(e, zone));

    out[0] = e->family;
    memcpy(out + 1, e->ip, 16);
    put_u16be(out + 17, e->port);
    memcpy(out + STATE_ADDR_LEN, zone, len);
    return STATE_ADDR_LEN + len;
}

bool
state_addr_unpack(const uint8_t *bytes, size_t len, struct endpoint *e)
{
    char zone[ADDR_ZONE_MAX] = "";

    if (bytes == NULL || len < STATE_ADDR_LEN || len >= STATE_ADDR_MAX ||
        (bytes[0] != IP_V4 && bytes[0] != IP_V6))
        return false;
    *e = (struct endpoint){.family = bytes[0], .port = get_u16be(bytes + 17)};
    memcpy(e->ip, bytes + 1, endpoint_ip_len(e));
    memcpy(zone, bytes + STATE_ADDR_LEN, len - STATE_ADDR_LEN);
    return zone[0] == '\0' || addr_set_zone(e, zone);
}

/* Reads one row of have-bits; zeros if there is none. */
static int
load_chunk(struct db *db, int64_t id, uint32_t chunk, uint8_t bits[CHUNK_BYTES], struct errbuf *eb)
{
    sqlite3_stmt *q;
    int rc, err = db_prepare(db, "SELECT bits FROM pieces WHERE torrent = ? AND chunk = ?", &q, eb);

    memset(bits, 0, CHUNK_BYTES);
    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_int64(q, 2, chunk);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        size_t n = (size_t)sqlite3_column_bytes(q, 0);
        if (n > 0)
            memcpy(bits, sqlite3_column_blob(q, 0), n < CHUNK_BYTES ? n : CHUNK_BYTES);
    } else if (rc != SQLITE_DONE) {
        err = db_error(db, rc, "reading pieces", eb);
    }
    sqlite3_reset(q);
    return err;
}

static int
save_chunk(struct db *db, int64_t id, uint32_t chunk, const uint8_t bits[CHUNK_BYTES],
           struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(db,
                         "INSERT OR REPLACE INTO pieces (torrent, chunk, bits) VALUES (?, ?, ?)",
                         &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_int64(q, 2, chunk);
    sqlite3_bind_blob(q, 3, bits, CHUNK_BYTES, SQLITE_STATIC);
    return db_run(db, q, "storing pieces", eb);
}

/* Sets or clears the bits of |pieces|. Each row is read and written once per run of pieces in it,
 * so an ascending list is cheapest. */
static int
apply_bits(struct db *db, int64_t id, const uint32_t *pieces, size_t n, bool set,
           struct errbuf *eb)
{
    uint8_t bits[CHUNK_BYTES];
    int err = 0;

    for (size_t i = 0; i < n && err == 0;) {
        uint32_t chunk = pieces[i] / STATE_PIECES_PER_ROW;
        err = load_chunk(db, id, chunk, bits, eb);
        for (; i < n && pieces[i] / STATE_PIECES_PER_ROW == chunk; i++) {
            uint32_t bit = pieces[i] % STATE_PIECES_PER_ROW;
            uint8_t mask = (uint8_t)(0x80u >> (bit & 7));
            bits[bit >> 3] = (uint8_t)(set ? bits[bit >> 3] | mask : bits[bit >> 3] & ~mask);
        }
        if (err == 0)
            err = save_chunk(db, id, chunk, bits, eb);
    }
    return err;
}

static int
apply_pieces(struct db *db, int64_t id, const struct state_update *u, struct errbuf *eb)
{
    int err = 0;

    if (u->clear_have)
        err = db_run_with(db, "DELETE FROM pieces WHERE torrent = ?", &id, 1, "forgetting pieces",
                          eb);
    if (err == 0)
        err = apply_bits(db, id, u->lost, u->lost_count, false, eb);
    return err != 0 ? err : apply_bits(db, id, u->have, u->have_count, true, eb);
}

static int
apply_file(struct db *db, int64_t id, const struct state_file *f, struct errbuf *eb)
{
    const int64_t row[] = {id, f->file, (int64_t)f->size, f->mtime_ns, (int64_t)f->inode};

    if (!f->present)
        return db_run_with(db, "DELETE FROM files WHERE torrent = ? AND file = ?", row, 2,
                           "storing files", eb);
    return db_run_with(db,
                       "INSERT OR REPLACE INTO files (torrent, file, size, mtime, inode) "
                       "VALUES (?, ?, ?, ?, ?)",
                       row, 5, "storing files", eb);
}

/* True if |u| only says that a session continues or ends. If the database has no record of the
 * session's begin, such an update stores nothing and needs no sync. */
static bool
stores_nothing(const struct state_update *u)
{
    return (!u->set_clean || u->clean) && !u->set_totals && !u->set_status && !u->set_limits &&
           u->have_count == 0 && u->file_count == 0;
}

/* Updates the columns of the torrent's own row. */
static int
apply_row(struct db *db, int64_t id, const struct state_update *u, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err;

    if (!u->set_totals && !u->set_completed && !u->set_status && !u->set_clean &&
        !u->set_limits && u->active == 0)
        return 0;
    err = db_prepare(
        db,
        "UPDATE torrents SET"
        " uploaded = iif(?2, ?3, uploaded), downloaded = iif(?2, ?4, downloaded),"
        " completed = iif(?5 AND NOT completed, ?6, completed), status = iif(?7, ?8, status),"
        " error = iif(?7, ?9, error), clean = iif(?10, ?11, clean),"
        " session = iif(?10 AND NOT ?11 AND clean, ?12, session),"
        " active = max(active, ?12),"
        " up_limit = iif(?13, ?14, up_limit),"
        " down_limit = iif(?13, ?15, down_limit) WHERE id = ?1"
        " AND NOT (?16 AND clean AND (NOT ?5 OR completed))",
        &q, eb);
    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_int(q, 2, u->set_totals);
    sqlite3_bind_int64(q, 3, (sqlite3_int64)u->uploaded);
    sqlite3_bind_int64(q, 4, (sqlite3_int64)u->downloaded);
    sqlite3_bind_int(q, 5, u->set_completed);
    sqlite3_bind_int64(q, 6, u->completed);
    sqlite3_bind_int(q, 7, u->set_status);
    sqlite3_bind_int(q, 8, (int)u->status);
    if (u->error != NULL)
        sqlite3_bind_text(q, 9, u->error, -1, SQLITE_STATIC);
    sqlite3_bind_int(q, 10, u->set_clean);
    sqlite3_bind_int(q, 11, u->clean);
    sqlite3_bind_int64(q, 12, u->active);
    sqlite3_bind_int(q, 13, u->set_limits);
    sqlite3_bind_int64(q, 14, (sqlite3_int64)u->up_limit);
    sqlite3_bind_int64(q, 15, (sqlite3_int64)u->down_limit);
    sqlite3_bind_int(q, 16, stores_nothing(u));
    return db_run(db, q, "storing a torrent", eb);
}

static void
bind_text(sqlite3_stmt *q, int at, const char *text)
{
    if (text != NULL)
        sqlite3_bind_text(q, at, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(q, at);
}

/* There is one row per torrent and directory: an older row of this torrent in the new directory is
 * deleted. */
static int
forget_twin(struct db *db, int64_t id, const char *dir, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(db,
                         "DELETE FROM torrents WHERE dir = ?2 AND id != ?1 AND "
                         "hash = (SELECT hash FROM torrents WHERE id = ?1)",
                         &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, id);
    bind_text(q, 2, dir);
    return db_run(db, q, "moving a torrent", eb);
}

/* Updates |dir|, |move_to| and |moved_from|. */
static int
apply_place(struct db *db, int64_t id, const struct state_update *u, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = u->dir != NULL ? forget_twin(db, id, u->dir, eb) : 0;

    if (err != 0 || (!u->set_move_to && u->dir == NULL && !u->set_cleaned))
        return err;
    err = db_prepare(db,
                     "UPDATE torrents SET move_to = iif(?2, ?3, iif(?4 IS NULL, move_to, NULL)),"
                     " dir = ifnull(?4, dir),"
                     " moved_from = iif(?6, NULL, ifnull(?5, moved_from)) WHERE id = ?1",
                     &q, eb);
    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_int(q, 2, u->set_move_to);
    bind_text(q, 3, u->move_to);
    bind_text(q, 4, u->dir);
    bind_text(q, 5, u->moved_from);
    sqlite3_bind_int(q, 6, u->set_cleaned);
    return db_run(db, q, "moving a torrent", eb);
}

static int
apply_peers(struct db *db, int64_t id, const struct state_update *u, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = 0;

    if (u->forget_peers)
        err =
            db_run_with(db, "DELETE FROM peers WHERE torrent = ?", &id, 1, "forgetting peers", eb);
    for (size_t i = 0; i < u->peer_count && err == 0; i++) {
        uint8_t addr[STATE_ADDR_MAX];
        size_t len;

        err = db_prepare(db, "INSERT OR REPLACE INTO peers (torrent, addr, seen) VALUES (?, ?, ?)",
                         &q, eb);
        if (err != 0)
            break;
        len = state_addr_pack(&u->peers[i], addr);
        sqlite3_bind_int64(q, 1, id);
        sqlite3_bind_blob(q, 2, addr, (int)len, SQLITE_STATIC);
        sqlite3_bind_int64(q, 3, u->seen);
        err = db_run(db, q, "storing peers", eb);
    }
    if (err != 0 || u->peer_count == 0)
        return err;
    return db_run_with(db,
                       "DELETE FROM peers WHERE torrent = ?1 AND addr IN (SELECT addr FROM peers "
                       "WHERE torrent = ?1 ORDER BY seen DESC, addr LIMIT -1 OFFSET ?2)",
                       (const int64_t[]){id, STATE_PEERS_MAX}, 2, "forgetting peers", eb);
}

static int
apply_layer(struct db *db, int64_t id, const struct state_layer *l, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(db,
                         "INSERT OR REPLACE INTO layers (torrent, file, hashes) VALUES (?, ?, ?)",
                         &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_int64(q, 2, l->file);
    sqlite3_bind_blob64(q, 3, l->hashes, l->len, SQLITE_STATIC);
    return db_run(db, q, "storing piece layers", eb);
}

static int
apply_priorities(struct db *db, int64_t id, const struct state_update *u, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err;

    if (u->priorities == NULL)
        return 0;
    err =
        db_prepare(db, "INSERT OR REPLACE INTO priorities (torrent, bytes) VALUES (?, ?)", &q, eb);
    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_blob64(q, 2, u->priorities, u->priority_count, SQLITE_STATIC);
    return db_run(db, q, "storing priorities", eb);
}

void
state_bind_identity(sqlite3_stmt *q, const struct identity *id)
{
    size_t len;
    const uint8_t *hash = identity_key(id, &len);

    sqlite3_bind_blob(q, 1, hash, (int)len, SQLITE_STATIC);
    if (id->has_v1)
        sqlite3_bind_blob(q, 2, id->v1, sizeof(id->v1), SQLITE_STATIC);
    else
        sqlite3_bind_null(q, 2);
    if (id->has_v2)
        sqlite3_bind_blob(q, 3, id->v2, sizeof(id->v2), SQLITE_STATIC);
    else
        sqlite3_bind_null(q, 3);
}

int
state_apply_metainfo(struct db *db, int64_t id, const struct identity *identity,
                     const uint8_t *metainfo, size_t metainfo_len, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(db,
                         "UPDATE torrents SET hash = ?, info_hash_v1 = ?, info_hash_v2 = ?, "
                         "metainfo = ? WHERE id = ? AND length(metainfo) = 0",
                         &q, eb);

    if (err != 0)
        return err;
    state_bind_identity(q, identity);
    sqlite3_bind_blob64(q, 4, metainfo, metainfo_len, SQLITE_STATIC);
    sqlite3_bind_int64(q, 5, id);
    return db_run(db, q, "storing the metadata of a torrent", eb);
}

/* SPRAT_E_NOTFOUND if the torrent was removed meanwhile: then its rows in other tables must not
 * reappear. */
static int
must_exist(struct db *db, int64_t id, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int rc, err = db_prepare(db, "SELECT 1 FROM torrents WHERE id = ?", &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, id);
    rc = sqlite3_step(q);
    sqlite3_reset(q);
    if (rc == SQLITE_ROW)
        return 0;
    return rc == SQLITE_DONE ? errbuf_set(eb, SPRAT_E_NOTFOUND,
                                          "the torrent was removed from the state database")
                             : db_error(db, rc, "reading a torrent", eb);
}

int
state_apply_parts(struct db *db, int64_t id, const struct state_update *u, struct errbuf *eb)
{
    int err;

    if (u->remove)
        return db_run_with(db, "DELETE FROM torrents WHERE id = ?", &id, 1, "removing a torrent",
                           eb);
    err = must_exist(db, id, eb);
    if (err == 0)
        err = apply_pieces(db, id, u, eb);
    for (size_t i = 0; i < u->file_count && err == 0; i++)
        err = apply_file(db, id, &u->files[i], eb);
    if (err == 0 && u->unmanage)
        err = db_run_with(db, "UPDATE torrents SET managed = 0 WHERE id = ?", &id, 1,
                          "removing a torrent", eb);
    if (err == 0 && u->metainfo != NULL)
        err = state_apply_metainfo(db, id, u->identity, u->metainfo, u->metainfo_len, eb);
    if (err == 0)
        err = apply_row(db, id, u, eb);
    if (err == 0)
        err = apply_place(db, id, u, eb);
    if (err == 0)
        err = apply_peers(db, id, u, eb);
    for (size_t i = 0; i < u->layer_count && err == 0; i++)
        err = apply_layer(db, id, &u->layers[i], eb);
    if (err == 0)
        err = apply_priorities(db, id, u, eb);
    if (err == 0 && u->wish != NULL)
        err = state_apply_wish(db, id, u->wish, eb);
    return err == 0 && u->keep_worknames ? state_apply_worknames(db, id, eb) : err;
}
