/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which files that another program put in a torrent's place may be completed, and so be written to:
 * decided from the report of a check. A file is the torrent's if one of its pieces matches;
 * whatever else is there is overwritten only if the user said so.
 */
#ifndef PEER_STORE_ADOPT_H
#define PEER_STORE_ADOPT_H

#include <stdbool.h>

#include "common/base/err.h"
#include "peer/store/check.h"

struct adopt_options {
    const struct storage *storage;
    const struct check_report *report;
    const bool *foreign;            /* a bool a file: put there by others */
    bool all;                       /* the user said that all of it may be overwritten */
};

/* 0, or SPRAT_E_EXISTS and a sentence on the first file that must not be written to. After 0,
 * |note| tells of files that are completed ("" if there are none), and |cut| (a bool a file) says
 * which of them are longer than they should be; |*any_cut| whether there are any. */
int adopt_judge(const struct adopt_options *o, bool *cut, bool *any_cut, struct errbuf *note,
                struct errbuf *why);

#endif
