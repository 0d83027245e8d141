/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A batch takes one transaction, and an entry a few statements, all of them by primary key.
 */
#include "tracker/store/accounts.h"

#include "common/base/minmax.h"
#include "tracker/core/signals.h"
#include "tracker/store/registrydb.h"
#include "tracker/store/registrysums.h"
#include "tracker/store/sessiontable.h"

static const char storing[] = "storing the accounts";

/* ---- totals ---- */

static int
put_total(struct registry *r, const struct ledger_entry *e, const struct session_gain *g,
          bool freeleech, struct errbuf *eb)
{
    const int64_t down = registry_put_u64(g->bytes[LEDGER_DOWN]);
    const int64_t numbers[] = {
        e->key.user,          e->key.torrent, registry_put_u64(g->bytes[LEDGER_UP]),
        freeleech ? 0 : down, down,           registry_put_u64(g->seed_s),
        g->completed_s,       e->last_s,      ACCOUNTS_SUM_MAX,
    };

    return db_run_with(
        r->db,
        "INSERT INTO totals (user, torrent, uploaded, downloaded, downloaded_raw, seed_s, "
        "completed, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET "
        "uploaded = min(uploaded + ?3, ?9), downloaded = min(downloaded + ?4, ?9), "
        "downloaded_raw = min(downloaded_raw + ?5, ?9), seed_s = min(seed_s + ?6, ?9), "
        "completed = CASE completed WHEN 0 THEN ?7 ELSE completed END, seen = max(seen, ?8)",
        numbers, sizeof(numbers) / sizeof(numbers[0]), storing, eb);
}

static int
put_user(struct registry *r, const struct ledger_entry *e, const struct session_gain *g,
         const struct sessiontable_owner *owner, struct errbuf *eb)
{
    const int64_t down = registry_put_u64(g->bytes[LEDGER_DOWN]);
    const int64_t numbers[] = {
        e->key.user,
        registry_put_u64(g->bytes[LEDGER_UP]),
        owner->freeleech ? 0 : down,
        down,
        e->last_s,
        ACCOUNTS_SUM_MAX,
        owner->line.busy_ms[LEDGER_UP],
        owner->line.busy_ms[LEDGER_DOWN],
    };

    return db_run_with(r->db,
                       "UPDATE users SET uploaded = min(uploaded + ?2, ?6), downloaded = "
                       "min(downloaded + ?3, ?6), downloaded_raw = min(downloaded_raw + ?4, ?6), "
                       "seen = max(seen, ?5), busy_up = ?7, busy_down = ?8 WHERE id = ?1",
                       numbers, sizeof(numbers) / sizeof(numbers[0]), storing, eb);
}

static int
put_torrent(struct registry *r, const struct ledger_entry *e, const struct session_gain *g,
            struct errbuf *eb)
{
    const int64_t numbers[] = {
        e->key.torrent,
        registry_put_u64(g->bytes[LEDGER_UP]),
        registry_put_u64(g->bytes[LEDGER_DOWN]),
        g->completed_s != 0,
        ACCOUNTS_SUM_MAX,
    };

    if (g->bytes[LEDGER_UP] == 0 && g->bytes[LEDGER_DOWN] == 0 && g->completed_s == 0)
        return 0;
    return db_run_with(r->db,
                       "UPDATE torrents SET uploaded = min(uploaded + ?2, ?5), downloaded_raw = "
                       "min(downloaded_raw + ?3, ?5), completed = completed + ?4 WHERE id = ?1",
                       numbers, sizeof(numbers) / sizeof(numbers[0]), storing, eb);
}

/* ---- signals ---- */

/* Increments |*added| if the signal is the first of its kind for this user and torrent. */
static int
put_signal(struct registry *r, const struct ledger_entry *e, const struct signal *found,
           uint64_t *added, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db,
        "INSERT INTO signals (user, torrent, kind, count, first, last, worst) VALUES (?1, ?2, ?3, "
        "1, ?4, ?4, ?5) ON CONFLICT DO UPDATE SET count = count + 1, last = max(last, ?4), "
        "worst = max(worst, ?5) RETURNING count",
        &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, e->key.user);
    sqlite3_bind_int64(q, 2, e->key.torrent);
    sqlite3_bind_int(q, 3, (int)found->kind);
    sqlite3_bind_int64(q, 4, e->last_s);
    sqlite3_bind_int64(q, 5, registry_put_u64(found->worst));
    err = registry_step(r, q, "storing a signal", eb);
    *added += err == 1 && sqlite3_column_int64(q, 0) == 1;
    sqlite3_reset(q);
    return err < 0 ? err : 0;
}

/* ---- a batch ---- */

/* Values that are the same for all entries of a batch. */
struct application {
    struct registry *registry;
    struct session_rules rules;
    int64_t forgotten; /* sessions last seen before this time have been deleted */
    struct accounts_result *out;
    struct registrysums_gain sums;
};

/* Whether the entry may belong to a session that has been deleted after its counters were counted.
 */
static bool
is_too_late(const struct application *a, const struct ledger_entry *e, const struct session *s)
{
    return (int64_t)e->first_s < a->forgotten && (!s->exists || (int64_t)e->first_s < s->first_s);
}

static int
put_gain(struct application *a, const struct ledger_entry *e, const struct session_gain *g,
         const struct sessiontable_owner *owner, struct errbuf *eb)
{
    int err = put_total(a->registry, e, g, owner->freeleech, eb);

    a->sums.uploaded += g->bytes[LEDGER_UP];
    a->sums.downloaded += owner->freeleech ? 0 : g->bytes[LEDGER_DOWN];
    a->sums.downloaded_raw += g->bytes[LEDGER_DOWN];
    a->sums.completed += g->completed_s != 0;
    a->sums.seed_s += g->seed_s;
    if (err == 0)
        err = put_user(a->registry, e, g, owner, eb);
    return err == 0 ? put_torrent(a->registry, e, g, eb) : err;
}

/* Adds the entry to the session, up to what the user's line can have transferred. An entry of a
 * tracker that was cut off comes late; the line is assumed to have been as free at that time as it
 * is now. */
static void
add_to_session(struct application *a, const struct ledger_entry *e, struct session *s,
               struct sessiontable_owner *owner, struct session_gain *gain)
{
    int64_t now_s = max_i64(owner->seen_s, e->last_s);

    for (int w = 0; w < LEDGER_WAYS; w++)
        a->rules.room[w] = allowance_room(&owner->line, w, now_s, a->rules.rate_possible);
    session_add(s, e, &a->rules, gain);
    for (int w = 0; w < LEDGER_WAYS; w++)
        allowance_use(&owner->line, w, now_s, a->rules.rate_possible, gain->bytes[w]);
}

static int
apply_to(struct application *a, const struct ledger_entry *e, struct session *s,
         struct sessiontable_owner *owner, struct errbuf *eb)
{
    struct session before = *s;
    struct session_gain gain;
    struct signal signals[SIGNAL_KINDS];
    unsigned n;
    int err;

    add_to_session(a, e, s, owner, &gain);
    err = sessiontable_write(a->registry, &e->key, s, eb);
    if (err == 0)
        err = put_gain(a, e, &gain, owner, eb);
    n = signals_find(e, &before, &a->rules, &gain, signals);
    for (unsigned i = 0; i < n && err == 0; i++)
        err = put_signal(a->registry, e, &signals[i], &a->sums.signals, eb);
    a->out->signals += n;
    return err;
}

static int
apply_entry(struct application *a, const struct ledger_entry *e, struct errbuf *eb)
{
    struct sessiontable_owner owner;
    struct session s;
    int err = sessiontable_read(a->registry, &e->key, &s, &owner, eb);

    if (err < 0)
        return err;
    a->out->entries++;
    if (err == 0) {
        a->out->strangers++;
        return 0;
    }
    if (is_too_late(a, e, &s)) {
        a->out->late++;
        return 0;
    }
    return apply_to(a, e, &s, &owner, eb);
}

static int
read_forgotten(struct registry *r, int64_t *before, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db, "SELECT before FROM forgotten", &q, eb);

    *before = 0;
    if (err != 0)
        return err;
    err = registry_step(r, q, "reading the accounts", eb);
    if (err == 1)
        *before = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return err < 0 ? err : 0;
}

/* Stores the number of the batch. Returns 1 if the batch is new, 0 if it was applied before. */
static int
note_batch(struct registry *r, const struct accounts_batch *b, struct errbuf *eb)
{
    int err = db_run_with(r->db,
                          "INSERT INTO batches (run, seq, applied) VALUES (?1, ?2, ?3) ON CONFLICT "
                          "DO UPDATE SET seq = ?2, applied = ?3 WHERE seq < ?2",
                          (const int64_t[]){b->run, b->seq, b->unix_s}, 3, storing, eb);

    return err == 0 ? sqlite3_changes(db_handle(r->db)) > 0 : err;
}

static int
apply_all(struct application *a, const struct accounts_batch *b, struct errbuf *eb)
{
    int err = read_forgotten(a->registry, &a->forgotten, eb);

    for (size_t i = 0; i < b->npages && err == 0; i++)
        for (uint32_t n = 0; n < b->pages[i].count && err == 0; n++)
            err = apply_entry(a, &b->pages[i].entries[n], eb);
    return err == 0 ? registrysums_add(a->registry, &a->sums, eb) : err;
}

int
accounts_apply(struct registry *r, const struct accounts_batch *b, struct accounts_result *out,
               struct errbuf *eb)
{
    struct application a = {.registry = r,
                            .rules = {.run = b->run,
                                      .gap_max_s = b->gap_max_s,
                                      .back_s = b->back_s,
                                      .rate_possible = b->rate_possible},
                            .out = out};
    int err = db_begin(r->db, eb);

    *out = (struct accounts_result){0};
    if (err != 0)
        return err;
    err = note_batch(r, b, eb);
    out->replayed = err == 0;
    if (err == 1)
        err = apply_all(&a, b, eb);
    return registry_end(r, err, eb);
}

/* ---- forgetting ---- */

int
accounts_forget(struct registry *r, int64_t before, struct accounts_forgetter *at,
                struct errbuf *eb)
{
    static const char doing[] = "deleting old sessions";
    const int64_t batches_before = before - ACCOUNTS_BATCHES_S;
    struct accounts_forgetter next = *at;
    int err = db_begin(r->db, eb);

    if (err != 0)
        return err;
    err = sessiontable_forget(r, before, ACCOUNTS_FORGET_ROWS, &next, eb);
    if (err == 0 && sqlite3_changes(db_handle(r->db)) > 0)
        err = db_run_with(r->db, "UPDATE forgotten SET before = max(before, ?)", &before, 1, doing,
                          eb);
    if (err == 0 && next.user == 0)
        err = db_run_with(r->db, "DELETE FROM batches WHERE applied < ?", &batches_before, 1, doing,
                          eb);
    err = registry_end(r, err, eb);
    if (err == 0)
        *at = next;
    return err;
}
