/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The queries of a DHT node: they stand in line until the rate allows one more, and are written
 * only then.
 */
#ifndef PEER_CORE_DHT_OUT_H
#define PEER_CORE_DHT_OUT_H

#include "peer/core/dht_impl.h"

/* Asks |to|. |id|: the id that it must have; all zero or NULL: any. NULL if too many queries are
 * under way, or |to| is a reflector. */
struct dht_query *out_ask(struct dht *d, enum dht_query_kind kind, const struct endpoint *to,
                          const uint8_t *id);

/* True if a query waits to be sent and may be: |fx| becomes its SEND. */
bool out_next(struct dht *d, struct dht_effect *fx, struct mono now);

/* An address that sends back what it gets is never asked again. */
void out_ban(struct dht *d, const struct endpoint *addr);
bool out_is_banned(const struct dht *d, const struct endpoint *addr);

#endif
