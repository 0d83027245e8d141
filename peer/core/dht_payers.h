/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which networks (dht_net.h) pay for the entries of a table of fixed size, so that a full table
 * gives up what costs the least: the oldest entry of the network that has the most. A network with
 * few entries loses none while another has more, however many the other one adds.
 *
 * The owner of the table numbers its entries from 1; this module keeps their payers. Everything is
 * O(1) and allocated at the beginning, and memory that no entry needs yet is not touched.
 */
#ifndef PEER_CORE_DHT_PAYERS_H
#define PEER_CORE_DHT_PAYERS_H

#include <stdint.h>

#include "common/base/endpoint.h"

#define DHT_PAYERS_NONE 0

struct dht_payers;

/* |entries|: size of the table, < UINT16_MAX. NULL when memory is out. */
struct dht_payers *dht_payers_new(uint16_t entries, const uint64_t seed[2]);
void dht_payers_free(struct dht_payers *p);

/* The network of |addr| pays for |entry|, which has no payer yet, and becomes its newest. */
void dht_payers_charge(struct dht_payers *p, uint16_t entry, const struct endpoint *addr);

/* |entry| has no payer any more; no effect if it had none. */
void dht_payers_refund(struct dht_payers *p, uint16_t entry);

/* |entry| becomes the newest of its network. */
void dht_payers_touch(struct dht_payers *p, uint16_t entry);

/* The number of entries of the network that pays for |entry|, and of the network of |addr|. */
uint16_t dht_payers_crowd(const struct dht_payers *p, uint16_t entry);
uint16_t dht_payers_crowd_of(const struct dht_payers *p, const struct endpoint *addr);

/* The oldest entry of the network that has the most, and of the network of |addr|.
 * DHT_PAYERS_NONE: no entry. */
uint16_t dht_payers_oldest(const struct dht_payers *p);
uint16_t dht_payers_oldest_of(const struct dht_payers *p, const struct endpoint *addr);

#endif
