/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one line that tells how a torrent (or a hashing run) is doing, made to fit a width. Pure: the
 * terminal is screen.h's.
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
    uint64_t done, total; /* bytes, or whatever is counted */
    bool transfer;        /* the following mean something */
    uint64_t down_rate, up_rate;
    uint32_t peers;
    int64_t eta_s; /* -1: unknown; shown only while done < total */
    const char *note; /* why nothing moves: stands in place of rates and bar; NULL or "": none */
};

/* For a terminal of |columns|: name, bar, percent, rates, peers, time left; narrow ones lose the
 * bar first, then the less needed of them. Never wider than |columns|.
 * |utf8| allows arrows. Returns |out|. */
const char *progress_line(const struct progress *p, unsigned columns, bool utf8,
                          char out[PROGRESS_LINE_MAX]);

/* For logs and pipes: one sentence with everything. Returns |out|. */
const char *progress_plain(const struct progress *p, char out[PROGRESS_LINE_MAX]);

#endif
