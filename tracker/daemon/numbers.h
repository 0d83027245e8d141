/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Collects the numbers that the parts of the tracker count, for the metrics, and for the log when
 * the tracker stops.
 */
#ifndef TRACKER_DAEMON_NUMBERS_H
#define TRACKER_DAEMON_NUMBERS_H

#include "tracker/core/metrics.h"
#include "tracker/daemon/accountant.h"
#include "tracker/daemon/courier.h"
#include "tracker/daemon/listfile.h"
#include "tracker/daemon/worker.h"

/* The parts that count; all are borrowed. */
struct numbers {
    const struct worker_common *common;
    const struct listfile *list;
    struct accountant *accountant; /* NULL without a database */
    struct courier *courier;       /* NULL outside a private fleet */
    const struct loop *loop;
    struct mono started_at;
};

/* Fills in |m|. On the loop's thread. */
void numbers_gather(const struct numbers *n, struct metrics *m);

/* Writes the totals to the log. */
void numbers_log(const struct numbers *n);

#endif
