/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers to the queries of a DHT node, and queries that get none. An answer counts if it comes
 * from the address that was asked, with the transaction id of the query and the id that the node
 * was known by. A node that answers with our own id, or that sends our query back, reflects
 * datagrams, and is not asked again.
 */
#ifndef PEER_CORE_DHT_ANSWER_H
#define PEER_CORE_DHT_ANSWER_H

#include "peer/core/dht_impl.h"

/* A response or an error came. */
void answer_read(struct dht *d, const struct krpc_message *m, const struct endpoint *from,
                 struct mono now);

/* A query came that may be one of ours, sent back: true if it is. */
bool answer_is_echo(struct dht *d, const struct krpc_message *m, const struct endpoint *from,
                    struct mono now);

/* Handles queries that are late or have failed. */
void answer_tick(struct dht *d, struct mono now);

#endif
