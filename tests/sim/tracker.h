/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The simulated tracker: the real tracker core behind one function, because no file may include the
 * headers of both cores.
 */
#ifndef TESTS_SIM_TRACKER_H
#define TESTS_SIM_TRACKER_H

#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "peer/core/announce.h"

enum { SIM_TRACKER_PEERS_MAX = 100 };

struct sim_announce {
    const uint8_t *info_hash; /* 20 bytes */
    const uint8_t *peer_id;   /* 20 bytes */
    struct endpoint from;     /* with the port where the peer listens */
    enum announce_event event;
    uint64_t uploaded, downloaded, left;
    uint32_t key, numwant;
};

struct sim_tracker;

struct sim_tracker *sim_tracker_new(uint32_t interval_s, uint64_t seed);
void sim_tracker_free(struct sim_tracker *t);

/* Fills |res|, and |peers| with room for SIM_TRACKER_PEERS_MAX; returns how many there are. */
uint32_t sim_tracker_announce(struct sim_tracker *t, const struct sim_announce *a,
                              struct announce_result *res, struct endpoint *peers, struct mono now);

/* The number of peers in all torrents of the tracker. */
uint64_t sim_tracker_listed(const struct sim_tracker *t);

#endif
