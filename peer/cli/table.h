/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Prints a table of texts fitted to a width: one column is shortened, the others are as wide as
 * their widest text.
 */
#ifndef PEER_CLI_TABLE_H
#define PEER_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/ds/buf.h"

enum {
    TABLE_COLUMNS_MAX = 12,
    TABLE_CELL_MAX = 64, /* maximum columns of a cell that is not flexible, if the width is
                            bounded */
    TABLE_UNBOUNDED = 1 << 30, /* a width at which nothing is shortened */
    TABLE_FLEX_MIN = 8,
};

struct table_column {
    const char *title;
    bool right; /* the column is right-aligned, for numbers */
    bool flex;  /* the column may be shortened */
    unsigned drop; /* if the width is too small, the column with the highest value is left out
                      first; 0: never */
};

/* Appends a header and |rows| lines to |out|; |cells| has |columns| texts a row. Lines are at most
 * |width| columns: columns are left out, then the last one is shortened, until the flexible one has
 * TABLE_FLEX_MIN. Returns out->err. */
int table_print(struct buf *out, const struct table_column *column, size_t columns,
                const char *const *cells, size_t rows, unsigned width);

#endif
