/* SPDX-License-Identifier: BSD-2-Clause
 *
 * About how many peers each address has in all swarms of a table, in fixed memory: two rows of
 * counters (a count-min sketch), of which an address has one in each. Others share these counters,
 * so the smaller one is what the address has, and something of others' at most. An address is an
 * IPv4 address, or an IPv6 /48: what one party can have. Knows no swarm.
 */
#ifndef TRACKER_CORE_CROWD_H
#define TRACKER_CORE_CROWD_H

#include <stddef.h>
#include <stdint.h>

enum { CROWD_PLACES = 1 << 14 }; /* counters of each of the two rows, four bytes each */

/* Embedded. */
struct crowd {
    uint32_t *counts;
    uint64_t total;
    uint32_t most; /* that an address had at once; may be lowered by the owner */
    uint64_t seed[2];
};

/* |seed| must be a secret. SPRAT_E_NOMEM. */
int crowd_init(struct crowd *c, const uint64_t seed[2]);
void crowd_fini(struct crowd *c);

/* A peer with the compact endpoint |key| of |key_len| bytes came or went. */
void crowd_enter(struct crowd *c, const uint8_t *key, size_t key_len);
void crowd_leave(struct crowd *c, const uint8_t *key, size_t key_len);

/* About how many peers the address of |key| has; never less than it has. */
uint32_t crowd_count(const struct crowd *c, const uint8_t *key, size_t key_len);

/* By how much two counts must differ for it to mean something: half of what stands in a counter of
 * evenly spread addresses. */
static inline uint32_t
crowd_noise(const struct crowd *c)
{
    return (uint32_t)(c->total / CROWD_PLACES / 2);
}

#endif
