/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One row per banned site, in an index by the time of its end.
 */
#include "peer/store/statebans.h"

#include <stdlib.h>
#include <string.h>

#include "peer/store/statedb.h"

struct bans_job {
    struct state_job job;
    int64_t now;
    size_t count;
    struct state_ban bans[];
};

static struct bans_job *
bans_of(struct state_job *j)
{
    return LIST_ENTRY(j, struct bans_job, job);
}

static int
delete_surplus(struct db *db, int64_t now, struct errbuf *eb)
{
    return db_run_with(db,
                       "DELETE FROM bans WHERE until <= ?1 OR site IN"
                       " (SELECT site FROM bans ORDER BY until DESC, site LIMIT -1 OFFSET ?2)",
                       (const int64_t[]){now, STATE_BANS_MAX}, 2, "forgetting bans", eb);
}

static int
put_ban(struct db *db, const struct state_ban *ban, struct errbuf *eb)
{
    struct endpoint site = endpoint_site(&ban->site);
    uint8_t packed[STATE_ADDR_MAX];
    sqlite3_stmt *q;
    size_t len;
    int err = db_prepare(db,
                         "INSERT INTO bans (site, until) VALUES (?1, ?2) ON CONFLICT (site) "
                         "DO UPDATE SET until = max(until, ?2)",
                         &q, eb);

    if (err != 0)
        return err;
    site.zone = 0;
    len = state_addr_pack(&site, packed);
    sqlite3_bind_blob(q, 1, packed, (int)len, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, ban->until);
    return db_run(db, q, "storing bans", eb);
}

static int
apply_bans(struct db *db, struct state_job *j)
{
    struct bans_job *b = bans_of(j);
    int err = 0;

    for (size_t i = 0; i < b->count && err == 0; i++)
        err = put_ban(db, &b->bans[i], &j->why);
    return err != 0 ? err : delete_surplus(db, b->now, &j->why);
}

static void
free_bans(struct state_job *j)
{
    free(bans_of(j));
}

int
state_put_bans_async(struct state *st, const struct state_ban *bans, size_t count, int64_t now,
                     struct doneq *q, state_done_fn done, void *user)
{
    struct bans_job *b = calloc(1, sizeof(*b) + count * sizeof(*bans));
    int err;

    if (b == NULL)
        return SPRAT_E_NOMEM;
    b->job.apply = apply_bans;
    b->job.free = free_bans;
    b->job.done = done;
    b->job.user = user;
    b->now = now;
    b->count = count;
    memcpy(b->bans, bans, count * sizeof(*bans));
    err = state_submit(st, &b->job, q);
    if (err != 0)
        free(b);
    return err;
}

static int
read_bans(struct db *db, struct state_ban *out, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int n = 0, rc, err = db_prepare(db, "SELECT site, until FROM bans ORDER BY until DESC", &q, eb);

    if (err != 0)
        return err;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && n < STATE_BANS_MAX) {
        out[n].until = sqlite3_column_int64(q, 1);
        n += state_addr_unpack(sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0),
                               &out[n].site);
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        n = db_error(db, rc, "reading bans", eb);
    sqlite3_reset(q);
    return n;
}

int
state_load_bans(struct state *st, int64_t now, int64_t latest, struct state_ban *out,
                struct errbuf *eb)
{
    int err, n = 0;

    lock_take(&st->db_lock);
    err = db_begin(st->db, eb);
    if (err == 0)
        err = delete_surplus(st->db, now, eb);
    if (err == 0)
        err = db_run_with(st->db, "UPDATE bans SET until = ?1 WHERE until > ?1", &latest, 1,
                          "forgetting bans", eb);
    if (err == 0)
        err = n = read_bans(st->db, out, eb);
    if (err >= 0)
        err = db_commit(st->db, eb);
    if (err < 0)
        db_rollback(st->db);
    lock_drop(&st->db_lock);
    return err < 0 ? err : n;
}
