/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The progress line of a torrent (or a hashing run), fitted to a width. Pure: screen.h handles the
 * terminal.
 */
#ifndef PEER_CLI_PROGRESS_H
#define PEER_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PROGRESS_COLUMNS_MAX = 400,
    PROGRESS_LINE_MAX = PROGRESS_COLUMNS_MAX * 4 + 64, /* bytes */
};

struct progress {
    const char *name;
    const char *phase;    /* "checking", "seeding", "paused: …"; "" while downloading */
    uint64_t done, total; /* bytes, or another unit */
    bool unknown;         /* |total| is not known: no percentage is shown */
    uint64_t work_rate;   /* of hashing, bytes/s; 0: not known */
    bool transfer;        /* the following members are valid */
    uint64_t down_rate, up_rate;
    uint32_t peers;
    int64_t eta_s; /* -1: unknown; shown only while done < total */
    const char *note; /* why no data moves, shown in place of rates and bar; NULL or "": none */
};

/* Writes the line for a terminal of |columns|: name, bar, percent, rates, peers, time left; a
 * narrow line loses the bar first, then the less important fields. Never wider than |columns|.
 * |utf8| allows arrows. Returns |out|. */
const char *progress_line(const struct progress *p, unsigned columns, bool utf8,
                          char out[PROGRESS_LINE_MAX]);

/* Writes one sentence with all fields, for logs and pipes. Returns |out|. */
const char *progress_plain(const struct progress *p, char out[PROGRESS_LINE_MAX]);

#endif
