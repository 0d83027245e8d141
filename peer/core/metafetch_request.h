/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The requests for blocks that are out at a peer. Each has been paid for with the download limit's
 * tokens; what is withdrawn is paid back.
 */
#ifndef PEER_CORE_METAFETCH_REQUEST_H
#define PEER_CORE_METAFETCH_REQUEST_H

#include "peer/core/metafetch_impl.h"

/* Notes a request to |p|, which has a copy and room for it. False when memory is out. */
bool request_add(struct metafetch *m, struct metafetch_peer *p, uint32_t block);
/* The index of the request for |block|; METAFETCH_FLIGHT_MAX if there is none. */
uint32_t request_find(const struct metafetch_peer *p, uint32_t block);
/* Removes a request: its block came, or, with |refund|, it will not come. */
void request_remove(struct metafetch *m, struct metafetch_peer *p, uint32_t index, bool refund);
void request_withdraw_all(struct metafetch *m, struct metafetch_peer *p);

#endif
