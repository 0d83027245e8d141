/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Adds torrents to the database: the row and all that is stored with it, in one transaction.
 */
#include <stdlib.h>

#include "common/sys/clock.h"
#include "peer/store/statedb.h"

/* The lock of |db| must be held. */
static int
find_row(struct db *db, const struct metainfo *mi, const char *dir, int64_t *id, struct errbuf *eb)
{
    sqlite3_stmt *q;
    size_t len;
    const uint8_t *hash = identity_key(&mi->id, &len);
    int rc, err = db_prepare(db, "SELECT id FROM torrents WHERE hash = ? AND dir = ?", &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_blob(q, 1, hash, (int)len, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, dir, -1, SQLITE_STATIC);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW)
        *id = sqlite3_column_int64(q, 0);
    else
        err = rc == SQLITE_DONE ? SPRAT_E_NOTFOUND : db_error(db, rc, "finding a torrent", eb);
    sqlite3_reset(q);
    return err;
}

int
state_find(struct state *st, const struct metainfo *mi, const char *dir, int64_t *id,
           struct errbuf *eb)
{
    int err;

    lock_take(&st->read_lock);
    err = find_row(st->reads, mi, dir, id, eb);
    lock_drop(&st->read_lock);
    return err;
}

static int
insert_row(struct db *db, const struct metainfo *mi, const char *dir, int64_t *id,
           struct errbuf *eb)
{
    sqlite3_stmt *q;
    size_t len;
    const uint8_t *hash = identity_key(&mi->id, &len);
    int err = db_prepare(db,
                         "INSERT INTO torrents (hash, info_hash_v1, info_hash_v2, dir, managed, "
                         "added, metainfo) VALUES (?, ?, ?, ?, 0, ?, ?)",
                         &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_blob(q, 1, hash, (int)len, SQLITE_STATIC);
    if (mi->id.has_v1)
        sqlite3_bind_blob(q, 2, mi->id.v1, 20, SQLITE_STATIC);
    if (mi->id.has_v2)
        sqlite3_bind_blob(q, 3, mi->id.v2, 32, SQLITE_STATIC);
    sqlite3_bind_text(q, 4, dir, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 5, clock_unix());
    sqlite3_bind_blob64(q, 6, mi->raw, mi->raw_len, SQLITE_STATIC);
    err = db_run(db, q, "adding a torrent", eb);
    if (err == 0)
        *id = sqlite3_last_insert_rowid(db_handle(db));
    return err;
}

static int
set_managed(struct db *db, int64_t id, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err =
        db_prepare(db, "UPDATE torrents SET managed = 1 WHERE id = ? AND managed = 0", &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, id);
    return db_run(db, q, "changing a torrent", eb);
}

/* Must be called within a transaction. */
static int
add(struct db *db, const struct state_addition *a, int64_t *id, struct errbuf *eb)
{
    int err = find_row(db, a->mi, a->dir, id, eb);

    if (err == SPRAT_E_NOTFOUND)
        err = insert_row(db, a->mi, a->dir, id, eb);
    if (err == 0 && a->managed)
        err = set_managed(db, *id, eb);
    return err == 0 && a->update != NULL ? state_apply_parts(db, *id, a->update, eb) : err;
}

int
state_add(struct state *st, const struct state_addition *a, int64_t *id, struct errbuf *eb)
{
    int err;

    lock_take(&st->db_lock);
    err = db_begin(st->db, eb);
    if (err == 0)
        err = state_end_change(st, add(st->db, a, id, eb), eb);
    lock_drop(&st->db_lock);
    return err;
}

struct add_job {
    struct state_job job;
    const struct state_addition *addition;
    int64_t *id;
    state_done_fn done;
    void *user;
};

static int
apply_addition(struct db *db, struct state_job *j)
{
    struct add_job *a = LIST_ENTRY(j, struct add_job, job);

    return add(db, a->addition, a->id, &j->why);
}

static void
finish_addition(struct state_job *j)
{
    struct add_job *a = LIST_ENTRY(j, struct add_job, job);

    a->done(a->user, j->err, j->err != 0 ? j->why.text : "");
    free(a);
}

int
state_add_async(struct state *st, const struct state_addition *a, int64_t *id, struct doneq *q,
                state_done_fn done, void *user)
{
    struct add_job *j = calloc(1, sizeof(*j));
    int err;

    if (j == NULL)
        return SPRAT_E_NOMEM;
    j->job.apply = apply_addition;
    j->job.finish = finish_addition;
    j->addition = a;
    j->id = id;
    j->done = done;
    j->user = user;
    err = state_submit(st, &j->job, q);
    if (err != 0)
        free(j);
    return err;
}
