/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A private fleet when memory is out: each allocation fails once, in one run each. A table that
 * can't be filled does not take the place of the one in use, and a reply that can't be kept is an
 * error, not a part of one.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "tests/unit/codec/failing_alloc.h"
#include "tracker/core/branchwire.h"
#include "tracker/net/members.h"
#include "tracker/net/redis_tree.h"

enum { ROWS = 200, RUNS_MAX = 10000 };

static const uint64_t seed[2] = {1, 2};
static const struct members_config config = {
    .entries_max = 1000, .gap_max_s = 100, .silence_s = 100};

static int
put(const struct access_sink *to, struct access_row row)
{
    return to->put(to->ctx, &row);
}

static void
write_rows(struct buf *out)
{
    struct access_sink to = branchwire_rows_to(out);

    branchwire_begin_rows(out);
    for (uint32_t i = 1; i <= ROWS; i++) {
        put(&to, (struct access_row){.kind = ACCESS_ROW_USER, .user = {.id = i, .enabled = true}});
        put(&to, (struct access_row){.kind = ACCESS_ROW_PASSKEY,
                                     .passkey = {.key = {(uint8_t)i}, .user = i}});
        put(&to, (struct access_row){.kind = ACCESS_ROW_TORRENT,
                                     .torrent = {.id = i, .removed = i % 9 == 0 ? "bad" : NULL}});
        put(&to, (struct access_row){.kind = ACCESS_ROW_HASH, .hash = {{(uint8_t)i}, i}});
    }
    cr_assert_eq(put(&to, (struct access_row){.kind = ACCESS_ROW_CLIENT,
                                              .client = {"-XX", ACCESS_CLIENT_DENY}}),
                 0);
}

/* As a branch does it: beside the table in use, which it replaces when it is whole. */
static int
load(struct members *m, const struct buf *rows)
{
    struct access *table = members_new_table(m);
    struct access_sink fill;
    int err;

    if (table == NULL)
        return SPRAT_E_NOMEM;
    fill = access_fill(table);
    err = branchwire_read_rows(buf_data(rows), buf_len(rows), &fill);
    if (err == 0)
        members_replace(m, table);
    else
        access_free(table);
    return err;
}

Test(nomem_fleet, a_table_is_whole_or_not_there)
{
    struct access_counts counts;
    struct buf rows;
    bool failed = true;
    unsigned n;

    buf_init(&rows, 1 << 20);
    write_rows(&rows);
    for (n = 0; failed && n < RUNS_MAX; n++) {
        struct members *m = members_new(seed, &config);
        int err;

        members_await_table(m);
        failing_alloc_after(n);
        err = load(m, &rows);
        failed = failing_alloc_end();
        cr_assert_eq(err, failed ? SPRAT_E_NOMEM : 0, "allocation %u", n);
        members_counts(m, &counts);
        cr_assert_eq(counts.loading, failed);
        cr_assert_eq(counts.users, failed ? 0 : ROWS);
        members_free(m);
    }
    cr_assert(n > 20 && n < RUNS_MAX, "%u allocations", n);
    buf_fini(&rows);
}

Test(nomem_fleet, slots_are_shared_or_not)
{
    bool failed = true;
    unsigned n;

    for (n = 0; failed && n < RUNS_MAX; n++) {
        struct members *m = members_new(seed, &config);
        int err;

        failing_alloc_after(n);
        err = members_share_slots(m);
        for (uint32_t i = 1; err == 0 && i < 40; i++)
            members_hear_slots(m, &(struct slots_news){i, i, 7, true});
        failed = failing_alloc_end();
        cr_assert(err == 0 || (failed && err == SPRAT_E_NOMEM));
        members_free(m);
    }
    cr_assert(n > MEMBERS_STRIPES && n < RUNS_MAX, "%u allocations", n);
}

Test(nomem_fleet, a_reply_is_whole_or_an_error)
{
    static const char text[] =
        "*1\r\n*2\r\n$3\r\nkey\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nb\r\n$1\r\nx\r\n";
    bool failed = true;
    unsigned n;

    for (n = 0; failed && n < RUNS_MAX; n++) {
        struct redis_tree *t = redis_tree_new();
        const struct cluster_reply *r;
        int got;

        cr_assert_eq(redis_tree_feed(t, text, sizeof(text) - 1), 0);
        failing_alloc_after(n);
        got = redis_tree_next(t, &r);
        failed = failing_alloc_end();
        cr_assert_eq(got, failed ? SPRAT_E_NOMEM : 1, "allocation %u", n);
        redis_tree_free(t);
    }
    cr_assert(n > 5 && n < RUNS_MAX, "%u allocations", n);
}
