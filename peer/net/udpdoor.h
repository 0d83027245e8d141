/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The UDP sockets at the addresses and ports of the TCP listeners, and the only code that reads
 * them. Today a packet is either a client's attempt to connect by uTP, which is answered with a
 * reset (utpreset.h), or is unknown and ignored. On the first loop only.
 */
#ifndef PEER_NET_UDPDOOR_H
#define PEER_NET_UDPDOOR_H

#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/err.h"
#include "common/ev/loop.h"

enum {
    UDPDOOR_SOCKETS_MAX = 8,
    UDPDOOR_BATCH = 16,
};

struct udpdoor;

struct udpdoor_counts {
    uint64_t resets;  /* resets sent */
    uint64_t limited; /* attempts without a reset, because of the limits of utpreset.h */
    uint64_t ignored; /* packets of no known format */
};

/* NULL when memory is out. */
struct udpdoor *udpdoor_new(struct loop *l);
/* NULL is legal. */
void udpdoor_free(struct udpdoor *u);

/* Opens one more socket. SPRAT_E_BUSY for a port in use, SPRAT_E_LIMIT, SPRAT_E_NOMEM; |eb| names
 * the address. */
int udpdoor_open(struct udpdoor *u, const struct endpoint *at, struct errbuf *eb);
/* Closes all sockets; others can be opened afterwards. */
void udpdoor_close(struct udpdoor *u);

void udpdoor_get_counts(const struct udpdoor *u, struct udpdoor_counts *counts);

#endif
