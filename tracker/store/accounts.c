/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One transaction a batch; a handful of statements an entry, all of them by primary key. What an
 * entry comes to is sessionrow.c's.
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

/* SQLite's numbers have a sign. */
static int64_t
signed64(uint64_t v)
{
    return v > (uint64_t)ACCOUNTS_SUM_MAX ? ACCOUNTS_SUM_MAX : (int64_t)v;
}

/* ---- rows ---- */

/* Whatever is in the file, one can add to it. */
static int64_t
get_time(sqlite3_stmt *q, int col)
{
    int64_t v = sqlite3_column_int64(q, col);

    return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : v;
}

static int
get_segment(sqlite3_stmt *q, int at, bool began, struct segment *g)
{
    g->up = registry_get_u64(q, at++);
    g->down = registry_get_u64(q, at++);
    g->began_s = began ? get_time(q, at++) : 0;
    g->rise_s = get_time(q, at++);
    return at;
}

static int
bind_segment(sqlite3_stmt *q, int at, bool began, const struct segment *g)
{
    sqlite3_bind_int64(q, at++, signed64(g->up));
    sqlite3_bind_int64(q, at++, signed64(g->down));
    if (began)
        sqlite3_bind_int64(q, at++, g->began_s);
    sqlite3_bind_int64(q, at++, g->rise_s);
    return at;
}

static void
get_session(sqlite3_stmt *q, int at, struct session_row *s)
{
    s->exists = sqlite3_column_type(q, at) != SQLITE_NULL;
    at = get_segment(q, at, true, &s->now);
    at = get_segment(q, at, true, &s->before);
    at = get_segment(q, at, false, &s->aside);
    s->run = sqlite3_column_int64(q, at++);
    s->left = registry_get_u64(q, at++);
    s->seeds = sqlite3_column_int(q, at++) != 0;
    s->ended = sqlite3_column_int(q, at++) != 0;
    s->seen_s = get_time(q, at++);
    s->completed_s = get_time(q, at);
}

/* 1: |*s| and |*freeleech| are filled; 0: the database knows no such user or torrent. */
static int
read_session(struct registry *r, const struct ledger_key *k, struct session_row *s, bool *freeleech,
             struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db,
        "SELECT t.freeleech, s.uploaded, s.downloaded, s.began, s.rise, s.before_uploaded, "
        "s.before_downloaded, s.before_began, s.before_rise, s.aside_uploaded, "
        "s.aside_downloaded, s.aside_rise, s.run, s.remaining, s.seeds, s.ended, s.seen, "
        "s.completed FROM torrents t JOIN users u LEFT JOIN sessions s ON s.user = u.id AND "
        "s.torrent = t.id AND s.peer_id = ?3 AND s.key = ?4 WHERE u.id = ?1 AND t.id = ?2",
        &q, eb);

    *s = (struct session_row){0};
    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, k->user);
    sqlite3_bind_int64(q, 2, k->torrent);
    sqlite3_bind_blob(q, 3, k->peer_id, sizeof(k->peer_id), SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, k->key);
    err = registry_step(r, q, "reading the accounts", eb);
    if (err == 1) {
        *freeleech = sqlite3_column_int(q, 0) != 0;
        get_session(q, 1, s);
    }
    sqlite3_reset(q);
    return err;
}

static int
put_session(struct registry *r, const struct ledger_key *k, const struct session_row *s,
            struct errbuf *eb)
{
    sqlite3_stmt *q;
    int at = 5;
    int err = db_prepare(
        r->db,
        "INSERT OR REPLACE INTO sessions (user, torrent, peer_id, key, uploaded, downloaded, "
        "began, rise, before_uploaded, before_downloaded, before_began, before_rise, "
        "aside_uploaded, aside_downloaded, aside_rise, run, remaining, seeds, ended, seen, "
        "completed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, k->user);
    sqlite3_bind_int64(q, 2, k->torrent);
    sqlite3_bind_blob(q, 3, k->peer_id, sizeof(k->peer_id), SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, k->key);
    at = bind_segment(q, at, true, &s->now);
    at = bind_segment(q, at, true, &s->before);
    at = bind_segment(q, at, false, &s->aside);
    sqlite3_bind_int64(q, at++, s->run);
    sqlite3_bind_int64(q, at++, signed64(s->left));
    sqlite3_bind_int(q, at++, s->seeds);
    sqlite3_bind_int(q, at++, s->ended);
    sqlite3_bind_int64(q, at++, s->seen_s);
    sqlite3_bind_int64(q, at, s->completed_s);
    return db_run(r->db, q, "storing the accounts", eb);
}

static int
put_total(struct registry *r, const struct ledger_entry *e, const struct session_gain *g,
          bool freeleech, struct errbuf *eb)
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
    sqlite3_bind_int64(q, 3, signed64(g->up));
    sqlite3_bind_int64(q, 4, freeleech ? 0 : signed64(g->down));
    sqlite3_bind_int64(q, 5, signed64(g->down));
    sqlite3_bind_int64(q, 6, signed64(g->seed_s));
    sqlite3_bind_int64(q, 7, e->completed_s);
    sqlite3_bind_int64(q, 8, e->last_s);
    sqlite3_bind_int64(q, 9, ACCOUNTS_SUM_MAX);
    return db_run(r->db, q, "storing the accounts", eb);
}

static int
put_user(struct registry *r, const struct ledger_entry *e, const struct session_gain *g,
         bool freeleech, struct errbuf *eb)
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
    sqlite3_bind_int64(q, 2, signed64(g->up));
    sqlite3_bind_int64(q, 3, freeleech ? 0 : signed64(g->down));
    sqlite3_bind_int64(q, 4, signed64(g->down));
    sqlite3_bind_int64(q, 5, e->last_s);
    sqlite3_bind_int64(q, 6, ACCOUNTS_SUM_MAX);
    return db_run(r->db, q, "storing the accounts", eb);
}

static int
put_torrent(struct registry *r, const struct ledger_entry *e, const struct session_gain *g,
            struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err;

    if (g->up == 0 && g->down == 0 && !g->completed)
        return 0;
    err = db_prepare(r->db,
                     "UPDATE torrents SET uploaded = min(uploaded + ?2, ?5), downloaded_raw = "
                     "min(downloaded_raw + ?3, ?5), completed = completed + ?4 WHERE id = ?1",
                     &q, eb);
    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, e->key.torrent);
    sqlite3_bind_int64(q, 2, signed64(g->up));
    sqlite3_bind_int64(q, 3, signed64(g->down));
    sqlite3_bind_int(q, 4, g->completed);
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

/* Of a session that is known: nobody can tell since when a new one has moved what it says. Nor what
 * an entry adds that another tracker's has overtaken. |seen_s| is before it. */
static int
look_at_bytes(struct registry *r, const struct accounts_batch *batch, const struct ledger_entry *e,
              int64_t seen_s, const struct session_gain *g, struct accounts_result *out,
              struct errbuf *eb)
{
    uint64_t seconds = max_u64((uint64_t)(e->last_s - seen_s), e->last_s - e->first_s);
    uint64_t rate = max_u64(g->up, g->down) / max_u64(seconds, 1);
    int err = 0;

    /* |leechers_s| comes from a clock whose seconds begin at other moments than those of |seen_s|,
     * so it may be a second early. */
    if (g->up > 0 && e->leechers_s != 0 && (int64_t)e->leechers_s + 1 < seen_s)
        err = signal_at(r, e, ACCOUNTS_SIGNAL_NO_LEECHERS, g->up, out, eb);
    if (err == 0 && rate > batch->rate_possible)
        err = signal_at(r, e, ACCOUNTS_SIGNAL_RATE, rate, out, eb);
    return err;
}

/* |seen_s|: of the session before the entry; -1: there was none. */
static int
look_at(struct registry *r, const struct accounts_batch *batch, const struct ledger_entry *e,
        int64_t seen_s, const struct session_gain *g, struct accounts_result *out,
        struct errbuf *eb)
{
    int err = 0;

    if (seen_s >= 0 && e->last_s >= seen_s)
        err = look_at_bytes(r, batch, e, seen_s, g, out, eb);
    else if (seen_s < 0 && (e->flags & LEDGER_NAMED_CLIENT) == 0 &&
             !knownclients_has(e->key.peer_id))
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
    struct session_row s;
    struct session_gain g;
    bool freeleech = false;
    int64_t seen_s;
    int err = read_session(r, &e->key, &s, &freeleech, eb);

    if (err < 0)
        return err;
    out->entries++;
    if (err == 0) {
        out->strangers++;
        return 0;
    }
    seen_s = s.exists ? s.seen_s : -1;
    if (batch->alone)
        s.run = batch->run;
    session_row_take(&s, e, batch->run, batch->gap_max_s, &g);
    err = put_session(r, &e->key, &s, eb);
    if (err == 0)
        err = put_total(r, e, &g, freeleech, eb);
    if (err == 0)
        err = put_user(r, e, &g, freeleech, eb);
    if (err == 0)
        err = put_torrent(r, e, &g, eb);
    return err == 0 ? look_at(r, batch, e, seen_s, &g, out, eb) : err;
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
