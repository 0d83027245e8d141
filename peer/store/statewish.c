/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One row a torrent; the trackers stand in one text, a line each.
 */
#include "peer/store/statewish.h"

#include <stdlib.h>
#include <string.h>

#include "common/ds/buf.h"
#include "peer/store/statedb.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

static int
join_lines(const struct state_wish *wish, struct buf *out, struct errbuf *eb)
{
    if (wish->tracker_count > STATE_WISH_TRACKERS_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL, "more than %d trackers", STATE_WISH_TRACKERS_MAX);
    for (size_t i = 0; i < wish->tracker_count; i++) {
        if (strchr(wish->trackers[i], '\n') != NULL)
            return errbuf_set(eb, SPRAT_E_INVAL, "a line break in a tracker's address");
        buf_puts(out, wish->trackers[i]);
        buf_puts(out, "\n");
    }
    return out->err == 0 ? 0 : errbuf_set(eb, out->err, "%s", sprat_strerror(out->err));
}

int
state_put_wish(struct state *st, int64_t id, const struct state_wish *wish, struct errbuf *eb)
{
    sqlite3_stmt *q;
    struct buf lines;
    int err;

    buf_init(&lines, TEXT_MAX);
    err = join_lines(wish, &lines, eb);
    if (err == 0) {
        pthread_mutex_lock(&st->db_lock);
        err = db_prepare(st->db,
                         "INSERT OR REPLACE INTO wishes (torrent, seed, ratio, trackers) "
                         "VALUES (?, ?, ?, ?)",
                         &q, eb);
        if (err == 0) {
            sqlite3_bind_int64(q, 1, id);
            sqlite3_bind_int(q, 2, wish->seed);
            sqlite3_bind_double(q, 3, wish->ratio);
            sqlite3_bind_text(q, 4, buf_len(&lines) > 0 ? (const char *)buf_data(&lines) : "",
                              (int)buf_len(&lines), SQLITE_STATIC);
            err = db_run(st->db, q, "storing what a torrent was added with", eb);
        }
        pthread_mutex_unlock(&st->db_lock);
    }
    buf_fini(&lines);
    return err;
}

/* Splits |text| into lines of their own. What is too much in a database that was meddled with is
 * left out. */
static int
split_lines(const char *text, struct state_wish *out)
{
    size_t count = 0;

    for (const char *p = text; *p != '\0' && count < STATE_WISH_TRACKERS_MAX; count++)
        p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n');
    out->trackers = calloc(count + 1, sizeof(*out->trackers));
    if (out->trackers == NULL)
        return SPRAT_E_NOMEM;
    while (out->tracker_count < count) {
        size_t n = strcspn(text, "\n");

        out->trackers[out->tracker_count] = strndup(text, n);
        if (out->trackers[out->tracker_count] == NULL)
            return SPRAT_E_NOMEM;
        out->tracker_count++;
        text += n + (text[n] == '\n');
    }
    return 0;
}

/* Reads the row that |q| stands on. */
static int
read_wish(sqlite3_stmt *q, struct state_wish *out)
{
    const unsigned char *text = sqlite3_column_text(q, 2);

    out->seed = sqlite3_column_int(q, 0);
    out->ratio = sqlite3_column_double(q, 1);
    return split_lines(text != NULL ? (const char *)text : "", out);
}

int
state_load_wish(struct state *st, int64_t id, struct state_wish *out, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int rc, err;

    *out = (struct state_wish){.seed = 0};
    pthread_mutex_lock(&st->db_lock);
    err = db_prepare(st->db, "SELECT seed, ratio, trackers FROM wishes WHERE torrent = ?", &q, eb);
    if (err == 0) {
        sqlite3_bind_int64(q, 1, id);
        rc = sqlite3_step(q);
        if (rc == SQLITE_ROW)
            err = read_wish(q, out) == 0 ? 0 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
        else
            err = rc == SQLITE_DONE
                      ? SPRAT_E_NOTFOUND
                      : db_error(st->db, rc, "reading what a torrent was added with", eb);
        sqlite3_reset(q);
    }
    pthread_mutex_unlock(&st->db_lock);
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
    *wish = (struct state_wish){.seed = 0};
}
