/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The receivers of a seeded torrent, for the seeder's screen: as a table, as lines, or as JSON.
 */
#ifndef PEER_CLI_RECEIVERTABLE_H
#define PEER_CLI_RECEIVERTABLE_H

#include <jansson.h>

#include "common/ds/buf.h"
#include "peer/torrent/torrent.h"

enum {
    RECEIVERTABLE_ROWS_MAX = 100,
    RECEIVERTABLE_TEXT_MAX = 256 * 1024, /* bytes of a table or of all lines */
};

/* Appends a table of at most |rows| receivers, those that still fetch first, in lines of at most
 * |width| columns. Nothing if there is no receiver. */
void receivertable_print(const struct torrent *t, unsigned rows, unsigned width, struct buf *out);

/* Appends a line for each receiver that is connected, RECEIVERTABLE_ROWS_MAX at most. */
void receivertable_print_lines(const struct torrent *t, const char *name, struct buf *out);

/* The receivers as a JSON array, RECEIVERTABLE_ROWS_MAX at most. */
json_t *receivertable_json(const struct torrent *t);

#endif
