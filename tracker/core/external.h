/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Peers that announce from a loopback address (127.0.0.0/8, ::1) run on the tracker's own host. On
 * another host such an address means that host itself. So an answer to another host contains the
 * operator's external address instead, or leaves the peer out.
 *
 * Peers are compact endpoints (BEP 23, BEP 7), as in peerset.h.
 */
#ifndef TRACKER_CORE_EXTERNAL_H
#define TRACKER_CORE_EXTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"

/* This host's address as other hosts see it, one for each family. The ports are not used; the
 * family IP_NONE means that the operator named no address. */
struct external {
    struct endpoint v4, v6;
};

/* Whether the compact endpoint |key| of |family| has a loopback address. */
bool external_is_loopback(const uint8_t *key, uint8_t family);

/* Replaces the address in |key| by the external one of |family|; the port stays. False if there is
 * no external address; then |key| is unchanged. */
bool external_replace(const struct external *x, uint8_t family, uint8_t *key);

/* Prepares |n| compact endpoints of |family| for an answer to another host: replaces loopback
 * addresses, or removes such peers from |peers| and from |ids| (20 bytes each, or NULL). Returns
 * how many remain, in the same order. */
uint32_t external_filter(const struct external *x, uint8_t family, uint8_t *peers, uint8_t *ids,
                         uint32_t n);

#endif
