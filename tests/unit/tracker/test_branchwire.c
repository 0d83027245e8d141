/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the trackers of a private fleet tell each other: there and back, byte by byte, cut anywhere,
 * and with what no tracker of ours would say.
 */
#include "tracker/core/branchwire.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

static const uint64_t seed[2] = {3, 4};

static struct buf
new_buf(void)
{
    struct buf b;

    buf_init(&b, BRANCHWIRE_BLOB_MAX);
    return b;
}

Test(branchwire, keys_and_runs)
{
    char key[BRANCHWIRE_KEY_MAX + 1], run[BRANCHWIRE_RUN_LEN + 1];
    char longest[CLUSTER_NAME_MAX + 1];
    uint64_t back;

    branchwire_key(key, "sprat:", "books");
    cr_assert_str_eq(key, "sprat:{private}books");
    memset(longest, 'n', CLUSTER_NAME_MAX);
    longest[CLUSTER_NAME_MAX] = '\0';
    branchwire_key_of(key, longest, "rows", UINT64_C(0x0123456789abcdef));
    cr_assert_str_eq(key + CLUSTER_NAME_MAX, "{private}rows:0123456789abcdef");
    branchwire_run(run, UINT64_C(0x0123456789abcdef));
    cr_assert_str_eq(run, "0123456789abcdef");
    cr_assert(branchwire_read_run((const uint8_t *)run, 16, &back));
    cr_assert_eq(back, UINT64_C(0x0123456789abcdef));
    cr_assert_not(branchwire_read_run((const uint8_t *)run, 15, &back));
    cr_assert_not(branchwire_read_run((const uint8_t *)"0123456789ABCDEF", 16, &back));
    cr_assert_not(branchwire_read_run((const uint8_t *)"0123456789abcde/", 16, &back));
}

/* ---- rows ---- */

static const uint8_t passkey[ACCESS_PASSKEY_LEN] = "sixteen bytes..";
static const uint8_t hash[TRACKER_HASH_LEN] = "twenty bytes of it.";

static int
put(const struct access_sink *to, struct access_row row)
{
    return to->put(to->ctx, &row);
}

static void
put_rows(struct buf *out)
{
    struct access_sink to = branchwire_rows_to(out);

    branchwire_begin_rows(out);
    put(&to,
        (struct access_row){.kind = ACCESS_ROW_USER,
                            .user = {.id = 7, .enabled = true, .can_leech = true, .slots = 3}});
    put(&to, (struct access_row){
                 .kind = ACCESS_ROW_PASSKEY,
                 .passkey = {.user = 7, .expires = 2000000000, .key = "sixteen bytes.."}});
    put(&to, (struct access_row){.kind = ACCESS_ROW_TORRENT, .torrent = {.id = 9}});
    put(&to, (struct access_row){.kind = ACCESS_ROW_TORRENT,
                                 .torrent = {.id = 10, .hidden = true, .removed = "it is bad"}});
    put(&to, (struct access_row){.kind = ACCESS_ROW_HASH, .hash = {"twenty bytes of it.", 9}});
    cr_assert_eq(put(&to, (struct access_row){.kind = ACCESS_ROW_CLIENT,
                                              .client = {"-XX", ACCESS_CLIENT_DENY}}),
                 0);
}

static enum access_refusal
ask_for(const struct access *a, const char *peer_id, struct access_grant *g)
{
    struct tracker_announce announce = {.left = 1};
    struct access_ask ask = {.passkey = passkey, .info_hash = hash};
    enum access_refusal no;

    memcpy(announce.peer_id, peer_id, TRACKER_PEER_ID_LEN);
    access_look_ahead(a, &ask);
    no = access_check_user(a, &ask, 1900000000, g);
    return no == ACCESS_GRANTED ? access_check_announce(a, &ask, &announce, g) : no;
}

Test(branchwire, rows_make_the_same_table)
{
    struct buf out = new_buf();
    struct access *a = access_new(seed);
    struct access_sink fill = access_fill(a);
    struct access_counts counts;
    struct access_grant g;

    put_rows(&out);
    access_set_loading(a, true);
    cr_assert_eq(branchwire_read_rows(buf_data(&out), buf_len(&out), &fill), 0);
    cr_assert_eq(ask_for(a, "-qB4650-abcdefghijkl", &g), ACCESS_BUSY, "until it is whole");
    access_set_loading(a, false);
    access_counts(a, &counts);
    cr_assert(counts.users == 1 && counts.passkeys == 1 && counts.torrents == 2);
    cr_assert_eq(ask_for(a, "-qB4650-abcdefghijkl", &g), ACCESS_GRANTED);
    cr_assert(g.user == 7 && g.torrent == 9 && g.slots == 3);
    cr_assert_eq(ask_for(a, "-XX4650-abcdefghijkl", &g), ACCESS_CLIENT);
    access_free(a);
    buf_fini(&out);
}

/* A message that ends between two rows is whole; one that ends within a row is none. */
Test(branchwire, rows_that_are_cut)
{
    static const size_t ends[] = {1, 11, 11 + 30, 41 + 7, 48 + 16, 64 + 25, 89 + 6};
    struct buf out = new_buf();
    size_t next = 0;

    put_rows(&out);
    cr_assert_eq(buf_len(&out), ends[6]);
    for (size_t len = 0; len <= buf_len(&out); len++) {
        struct access *a = access_new(seed);
        struct access_sink fill = access_fill(a);
        bool whole = len == ends[next];

        next += whole;
        cr_assert_eq(branchwire_read_rows(buf_data(&out), len, &fill), whole ? 0 : SPRAT_E_PROTOCOL,
                     "%zu bytes", len);
        access_free(a);
    }
    cr_assert_eq(next, 7);
    buf_fini(&out);
}

static int
read_rows(const char *bytes, size_t len)
{
    struct access *a = access_new(seed);
    struct access_sink fill = access_fill(a);
    int err = branchwire_read_rows((const uint8_t *)bytes, len, &fill);

    access_free(a);
    return err;
}

#define ROWS(text) read_rows(text, sizeof(text) - 1)

Test(branchwire, rows_that_nobody_writes)
{
    cr_assert_eq(ROWS("\1"), 0);
    cr_assert_eq(ROWS("\2"), SPRAT_E_PROTOCOL, "another version");
    cr_assert_eq(ROWS("\1x"), SPRAT_E_PROTOCOL);
    cr_assert_eq(ROWS("\1u\0\0\0\0\3\0\0\0\0"), SPRAT_E_PROTOCOL, "no id");
    cr_assert_eq(ROWS("\1u\1\0\0\0\3\0\0\0\0"), SPRAT_E_PROTOCOL, "an id beyond all");
    cr_assert_eq(ROWS("\1u\0\0\0\1\3\0\0\xff\xff"), SPRAT_E_PROTOCOL, "too many slots");
    cr_assert_eq(ROWS("\1t\4\0\0\0\0\0"), SPRAT_E_PROTOCOL);
    cr_assert_eq(ROWS("\1t\0\0\0\1\2\3a\0b"), SPRAT_E_PROTOCOL, "a NUL in a reason");
    cr_assert_eq(ROWS("\1t\0\0\0\1\2\xff"), SPRAT_E_PROTOCOL);
    cr_assert_eq(ROWS("\1t\0\0\0\1\1\3abc"), SPRAT_E_PROTOCOL, "a reason for nothing");
    cr_assert_eq(ROWS("\1c\3\1x"), SPRAT_E_PROTOCOL, "no such rule");
    cr_assert_eq(ROWS("\1c\0\0"), SPRAT_E_PROTOCOL, "no prefix");
    cr_assert_eq(ROWS("\1c\0\25aaaaaaaaaaaaaaaaaaaaa"), SPRAT_E_PROTOCOL, "21 bytes of prefix");
}

/* ---- batches ---- */

/* |has_stop| and |flags| say which of its parts an entry has. */
static struct ledger_entry
entry(uint16_t flags, bool has_stop)
{
    struct ledger_entry e = {
        .key = {.user = 1, .torrent = 2, .peer_id = "-XX0001-abcdefghijk"},
        .flags = flags,
        .left = UINT64_MAX,
        .first_s = 100,
        .last_s = 200,
        .leechers_s = 50,
        .seed_s = 100,
        .completed_s = 150,
    };

    if ((flags & LEDGER_COUNTED) == 0)
        return e;
    for (int w = 0; w < LEDGER_WAYS; w++) {
        e.top[w] = (UINT64_C(1) << 55) + (uint64_t)w;
        e.top_s[w] = 190 + (uint32_t)w;
        e.open[w] = 10 + (uint64_t)w;
        e.stop[w] = has_stop ? 20 + (uint64_t)w : 0;
    }
    e.open_s = 101;
    e.start_s = 102;
    e.stop_s = has_stop ? 199 : 0;
    return e;
}

static struct ledger_entry read_entries[BRANCHWIRE_ENTRIES_MAX];

enum { KINDS = 2 * (LEDGER_FLAGS_ALL + 1) };

Test(branchwire, batches_come_back)
{
    struct branchwire_batch b = {.run = UINT64_MAX, .seq = 77, .back_s = 5, .count = KINDS}, back;
    static struct ledger_entry e[KINDS]; /* ASan's stacks do not align it */
    struct buf out = new_buf();

    branchwire_begin_batch(&out, &b);
    for (int kind = 0; kind < KINDS; kind++) {
        size_t before = buf_len(&out);

        e[kind] = entry((uint16_t)(kind / 2), kind % 2 != 0);
        branchwire_put_entry(&out, &e[kind]);
        cr_assert_leq(buf_len(&out) - before, BRANCHWIRE_ENTRY_MAX);
    }
    cr_assert_eq(out.err, 0);
    cr_assert_eq(branchwire_read_batch(buf_data(&out), buf_len(&out), &back, read_entries), 0);
    cr_assert(back.run == b.run && back.seq == b.seq && back.back_s == 5 && back.count == b.count);
    for (int kind = 0; kind < KINDS; kind++)
        cr_assert_eq(memcmp(&read_entries[kind], &e[kind], sizeof(e[kind])), 0);
    for (size_t len = 0; len < buf_len(&out); len += len < 200 ? 1 : 997)
        cr_assert_eq(branchwire_read_batch(buf_data(&out), len, &back, read_entries),
                     SPRAT_E_PROTOCOL);
    buf_put_u8(&out, 0);
    cr_assert_eq(branchwire_read_batch(buf_data(&out), buf_len(&out), &back, read_entries),
                 SPRAT_E_PROTOCOL, "more than it says");
    buf_fini(&out);
}

/* What only the ledger itself knows stays there. */
Test(branchwire, marks_of_the_ledger_are_not_told)
{
    struct branchwire_batch b = {.run = 1, .seq = 1, .count = 1}, back;
    static struct ledger_entry e;
    struct buf out = new_buf();

    e = entry(LEDGER_COUNTED, true);
    e.flags |= LEDGER_CLOSED;
    e.part = 3;
    branchwire_begin_batch(&out, &b);
    branchwire_put_entry(&out, &e);
    cr_assert_eq(branchwire_read_batch(buf_data(&out), buf_len(&out), &back, read_entries), 0);
    cr_assert(read_entries[0].flags == LEDGER_COUNTED && read_entries[0].part == 0);
    buf_fini(&out);
}

static int
read_back(const struct ledger_entry *e)
{
    struct branchwire_batch b = {.run = 1, .seq = 1, .count = 1}, back;
    struct buf out = new_buf();
    int err;

    branchwire_begin_batch(&out, &b);
    branchwire_put_entry(&out, e);
    err = branchwire_read_batch(buf_data(&out), buf_len(&out), &back, read_entries);
    buf_fini(&out);
    return err;
}

#define BAD(change)                                                                                \
    do {                                                                                           \
        e = good;                                                                                  \
        e.change;                                                                                  \
        cr_assert_eq(read_back(&e), SPRAT_E_PROTOCOL, #change);                                    \
    } while (0)

Test(branchwire, entries_that_no_ledger_makes)
{
    static struct ledger_entry good, e;

    e = good = entry(LEDGER_COUNTED, true);
    cr_assert_eq(read_back(&e), 0);
    BAD(key.user = 0);
    BAD(key.torrent = ACCESS_TORRENTS_MAX);
    BAD(top[LEDGER_UP] = LEDGER_COUNTER_MAX + 1);
    BAD(open[LEDGER_DOWN] = good.top[LEDGER_DOWN] + 1);
    BAD(stop[LEDGER_DOWN] = good.top[LEDGER_DOWN] + 1);
    BAD(first_s = good.last_s + 1);
    BAD(seed_s = 101);
    BAD(top_s[LEDGER_DOWN] = 201);
    BAD(top_s[LEDGER_UP] = 0);
    BAD(open_s = 99);
    BAD(start_s = 201);
    BAD(stop_s = 99);
}

Test(branchwire, batches_that_are_too_long)
{
    struct branchwire_batch b = {.run = 1, .seq = 1, .count = BRANCHWIRE_ENTRIES_MAX + 1}, back;
    struct buf out = new_buf();

    branchwire_begin_batch(&out, &b);
    cr_assert_eq(branchwire_read_batch(buf_data(&out), buf_len(&out), &back, read_entries),
                 SPRAT_E_PROTOCOL);
    b = (struct branchwire_batch){.run = 1, .seq = UINT64_MAX};
    branchwire_begin_batch(&out, &b);
    cr_assert_eq(branchwire_read_batch(buf_data(&out), buf_len(&out), &back, read_entries),
                 SPRAT_E_PROTOCOL, "the database's numbers have a sign");
    buf_fini(&out);
}

/* ---- slots ---- */

Test(branchwire, slots_come_back)
{
    static struct slots_news back[BRANCHWIRE_NEWS_MAX];
    struct slots_news news[3] = {{1, 2, 3, true}, {4, 5, UINT32_MAX, false}, {6, 7, 8, true}};
    struct buf out = new_buf();
    uint32_t count;
    uint64_t run;

    branchwire_put_slots(&out, 99, news, 3);
    cr_assert_eq(branchwire_read_slots(buf_data(&out), buf_len(&out), &run, back, &count), 0);
    cr_assert(run == 99 && count == 3);
    for (int i = 0; i < 3; i++)
        cr_assert(back[i].user == news[i].user && back[i].torrent == news[i].torrent &&
                  back[i].unix_s == news[i].unix_s && back[i].leeches == news[i].leeches);
    for (size_t len = 0; len < buf_len(&out); len++)
        cr_assert_eq(branchwire_read_slots(buf_data(&out), len, &run, back, &count),
                     SPRAT_E_PROTOCOL);
    news[1].user = 0;
    branchwire_put_slots(&out, 99, news, 3);
    cr_assert_eq(branchwire_read_slots(buf_data(&out), buf_len(&out), &run, back, &count),
                 SPRAT_E_PROTOCOL);
    buf_fini(&out);
}
