/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opens the state database, defines its tables, and reads its rows. Values from the database are
 * checked like any other input.
 */
#include "peer/store/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sys/file.h"
#include "common/sys/paths.h"
#include "peer/store/statedb.h"

static const char *const migrations[] = {
    /* 0 → 1 */
    "CREATE TABLE torrents ("
    " id INTEGER PRIMARY KEY,"
    " hash BLOB NOT NULL,"          /* v2 info-hash, or v1 where there is no v2 */
    " info_hash_v1 BLOB,"
    " info_hash_v2 BLOB,"
    " dir TEXT NOT NULL,"
    " managed INTEGER NOT NULL,"
    " added INTEGER NOT NULL,"
    " completed INTEGER NOT NULL DEFAULT 0,"
    " uploaded INTEGER NOT NULL DEFAULT 0,"
    " downloaded INTEGER NOT NULL DEFAULT 0,"
    " status INTEGER NOT NULL DEFAULT 0,"
    " error TEXT,"
    " clean INTEGER NOT NULL DEFAULT 1,"
    " session INTEGER NOT NULL DEFAULT 0,"
    " active INTEGER NOT NULL DEFAULT 0,"
    " metainfo BLOB NOT NULL,"
    " UNIQUE (hash, dir));"
    "CREATE TABLE files ("
    " torrent INTEGER NOT NULL REFERENCES torrents(id) ON DELETE CASCADE,"
    " file INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,"
    " inode INTEGER NOT NULL,"
    " PRIMARY KEY (torrent, file)) WITHOUT ROWID;"
    "CREATE TABLE priorities ("
    " torrent INTEGER PRIMARY KEY REFERENCES torrents(id) ON DELETE CASCADE,"
    " bytes BLOB NOT NULL);"        /* one per file */
    "CREATE TABLE pieces ("
    " torrent INTEGER NOT NULL REFERENCES torrents(id) ON DELETE CASCADE,"
    " chunk INTEGER NOT NULL,"      /* chunks of STATE_PIECES_PER_ROW pieces */
    " bits BLOB NOT NULL,"
    " PRIMARY KEY (torrent, chunk)) WITHOUT ROWID;"
    "CREATE TABLE peers ("
    " torrent INTEGER NOT NULL REFERENCES torrents(id) ON DELETE CASCADE,"
    " addr BLOB NOT NULL, seen INTEGER NOT NULL,"
    " PRIMARY KEY (torrent, addr)) WITHOUT ROWID;"
    "CREATE TABLE layers ("
    " torrent INTEGER NOT NULL REFERENCES torrents(id) ON DELETE CASCADE,"
    " file INTEGER NOT NULL, hashes BLOB NOT NULL,"
    " PRIMARY KEY (torrent, file));",
    /* 1 → 2: the options with which a torrent was added to spratd */
    "CREATE TABLE wishes ("
    " torrent INTEGER PRIMARY KEY REFERENCES torrents(id) ON DELETE CASCADE,"
    " seed INTEGER NOT NULL, ratio REAL NOT NULL,"
    " trackers TEXT NOT NULL);", /* one per line */
    /* 2 → 3 */
    "ALTER TABLE torrents ADD COLUMN up_limit INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE torrents ADD COLUMN down_limit INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE wishes ADD COLUMN peers TEXT NOT NULL DEFAULT '';", /* one per line */
    /* 3 → 4 */
    "ALTER TABLE wishes ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;", /* statewish.c */
    /* 4 → 5 */
    ("ALTER TABLE torrents ADD COLUMN move_to TEXT;"
     "ALTER TABLE torrents ADD COLUMN moved_from TEXT;"),
    /* 5 → 6: older versions let two torrents write to one file. Files that two torrents share are
     * checked once more: no file has this time. Different files on several file systems can have
     * the same inode number, and are checked too. */
    ("CREATE INDEX files_by_inode ON files(inode);"
     "UPDATE files SET mtime = 0 WHERE inode IN"
     " (SELECT inode FROM files GROUP BY inode HAVING count(*) > 1);"),
    /* 6 → 7: banned sites (statebans.c) */
    ("CREATE TABLE bans (site BLOB PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;"
     "CREATE INDEX bans_by_end ON bans(until);"),
    /* 7 → 8: the name of a torrent whose metainfo is not known yet, and therefore empty */
    "ALTER TABLE torrents ADD COLUMN name TEXT;",
    /* 8 → 9: ids and nodes of the DHT (statedht.c) */
    "CREATE TABLE dht (at BLOB NOT NULL UNIQUE, id BLOB NOT NULL, nodes BLOB NOT NULL);",
    /* 9 → 10: what a magnet link says beside hashes, trackers and peers */
    ("ALTER TABLE wishes ADD COLUMN only_files TEXT;"
     "ALTER TABLE wishes ADD COLUMN web_seeds TEXT NOT NULL DEFAULT '';"), /* one per line */
};

_Static_assert(sizeof(migrations) / sizeof(migrations[0]) == STATE_SCHEMA_VERSION,
               "every schema version has its migration");

static const struct db_schema schema = {
    .application_id = 0x53707274, /* "Sprt" */
    .migrations = migrations,
    .migration_count = STATE_SCHEMA_VERSION,
    .durable = true,
};

/* Creates the directory, private to the user, and its directory of locks. */
static int
prepare_dir(const char *dir, struct errbuf *eb)
{
    char *locks = path_join(dir, "locks");
    int err;

    if (locks == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = file_make_dirs(dir, 0700, eb);
    if (err == 0)
        err = file_make_dirs(locks, 0700, eb);
    free(locks);
    return err;
}

int
state_open(const char *dir, const char *program, struct state **out, struct errbuf *eb)
{
    struct state *st;
    char *path;
    int err = prepare_dir(dir, eb);

    if (err != 0)
        return err;
    st = calloc(1, sizeof(*st));
    path = path_join(dir, "sprat.db");
    if (st == NULL || path == NULL || (st->program = strdup(program)) == NULL) {
        free(st);
        free(path);
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    lock_init(&st->db_lock);
    lock_init(&st->read_lock);
    lock_init(&st->queue_lock);
    cond_init(&st->queue_filled);
    list_init(&st->queue);
    err = path_absolute(dir, &st->dir, eb);
    if (err == 0)
        err = db_open(path, &schema, &st->db, eb);
    if (err == 0)
        err = db_open_reader(st->db, &st->reads, eb);
    free(path);
    if (err != 0) {
        state_close(st);
        return err;
    }
    *out = st;
    return 0;
}

void
state_close(struct state *st)
{
    if (st == NULL)
        return;
    state_queue_stop(st);
    db_close(st->reads);
    db_close(st->db);
    cond_fini(&st->queue_filled);
    lock_fini(&st->queue_lock);
    lock_fini(&st->read_lock);
    lock_fini(&st->db_lock);
    free(st->program);
    free(st->dir);
    free(st);
}

const char *
state_dir(const struct state *st)
{
    return st->dir;
}

/* Copies a hash column; false if it is NULL or of another size. */
static bool
read_hash(sqlite3_stmt *q, int col, uint8_t *out, int len)
{
    const void *p = sqlite3_column_blob(q, col);

    if (p == NULL || sqlite3_column_bytes(q, col) != len)
        return false;
    memcpy(out, p, (size_t)len);
    return true;
}

static char *
read_text(sqlite3_stmt *q, int col)
{
    const unsigned char *text = sqlite3_column_text(q, col);

    return text != NULL ? strdup((const char *)text) : NULL;
}

static int64_t
max_0(int64_t v)
{
    return v > 0 ? v : 0;
}

int
state_read_torrent(sqlite3_stmt *q, struct state_torrent *t)
{
    const void *raw = sqlite3_column_blob(q, 14);
    int status = sqlite3_column_int(q, 9);

    *t = (struct state_torrent){
        .id = sqlite3_column_int64(q, 0),
        .name = read_text(q, 19),
        .dir = read_text(q, 3),
        .managed = sqlite3_column_int(q, 4) != 0,
        .added = sqlite3_column_int64(q, 5),
        .completed = sqlite3_column_int64(q, 6),
        .uploaded = (uint64_t)sqlite3_column_int64(q, 7),
        .downloaded = (uint64_t)sqlite3_column_int64(q, 8),
        .status = status == STATE_PAUSED || status == STATE_FAILED ? (enum state_status)status
                                                                   : STATE_RUNNING,
        .error = read_text(q, 10),
        .move_to = read_text(q, 17),
        .moved_from = read_text(q, 18),
        .clean = sqlite3_column_int(q, 11) != 0,
        .session = sqlite3_column_int64(q, 12),
        .active = sqlite3_column_int64(q, 13),
        .metainfo_len = (size_t)sqlite3_column_bytes(q, 14),
        .up_limit = (uint64_t)max_0(sqlite3_column_int64(q, 15)),
        .down_limit = (uint64_t)max_0(sqlite3_column_int64(q, 16)),
    };
    t->identity.has_v1 = read_hash(q, 1, t->identity.v1, 20);
    t->identity.has_v2 = read_hash(q, 2, t->identity.v2, 32);
    if (t->metainfo_len > 0 && raw != NULL)
        t->metainfo = malloc(t->metainfo_len);
    if (t->dir == NULL || (t->metainfo_len > 0 && t->metainfo == NULL)) {
        state_torrent_fini(t);
        return SPRAT_E_NOMEM;
    }
    if (t->metainfo != NULL)
        memcpy(t->metainfo, raw, t->metainfo_len);
    return 0;
}

void
state_torrent_fini(struct state_torrent *t)
{
    free(t->name);
    free(t->dir);
    free(t->error);
    free(t->move_to);
    free(t->moved_from);
    free(t->metainfo);
    *t = (struct state_torrent){0};
}

/* Steps a query of torrents: 0 and a row, NOTFOUND at the end, or an error. The lock must be held.
 */
static int
next_torrent(struct state *st, sqlite3_stmt *q, struct state_torrent *out, struct errbuf *eb)
{
    int rc = sqlite3_step(q);

    if (rc == SQLITE_DONE)
        return SPRAT_E_NOTFOUND;
    if (rc != SQLITE_ROW)
        return db_error(st->reads, rc, "reading a torrent", eb);
    return state_read_torrent(q, out) == 0 ? 0 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

int
state_get(struct state *st, int64_t id, struct state_torrent *out, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err;

    lock_take(&st->read_lock);
    err = db_prepare(st->reads, "SELECT " STATE_TORRENT_COLUMNS " FROM torrents WHERE id = ?",
                     &q, eb);
    if (err == 0) {
        sqlite3_bind_int64(q, 1, id);
        err = next_torrent(st, q, out, eb);
        sqlite3_reset(q);
    }
    lock_drop(&st->read_lock);
    if (err == SPRAT_E_NOTFOUND)
        errbuf_set(eb, err, "the state database has no such torrent");
    return err;
}

/* Sets the bits of one stored row; bits beyond the last piece are dropped. */
static void
add_chunk(struct bitfield *have, int64_t chunk, const uint8_t *bits, size_t len)
{
    uint64_t first = (uint64_t)chunk * STATE_PIECES_PER_ROW;
    uint64_t count = (uint64_t)len * 8 < STATE_PIECES_PER_ROW ? len * 8 : STATE_PIECES_PER_ROW;

    if (chunk < 0 || first >= have->nbits)
        return;
    if (count > have->nbits - first)
        count = have->nbits - first;
    for (uint64_t i = 0; i < count; i++)
        if ((bits[i >> 3] & (0x80u >> (i & 7))) != 0)
            bitfield_set(have, (uint32_t)(first + i));
}

int
state_load_have(struct state *st, int64_t id, struct bitfield *have, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int rc, err;

    bitfield_clear_all(have);
    lock_take(&st->read_lock);
    err = db_prepare(st->reads, "SELECT chunk, bits FROM pieces WHERE torrent = ?", &q, eb);
    if (err == 0) {
        sqlite3_bind_int64(q, 1, id);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW)
            add_chunk(have, sqlite3_column_int64(q, 0), sqlite3_column_blob(q, 1),
                      (size_t)sqlite3_column_bytes(q, 1));
        if (rc != SQLITE_DONE)
            err = db_error(st->reads, rc, "reading pieces", eb);
        sqlite3_reset(q);
    }
    lock_drop(&st->read_lock);
    return err;
}

int
state_load_files(struct state *st, int64_t id, struct state_file *files, size_t count,
                 struct errbuf *eb)
{
    sqlite3_stmt *q;
    int rc, err;

    for (size_t i = 0; i < count; i++)
        files[i] = (struct state_file){.file = (uint32_t)i};
    lock_take(&st->read_lock);
    err = db_prepare(st->reads, "SELECT file, size, mtime, inode FROM files WHERE torrent = ?", &q,
                     eb);
    if (err == 0) {
        sqlite3_bind_int64(q, 1, id);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
            int64_t i = sqlite3_column_int64(q, 0);
            if (i < 0 || (uint64_t)i >= count)
                continue;
            files[i].present = true;
            files[i].size = (uint64_t)sqlite3_column_int64(q, 1);
            files[i].mtime_ns = sqlite3_column_int64(q, 2);
            files[i].inode = (uint64_t)sqlite3_column_int64(q, 3);
        }
        if (rc != SQLITE_DONE)
            err = db_error(st->reads, rc, "reading files", eb);
        sqlite3_reset(q);
    }
    lock_drop(&st->read_lock);
    return err;
}

int
state_find_inode(struct state *st, int64_t id, uint64_t inode, struct state_sharer *out,
                 struct errbuf *eb)
{
    sqlite3_stmt *q;
    int n = 0, rc, err;

    lock_take(&st->read_lock);
    err = db_prepare(st->reads,
                     "SELECT files.torrent, file FROM files JOIN torrents ON id = torrent"
                     " WHERE inode = ?1 AND hash != (SELECT hash FROM torrents WHERE id = ?2)"
                     " ORDER BY managed DESC, files.torrent LIMIT ?3",
                     &q, eb);
    if (err == 0) {
        sqlite3_bind_int64(q, 1, (sqlite3_int64)inode);
        sqlite3_bind_int64(q, 2, id);
        sqlite3_bind_int(q, 3, STATE_SHARERS_MAX);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW && n < STATE_SHARERS_MAX)
            out[n++] = (struct state_sharer){sqlite3_column_int64(q, 0),
                                             (uint32_t)sqlite3_column_int64(q, 1)};
        if (rc != SQLITE_DONE)
            err = db_error(st->reads, rc, "reading files", eb);
        sqlite3_reset(q);
    }
    lock_drop(&st->read_lock);
    return err != 0 ? err : n;
}

int
state_load_priorities(struct state *st, int64_t id, uint8_t *prio, size_t count, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int rc, err;

    memset(prio, 1, count);
    lock_take(&st->read_lock);
    err = db_prepare(st->reads, "SELECT bytes FROM priorities WHERE torrent = ?", &q, eb);
    if (err == 0) {
        sqlite3_bind_int64(q, 1, id);
        rc = sqlite3_step(q);
        if (rc == SQLITE_ROW && (size_t)sqlite3_column_bytes(q, 0) == count && count > 0)
            memcpy(prio, sqlite3_column_blob(q, 0), count);
        else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            err = db_error(st->reads, rc, "reading priorities", eb);
        sqlite3_reset(q);
    }
    lock_drop(&st->read_lock);
    return err;
}

int
state_load_peers(struct state *st, int64_t id, struct endpoint *peers, size_t max,
                 struct errbuf *eb)
{
    sqlite3_stmt *q;
    size_t n = 0;
    int rc, err;

    lock_take(&st->read_lock);
    err = db_prepare(st->reads,
                     "SELECT addr FROM peers WHERE torrent = ? ORDER BY seen DESC, addr LIMIT ?",
                     &q, eb);
    if (err == 0) {
        sqlite3_bind_int64(q, 1, id);
        sqlite3_bind_int64(q, 2, (sqlite3_int64)(max < STATE_PEERS_MAX ? max : STATE_PEERS_MAX));
        while ((rc = sqlite3_step(q)) == SQLITE_ROW)
            n += state_addr_unpack(sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0),
                                   &peers[n]);
        if (rc != SQLITE_DONE)
            err = db_error(st->reads, rc, "reading peers", eb);
        sqlite3_reset(q);
    }
    lock_drop(&st->read_lock);
    return err != 0 ? err : (int)n;
}

int
state_each_layer(struct state *st, int64_t id,
                 void (*each)(void *user, const struct state_layer *l), void *user,
                 struct errbuf *eb)
{
    sqlite3_stmt *q;
    int rc, err;

    lock_take(&st->read_lock);
    err = db_prepare(st->reads, "SELECT file, hashes FROM layers WHERE torrent = ? ORDER BY file",
                     &q, eb);
    if (err == 0) {
        sqlite3_bind_int64(q, 1, id);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
            struct state_layer l = {
                .file = (uint32_t)sqlite3_column_int64(q, 0),
                .hashes = sqlite3_column_blob(q, 1),
                .len = (size_t)sqlite3_column_bytes(q, 1),
            };
            if (l.hashes != NULL)
                each(user, &l);
        }
        if (rc != SQLITE_DONE)
            err = db_error(st->reads, rc, "reading piece layers", eb);
        sqlite3_reset(q);
    }
    lock_drop(&st->read_lock);
    return err;
}

int
state_end_change(struct state *st, int err, struct errbuf *eb)
{
    if (err == 0)
        err = db_commit(st->db, eb);
    if (err != 0)
        db_rollback(st->db);
    return err;
}

int
state_apply(struct state *st, int64_t id, const struct state_update *u, struct errbuf *eb)
{
    int err;

    lock_take(&st->db_lock);
    err = db_begin(st->db, eb);
    if (err == 0)
        err = state_end_change(st, state_apply_parts(st->db, id, u, eb), eb);
    lock_drop(&st->db_lock);
    return err;
}
