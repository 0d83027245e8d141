/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A UDP socket of the tracker: passes batches of packets to a udp_service, and sends its answers
 * from the address to which the request came. Does not parse packets.
 */
#ifndef TRACKER_NET_UDP_FRONT_H
#define TRACKER_NET_UDP_FRONT_H

#include "common/ev/dgram.h"
#include "tracker/core/udp_service.h"

enum {
    UDP_FRONT_BATCH = 64,
    UDP_FRONT_PARKED_MAX = 4096, /* packets that may wait; further ones are answered at once */
};

struct udp_front;

/* Binds to |at|. |service| is borrowed; several fronts of one loop may share it. */
int udp_front_new(struct loop *l, const struct endpoint *at, enum port_share share,
                  struct udp_service *service, struct udp_front **out, struct errbuf *eb);

/* Makes the kernel deliver packets to the fronts that share |f|'s port by their torrents: the front
 * with index i gets those of shard i. False if the kernel can't. */
bool udp_front_steer(struct udp_front *f, const struct shard_rule *rule);

/* Tries parked packets (UDP_SERVICE_WAIT) again, in the order in which they arrived, up to the
 * first that must still wait, since replies of Redis come in this order too. A packet is answered
 * after CLUSTER_WAIT_MS in any case. */
void udp_front_poke(struct udp_front *f);

/* As dgram_set_receive_buffer() and dgram_drops(). */
size_t udp_front_set_buffer(struct udp_front *f, size_t bytes);
uint64_t udp_front_dropped(const struct udp_front *f);

/* The number of parked packets. From any thread. */
uint64_t udp_front_parked(const struct udp_front *f);

/* NULL is legal. */
void udp_front_free(struct udp_front *f);

/* The bound address and port. */
const struct endpoint *udp_front_addr(const struct udp_front *f);

#endif
