/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Decides whether a download may write to files that another program put where the torrent's files
 * belong. The decision rests on the report of a check (check.h): a file with a matching piece is
 * the torrent's own and is completed; any other file is overwritten only if the user allowed it.
 */
#ifndef PEER_STORE_ADOPT_H
#define PEER_STORE_ADOPT_H

#include <stdbool.h>

#include "common/base/err.h"
#include "peer/store/check.h"

struct adopt_options {
    const struct storage *storage;
    const struct check_report *report;
    const bool *foreign;            /* one bool per file: another program made the file */
    bool all;                       /* the user allows overwriting every file */
};

/* Returns 0, or SPRAT_E_EXISTS with a sentence on the first file that must not be written to. After
 * 0, |note| names the files that are completed ("" if there are none), |cut| (one bool per file)
 * marks those of them that are longer than the torrent says, and |*any_cut| says whether |cut|
 * marks any. */
int adopt_judge(const struct adopt_options *o, bool *cut, bool *any_cut, struct errbuf *note,
                struct errbuf *why);

#endif
