/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each change adds a difference to the sums. The accounts add the difference of a whole batch at
 * once, which SQL triggers could not do.
 */
#include "tracker/store/registrysums.h"

#include "tracker/store/registrydb.h"

static const char doing[] = "storing sums";

int
registrysums_add(struct registry *r, const struct registrysums_gain *g, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db,
        "UPDATE sums SET uploaded = min(uploaded + ?1, ?7), downloaded = min(downloaded + ?2, ?7), "
        "downloaded_raw = min(downloaded_raw + ?3, ?7), completed = min(completed + ?4, ?7), "
        "seed_s = min(seed_s + ?5, ?7), signals = min(signals + ?6, ?7)",
        &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, registry_put_u64(g->uploaded));
    sqlite3_bind_int64(q, 2, registry_put_u64(g->downloaded));
    sqlite3_bind_int64(q, 3, registry_put_u64(g->downloaded_raw));
    sqlite3_bind_int64(q, 4, registry_put_u64(g->completed));
    sqlite3_bind_int64(q, 5, registry_put_u64(g->seed_s));
    sqlite3_bind_int64(q, 6, registry_put_u64(g->signals));
    sqlite3_bind_int64(q, 7, ACCOUNTS_SUM_MAX);
    return db_run(r->db, q, doing, eb);
}

/* Runs |sql| with up to two numbers. */
static int
run(struct registry *r, const char *sql, int64_t first, int64_t second, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db, sql, &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, first);
    sqlite3_bind_int64(q, 2, second);
    return db_run(r->db, q, doing, eb);
}

int
registrysums_add_user(struct registry *r, bool enabled, struct errbuf *eb)
{
    return run(r, "UPDATE sums SET users = users + 1, users_enabled = users_enabled + ?1", enabled,
               0, eb);
}

int
registrysums_set_user(struct registry *r, int64_t user, bool enabled, struct errbuf *eb)
{
    return run(r,
               "UPDATE sums SET users_enabled = users_enabled + coalesce((SELECT ?2 - (enabled <> "
               "0) FROM users WHERE id = ?1), 0)",
               user, enabled, eb);
}

int
registrysums_add_torrent(struct registry *r, int64_t torrent, struct errbuf *eb)
{
    return run(r,
               "UPDATE sums SET torrents = torrents + (?1 = 0), torrents_removed = "
               "torrents_removed - coalesce((SELECT removed <> 0 FROM torrents WHERE id = ?1), 0)",
               torrent, 0, eb);
}

int
registrysums_remove_torrent(struct registry *r, int64_t torrent, struct errbuf *eb)
{
    return run(r,
               "UPDATE sums SET torrents_removed = torrents_removed + coalesce((SELECT removed = 0 "
               "FROM torrents WHERE id = ?1), 0)",
               torrent, 0, eb);
}
