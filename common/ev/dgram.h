/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A UDP socket on a loop that receives and sends in batches (recvmmsg, sendmmsg). Each received
 * datagram carries the local address that it was sent to, and a reply is sent from that address,
 * even if the socket is bound to the wildcard address.
 */
#ifndef COMMON_EV_DGRAM_H
#define COMMON_EV_DGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/ev/loop.h"
#include "common/ev/port.h"

enum {
    DGRAM_BATCH_MAX = 128,
    DGRAM_ROUNDS_MAX = 8, /* full batches read at a time, before other events of the loop are
                             handled */
};

struct dgram;

struct dgram_msg {
    struct endpoint peer;
    struct endpoint local; /* local address (port unused); family IP_NONE: the kernel chooses */
    const uint8_t *data;
    size_t len;
};

/* |msgs| is valid during the call. Datagrams longer than |len_max| are dropped. on_batch may free
 * the socket. */
struct dgram_handler {
    void *ctx;
    void (*on_batch)(void *ctx, const struct dgram_msg *msgs, size_t count);
    void (*on_writable)(void *ctx); /* once, after dgram_send() did not send all; may be NULL */
    /* An ICMP error says that a datagram to |to| did not arrive: |err| is usually REFUSED or
     * UNREACHABLE. NULL: such errors are ignored. on_undelivered must not free the socket. */
    void (*on_undelivered)(void *ctx, const struct endpoint *to, int err);
};

/* Creates a socket bound to |at|; port 0 lets the kernel choose. |batch| (1 to DGRAM_BATCH_MAX)
 * datagrams of |len_max| bytes are read at a time. |eb| names the address. The handler is copied.
 */
int dgram_new(struct loop *l, const struct endpoint *at, unsigned batch, size_t len_max,
              const struct dgram_handler *handler, struct dgram **out, struct errbuf *eb);

/* dgram_new() for a socket that shares its port with others (port.h). */
int dgram_new_sharing(struct loop *l, const struct endpoint *at, enum port_share share,
                      unsigned batch, size_t len_max, const struct dgram_handler *handler,
                      struct dgram **out, struct errbuf *eb);

/* Creates a socket for the multicast group |group|, an address and a port, on the network interface
 * with this number alone: it receives only datagrams that come to the group there, and sends only
 * there. What it sends stays in the local network (TTL 1), and comes back to other sockets of this
 * machine too. Any number of programs can have such sockets with the same group. */
int dgram_new_multicast(struct loop *l, const struct endpoint *group, uint32_t interface,
                        unsigned batch, size_t len_max, const struct dgram_handler *handler,
                        struct dgram **out, struct errbuf *eb);

/* Calls port_steer() for the group of |d|. False if the kernel can't do that: then it distributes
 * datagrams by source address. */
bool dgram_steer(struct dgram *d, const struct port_steering *s);

/* Sets the size of the kernel's buffer for datagrams that were not read yet, its own overhead per
 * datagram included, and returns the size that the kernel allows: without privileges at most
 * net.core.rmem_max. */
size_t dgram_set_receive_buffer(struct dgram *d, size_t bytes);

/* Datagrams that the kernel dropped because the buffer was full; 0 if it can't say. From any
 * thread.
 */
uint64_t dgram_drops(const struct dgram *d);

/* NULL is legal. */
void dgram_free(struct dgram *d);

/* The bound address and port. */
const struct endpoint *dgram_addr(const struct dgram *d);

/* Sends up to |count| datagrams and returns the number sent. Datagrams that the network refuses (no
 * route, too long) count as sent, as if they had been lost. A result below |count| means that the
 * socket is full; on_writable is called later. */
size_t dgram_send(struct dgram *d, const struct dgram_msg *msgs, size_t count);

/* Sends one datagram: 0; SPRAT_E_AGAIN when the socket is full (on_writable is not called for it);
 * or the error with which the network refuses it. */
int dgram_try(struct dgram *d, const struct dgram_msg *msg);

#endif
