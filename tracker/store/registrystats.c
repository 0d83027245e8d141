/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads totals, signals and sums.
 */
#include "tracker/core/signals.h"
#include "tracker/store/registrydb.h"

int
registry_stats(struct registry *r, struct registry_stats *out, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db,
                         "SELECT users, users_enabled, torrents - torrents_removed, "
                         "torrents_removed, uploaded, downloaded, downloaded_raw, completed, "
                         "seed_s, signals FROM sums",
                         &q, eb);

    if (err != 0)
        return err;
    *out = (struct registry_stats){0};
    err = registry_step(r, q, "reading the accounts", eb);
    if (err == 1)
        *out = (struct registry_stats){
            .users = registry_get_u64(q, 0),
            .users_enabled = registry_get_u64(q, 1),
            .torrents = registry_get_u64(q, 2),
            .torrents_removed = registry_get_u64(q, 3),
            .uploaded = registry_get_u64(q, 4),
            .downloaded = registry_get_u64(q, 5),
            .downloaded_raw = registry_get_u64(q, 6),
            .completed = registry_get_u64(q, 7),
            .seed_s = registry_get_u64(q, 8),
            .signals = registry_get_u64(q, 9),
        };
    sqlite3_reset(q);
    return err < 0 ? err : 0;
}

static void
read_total(sqlite3_stmt *q, struct registry_total *t)
{
    *t = (struct registry_total){
        .uploaded = registry_get_u64(q, 4),
        .downloaded = registry_get_u64(q, 5),
        .downloaded_raw = registry_get_u64(q, 6),
        .seed_s = registry_get_u64(q, 7),
        .completed = sqlite3_column_int64(q, 8),
        .seen = sqlite3_column_int64(q, 9),
    };
    registry_get_text(q, 0, t->user, sizeof(t->user));
    registry_get_text(q, 1, t->torrent, sizeof(t->torrent));
    if (!registry_get_blob(q, 2, t->hash, sizeof(t->hash)))
        (void)registry_get_blob(q, 3, t->hash, sizeof(t->hash));
}

int
registry_each_total(struct registry *r, int64_t user, uint64_t skip, uint64_t limit,
                    int (*each)(void *ctx, const struct registry_total *t), void *ctx,
                    struct errbuf *eb)
{
    struct registry_total t;
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db,
        "SELECT u.name, t.name, t.v1, substr(t.v2, 1, 20), a.uploaded, a.downloaded, "
        "a.downloaded_raw, a.seed_s, a.completed, a.seen FROM totals a JOIN users u ON u.id = "
        "a.user JOIN torrents t ON t.id = a.torrent WHERE a.user = ? ORDER BY a.seen DESC, "
        "a.torrent LIMIT ? OFFSET ?",
        &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, user);
    registry_bind_page(q, 2, skip, limit);
    while (registry_next(r, q, "reading the accounts", &err, eb)) {
        read_total(q, &t);
        err = each(ctx, &t);
    }
    return err;
}

int
registry_each_signal(struct registry *r, uint64_t skip, uint64_t limit,
                     int (*each)(void *ctx, const struct registry_signal *s), void *ctx,
                     struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db,
        "SELECT u.name, t.name, s.kind, s.count, s.first, s.last, s.worst FROM signals s JOIN "
        "users "
        "u ON u.id = s.user JOIN torrents t ON t.id = s.torrent ORDER BY s.last DESC, s.user, "
        "s.torrent, s.kind LIMIT ? OFFSET ?",
        &q, eb);

    if (err != 0)
        return err;
    registry_bind_page(q, 1, skip, limit);
    while (registry_next(r, q, "reading signals", &err, eb)) {
        struct registry_signal s = {
            .kind = signals_name(sqlite3_column_int(q, 2)),
            .count = registry_get_u64(q, 3),
            .first = sqlite3_column_int64(q, 4),
            .last = sqlite3_column_int64(q, 5),
            .worst = registry_get_u64(q, 6),
        };

        registry_get_text(q, 0, s.user, sizeof(s.user));
        registry_get_text(q, 1, s.torrent, sizeof(s.torrent));
        err = each(ctx, &s);
    }
    return err;
}
