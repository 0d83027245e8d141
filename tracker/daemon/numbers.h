/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The numbers of the moment, from all who count something: for the metrics, and for the log at the
 * end.
 */
#ifndef TRACKER_DAEMON_NUMBERS_H
#define TRACKER_DAEMON_NUMBERS_H

#include "tracker/core/metrics.h"
#include "tracker/daemon/accountant.h"
#include "tracker/daemon/courier.h"
#include "tracker/daemon/listfile.h"
#include "tracker/daemon/worker.h"

/* Who is asked; all are borrowed. */
struct numbers {
    const struct worker_common *common;
    const struct listfile *list;
    struct accountant *accountant; /* NULL: the tracker has no database */
    struct courier *courier;       /* NULL: it is in no private fleet */
    const struct loop *loop;
    struct mono started_at;
};

/* Fills in |m|. On the loop's thread. */
void numbers_gather(const struct numbers *n, struct metrics *m);

/* Writes the totals to the log. */
void numbers_log(const struct numbers *n);

#endif
