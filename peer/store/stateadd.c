/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Adds torrents to the database: the row and all that is stored with it, in one transaction.
 */
#include <stdlib.h>

#include "common/sys/clock.h"
#include "peer/store/statedb.h"

static int
find_by(struct db *db, const char *sql, const uint8_t *hash, size_t len, const char *dir,
        int64_t *id, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int rc, err = db_prepare(db, sql, &q, eb);

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

/* A hybrid may have been added by a magnet link that has only its v1 info-hash: then the row has
 * that key until the metainfo is stored. The lock of |db| must be held. */
static int
find_row(struct db *db, const struct identity *identity, const char *dir, int64_t *id,
         struct errbuf *eb)
{
    size_t len;
    const uint8_t *key = identity_key(identity, &len);
    int err =
        find_by(db, "SELECT id FROM torrents WHERE hash = ? AND dir = ?", key, len, dir, id, eb);

    if (err == SPRAT_E_NOTFOUND && identity_is_hybrid(identity))
        err = find_by(db,
                      "SELECT id FROM torrents WHERE hash = ? AND dir = ? AND length(metainfo) = 0",
                      identity->v1, sizeof(identity->v1), dir, id, eb);
    return err;
}

/* The row's metainfo may have brought a second info-hash, which the link does not name, and the
 * link may have the truncated v2 info-hash in place of a v1 info-hash. Such a row is not found by
 * its key, but by looking at all rows of the directory. */
static int
find_row_of_link(struct db *db, const struct identity *identity, const char *dir, int64_t *id,
                 struct errbuf *eb)
{
    int err = find_row(db, identity, dir, id, eb);

    if (err != SPRAT_E_NOTFOUND || !identity->has_v1)
        return err;
    return find_by(db,
                   "SELECT id FROM torrents WHERE dir = ?2 AND (info_hash_v1 = ?1 OR"
                   " substr(info_hash_v2, 1, 20) = ?1)",
                   identity->v1, sizeof(identity->v1), dir, id, eb);
}

int
state_find_link(struct state *st, const struct identity *identity, const char *dir, int64_t *id,
                struct errbuf *eb)
{
    int err;

    lock_take(&st->read_lock);
    err = find_row_of_link(st->reads, identity, dir, id, eb);
    lock_drop(&st->read_lock);
    return err;
}

int
state_find(struct state *st, const struct identity *identity, const char *dir, int64_t *id,
           struct errbuf *eb)
{
    int err;

    lock_take(&st->read_lock);
    err = find_row(st->reads, identity, dir, id, eb);
    lock_drop(&st->read_lock);
    return err;
}

static const struct identity *
identity_of(const struct state_addition *a)
{
    return a->mi != NULL ? &a->mi->id : a->identity;
}

static int
insert_row(struct db *db, const struct state_addition *a, int64_t *id, struct errbuf *eb)
{
    const struct identity *identity = identity_of(a);
    sqlite3_stmt *q;
    int err = db_prepare(db,
                         "INSERT INTO torrents (hash, info_hash_v1, info_hash_v2, dir, managed, "
                         "added, metainfo, name) VALUES (?, ?, ?, ?, 0, ?, ?, ?)",
                         &q, eb);

    if (err != 0)
        return err;
    state_bind_identity(q, identity);
    sqlite3_bind_text(q, 4, a->dir, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 5, clock_unix());
    if (a->mi != NULL)
        sqlite3_bind_blob64(q, 6, a->mi->raw, a->mi->raw_len, SQLITE_STATIC);
    else
        sqlite3_bind_zeroblob(q, 6, 0);
    sqlite3_bind_text(q, 7, a->mi != NULL ? a->mi->name : a->name, -1, SQLITE_STATIC);
    err = db_run(db, q, "adding a torrent", eb);
    if (err == 0)
        *id = sqlite3_last_insert_rowid(db_handle(db));
    return err;
}

/* Must be called within a transaction. */
static int
add(struct db *db, const struct state_addition *a, int64_t *id, struct errbuf *eb)
{
    int err = a->mi != NULL ? find_row(db, &a->mi->id, a->dir, id, eb)
                            : find_row_of_link(db, a->identity, a->dir, id, eb);

    if (err == SPRAT_E_NOTFOUND)
        err = insert_row(db, a, id, eb);
    else if (err == 0 && a->mi != NULL)
        err = state_apply_metainfo(db, *id, &a->mi->id, a->mi->raw, a->mi->raw_len, eb);
    if (err == 0 && a->managed)
        err = db_run_with(db, "UPDATE torrents SET managed = 1 WHERE id = ? AND managed = 0", id, 1,
                          "changing a torrent", eb);
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
};

static int
apply_addition(struct db *db, struct state_job *j)
{
    struct add_job *a = LIST_ENTRY(j, struct add_job, job);

    return add(db, a->addition, a->id, &j->why);
}

static void
free_addition(struct state_job *j)
{
    free(LIST_ENTRY(j, struct add_job, job));
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
    j->job.free = free_addition;
    j->job.done = done;
    j->job.user = user;
    j->addition = a;
    j->id = id;
    err = state_submit(st, &j->job, q);
    if (err != 0)
        free(j);
    return err;
}
