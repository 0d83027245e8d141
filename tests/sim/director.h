/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Runs a scenario: lets the nodes join, starts the scenario's events, notices the end, and lets all
 * nodes leave. Returns a few numbers about the run.
 */
#ifndef TESTS_SIM_DIRECTOR_H
#define TESTS_SIM_DIRECTOR_H

#include "tests/sim/scenario.h"

struct result {
    char failure[SIM_FAILURE_LEN]; /* "": none */
    uint64_t trace;
    uint32_t wanted, complete;            /* nodes that began without everything, and have it now */
    int64_t first_us, median_us, last_us; /* from joining to complete */
    int64_t met_median_us, met_last_us;   /* from joining to the first connection;
                                             INT64_MAX: there was none */
    int64_t bound_us;         /* shortest possible time if all join at once and have no piece */
    uint64_t copies_permille; /* sent by the nodes that had all pieces at first */
    uint64_t waste_permille;  /* of all received payload */
    uint64_t inputs;
    int64_t took_us; /* virtual, until the last was complete */
    uint32_t bans;
    uint64_t dht_datagrams; /* sent in the DHT */
    uint64_t dht_naming;    /* of them, those that contain a hash of the torrent */
    uint32_t astray; /* CONNECT effects of honest nodes to addresses without a node */
};

/* |trace|: where every input and effect is printed; NULL. SPRAT_E_INVAL with a sentence if the
 * scenario's torrent can't be made. */
int director_play(const struct scenario *sc, uint64_t seed, FILE *trace, struct result *res,
                  struct errbuf *eb);

#endif
