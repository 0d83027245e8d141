/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The UDP sockets at the addresses and ports of the TCP listeners, and the only code that reads
 * them. core/udpsort.h says what a datagram is: KRPC messages go to the DHT's reader, answers of
 * trackers to the reader of udp_tracker.h. An attempt to connect by uTP is answered with a reset
 * (core/utpreset.h). All else is counted and ignored.
 *
 * On the first loop only.
 */
#ifndef PEER_NET_UDPDOOR_H
#define PEER_NET_UDPDOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/err.h"
#include "common/ev/loop.h"
#include "peer/core/udpsort.h"

enum {
    UDPDOOR_SOCKETS_MAX = 8,
    UDPDOOR_BATCH = 16,
    UDPDOOR_DATAGRAM_MAX = UDPSORT_TRACKER_MAX, /* bytes; longer datagrams are dropped */
};

struct udpdoor;

struct udpdoor_counts {
    uint64_t krpc;     /* KRPC messages received */
    uint64_t trackers; /* answers of trackers to requests that wait for them */
    uint64_t resets;   /* resets sent */
    uint64_t limited;  /* attempts without a reset, because of the limits of utpreset.h */
    uint64_t ignored;  /* all other datagrams */
};

/* The reader of a class of datagrams. |data| is valid during the call. */
struct udpdoor_reader {
    void *ctx;
    /* False: the datagram is not for the reader, and counts as ignored. A datagram that the reader
     * sends to |from| during the call leaves from the address to which the first one was sent. */
    bool (*on_datagram)(void *ctx, unsigned socket, const struct endpoint *from,
                        const uint8_t *data, size_t len);
    /* The network says that a datagram to |to|, of whatever class, did not arrive: dgram.h. NULL:
     * such errors are ignored. */
    void (*on_undelivered)(void *ctx, const struct endpoint *to, int err);
};

/* NULL when memory is out. */
struct udpdoor *udpdoor_new(struct loop *l);
/* NULL is legal. */
void udpdoor_free(struct udpdoor *u);

/* Opens one more socket, whose number is udpdoor_count() before. SPRAT_E_BUSY for a port in use,
 * SPRAT_E_LIMIT, SPRAT_E_NOMEM; |eb| names the address. */
int udpdoor_open(struct udpdoor *u, const struct endpoint *at, struct errbuf *eb);
/* Closes all sockets; others can be opened afterwards. */
void udpdoor_close(struct udpdoor *u);

unsigned udpdoor_count(const struct udpdoor *u);
/* The address and port of a socket. */
const struct endpoint *udpdoor_addr(const struct udpdoor *u, unsigned socket);

/* The number of a socket from which a datagram to |to| can leave: of the same family, and not bound
 * to a loopback address unless |to| is one. False if there is none. */
bool udpdoor_socket_for(const struct udpdoor *u, const struct endpoint *to, unsigned *socket);

/* Sets the reader of UDP_KRPC or UDP_TRACKER. |reader| is copied; NULL: none, and such datagrams
 * are ignored. Must not be called by a reader. */
void udpdoor_set_reader(struct udpdoor *u, enum udp_class what,
                        const struct udpdoor_reader *reader);

/* Sends one datagram: 0; SPRAT_E_AGAIN when the socket has no room, and the datagram is lost, as
 * the network may lose it; or the error with which the network refuses it. */
int udpdoor_send(struct udpdoor *u, unsigned socket, const struct endpoint *to, const uint8_t *data,
                 size_t len);

void udpdoor_get_counts(const struct udpdoor *u, struct udpdoor_counts *counts);

#endif
