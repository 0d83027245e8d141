/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One transaction a batch; a handful of statements an entry, all of them by primary key.
 */
#include "tracker/store/accounts.h"

#include "common/base/minmax.h"
#include "tracker/core/knownclients.h"
#include "tracker/store/registrydb.h"

static const char *const signal_names[] = {
#define X(id, name, unit) name,
    ACCOUNTS_SIGNAL_TABLE(X)
#undef X
};

enum { SIGNAL_COUNT = sizeof(signal_names) / sizeof(signal_names[0]) };

const char *
accounts_signal_name(int kind)
{
    return kind >= 0 && kind < SIGNAL_COUNT ? signal_names[kind] : "unknown";
}

/* What the database knows of a session before the entry. */
struct before {
    bool exists; /* else all below but |freeleech| is 0 */
    bool freeleech;
    uint64_t up, down;
    bool seeds, ended; /* at the last announce */
    int64_t seen_s;
};

/* What an entry adds. */
struct delta {
    uint64_t up, down;
    uint64_t seed_s;
    /* The session's row afterwards. */
    uint64_t row_up, row_down;
    int64_t seen_s;
};

/* SQLite's numbers have a sign. */
static int64_t
signed64(uint64_t v)
{
    return v > (uint64_t)ACCOUNTS_SUM_MAX ? ACCOUNTS_SUM_MAX : (int64_t)v;
}

/* ---- what an entry comes to ---- */

static uint64_t
above(uint64_t v, uint64_t base)
{
    return v > base ? v - base : 0;
}

static bool
lower(uint64_t up, uint64_t down, const struct before *b)
{
    return up < b->up || down < b->down;
}

/* True if the segment that the row tells of was over before the entry's first one. */
static bool
began_anew(const struct ledger_entry *e, const struct before *b)
{
    if ((e->flags & LEDGER_STARTED) != 0 && lower(e->start_up, e->start_down, b))
        return true;
    return b->ended && (e->flags & LEDGER_OPENED) != 0 && lower(e->open_up, e->open_down, b) &&
           (int64_t)e->first_s - b->seen_s > LEDGER_LATE_S;
}

static void
count_bytes(struct delta *d, const struct ledger_entry *e, const struct before *b)
{
    bool restarted = (e->flags & LEDGER_RESTARTED) != 0;
    uint64_t first_up = restarted ? e->first_up : e->up;
    uint64_t first_down = restarted ? e->first_down : e->down;
    uint64_t base_up = b->up, base_down = b->down;

    if (began_anew(e, b))
        base_up = base_down = 0;
    d->up = above(first_up, base_up);
    d->down = above(first_down, base_down);
    d->row_up = max_u64(first_up, base_up);
    d->row_down = max_u64(first_down, base_down);
    if (restarted) {
        d->up += e->mid_up + e->up;
        d->down += e->mid_down + e->down;
        d->row_up = e->up;
        d->row_down = e->down;
    }
}

static void
count_time(struct delta *d, const struct ledger_entry *e, const struct before *b,
           uint32_t gap_max_s)
{
    int64_t gap = (int64_t)e->first_s - b->seen_s;

    d->seed_s = e->seed_s;
    if (b->exists && b->seeds && (e->flags & LEDGER_FIRST_SEEDS) != 0 && gap > 0)
        d->seed_s += gap < gap_max_s ? (uint64_t)gap : gap_max_s;
    d->seen_s = e->last_s > b->seen_s ? e->last_s : b->seen_s;
}

/* ---- rows ---- */

/* 1: |*b| is filled; 0: the database knows no such user or torrent. */
static int
read_before(struct registry *r, const struct ledger_key *k, struct before *b, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db,
        "SELECT t.freeleech, s.uploaded, s.downloaded, s.seeds, s.ended, s.seen FROM torrents t "
        "JOIN "
        "users u "
        "LEFT JOIN sessions s ON s.user = u.id AND s.torrent = t.id AND s.peer_id = ?3 AND "
        "s.key = ?4 WHERE u.id = ?1 AND t.id = ?2",
        &q, eb);

    *b = (struct before){0};
    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, k->user);
    sqlite3_bind_int64(q, 2, k->torrent);
    sqlite3_bind_blob(q, 3, k->peer_id, sizeof(k->peer_id), SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, k->key);
    err = registry_step(r, q, "reading the accounts", eb);
    if (err == 1) {
        b->freeleech = sqlite3_column_int(q, 0) != 0;
        b->exists = sqlite3_column_type(q, 1) != SQLITE_NULL;
        b->up = registry_get_u64(q, 1);
        b->down = registry_get_u64(q, 2);
        b->seeds = sqlite3_column_int(q, 3) != 0;
        b->ended = sqlite3_column_int(q, 4) != 0;
        b->seen_s = sqlite3_column_int64(q, 5);
    }
    sqlite3_reset(q);
    return err;
}

static int
put_session(struct registry *r, const struct ledger_entry *e, const struct delta *d,
            struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err =
        db_prepare(r->db,
                   "INSERT OR REPLACE INTO sessions (user, torrent, peer_id, key, uploaded, "
                   "downloaded, remaining, seeds, ended, seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "
                   "?)",
                   &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, e->key.user);
    sqlite3_bind_int64(q, 2, e->key.torrent);
    sqlite3_bind_blob(q, 3, e->key.peer_id, sizeof(e->key.peer_id), SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, e->key.key);
    sqlite3_bind_int64(q, 5, signed64(d->row_up));
    sqlite3_bind_int64(q, 6, signed64(d->row_down));
    sqlite3_bind_int64(q, 7, signed64(e->left));
    sqlite3_bind_int(q, 8, (e->flags & LEDGER_LAST_SEEDS) != 0);
    sqlite3_bind_int(q, 9, (e->flags & LEDGER_ENDED) != 0);
    sqlite3_bind_int64(q, 10, d->seen_s);
    return db_run(r->db, q, "storing the accounts", eb);
}

static int
put_total(struct registry *r, const struct ledger_entry *e, const struct delta *d, bool freeleech,
          struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db,
        "INSERT INTO totals (user, torrent, uploaded, downloaded, downloaded_raw, seed_s, "
        "completed, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET "
        "uploaded = min(uploaded + ?3, ?9), downloaded = min(downloaded + ?4, ?9), "
        "downloaded_raw = min(downloaded_raw + ?5, ?9), seed_s = min(seed_s + ?6, ?9), "
        "completed = CASE completed WHEN 0 THEN ?7 ELSE completed END, seen = max(seen, ?8)",
        &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, e->key.user);
    sqlite3_bind_int64(q, 2, e->key.torrent);
    sqlite3_bind_int64(q, 3, signed64(d->up));
    sqlite3_bind_int64(q, 4, freeleech ? 0 : signed64(d->down));
    sqlite3_bind_int64(q, 5, signed64(d->down));
    sqlite3_bind_int64(q, 6, signed64(d->seed_s));
    sqlite3_bind_int64(q, 7, e->completed_s);
    sqlite3_bind_int64(q, 8, d->seen_s);
    sqlite3_bind_int64(q, 9, ACCOUNTS_SUM_MAX);
    return db_run(r->db, q, "storing the accounts", eb);
}

static int
put_user(struct registry *r, const struct ledger_entry *e, const struct delta *d, bool freeleech,
         struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db,
                         "UPDATE users SET uploaded = min(uploaded + ?2, ?6), downloaded = "
                         "min(downloaded + ?3, ?6), downloaded_raw = min(downloaded_raw + ?4, ?6), "
                         "seen = max(seen, ?5) WHERE id = ?1",
                         &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, e->key.user);
    sqlite3_bind_int64(q, 2, signed64(d->up));
    sqlite3_bind_int64(q, 3, freeleech ? 0 : signed64(d->down));
    sqlite3_bind_int64(q, 4, signed64(d->down));
    sqlite3_bind_int64(q, 5, d->seen_s);
    sqlite3_bind_int64(q, 6, ACCOUNTS_SUM_MAX);
    return db_run(r->db, q, "storing the accounts", eb);
}

static int
put_torrent(struct registry *r, const struct ledger_entry *e, const struct delta *d,
            struct errbuf *eb)
{
    bool completed = (e->flags & LEDGER_COMPLETED) != 0;
    sqlite3_stmt *q;
    int err;

    if (d->up == 0 && d->down == 0 && !completed)
        return 0;
    err = db_prepare(r->db,
                     "UPDATE torrents SET uploaded = min(uploaded + ?2, ?5), downloaded_raw = "
                     "min(downloaded_raw + ?3, ?5), completed = completed + ?4 WHERE id = ?1",
                     &q, eb);
    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, e->key.torrent);
    sqlite3_bind_int64(q, 2, signed64(d->up));
    sqlite3_bind_int64(q, 3, signed64(d->down));
    sqlite3_bind_int(q, 4, completed);
    sqlite3_bind_int64(q, 5, ACCOUNTS_SUM_MAX);
    return db_run(r->db, q, "storing the accounts", eb);
}

/* ---- signals ---- */

static int
signal_at(struct registry *r, const struct ledger_entry *e, enum accounts_signal kind,
          uint64_t worst, struct accounts_result *out, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db,
        "INSERT INTO signals (user, torrent, kind, count, first, last, worst) VALUES (?1, ?2, ?3, "
        "1, ?4, ?4, ?5) ON CONFLICT DO UPDATE SET count = count + 1, last = max(last, ?4), "
        "worst = max(worst, ?5)",
        &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, e->key.user);
    sqlite3_bind_int64(q, 2, e->key.torrent);
    sqlite3_bind_int(q, 3, kind);
    sqlite3_bind_int64(q, 4, e->last_s);
    sqlite3_bind_int64(q, 5, signed64(worst));
    out->signals++;
    return db_run(r->db, q, "storing a signal", eb);
}

/* Of a session that is known: nobody can tell since when a new one has moved what it says. */
static int
look_at_bytes(struct registry *r, const struct accounts_batch *batch, const struct ledger_entry *e,
              const struct before *b, const struct delta *d, struct accounts_result *out,
              struct errbuf *eb)
{
    uint64_t most = max_u64(d->up, d->down);
    int64_t seconds = e->last_s > b->seen_s ? e->last_s - b->seen_s : 1;
    uint64_t rate = most / (uint64_t)seconds;
    int err = 0;

    if (d->up > 0 && e->leechers_s != 0 && e->leechers_s < b->seen_s)
        err = signal_at(r, e, ACCOUNTS_SIGNAL_NO_LEECHERS, d->up, out, eb);
    if (err == 0 && rate > batch->rate_possible)
        err = signal_at(r, e, ACCOUNTS_SIGNAL_RATE, rate, out, eb);
    return err;
}

static int
look_at(struct registry *r, const struct accounts_batch *batch, const struct ledger_entry *e,
        const struct before *b, const struct delta *d, struct accounts_result *out,
        struct errbuf *eb)
{
    int err = 0;

    if (b->exists)
        err = look_at_bytes(r, batch, e, b, d, out, eb);
    else if ((e->flags & LEDGER_NAMED_CLIENT) == 0 && !knownclients_has(e->key.peer_id))
        err = signal_at(r, e, ACCOUNTS_SIGNAL_UNKNOWN_CLIENT, 1, out, eb);
    if (err == 0 && (e->flags & LEDGER_ABSURD) != 0)
        err = signal_at(r, e, ACCOUNTS_SIGNAL_ABSURD, 1, out, eb);
    return err;
}

/* ---- a batch ---- */

static int
apply_entry(struct registry *r, const struct accounts_batch *batch, const struct ledger_entry *e,
            struct accounts_result *out, struct errbuf *eb)
{
    struct before b;
    struct delta d;
    int err = read_before(r, &e->key, &b, eb);

    if (err < 0)
        return err;
    out->entries++;
    if (err == 0) {
        out->strangers++;
        return 0;
    }
    count_bytes(&d, e, &b);
    count_time(&d, e, &b, batch->gap_max_s);
    err = put_session(r, e, &d, eb);
    if (err == 0)
        err = put_total(r, e, &d, b.freeleech, eb);
    if (err == 0)
        err = put_user(r, e, &d, b.freeleech, eb);
    if (err == 0)
        err = put_torrent(r, e, &d, eb);
    return err == 0 ? look_at(r, batch, e, &b, &d, out, eb) : err;
}

/* Notes the batch. 1: it is new; 0: it was applied before. */
static int
note_batch(struct registry *r, const struct accounts_batch *b, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db,
                         "INSERT INTO batches (run, seq, applied) VALUES (?1, ?2, ?3) ON CONFLICT "
                         "DO UPDATE SET seq = ?2, applied = ?3 WHERE seq < ?2",
                         &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, b->run);
    sqlite3_bind_int64(q, 2, b->seq);
    sqlite3_bind_int64(q, 3, b->unix_s);
    err = db_run(r->db, q, "storing the accounts", eb);
    return err == 0 ? sqlite3_changes(db_handle(r->db)) > 0 : err;
}

int
accounts_apply(struct registry *r, const struct accounts_batch *b, struct accounts_result *out,
               struct errbuf *eb)
{
    int err = db_begin(r->db, eb);

    *out = (struct accounts_result){0};
    if (err != 0)
        return err;
    err = note_batch(r, b, eb);
    out->replayed = err == 0;
    if (err == 1) {
        err = 0;
        for (size_t i = 0; i < b->npages && err == 0; i++)
            for (uint32_t n = 0; n < b->pages[i].count && err == 0; n++)
                err = apply_entry(r, b, &b->pages[i].entries[n], out, eb);
    }
    return registry_end(r, err, eb);
}

static int
forget(struct registry *r, const char *sql, int64_t before, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db, sql, &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, before);
    return db_run(r->db, q, "deleting old sessions", eb);
}

int
accounts_forget(struct registry *r, int64_t before, struct errbuf *eb)
{
    int err = db_begin(r->db, eb);

    if (err != 0)
        return err;
    err = forget(r, "DELETE FROM sessions WHERE seen < ?", before, eb);
    if (err == 0)
        err = forget(r, "DELETE FROM batches WHERE applied < ?", before, eb);
    return registry_end(r, err, eb);
}
