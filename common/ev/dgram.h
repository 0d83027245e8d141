/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A UDP socket on a loop that receives and sends in batches (recvmmsg, sendmmsg). Each datagram
 * knows which of our addresses it came to, and an answer leaves from that one, also when the socket
 * is bound to the wildcard.
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
    DGRAM_ROUNDS_MAX = 8, /* full batches read in one go, before others on the loop have a turn */
};

struct dgram;

struct dgram_msg {
    struct endpoint peer;
    struct endpoint local; /* ours (port unused); family IP_NONE: the kernel chooses */
    const uint8_t *data;
    size_t len;
};

/* |msgs| is valid during the call. Datagrams longer than |len_max| are left out. The socket may be
 * freed in on_batch. */
struct dgram_handler {
    void *ctx;
    void (*on_batch)(void *ctx, const struct dgram_msg *msgs, size_t count);
    void (*on_writable)(void *ctx); /* once, after dgram_send() did not send all; may be NULL */
    /* The network said (by ICMP) that a datagram to |to| did not arrive: |err| is REFUSED or
     * UNREACHABLE, as a rule. NULL: such errors are not heard.
     * The socket may not be freed in it. */
    void (*on_undelivered)(void *ctx, const struct endpoint *to, int err);
};

/* Binds to |at|; port 0 takes any. |batch| (1 to DGRAM_BATCH_MAX) datagrams of |len_max| bytes are
 * read at a time. |eb| names the address. The handler is copied. */
int dgram_new(struct loop *l, const struct endpoint *at, unsigned batch, size_t len_max,
              const struct dgram_handler *handler, struct dgram **out, struct errbuf *eb);

/* The same for a socket that shares its port with others. */
int dgram_new_sharing(struct loop *l, const struct endpoint *at, enum port_share share,
                      unsigned batch, size_t len_max, const struct dgram_handler *handler,
                      struct dgram **out, struct errbuf *eb);

/* port_steer() for the group of |d|. False if the kernel can't: it spreads datagrams by the address
 * they come from. */
bool dgram_steer(struct dgram *d, unsigned at, unsigned count);

/* NULL is legal. */
void dgram_free(struct dgram *d);

/* The real address and port. */
const struct endpoint *dgram_addr(const struct dgram *d);

/* Sends up to |count| and returns how many left. Those that the network refuses (no route, too
 * long) count as sent, as if they had been lost. Fewer than |count|: the socket is full;
 * on_writable comes. */
size_t dgram_send(struct dgram *d, const struct dgram_msg *msgs, size_t count);

/* Sends one: 0, SPRAT_E_AGAIN when the socket is full (nothing comes when it is not any more), or
 * why the network refuses it. */
int dgram_try(struct dgram *d, const struct dgram_msg *msg);

#endif
