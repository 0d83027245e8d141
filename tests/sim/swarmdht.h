/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The DHT of a simulated swarm: a bootstrap host, hosts that have nothing to do with the torrent,
 * and one host beside each peer (nodedht.h), in one network of datagrams (dhtnet.h).
 */
#ifndef TESTS_SIM_SWARMDHT_H
#define TESTS_SIM_SWARMDHT_H

#include "tests/sim/dhtnet.h"

struct sim;

struct swarmdht_spec {
    bool on;          /* peers have a DHT */
    uint32_t hosts;   /* without a peer of the torrent, beside the bootstrap host */
    uint32_t hostile; /* of them, each in its way; at most |hosts| */
    uint32_t loss;    /* datagrams in a million that are lost */
    int64_t jitter_us;
};

enum { SWARMDHT_HOSTS_MAX = 1000, SWARMDHT_JITTER_MAX_US = 60000000 };

struct swarmdht {
    struct dhtnet net; /* must be the first member */
    struct sim *sim;
    uint32_t strangers; /* hosts without a peer; those of the peers follow */
    uint64_t naming;    /* datagrams that contain a hash of the torrent */
};

/* |nodes|: peers that the world will have. The hosts without a peer join within a second. */
struct swarmdht *swarmdht_new(struct sim *s, const struct swarmdht_spec *spec, uint32_t nodes);
/* NULL is legal. */
void swarmdht_free(struct swarmdht *d);

/* The host of the peer with that number. */
struct dhthost *swarmdht_host(struct swarmdht *d, unsigned index);

/* The bootstrap host leaves for good. */
void swarmdht_end_bootstrap(struct swarmdht *d);

#endif
