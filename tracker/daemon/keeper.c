/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The lease, then sending the table, then receiving batches of accounts.
 */
#include "tracker/daemon/keeper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto/random.h"
#include "common/sys/clock.h"

enum {
    ROWS_SIZE = 1 << 15, /* bytes from which on a message of rows is sent */
    ROWS_OVERHEAD = 64,  /* bytes that Redis needs for a message beside its content, roughly */
    UNFINISHED_MS = 3600 * 1000, /* until a table expires that was not sent completely */
    TABLE_MS = KEEPER_TABLE_DAYS * 86400000,
    RENEW_TABLE_MS = 10 * 1000,
    DATABASE_MS = 2000, /* to wait for a lock of the database; less than the lease */
    BATCHES_AT_ONCE = 4,
    SAY_EVERY_S = 60,
};

struct keeper {
    const struct log *log;
    struct keeper_config config;
    struct registry *registry;
    uint64_t run;
    char run_text[BRANCHWIRE_RUN_LEN + 1];
    char lease_key[BRANCHWIRE_KEY_MAX + 1], epoch_key[BRANCHWIRE_KEY_MAX + 1];
    char books_key[BRANCHWIRE_KEY_MAX + 1], rows_key[BRANCHWIRE_KEY_MAX + 1];
    char epoch[BRANCHWIRE_RUN_LEN + 1]; /* "": nothing was sent yet */
    int64_t change, data_version;       /* up to which all changes were sent */
    uint64_t told, table; /* bytes sent under this epoch, and those of them for the table itself */
    struct mono renew_table_at;
    struct mono leased_at;
    bool said_waiting;
    struct mono said_at;

    struct redis_call *call; /* while rows are read */
    struct buf rows;
    struct access_sink to_rows;
    uint64_t number; /* of the last message of rows under this epoch */
    bool begins;     /* nothing was sent under this epoch: its first message may have no rows */
    struct errbuf *why;

    struct ledger_entry *entries; /* BRANCHWIRE_ENTRIES_MAX */
    uint64_t taken_run[BATCHES_AT_ONCE], taken_seq[BATCHES_AT_ONCE];
    unsigned taken; /* batches applied since the last confirmation */

    struct tally keeps, batches, signals;
};

/* ---- the lease ---- */

static void
say_lease(struct keeper *k, bool mine)
{
    if (mine && tally_get(&k->keeps) == 0)
        log_info(k->log, "this tracker keeps the accounts of the fleet");
    else if (!mine && !k->said_waiting)
        log_warn(k->log,
                 "another tracker keeps the accounts of the fleet; this tracker takes over when "
                 "that one is silent");
    k->said_waiting = !mine;
    tally_put(&k->keeps, mine);
}

static int
renew_lease(struct keeper *k, struct redis_call *c, bool *mine, struct errbuf *eb)
{
    char holder[BRANCHWIRE_RUN_LEN + 2];
    struct mono asked_at = clock_mono(); /* before the command: the answer may come late, and the
                                            lease runs from the command on */
    int err = redis_get(c, k->lease_key, holder, sizeof(holder), eb);

    *mine = false;
    if (err != 0)
        return err;
    if (holder[0] == '\0')
        err = redis_set(c, k->lease_key, k->run_text, KEEPER_LEASE_MS, true, mine, eb);
    else if (strcmp(holder, k->run_text) == 0)
        err = redis_expire(c, k->lease_key, KEEPER_LEASE_MS, mine, eb);
    if (err != 0)
        return err;
    if (*mine)
        k->leased_at = asked_at;
    say_lease(k, *mine);
    return 0;
}

/* Whether at least half of the lease is left for the work to be done under it. */
static bool
has_lease(const struct keeper *k)
{
    return mono_diff_ms(clock_mono(), k->leased_at) < KEEPER_LEASE_MS / 2;
}

/* Renews the lease in the middle of work that may take longer than the lease. */
static int
keep_lease(struct keeper *k, struct redis_call *c, struct errbuf *eb)
{
    bool mine;
    int err;

    if (mono_diff_ms(clock_mono(), k->leased_at) < KEEPER_LEASE_MS / 4)
        return 0;
    err = renew_lease(k, c, &mine, eb);
    if (err == 0 && !mine)
        err = errbuf_set(eb, SPRAT_E_AGAIN, "another tracker has become the keeper");
    return err;
}

void
keeper_leave(struct keeper *k, struct redis_call *c)
{
    struct errbuf eb;

    redis_call_guard(c, k->lease_key, k->run_text);
    if (tally_get(&k->keeps) != 0 && has_lease(k))
        (void)redis_del(c, k->lease_key, &eb);
    redis_call_guard(c, NULL, NULL);
    tally_put(&k->keeps, 0);
}

/* ---- sending the table ---- */

/* Sends a message of rows. The first one makes the key expire, so that a keeper that is killed
 * leaves no table in Redis forever. Later messages require that the key exists: if Redis has lost
 * the first one, the rest would look like a whole table. */
static int
send_rows(struct keeper *k)
{
    struct redis_id id;
    bool there;
    int err = k->rows.err;

    if (err != 0)
        return errbuf_set(k->why, err, "%s", sprat_strerror(err));
    if (buf_len(&k->rows) <= 1 && !k->begins)
        return 0;
    err = seal_put(&k->config.seal, k->rows_key, ++k->number, &k->rows);
    if (err != 0)
        return errbuf_set(k->why, err, "%s", sprat_strerror(err));
    err = redis_stream_add(k->call, k->rows_key, k->begins, buf_data(&k->rows), buf_len(&k->rows),
                           &id, k->why);
    if (err == SPRAT_E_NOTFOUND)
        k->epoch[0] = '\0';
    if (err == 0 && k->begins)
        err = redis_expire(k->call, k->rows_key, UNFINISHED_MS, &there, k->why);
    if (err != 0)
        return err;
    k->begins = false;
    k->told += buf_len(&k->rows) + ROWS_OVERHEAD;
    branchwire_begin_rows(&k->rows);
    return keep_lease(k, k->call, k->why);
}

/* Adds a row, and sends the message when it is full. */
static int
on_row(void *ctx, const struct access_row *row)
{
    struct keeper *k = ctx;
    int err = k->to_rows.put(k->to_rows.ctx, row);

    return err == 0 && buf_len(&k->rows) >= ROWS_SIZE ? send_rows(k) : err;
}

/* Sends all rows changed after |*change|. After a failure some rows are sent again, which is
 * harmless. */
static int
send_changes(struct keeper *k, struct redis_call *c, int64_t *change, struct errbuf *eb)
{
    const struct access_sink sink = {.ctx = k, .put = on_row};
    int64_t until = *change;
    int err;

    k->call = c;
    k->why = eb;
    branchwire_begin_rows(&k->rows);
    err = registry_read_changes(k->registry, &until, &sink, eb);
    if (err == 0)
        err = send_rows(k);
    if (err == 0)
        *change = until;
    return err;
}

static int
drop_epoch(struct keeper *k, struct redis_call *c, const char *epoch, struct errbuf *eb)
{
    char key[BRANCHWIRE_KEY_MAX + 1];
    uint64_t number;

    if (!branchwire_read_run((const uint8_t *)epoch, strlen(epoch), &number))
        return 0;
    branchwire_key_of(key, k->config.name, "rows", number);
    return redis_del(c, key, eb);
}

/* Renews the expiry of the table. |*there|: Redis still has the table. */
static int
renew_table(struct keeper *k, struct redis_call *c, bool *there, struct errbuf *eb)
{
    k->renew_table_at = mono_add_ms(clock_mono(), RENEW_TABLE_MS);
    return redis_expire(c, k->rows_key, TABLE_MS, there, eb);
}

/* Sends the whole table under a new epoch, which branches read once the key of the epoch names it,
 * and then deletes the old table. A table that could not be sent completely is deleted at once,
 * since Redis may lack the memory for it. */
static int
send_table(struct keeper *k, struct redis_call *c, const char *old, struct errbuf *eb)
{
    char epoch[BRANCHWIRE_RUN_LEN + 1], sealed[SEAL_SEALED_TEXT_MAX + 1];
    int64_t change = 0;
    uint64_t number;
    bool there;
    int err;

    random_bytes(&number, sizeof(number));
    branchwire_run(epoch, number);
    k->epoch[0] = '\0';
    k->begins = true;
    k->number = 0;
    k->told = 0;
    branchwire_key_of(k->rows_key, k->config.name, "rows", number);
    err = send_changes(k, c, &change, eb);
    if (err == 0)
        err = renew_table(k, c, &there, eb);
    if (err != 0) {
        struct errbuf ignored;

        (void)redis_del(c, k->rows_key, &ignored);
        return err;
    }
    seal_put_text(&k->config.seal, k->epoch_key, epoch, sealed);
    err = redis_set(c, k->epoch_key, sealed, 0, false, NULL, eb);
    if (err == 0)
        err = drop_epoch(k, c, old, eb);
    if (err != 0)
        return err;
    memcpy(k->epoch, epoch, sizeof(k->epoch));
    k->change = change;
    k->table = k->told;
    log_info(k->log, "all users and torrents are sent to the other trackers of the fleet");
    return 0;
}

/* Whether the whole table must be sent again: Redis has no epoch (it was emptied) or that of an
 * earlier keeper, or the changes after the table have become too long. */
static int
must_send_table(struct keeper *k, struct redis_call *c, const char *told, bool *must,
                struct errbuf *eb)
{
    bool there = true;
    int err = 0;

    *must = k->epoch[0] == '\0' || strcmp(told, k->epoch) != 0 ||
            k->told > 2 * k->table + KEEPER_CHANGES_MAX;
    if (!*must && mono_due(k->renew_table_at, clock_mono()))
        err = renew_table(k, c, &there, eb);
    *must |= !there;
    return err;
}

static int
send_news(struct keeper *k, struct redis_call *c, struct errbuf *eb)
{
    char told[SEAL_SEALED_TEXT_MAX + 2];
    int64_t version = k->data_version;
    bool all;
    int err = redis_get(c, k->epoch_key, told, sizeof(told), eb);

    if (err == 0 && seal_check_text(&k->config.seal, k->epoch_key, told) != 0)
        told[0] = '\0'; /* not written by a keeper: the whole table is sent again */
    if (err == 0)
        err = registry_data_version(k->registry, &version, eb);
    if (err == 0)
        err = must_send_table(k, c, told, &all, eb);
    if (err != 0)
        return err;
    if (all)
        err = send_table(k, c, told, eb);
    else if (version != k->data_version)
        err = send_changes(k, c, &k->change, eb);
    if (err == 0)
        k->data_version = version;
    return err;
}

/* ---- receiving accounts ---- */

static void
say_amiss(struct keeper *k, const char *why)
{
    struct mono now = clock_mono();

    if (k->said_at.us != 0 && mono_before(now, mono_add_ms(k->said_at, SAY_EVERY_S * 1000)))
        return;
    k->said_at = now;
    log_event(k->log, LOG_ERROR, "accounts of other trackers cannot be stored yet",
              log_reason(why));
}

/* Applies a batch. A message that no tracker of the fleet has written is logged and skipped;
 * otherwise it would block all batches after it. */
static int
store_batch(void *ctx, const uint8_t *data, size_t len)
{
    struct keeper *k = ctx;
    struct branchwire_batch in;
    struct ledger_page page = {.entries = k->entries};
    struct accounts_batch batch = {
        .unix_s = clock_unix(),
        .pages = &page,
        .npages = 1,
        .rate_possible = k->config.rate_possible,
        .gap_max_s = members_gap_max_s(k->config.members),
    };
    struct accounts_result result;
    int err;

    if (seal_check(&k->config.seal, k->books_key, data, &len, NULL) != 0) {
        say_amiss(k, "a batch has no seal of this fleet: is cluster-secret-file the same on all?");
        return 0;
    }
    if (branchwire_read_batch(data, len, &in, k->entries) != 0) {
        say_amiss(k, "a batch has a format that this version can't read");
        return 0;
    }
    page.count = in.count;
    batch.run = (int64_t)in.run;
    batch.back_s = in.back_s;
    batch.seq = (int64_t)in.seq;
    err = has_lease(k) ? accounts_apply(k->registry, &batch, &result, k->why)
                       : errbuf_set(k->why, SPRAT_E_TIMEOUT, "the database is too slow");
    if (err != 0)
        return err;
    tally_add(&k->batches, !result.replayed);
    tally_add(&k->signals, result.signals);
    if (result.late > 0)
        log_event(k->log, LOG_WARN,
                  "counters that came after their session was forgotten are not stored",
                  log_number("sessions", result.late));
    k->taken_run[k->taken] = in.run;
    k->taken_seq[k->taken++] = in.seq;
    return 0;
}

static int
confirm(struct keeper *k, struct redis_call *c, struct errbuf *eb)
{
    char key[BRANCHWIRE_KEY_MAX + 1], seq[24], sealed[SEAL_SEALED_TEXT_MAX + 1];
    int err = 0;

    for (unsigned i = 0; i < k->taken && err == 0; i++) {
        branchwire_key_of(key, k->config.name, "ack", k->taken_run[i]);
        snprintf(seq, sizeof(seq), "%" PRIu64, k->taken_seq[i]);
        seal_put_text(&k->config.seal, key, seq, sealed);
        err = redis_set(c, key, sealed, KEEPER_ACK_DAYS * 86400000u, false, NULL, eb);
    }
    return err;
}

/* Stores a few batches, then confirms them, and only then deletes them. A keeper that is killed in
 * between reads them again after its restart, and sees by their numbers that they are stored.
 * Batches that the database can't store stay in Redis; that is not an error of the connection. */
static int
store_batches(struct keeper *k, struct redis_call *c, unsigned *got, struct errbuf *eb)
{
    struct redis_id last = {"0"};
    struct errbuf why = {""};
    int stored, err;

    k->taken = 0;
    k->why = &why;
    stored = redis_stream_read(c, k->books_key, BATCHES_AT_ONCE, &last, store_batch, k, got, eb);
    if (why.text[0] != '\0') {
        say_amiss(k, why.text);
        *got = 0;
    } else if (stored != 0) {
        return stored;
    }
    err = confirm(k, c, eb);
    if (err == 0 && strcmp(last.text, "0") != 0)
        err = redis_stream_trim(c, k->books_key, &last, eb);
    return err;
}

/* ---- creation and end ---- */

int
keeper_new(const char *database, const struct keeper_config *config, const struct log *log,
           struct keeper **out, struct errbuf *eb)
{
    struct keeper *k = calloc(1, sizeof(*k));
    int err;

    if (k == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    k->log = log;
    k->config = *config;
    buf_init(&k->rows, ROWS_SIZE + BRANCHWIRE_ROW_MAX + SEAL_LEN);
    k->to_rows = branchwire_rows_to(&k->rows);
    random_bytes(&k->run, sizeof(k->run));
    branchwire_run(k->run_text, k->run);
    branchwire_key(k->lease_key, config->name, "keeper");
    branchwire_key(k->epoch_key, config->name, "epoch");
    branchwire_key(k->books_key, config->name, "books");
    k->entries =
        aligned_alloc(_Alignof(struct ledger_entry), BRANCHWIRE_ENTRIES_MAX * sizeof(*k->entries));
    err = k->entries == NULL ? errbuf_set(eb, SPRAT_E_NOMEM, "out of memory")
                             : registry_open_unchecked(database, false, &k->registry, eb);
    if (err != 0) {
        keeper_free(k);
        return err;
    }
    registry_wait_ms(k->registry, DATABASE_MS);
    *out = k;
    return 0;
}

void
keeper_free(struct keeper *k)
{
    if (k == NULL)
        return;
    registry_close(k->registry);
    buf_fini(&k->rows);
    free(k->entries);
    free(k);
}

int
keeper_round(struct keeper *k, struct redis_call *c, struct errbuf *eb)
{
    unsigned got = BATCHES_AT_ONCE;
    bool mine;
    int err = renew_lease(k, c, &mine, eb);

    if (err != 0 || !mine)
        return err;
    redis_call_guard(c, k->lease_key, k->run_text);
    err = send_news(k, c, eb);
    while (err == 0 && got == BATCHES_AT_ONCE && has_lease(k))
        err = store_batches(k, c, &got, eb);
    redis_call_guard(c, NULL, NULL);
    return err;
}

void
keeper_get_stats(const struct keeper *k, struct keeper_stats *out)
{
    *out = (struct keeper_stats){.keeps = tally_get(&k->keeps) != 0,
                                 .batches = tally_get(&k->batches),
                                 .signals = tally_get(&k->signals)};
}
