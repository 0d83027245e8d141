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
    const int64_t numbers[] = {
        registry_put_u64(g->uploaded),
        registry_put_u64(g->downloaded),
        registry_put_u64(g->downloaded_raw),
        registry_put_u64(g->completed),
        registry_put_u64(g->seed_s),
        registry_put_u64(g->signals),
        ACCOUNTS_SUM_MAX,
    };

    return db_run_with(
        r->db,
        "UPDATE sums SET uploaded = min(uploaded + ?1, ?7), downloaded = min(downloaded + ?2, ?7), "
        "downloaded_raw = min(downloaded_raw + ?3, ?7), completed = min(completed + ?4, ?7), "
        "seed_s = min(seed_s + ?5, ?7), signals = min(signals + ?6, ?7)",
        numbers, sizeof(numbers) / sizeof(numbers[0]), doing, eb);
}

int
registrysums_add_user(struct registry *r, bool enabled, struct errbuf *eb)
{
    return db_run_with(r->db,
                       "UPDATE sums SET users = users + 1, users_enabled = users_enabled + ?1",
                       (const int64_t[]){enabled}, 1, doing, eb);
}

int
registrysums_set_user(struct registry *r, int64_t user, bool enabled, struct errbuf *eb)
{
    return db_run_with(r->db,
                       "UPDATE sums SET users_enabled = users_enabled + coalesce((SELECT ?2 - "
                       "(enabled <> 0) FROM users WHERE id = ?1), 0)",
                       (const int64_t[]){user, enabled}, 2, doing, eb);
}

int
registrysums_add_torrent(struct registry *r, int64_t torrent, struct errbuf *eb)
{
    return db_run_with(r->db,
                       "UPDATE sums SET torrents = torrents + (?1 = 0), torrents_removed = "
                       "torrents_removed - coalesce((SELECT removed <> 0 FROM torrents WHERE id = "
                       "?1), 0)",
                       &torrent, 1, doing, eb);
}

int
registrysums_remove_torrent(struct registry *r, int64_t torrent, struct errbuf *eb)
{
    return db_run_with(r->db,
                       "UPDATE sums SET torrents_removed = torrents_removed + coalesce((SELECT "
                       "removed = 0 FROM torrents WHERE id = ?1), 0)",
                       &torrent, 1, doing, eb);
}
