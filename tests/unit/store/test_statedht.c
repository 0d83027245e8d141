/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ids and nodes of the DHT that are stored and read again.
 */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/store/statedht.h"
#include "tests/unit/store/fixture.h"

static struct endpoint
v4(uint8_t last, uint16_t port)
{
    return (struct endpoint){.family = IP_V4, .port = port, .ip = {203, 0, 113, last}};
}

static struct endpoint
v6(uint8_t last, uint16_t port)
{
    return (struct endpoint){.family = IP_V6, .port = port, .ip = {0x20, 1, [15] = last}};
}

static struct state_dht *
new_row(uint8_t id, size_t count)
{
    struct state_dht *row = calloc(1, sizeof(*row) + count * sizeof(row->nodes[0]));

    memset(row->id, id, STATE_DHT_ID_LEN);
    row->count = count;
    return row;
}

static void
note_done(void *user, int err, const char *why)
{
    cr_expect_eq(err, 0, "%s", why);
    ++*(int *)user;
}

static void
put(struct state *st, struct endpoint at, const struct state_dht *row)
{
    struct doneq *q = doneq_new(NULL, NULL);
    int done = 0;

    cr_assert_eq(state_put_dht_async(st, &at, row, q, note_done, &done), 0);
    while (done == 0)
        doneq_wait(q, 1000);
    doneq_free(q);
}

static struct state_dht *
load(struct state *st, struct endpoint at)
{
    struct state_dht *row = NULL;
    struct errbuf eb = {0};

    cr_assert_eq(state_load_dht(st, &at, &row, &eb), 0, "%s", eb.text);
    return row;
}

Test(statedht, nodes_come_back_for_their_local_address)
{
    struct state_dht *four = new_row(4, 3), *six = new_row(6, 1), *got;
    struct fixture f;
    struct state *st;

    for (uint8_t i = 0; i < 3; i++) {
        memset(four->nodes[i].id, 0x10 + i, STATE_DHT_ID_LEN);
        four->nodes[i].addr = v4(i + 1, 6881);
    }
    four->nodes[1].addr = v6(9, 6881); /* of the other family: not stored */
    memset(six->nodes[0].id, 0x60, STATE_DHT_ID_LEN);
    six->nodes[0].addr = v6(7, 1000);
    fixture_init(&f);
    st = fixture_open_state(&f);
    cr_expect_null(load(st, v4(0, 0)));
    put(st, v4(0, 6881), four);
    put(st, v6(0, 6881), six);
    state_close(st);
    st = fixture_open_state(&f);

    got = load(st, v4(0, 7000));
    cr_assert_not_null(got, "the port is no part of a row's name");
    cr_expect_eq(memcmp(got->id, four->id, STATE_DHT_ID_LEN), 0);
    cr_assert_eq(got->count, 2);
    cr_expect_eq(memcmp(got->nodes[1].id, four->nodes[2].id, STATE_DHT_ID_LEN), 0);
    cr_expect(endpoint_equal(&got->nodes[1].addr, &four->nodes[2].addr));
    free(got);
    got = load(st, v6(0, 0));
    cr_assert_not_null(got);
    cr_assert_eq(got->count, 1);
    cr_expect(endpoint_equal(&got->nodes[0].addr, &six->nodes[0].addr));
    free(got);
    cr_expect_null(load(st, v4(1, 0)));
    state_close(st);
    fixture_fini(&f);
    free(four);
    free(six);
}

Test(statedht, rows_and_nodes_have_a_maximum)
{
    struct state_dht *row = new_row(1, STATE_DHT_NODES_MAX + 1), *none = new_row(2, 0), *got;
    struct fixture f;
    struct state *st;

    for (size_t i = 0; i < row->count; i++)
        row->nodes[i].addr = v4((uint8_t)i, (uint16_t)(i + 1));
    fixture_init(&f);
    st = fixture_open_state(&f);
    put(st, v4(1, 0), row);
    got = load(st, v4(1, 0));
    cr_assert_not_null(got);
    cr_expect_eq(got->count, STATE_DHT_NODES_MAX);
    free(got);
    for (uint8_t i = 2; i <= STATE_DHT_ROWS_MAX; i++)
        put(st, v4(i, 0), none);
    put(st, v4(1, 0), none); /* stored again: the latest now */
    put(st, v4(100, 0), none);
    cr_expect_null(load(st, v4(2, 0)), "the row that was stored first is gone");
    got = load(st, v4(1, 0));
    cr_assert_not_null(got);
    cr_expect_eq(got->count, 0);
    free(got);
    state_close(st);
    fixture_fini(&f);
    free(row);
    free(none);
}

Test(statedht, a_row_of_another_program_is_none)
{
    struct state_dht *row = new_row(1, 0);
    struct fixture f;
    struct state *st;
    sqlite3 *raw = NULL;
    char path[4200];

    fixture_init(&f);
    st = fixture_open_state(&f);
    put(st, v4(1, 0), row);
    state_close(st);
    snprintf(path, sizeof(path), "%s/sprat.db", f.state_dir);
    cr_assert_eq(sqlite3_open(path, &raw), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(raw, "UPDATE dht SET id = x'00', nodes = x'0102'", NULL, NULL, NULL),
                 SQLITE_OK);
    sqlite3_close(raw);
    st = fixture_open_state(&f);
    cr_expect_null(load(st, v4(1, 0)));
    state_close(st);
    fixture_fini(&f);
    free(row);
}
