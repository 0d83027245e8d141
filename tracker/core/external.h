/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Peers that announce from a loopback address (127.0.0.0/8, ::1) run on the tracker's own host. To
 * a peer on another host that address means the other host itself, so it is never handed out as it
 * is: the operator's external address takes its place, or the peer is left out of the answer.
 *
 * Peers are compact endpoints (BEP 23, BEP 7), as in peerset.h.
 */
#ifndef TRACKER_CORE_EXTERNAL_H
#define TRACKER_CORE_EXTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"

/* How other hosts reach this one, an address for each family. Ports do not count, and IP_NONE as
 * the family means that the operator named no address. */
struct external {
    struct endpoint v4, v6;
};

/* Whether the compact endpoint |key| of |family| has a loopback address. */
bool external_is_loopback(const uint8_t *key, uint8_t family);

/* Puts the external address of |family| into |key|, which keeps its port. False if there is none;
 * then |key| is as it was. */
bool external_replace(const struct external *x, uint8_t family, uint8_t *key);

/* Makes |n| compact endpoints of |family| fit for another host: replaces loopback addresses, or
 * removes those peers from |peers| and from |ids| (20 bytes each, or NULL). Returns how many
 * remain; the others keep their order. */
uint32_t external_filter(const struct external *x, uint8_t family, uint8_t *peers, uint8_t *ids,
                         uint32_t n);

#endif
