/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The messages of a batch have consecutive numbers, and a message is sent only when the one before
 * it is confirmed. So the keeper can rely on this rule: a message whose number is not above that of
 * the last applied message has been applied before.
 */
#include "tracker/daemon/branch.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/tally.h"
#include "common/sys/clock.h"
#include "tracker/daemon/keeper.h"

enum {
    ROWS_AT_ONCE = 64,
    MESSAGES_BITS = 24, /* low bits of a number: the index of the message in its batch */
};

struct branch {
    const struct log *log;
    const char *name;
    struct members *members;
    struct seal seal;
    bool said_unsealed;
    uint64_t rows_number;               /* of the last message of rows */
    char epoch[BRANCHWIRE_RUN_LEN + 2]; /* of the table in use; "": none */
    char rows_key[BRANCHWIRE_KEY_MAX + 1];
    struct redis_id rows_last;
    char epoch_key[BRANCHWIRE_KEY_MAX + 1], lease_key[BRANCHWIRE_KEY_MAX + 1];
    char books_key[BRANCHWIRE_KEY_MAX + 1], ack_key[BRANCHWIRE_KEY_MAX + 1];
    struct tally sees_keeper;

    uint64_t run;
    uint64_t acked; /* the last number that the keeper confirmed */
    uint64_t sent;  /* the number of the message that waits in Redis under |sent_id|; 0: none */
    struct redis_id sent_id;
    struct buf message;
    int (*round)(void *ctx, struct redis_call *c, struct errbuf *eb);
    void *round_ctx;
    struct mono round_at; /* when |round| is due */
};

struct branch *
branch_new(const char *name, uint64_t run, const struct seal *seal, struct members *m,
           const struct log *log)
{
    struct branch *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    b->log = log;
    b->name = name;
    b->members = m;
    b->seal = *seal;
    b->run = run;
    branchwire_key_of(b->ack_key, name, "ack", run);
    branchwire_key(b->epoch_key, name, "epoch");
    branchwire_key(b->lease_key, name, "keeper");
    branchwire_key(b->books_key, name, "books");
    buf_init(&b->message, BRANCHWIRE_BLOB_MAX);
    members_await_table(m);
    return b;
}

void
branch_free(struct branch *b)
{
    if (b == NULL)
        return;
    buf_fini(&b->message);
    free(b);
}

void
branch_meanwhile(struct branch *b, int (*round)(void *ctx, struct redis_call *c, struct errbuf *eb),
                 void *ctx)
{
    b->round = round;
    b->round_ctx = ctx;
}

bool
branch_sees_keeper(const struct branch *b)
{
    return tally_get(&b->sees_keeper) != 0;
}

/* ---- receiving the table ---- */

struct feed {
    struct branch *branch;
    const char *key;
    uint64_t *number;
    struct access_sink sink;
    int err; /* an error of the sink or of the format; ends the reading */
};

static void
say_unsealed(struct branch *b)
{
    if (!b->said_unsealed)
        log_error(b->log,
                  "users and torrents of the fleet are ignored, since they have no valid seal: "
                  "is cluster-secret-file the same on all trackers?");
    b->said_unsealed = true;
}

/* Ignores a message without a valid seal, so that a foreign message can't stop those of the keeper.
 */
static int
take_rows(void *ctx, const uint8_t *data, size_t len)
{
    struct feed *f = ctx;

    if (seal_check(&f->branch->seal, f->key, data, &len, f->number) != 0) {
        say_unsealed(f->branch);
        return 0;
    }
    f->err = branchwire_read_rows(data, len, &f->sink);
    return f->err;
}

/* Reads all rows after |*last|, the message with the number |*number|, and moves both forward. */
static int
read_rows(struct branch *b, struct redis_call *c, const char *key, const struct access_sink *sink,
          struct redis_id *last, uint64_t *number, struct errbuf *eb)
{
    struct feed feed = {.branch = b, .key = key, .number = number, .sink = *sink};
    unsigned got = ROWS_AT_ONCE;
    int err = 0;

    while (err == 0 && got == ROWS_AT_ONCE)
        err = redis_stream_read(c, key, ROWS_AT_ONCE, last, take_rows, &feed, &got, eb);
    if (feed.err != 0)
        errbuf_set(eb, feed.err, "users and torrents of the fleet can't be read: %s",
                   sprat_strerror(feed.err));
    return err;
}

/* Reads the current epoch: "" if there is none, or none with a valid seal. */
static int
get_epoch(struct branch *b, struct redis_call *c, char epoch[SEAL_SEALED_TEXT_MAX + 2],
          struct errbuf *eb)
{
    int err = redis_get(c, b->epoch_key, epoch, SEAL_SEALED_TEXT_MAX + 2, eb);

    if (err == 0 && seal_check_text(&b->seal, b->epoch_key, epoch) != 0) {
        say_unsealed(b);
        epoch[0] = '\0';
    }
    return err;
}

/* Fills a new table, which replaces the one in use when it is complete. It is dropped if the keeper
 * has begun another epoch meanwhile, since the rows of this one may have been deleted before they
 * were read, or if Redis lost all its messages. */
static int
load_table(struct branch *b, struct redis_call *c, const char *epoch, uint64_t epoch_number,
           struct errbuf *eb)
{
    uint64_t number = 0;
    struct access *table = members_new_table(b->members);
    struct redis_id last = {"0"};
    char now[SEAL_SEALED_TEXT_MAX + 2] = "", key[BRANCHWIRE_KEY_MAX + 1];
    struct access_counts counts;
    struct access_sink sink;
    int err;

    if (table == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    sink = access_fill(table);
    branchwire_key_of(key, b->name, "rows", epoch_number);
    err = read_rows(b, c, key, &sink, &last, &number, eb);
    if (err == 0)
        err = get_epoch(b, c, now, eb);
    if (err != 0 || strcmp(now, epoch) != 0 || strcmp(last.text, "0") == 0 ||
        (b->seal.set && number == 0)) {
        access_free(table);
        return err;
    }
    access_counts(table, &counts);
    members_replace(b->members, table);
    memcpy(b->epoch, now, sizeof(b->epoch));
    b->rows_number = number;
    memcpy(b->rows_key, key, sizeof(b->rows_key));
    b->rows_last = last;
    log_event(b->log, LOG_INFO, "the users and torrents of the fleet are known",
              log_number("users", counts.users), log_number("torrents", counts.torrents));
    return 0;
}

static int
look_for_keeper(struct branch *b, struct redis_call *c, struct errbuf *eb)
{
    char holder[BRANCHWIRE_RUN_LEN + 2];
    int err = redis_get(c, b->lease_key, holder, sizeof(holder), eb);

    if (err == 0)
        tally_put(&b->sees_keeper, holder[0] != '\0');
    return err;
}

/* Does nothing if there is no valid epoch: Redis was emptied or damaged, and the keeper will send
 * the table again. */
int
branch_round(struct branch *b, struct redis_call *c, struct errbuf *eb)
{
    char epoch[SEAL_SEALED_TEXT_MAX + 2];
    struct access_sink sink = members_sink(b->members);
    uint64_t number;
    int err = look_for_keeper(b, c, eb);

    if (err == 0)
        err = get_epoch(b, c, epoch, eb);
    if (err != 0 || !branchwire_read_run((const uint8_t *)epoch, strlen(epoch), &number))
        return err;
    if (strcmp(epoch, b->epoch) != 0)
        return load_table(b, c, epoch, number, eb);
    return read_rows(b, c, b->rows_key, &sink, &b->rows_last, &b->rows_number, eb);
}

/* ---- sending accounts ---- */

/* A position in the pages of a batch. */
struct place {
    size_t page;
    uint32_t entry;
};

/* The next entry of the batch, or NULL at its end. */
static const struct ledger_entry *
next_entry(const struct accounts_batch *batch, struct place *at)
{
    while (at->page < batch->npages && at->entry >= batch->pages[at->page].count) {
        at->page++;
        at->entry = 0;
    }
    return at->page < batch->npages ? &batch->pages[at->page].entries[at->entry++] : NULL;
}

static uint64_t
count_entries(const struct accounts_batch *batch)
{
    uint64_t n = 0;

    for (size_t i = 0; i < batch->npages; i++)
        n += batch->pages[i].count;
    return n;
}

static int
write_message(struct branch *b, const struct accounts_batch *batch, uint64_t seq, uint32_t count,
              struct place *at, struct errbuf *eb)
{
    struct branchwire_batch head = {
        .run = b->run, .seq = seq, .back_s = batch->back_s, .count = count};

    branchwire_begin_batch(&b->message, &head);
    for (uint32_t i = 0; i < count; i++)
        branchwire_put_entry(&b->message, next_entry(batch, at));
    (void)seal_put(&b->seal, b->books_key, seq, &b->message);
    return b->message.err != 0
               ? errbuf_set(eb, b->message.err, "%s", sprat_strerror(b->message.err))
               : 0;
}

/* Makes sure that the current message is in Redis: adds it unless Redis still has it. */
static int
put_message(struct branch *b, struct redis_call *c, uint64_t seq, struct errbuf *eb)
{
    bool has = false;
    int err = 0;

    if (b->sent == seq)
        err = redis_stream_has(c, b->books_key, &b->sent_id, &has, eb);
    if (err != 0 || has)
        return err;
    b->sent = 0;
    err = redis_stream_add(c, b->books_key, KEEPER_BOOKS_MAX, buf_data(&b->message),
                           buf_len(&b->message), &b->sent_id, eb);
    if (err == 0)
        b->sent = seq;
    return err;
}

/* Ignores a confirmation above |seq|, the last number that was sent: no keeper can have written it.
 */
static int
look_for_ack(struct branch *b, struct redis_call *c, uint64_t seq, struct errbuf *eb)
{
    char text[SEAL_SEALED_TEXT_MAX + 2];
    uint64_t acked;
    int err = redis_get(c, b->ack_key, text, sizeof(text), eb);

    if (err == 0 && seal_check_text(&b->seal, b->ack_key, text) == 0 &&
        parse_u64(text, 0, seq, &acked) == 0 && acked > b->acked)
        b->acked = acked;
    return err;
}

static int
round_if_due(struct branch *b, struct redis_call *c, struct errbuf *eb)
{
    int err;

    if (b->round == NULL || !mono_due(b->round_at, clock_mono()))
        return 0;
    err = b->round(b->round_ctx, c, eb);
    b->round_at = mono_add_ms(clock_mono(), BRANCH_ROUND_MS);
    return err;
}

/* Waits until the message is confirmed. If Redis has lost the message, it is added again. */
static int
await_ack(struct branch *b, struct redis_call *c, uint64_t seq, struct errbuf *eb)
{
    struct mono begin = clock_mono(), looked = begin;
    int err = look_for_ack(b, c, seq, eb);

    while (err == 0 && b->acked < seq) {
        struct mono now = clock_mono();

        if (mono_diff_ms(now, begin) > BRANCH_CONFIRM_MS)
            return errbuf_set(eb, SPRAT_E_AGAIN, "the keeper did not confirm the accounts in time");
        if (mono_diff_ms(now, looked) > BRANCH_LOST_MS) {
            err = put_message(b, c, seq, eb);
            looked = now;
        }
        clock_sleep_ms(BRANCH_POLL_MS);
        if (err == 0)
            err = round_if_due(b, c, eb);
        if (err == 0)
            err = look_for_ack(b, c, seq, eb);
    }
    return err;
}

static int
hand_over_message(struct branch *b, struct redis_call *c, uint64_t seq, struct errbuf *eb)
{
    int err = look_for_keeper(b, c, eb);

    if (err == 0 && !branch_sees_keeper(b))
        err = errbuf_set(eb, SPRAT_E_AGAIN, "the fleet has no keeper now");
    if (err == 0)
        err = put_message(b, c, seq, eb);
    return err == 0 ? await_ack(b, c, seq, eb) : err;
}

int
branch_hand_over(struct branch *b, struct redis_call *c, const struct accounts_batch *batch,
                 struct accounts_result *out, struct errbuf *eb)
{
    uint64_t left = count_entries(batch), seq = (uint64_t)batch->seq << MESSAGES_BITS;
    struct place at = {0};
    int err = 0;

    b->round_at = mono_add_ms(clock_mono(), BRANCH_ROUND_MS);
    *out = (struct accounts_result){.entries = left};
    for (; left > 0 && err == 0; seq++) {
        uint32_t count = left < BRANCHWIRE_ENTRIES_MAX ? (uint32_t)left : BRANCHWIRE_ENTRIES_MAX;

        err = write_message(b, batch, seq, count, &at, eb);
        if (err == 0 && seq > b->acked)
            err = hand_over_message(b, c, seq, eb);
        left -= count;
    }
    return err;
}
