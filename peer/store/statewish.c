/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stores one row per torrent; the trackers are one text, one per line, and so are the peers.
 */
#include "peer/store/statewish.h"

#include <stdlib.h>
#include <string.h>

#include "common/ds/buf.h"
#include "peer/store/statedb.h"

enum {
    TEXT_MAX = 16 * 1024 * 1024,
    FLAG_SEQUENTIAL = 1,
    FLAG_SUPER_SEED = 2,
    FLAG_RESERVE = 4,
    FLAG_WORKNAMES = 8,
    FLAG_TRACKERS_ONLY = 16,
    SEED_UNSAID = -1, /* no policy stored: the default is used */
};

/* The lines as one text, to be freed. */
static int
join_lines(char *const *lines, size_t count, size_t max, const char *what, char **out,
           struct errbuf *eb)
{
    struct buf text;
    size_t len;
    int err;

    if (count > max)
        return errbuf_set(eb, SPRAT_E_INVAL, "more than %zu %ss", max, what);
    buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < count; i++) {
        if (strchr(lines[i], '\n') != NULL) {
            buf_fini(&text);
            return errbuf_set(eb, SPRAT_E_INVAL, "a line break in a %s's address", what);
        }
        buf_puts(&text, lines[i]);
        buf_puts(&text, "\n");
    }
    buf_put(&text, "", 1);
    err = text.err;
    if (err == 0)
        *out = (char *)buf_take(&text, &len);
    buf_fini(&text);
    return err == 0 ? 0 : errbuf_set(eb, err, "%s", sprat_strerror(err));
}

int
state_wish_row_init(struct state_wish_row *row, const struct state_wish *wish, struct errbuf *eb)
{
    int err;

    *row = (struct state_wish_row){.seed = wish->seed,
                                   .ratio = wish->ratio,
                                   .flags = (wish->sequential ? FLAG_SEQUENTIAL : 0) |
                                            (wish->super_seed ? FLAG_SUPER_SEED : 0) |
                                            (wish->reserve ? FLAG_RESERVE : 0) |
                                            (wish->worknames ? FLAG_WORKNAMES : 0) |
                                            (wish->trackers_only ? FLAG_TRACKERS_ONLY : 0)};
    if (wish->only != NULL && (row->only = strdup(wish->only)) == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = join_lines(wish->trackers, wish->tracker_count, STATE_WISH_TRACKERS_MAX, "tracker",
                     &row->trackers, eb);
    if (err == 0)
        err = join_lines(wish->peers, wish->peer_count, STATE_WISH_PEERS_MAX, "peer", &row->peers,
                         eb);
    return err != 0 ? err
                    : join_lines(wish->web_seeds, wish->web_seed_count, STATE_WISH_WEB_SEEDS_MAX,
                                 "web seed", &row->web_seeds, eb);
}

void
state_wish_row_fini(struct state_wish_row *row)
{
    free(row->trackers);
    free(row->peers);
    free(row->web_seeds);
    free(row->only);
    *row = (struct state_wish_row){.seed = 0};
}

int
state_apply_wish(struct db *db, int64_t id, const struct state_wish_row *row, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(db,
                         "INSERT OR REPLACE INTO wishes (torrent, seed, ratio, trackers, peers, "
                         "flags, only_files, web_seeds) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                         &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_int(q, 2, row->seed);
    sqlite3_bind_double(q, 3, row->ratio);
    sqlite3_bind_text(q, 4, row->trackers, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 5, row->peers, -1, SQLITE_STATIC);
    sqlite3_bind_int(q, 6, row->flags);
    sqlite3_bind_text(q, 7, row->only, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 8, row->web_seeds, -1, SQLITE_STATIC);
    return db_run(db, q, "storing what a torrent was added with", eb);
}

/* Changes nothing else, and nothing at all if that is stored. */
int
state_apply_worknames(struct db *db, int64_t id, struct errbuf *eb)
{
    return db_run_with(db,
                       "INSERT INTO wishes (torrent, seed, ratio, trackers, flags) "
                       "VALUES (?1, ?2, 0, '', ?3) ON CONFLICT (torrent) "
                       "DO UPDATE SET flags = flags | ?3 WHERE (flags & ?3) = 0",
                       (const int64_t[]){id, SEED_UNSAID, FLAG_WORKNAMES}, 3,
                       "storing what a torrent's files are called", eb);
}

/* Splits |text| into separate strings, one per line. Surplus lines, possible in a database that was
 * modified by hand, are ignored. */
static int
split_lines(const unsigned char *column, size_t max, char ***lines, size_t *lines_count)
{
    const char *text = column != NULL ? (const char *)column : "";
    size_t count = 0;

    for (const char *p = text; *p != '\0' && count < max; count++)
        p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n');
    *lines = calloc(count + 1, sizeof(**lines));
    if (*lines == NULL)
        return SPRAT_E_NOMEM;
    while (*lines_count < count) {
        size_t n = strcspn(text, "\n");

        (*lines)[*lines_count] = strndup(text, n);
        if ((*lines)[*lines_count] == NULL)
            return SPRAT_E_NOMEM;
        ++*lines_count;
        text += n + (text[n] == '\n');
    }
    return 0;
}

static int
read_texts(sqlite3_stmt *q, int first, struct state_wish *out)
{
    const unsigned char *only = sqlite3_column_text(q, first + 5);
    int err = split_lines(sqlite3_column_text(q, first + 2), STATE_WISH_TRACKERS_MAX,
                          &out->trackers, &out->tracker_count);

    if (err == 0)
        err = split_lines(sqlite3_column_text(q, first + 3), STATE_WISH_PEERS_MAX, &out->peers,
                          &out->peer_count);
    if (err == 0)
        err = split_lines(sqlite3_column_text(q, first + 6), STATE_WISH_WEB_SEEDS_MAX,
                          &out->web_seeds, &out->web_seed_count);
    if (err == 0 && only != NULL && (out->only = strdup((const char *)only)) == NULL)
        err = SPRAT_E_NOMEM;
    return err;
}

int
state_read_wish(sqlite3_stmt *q, int first, struct state_wish *out)
{
    int flags = sqlite3_column_int(q, first + 4);

    out->seed = sqlite3_column_int(q, first);
    out->ratio = sqlite3_column_double(q, first + 1);
    out->sequential = (flags & FLAG_SEQUENTIAL) != 0;
    out->super_seed = (flags & FLAG_SUPER_SEED) != 0;
    out->reserve = (flags & FLAG_RESERVE) != 0;
    out->worknames = (flags & FLAG_WORKNAMES) != 0;
    out->trackers_only = (flags & FLAG_TRACKERS_ONLY) != 0;
    return read_texts(q, first, out);
}

int
state_load_wish(struct state *st, int64_t id, struct state_wish *out, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int rc, err;

    *out = (struct state_wish){.seed = 0};
    lock_take(&st->read_lock);
    err = db_prepare(st->reads, "SELECT " STATE_WISH_COLUMNS " FROM wishes WHERE torrent = ?",
                     &q, eb);
    if (err == 0) {
        sqlite3_bind_int64(q, 1, id);
        rc = sqlite3_step(q);
        if (rc == SQLITE_ROW)
            err = state_read_wish(q, 0, out) == 0 ? 0
                                                  : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
        else
            err = rc == SQLITE_DONE
                      ? SPRAT_E_NOTFOUND
                      : db_error(st->reads, rc, "reading what a torrent was added with", eb);
        sqlite3_reset(q);
    }
    lock_drop(&st->read_lock);
    if (err != 0)
        state_wish_fini(out);
    return err;
}

void
state_wish_fini(struct state_wish *wish)
{
    for (size_t i = 0; i < wish->tracker_count; i++)
        free(wish->trackers[i]);
    free(wish->trackers);
    for (size_t i = 0; i < wish->peer_count; i++)
        free(wish->peers[i]);
    free(wish->peers);
    for (size_t i = 0; i < wish->web_seed_count; i++)
        free(wish->web_seeds[i]);
    free(wish->web_seeds);
    free(wish->only);
    *wish = (struct state_wish){.seed = 0};
}
