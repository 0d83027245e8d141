/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Computes the widths of the columns, then writes the lines. The last column is not padded.
 */
#include "peer/cli/table.h"

#include <string.h>

#include "common/base/assert.h"
#include "peer/cli/text.h"

enum { GAP = 2, CELL_BYTES = 8192 };

static unsigned
most(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* Returns the width of a line whose flexible column has at most TABLE_FLEX_MIN. A width of 0 in
 * |widths| marks a column that is left out. */
static unsigned
least_width(const struct table_column *column, size_t columns, const unsigned *widths)
{
    unsigned sum = 0;

    for (size_t c = 0; c < columns; c++) {
        if (widths[c] == 0)
            continue;
        sum += sum > 0 ? GAP : 0;
        sum += column[c].flex && widths[c] > TABLE_FLEX_MIN ? TABLE_FLEX_MIN : widths[c];
    }
    return sum;
}

/* Leaves out the column with the highest |drop|. False: no column may be left out. */
static bool
leave_one_out(const struct table_column *column, size_t columns, unsigned *widths)
{
    size_t worst = columns;

    for (size_t c = 0; c < columns; c++)
        if (widths[c] > 0 && column[c].drop > 0 &&
            (worst == columns || column[c].drop > column[worst].drop))
            worst = c;
    if (worst == columns)
        return false;
    widths[worst] = 0;
    return true;
}

static void
measure(const struct table_column *column, size_t columns, const char *const *cells, size_t rows,
        unsigned width, unsigned *widths)
{
    unsigned least, spare;

    for (size_t c = 0; c < columns; c++) {
        widths[c] = text_width(column[c].title);
        for (size_t r = 0; r < rows; r++)
            widths[c] = most(widths[c], text_width(cells[r * columns + c]));
        if (!column[c].flex && widths[c] > TABLE_CELL_MAX && width < TABLE_UNBOUNDED)
            widths[c] = TABLE_CELL_MAX;
    }
    while (least_width(column, columns, widths) > width && leave_one_out(column, columns, widths))
        continue;
    least = least_width(column, columns, widths);
    if (least > width) {
        unsigned *last = &widths[columns - 1];

        *last = *last > least - width + TABLE_FLEX_MIN ? *last - (least - width) : TABLE_FLEX_MIN;
        least = least_width(column, columns, widths);
    }
    spare = width > least ? width - least : 0;
    for (size_t c = 0; c < columns; c++)
        if (column[c].flex && widths[c] > TABLE_FLEX_MIN + spare)
            widths[c] = TABLE_FLEX_MIN + spare;
}

static void
print_cell(struct buf *out, const struct table_column *column, const char *text, unsigned width,
           bool last)
{
    char cell[CELL_BYTES];

    if (width == 0)
        return;
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
