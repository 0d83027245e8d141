/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The UDP sockets at the addresses and ports of the TCP listeners, and the only code that reads
 * them. The first byte of a datagram says what it is:
 *
 *   'd'                     a KRPC message (BEP 5), which goes to the DHT's reader
 *   0x01, 0x11, … 0x41      uTP (BEP 29): an attempt to connect is answered with a reset
 *                           (utpreset.h)
 *   any other               counted and ignored
 *
 * On the first loop only.
 */
#ifndef PEER_NET_UDPDOOR_H
#define PEER_NET_UDPDOOR_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/err.h"
#include "common/ev/loop.h"

enum {
    UDPDOOR_SOCKETS_MAX = 8,
    UDPDOOR_BATCH = 16,
    UDPDOOR_DATAGRAM_MAX = 1500, /* bytes; longer datagrams are dropped */
};

struct udpdoor;

struct udpdoor_counts {
    uint64_t krpc;    /* KRPC messages received */
    uint64_t resets;  /* resets sent */
    uint64_t limited; /* attempts without a reset, because of the limits of utpreset.h */
    uint64_t ignored; /* packets of no known format */
};

/* The reader of the KRPC messages. |data| is valid during the call. A datagram that the reader
 * sends to |from| during the call leaves from the address to which the message was sent. */
struct udpdoor_reader {
    void *ctx;
    void (*on_datagram)(void *ctx, unsigned socket, const struct endpoint *from,
                        const uint8_t *data, size_t len);
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

/* |reader| is copied; NULL: KRPC messages are ignored. Must not be called by the reader. */
void udpdoor_set_krpc(struct udpdoor *u, const struct udpdoor_reader *reader);

/* Sends one datagram. A datagram for which the socket has no room is lost, as the network may lose
 * it. */
void udpdoor_send(struct udpdoor *u, unsigned socket, const struct endpoint *to,
                  const uint8_t *data, size_t len);

void udpdoor_get_counts(const struct udpdoor *u, struct udpdoor_counts *counts);

#endif
