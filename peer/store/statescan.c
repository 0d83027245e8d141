/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walks all tables in parallel, each in the order of the torrents' ids, so that no row is looked
 * up.
 */
#include "peer/store/statescan.h"

#include <stdlib.h>
#include <string.h>

#include "peer/store/statedb.h"

enum {
    CHUNK_BYTES = STATE_PIECES_PER_ROW / 8,
    HAVE_BYTES_MAX = (METAINFO_PIECES_MAX + 7) / 8,
};

/* A query sorted by its first column, a torrent's id. */
struct cursor {
    sqlite3_stmt *q;
    bool row; /* the query has a current row */
};

struct scan {
    struct state *st;
    struct cursor torrents, wishes, choices, peers, pieces, files;
    struct state_scan_row row;
    uint8_t *have;
    size_t have_cap;
    struct state_file *records;
    size_t record_cap;
    struct errbuf *eb;
};

static int
cursor_step(struct scan *s, struct cursor *c)
{
    int rc = sqlite3_step(c->q);

    c->row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE
               ? 0
               : db_error(s->st->db, rc, "reading the torrents", s->eb);
}

static int
cursor_open(struct scan *s, struct cursor *c, const char *sql)
{
    int err = db_prepare(s->st->db, sql, &c->q, s->eb);

    return err == 0 ? cursor_step(s, c) : err;
}

static void
cursor_close(struct cursor *c)
{
    if (c->q != NULL)
        sqlite3_reset(c->q);
}

/* Advances to the first row of |id| or of a later torrent. True if it is a row of |id|. */
static bool
cursor_find(struct scan *s, struct cursor *c, int64_t id, int *err)
{
    while (*err == 0 && c->row && sqlite3_column_int64(c->q, 0) < id)
        *err = cursor_step(s, c);
    return *err == 0 && c->row && sqlite3_column_int64(c->q, 0) == id;
}

/* Makes room for |need| elements of |size| bytes. */
static int
make_room(void *array, size_t *cap, size_t need, size_t size, struct errbuf *eb)
{
    void **at = array, *grown;
    size_t want = need > 2 * *cap ? need : 2 * *cap;

    if (need <= *cap)
        return 0;
    grown = realloc(*at, want * size);
    if (grown == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    *at = grown;
    *cap = want;
    return 0;
}

/* Adds a row of have-bits; a row with an impossible chunk number is ignored. */
static int
take_chunk(struct scan *s)
{
    int64_t chunk = sqlite3_column_int64(s->pieces.q, 1);
    const void *bits = sqlite3_column_blob(s->pieces.q, 2);
    int n = sqlite3_column_bytes(s->pieces.q, 2);
    size_t at;
    int err;

    if (bits == NULL || n <= 0 || chunk < 0 || chunk >= HAVE_BYTES_MAX / CHUNK_BYTES)
        return 0;
    n = n < CHUNK_BYTES ? n : CHUNK_BYTES;
    at = (size_t)chunk * CHUNK_BYTES;
    if (at < s->row.have_len)
        return 0; /* the database was modified by hand: such a number does not sort like a number */
    err = make_room(&s->have, &s->have_cap, at + (size_t)n, 1, s->eb);
    if (err != 0)
        return err;
    /* Rows come in order; pieces between them are missing. */
    memset(s->have + s->row.have_len, 0, at - s->row.have_len);
    memcpy(s->have + at, bits, (size_t)n);
    s->row.have_len = at + (size_t)n;
    s->row.have = s->have;
    return 0;
}

static int
take_file(struct scan *s)
{
    sqlite3_stmt *q = s->files.q;
    int64_t file = sqlite3_column_int64(q, 1);
    int err;

    if (file < 0 || file > METAINFO_FILES_MAX)
        return 0;
    err = make_room(&s->records, &s->record_cap, s->row.file_count + 1, sizeof(*s->records), s->eb);
    if (err != 0)
        return err;
    s->records[s->row.file_count++] = (struct state_file){
        .file = (uint32_t)file,
        .present = true,
        .size = (uint64_t)sqlite3_column_int64(q, 2),
        .mtime_ns = sqlite3_column_int64(q, 3),
        .inode = (uint64_t)sqlite3_column_int64(q, 4),
    };
    s->row.files = s->records;
    return 0;
}

/* Collects the torrent's rows in the other tables. */
static int
take_rest(struct scan *s)
{
    struct state_scan_row *row = &s->row;
    int64_t id = row->torrent.id;
    int err = 0;

    row->has_wish = cursor_find(s, &s->wishes, id, &err);
    if (row->has_wish && state_read_wish(s->wishes.q, 1, &row->wish) != 0)
        return errbuf_set(s->eb, SPRAT_E_NOMEM, "out of memory");
    row->has_choice = cursor_find(s, &s->choices, id, &err);
    row->has_peers = cursor_find(s, &s->peers, id, &err);
    while (cursor_find(s, &s->pieces, id, &err)) {
        err = take_chunk(s);
        if (err == 0)
            err = cursor_step(s, &s->pieces);
    }
    while (cursor_find(s, &s->files, id, &err)) {
        err = take_file(s);
        if (err == 0)
            err = cursor_step(s, &s->files);
    }
    return err;
}

static int
open_all(struct scan *s)
{
    int err;

    if ((err = cursor_open(s, &s->torrents,
                           "SELECT " STATE_TORRENT_COLUMNS
                           " FROM torrents WHERE managed = 1 ORDER BY id")) != 0 ||
        (err = cursor_open(s, &s->wishes,
                           "SELECT torrent, " STATE_WISH_COLUMNS
                           " FROM wishes ORDER BY torrent")) != 0 ||
        (err = cursor_open(s, &s->choices, "SELECT torrent FROM priorities ORDER BY torrent")) !=
            0 ||
        (err = cursor_open(s, &s->peers, "SELECT torrent FROM peers ORDER BY torrent, addr")) !=
            0 ||
        (err = cursor_open(s, &s->pieces,
                           "SELECT torrent, chunk, bits FROM pieces ORDER BY torrent, chunk")) != 0)
        return err;
    return cursor_open(
        s, &s->files, "SELECT torrent, file, size, mtime, inode FROM files ORDER BY torrent, file");
}

static int
scan_all(struct scan *s, int (*each)(void *user, const struct state_scan_row *row), void *user)
{
    int err = open_all(s);

    while (err == 0 && s->torrents.row) {
        s->row = (struct state_scan_row){.have = s->have, .files = s->records};
        if (state_read_torrent(s->torrents.q, &s->row.torrent) != 0)
            return errbuf_set(s->eb, SPRAT_E_NOMEM, "out of memory");
        err = take_rest(s);
        if (err == 0)
            err = each(user, &s->row);
        state_wish_fini(&s->row.wish);
        state_torrent_fini(&s->row.torrent);
        if (err == 0)
            err = cursor_step(s, &s->torrents);
    }
    return err;
}

int
state_scan(struct state *st, int (*each)(void *user, const struct state_scan_row *row),
           void *user, struct errbuf *eb)
{
    struct scan s = {.st = st, .eb = eb};
    int err;

    lock_take(&st->db_lock);
    err = db_exec(st->db, "BEGIN", "reading the torrents", eb);
    if (err == 0) {
        err = scan_all(&s, each, user);
        cursor_close(&s.torrents);
        cursor_close(&s.wishes);
        cursor_close(&s.choices);
        cursor_close(&s.peers);
        cursor_close(&s.pieces);
        cursor_close(&s.files);
        db_rollback(st->db); /* nothing was changed */
    }
    lock_drop(&st->db_lock);
    free(s.have);
    free(s.records);
    return err;
}

bool
state_scan_has_all(const struct state_scan_row *row, uint32_t pieces)
{
    size_t whole = pieces / 8;
    uint8_t rest = (uint8_t)(0xff00u >> pieces % 8);

    if (row->have_len < whole + (rest != 0))
        return false;
    for (size_t i = 0; i < whole; i++)
        if (row->have[i] != 0xff)
            return false;
    return rest == 0 || (row->have[whole] & rest) == rest;
}
