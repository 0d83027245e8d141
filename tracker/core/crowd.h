/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Counts approximately how many peers each address has in all swarms of a table, in fixed memory: a
 * count-min sketch of two rows of counters, where an address has one counter in each row. Other
 * addresses share these counters, so the smaller counter is an upper bound. An address is an IPv4
 * address, or an IPv6 /48, which one customer can have. Knows no swarm.
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
    uint32_t most; /* the highest count of an address; the owner may lower it */
    uint64_t seed[2];
};

/* |seed| must be a secret. SPRAT_E_NOMEM. */
int crowd_init(struct crowd *c, const uint64_t seed[2]);
void crowd_fini(struct crowd *c);

/* Counts a peer with the compact endpoint |key| of |key_len| bytes that has come or gone. */
void crowd_enter(struct crowd *c, const uint8_t *key, size_t key_len);
void crowd_leave(struct crowd *c, const uint8_t *key, size_t key_len);

/* The approximate number of peers of the address of |key|; never too low. */
uint32_t crowd_count(const struct crowd *c, const uint8_t *key, size_t key_len);

/* The difference of two counts that is significant: half the mean value of a counter. */
static inline uint32_t
crowd_noise(const struct crowd *c)
{
    return (uint32_t)(c->total / CROWD_PLACES / 2);
}

#endif
