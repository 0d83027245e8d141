/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A run of the simulated DHT: hosts join, leave and return, announce torrents and look for them,
 * and what comes of it is counted.
 */
#ifndef TESTS_SIM_DHTPLAY_H
#define TESTS_SIM_DHTPLAY_H

#include "tests/sim/dhtnet.h"

struct dhtplay_result {
    uint32_t searches; /* that ended while the host that announced was still there */
    uint32_t found;    /* of them */
    uint32_t queries_median, queries_p90;
    uint32_t first_ms_median; /* until the announced host was named */
    double nodes_mean;        /* in the tables of honest hosts at the end */
    struct dhtnet_count count;
    uint64_t trace;
};

void dhtplay(const struct dhtnet_spec *spec, struct dhtplay_result *result);

#endif
