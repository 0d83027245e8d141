/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Joins the table of receivers with the connections, which know the rates.
 */
#include "peer/cli/receivertable.h"

#include <stdlib.h>
#include <string.h>

#include "common/sys/addr.h"
#include "peer/cli/table.h"
#include "peer/cli/text.h"
#include "peer/core/receivers.h"

enum { BAR_COLUMNS = 22, CELL_MAX = 80, COLUMNS = 4 };

/* A receiver as a row. */
struct row {
    const struct receiver *r;
    uint64_t rate; /* bytes/s that it gets from us */
};

struct rows {
    struct row all[RECEIVERTABLE_ROWS_MAX];
    size_t count, more; /* |more|: receivers that are not in |all| */
    uint32_t pieces;    /* of the torrent */
};

static void
add_rows(const struct torrent *t, bool complete, size_t max, struct rows *out)
{
    const struct receiver *r;
    uint32_t iter = 0;

    while ((r = receivers_next(torrent_receivers(t), &iter)) != NULL) {
        if (r->complete != complete || (r->connections == 0 && !complete))
            continue;
        if (out->count < max)
            out->all[out->count++] = (struct row){.r = r};
        else
            out->more++;
    }
}

static void
add_rates(const struct torrent *t, struct rows *rows)
{
    struct swarm_peer_stats st;
    uint32_t iter = 0;

    while (torrent_next_peer(t, &iter, &st))
        for (size_t i = 0; i < rows->count; i++)
            if (memcmp(rows->all[i].r->peer_id, st.peer_id, PEER_ID_LEN) == 0)
                rows->all[i].rate += st.up_rate;
}

/* The receivers that still fetch, then those that are complete. */
static void
read_rows(const struct torrent *t, size_t max, struct rows *out)
{
    out->count = out->more = 0;
    out->pieces = torrent_metainfo(t) != NULL ? torrent_metainfo(t)->piece_count : 0;
    if (max > RECEIVERTABLE_ROWS_MAX)
        max = RECEIVERTABLE_ROWS_MAX;
    if (torrent_receivers(t) == NULL)
        return;
    add_rows(t, false, max, out);
    add_rows(t, true, max, out);
    add_rates(t, out);
}

struct cells {
    char text[RECEIVERTABLE_ROWS_MAX][COLUMNS][CELL_MAX];
    const char *all[RECEIVERTABLE_ROWS_MAX * COLUMNS];
};

static void
fill_cells(const struct rows *rows, struct cells *c)
{
    char n[TEXT_NUMBER_MAX];

    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->all[i];
        char(*cell)[CELL_MAX] = c->text[i];

        addr_format(&row->r->addr, cell[0]);
        text_bar(cell[1], CELL_MAX, row->r->pieces, rows->pieces, BAR_COLUMNS);
        strcpy(cell[2], text_percent(row->r->pieces, rows->pieces, n));
        if (row->r->complete)
            strcpy(cell[3], "complete");
        else
            text_rate(row->rate, cell[3]);
        for (size_t k = 0; k < COLUMNS; k++)
            c->all[i * COLUMNS + k] = cell[k];
    }
}

void
receivertable_print(const struct torrent *t, unsigned rows_max, unsigned width, struct buf *out)
{
    static const struct table_column columns[COLUMNS] = {
        {.title = "receiver", .flex = true},
        {.title = "", .drop = 1},
        {.title = "has", .right = true},
        {.title = "from us"},
    };
    struct rows *rows = malloc(sizeof(*rows));
    struct cells *cells = malloc(sizeof(*cells));

    if (rows != NULL && cells != NULL && rows_max > 0) {
        read_rows(t, rows_max, rows);
        fill_cells(rows, cells);
        if (rows->count > 0)
            table_print(out, columns, COLUMNS, cells->all, rows->count, width);
        if (rows->more > 0)
            buf_printf(out, "and %zu more\n", rows->more);
    }
    free(rows);
    free(cells);
}

void
receivertable_print_lines(const struct torrent *t, const char *name, struct buf *out)
{
    struct rows *rows = malloc(sizeof(*rows));
    char addr[ADDR_TEXT_MAX], percent[TEXT_NUMBER_MAX], rate[TEXT_NUMBER_MAX];

    if (rows == NULL)
        return;
    read_rows(t, RECEIVERTABLE_ROWS_MAX, rows);
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->all[i];

        if (row->r->connections > 0 && !row->r->complete)
            buf_printf(
                out, "%s: receiver %s has %s, gets %s\n", name, addr_format(&row->r->addr, addr),
                text_percent(row->r->pieces, rows->pieces, percent), text_rate(row->rate, rate));
    }
    free(rows);
}

json_t *
receivertable_json(const struct torrent *t)
{
    struct rows *rows = malloc(sizeof(*rows));
    json_t *all = json_array();
    char addr[ADDR_TEXT_MAX];

    if (rows != NULL)
        read_rows(t, RECEIVERTABLE_ROWS_MAX, rows);
    for (size_t i = 0; rows != NULL && i < rows->count; i++) {
        const struct row *row = &rows->all[i];

        json_array_append_new(
            all, json_pack("{s:s, s:I, s:b, s:b, s:I}", "addr", addr_format(&row->r->addr, addr),
                           "pieces", (json_int_t)row->r->pieces, "complete", row->r->complete,
                           "connected", row->r->connections > 0, "rate", (json_int_t)row->rate));
    }
    free(rows);
    return all;
}
