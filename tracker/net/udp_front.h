/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker's UDP sockets: batches of packets go to a udp_service and its answers back, from the
 * address that the question came to. Knows nothing of what the packets say.
 */
#ifndef TRACKER_NET_UDP_FRONT_H
#define TRACKER_NET_UDP_FRONT_H

#include "common/ev/dgram.h"
#include "tracker/core/udp_service.h"

enum {
    UDP_FRONT_BATCH = 64,
    UDP_FRONT_PARKED_MAX = 4096, /* packets that wait; further ones are answered at once */
};

struct udp_front;

/* Binds to |at|. |service| is borrowed and may be shared by the fronts of one loop. */
int udp_front_new(struct loop *l, const struct endpoint *at, enum port_share share,
                  struct udp_service *service, struct udp_front **out, struct errbuf *eb);

/* Has the kernel give each front of the group that shares |f|'s port the packets about torrents of
 * the shard with the front's number. False if it can't. */
bool udp_front_steer(struct udp_front *f, const struct shard_rule *rule);

/* Has packets that wait (UDP_SERVICE_WAIT) come again, in the order in which they came, up to the
 * first that still has to: what they wait for comes in that order too. CLUSTER_WAIT_MS after it
 * came a packet is answered in any case. */
void udp_front_poke(struct udp_front *f);

/* As dgram_set_receive_buffer() and dgram_drops(). */
size_t udp_front_set_buffer(struct udp_front *f, size_t bytes);
uint64_t udp_front_dropped(const struct udp_front *f);

/* Packets that wait. From any thread. */
uint64_t udp_front_parked(const struct udp_front *f);

/* NULL is legal. */
void udp_front_free(struct udp_front *f);

/* The real address and port. */
const struct endpoint *udp_front_addr(const struct udp_front *f);

#endif
