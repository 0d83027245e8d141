/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Widths first, then the lines. The last column is not padded.
 */
#include "peer/cli/table.h"

#include <string.h>

#include "common/base/assert.h"
#include "peer/cli/text.h"

enum { GAP = 2, CELL_BYTES = 1024 };

static unsigned
most(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static void
measure(const struct table_column *column, size_t columns, const char *const *cells, size_t rows,
        unsigned width, unsigned *widths)
{
    unsigned fixed = 0;

    for (size_t c = 0; c < columns; c++) {
        widths[c] = text_width(column[c].title);
        for (size_t r = 0; r < rows; r++)
            widths[c] = most(widths[c], text_width(cells[r * columns + c]));
        if (!column[c].flex) {
            if (widths[c] > TABLE_CELL_MAX)
                widths[c] = TABLE_CELL_MAX;
            fixed += widths[c] + GAP;
        }
    }
    for (size_t c = 0; c < columns; c++) {
        unsigned room = width > fixed ? width - fixed : 0;

        if (column[c].flex && widths[c] > room)
            widths[c] = most(room, TABLE_FLEX_MIN);
    }
}

static void
print_cell(struct buf *out, const struct table_column *column, const char *text, unsigned width,
           bool last)
{
    char cell[CELL_BYTES];
    unsigned used = text_fit(cell, sizeof(cell), text, width);
    int pad = used < width ? (int)(width - used) : 0;

    if (column->right)
        buf_printf(out, "%*s%s", pad, "", cell);
    else
        buf_printf(out, "%s%*s", cell, last ? 0 : pad, "");
    if (!last)
        buf_printf(out, "%*s", GAP, "");
}

int
table_print(struct buf *out, const struct table_column *column, size_t columns,
            const char *const *cells, size_t rows, unsigned width)
{
    unsigned widths[TABLE_COLUMNS_MAX];

    ASSERT(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    measure(column, columns, cells, rows, width, widths);
    for (size_t c = 0; c < columns; c++)
        print_cell(out, &column[c], column[c].title, widths[c], c + 1 == columns);
    buf_puts(out, "\n");
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++)
            print_cell(out, &column[c], cells[r * columns + c], widths[c], c + 1 == columns);
        buf_puts(out, "\n");
    }
    return out->err;
}
