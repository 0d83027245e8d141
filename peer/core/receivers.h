/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The receivers of a torrent: the peers that lacked pieces and wanted ours, how much each of them
 * has, and how many of them have become complete. A receiver is known by its peer id, so one that
 * connects again stays the same. A peer that was complete whenever it was connected is no receiver.
 * What peers say of themselves is believed: a peer can claim pieces that it does not have.
 *
 * A torrent keeps the table, which outlives its swarms. The table has a maximum: when it is full,
 * the receiver that left first is forgotten; |copies| still counts it.
 */
#ifndef PEER_CORE_RECEIVERS_H
#define PEER_CORE_RECEIVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "peer/core/handshake.h"

enum {
    RECEIVERS_MAX = 1024, /* entries of the table */
    RECEIVERS_NONE = 0,   /* no entry */
};

struct receiver {
    uint8_t peer_id[PEER_ID_LEN];
    struct endpoint addr; /* of the last connection */
    uint32_t pieces;      /* that the peer has, as far as it said */
    uint32_t connections; /* that are up; 0: it left */
    uint64_t left;        /* a count of departures at that moment */
    bool fetched;         /* it lacked pieces and was interested in ours */
    bool complete;        /* it has all pieces, and lacked some before */
};

struct receivers;

/* NULL when memory is out. */
struct receivers *receivers_new(void);
/* NULL is legal. */
void receivers_free(struct receivers *r);

/* A connection to the peer is up. Returns the number of its entry, for the calls below; it stays
 * valid until receivers_leave(). RECEIVERS_NONE if the table is full of connected peers or memory
 * is out; the calls below ignore that number. */
uint32_t receivers_enter(struct receivers *r, const uint8_t peer_id[PEER_ID_LEN],
                         const struct endpoint *addr);

/* The peer has |pieces| of |total|, and is interested in ours or not. */
void receivers_note(struct receivers *r, uint32_t entry, uint32_t pieces, uint32_t total,
                    bool interested);

/* The connection ended. */
void receivers_leave(struct receivers *r, uint32_t entry);

/* The receivers that have become complete, forgotten ones included. */
uint32_t receivers_copies(const struct receivers *r);

/* The next peer that is a receiver, in the order of coming; start with *iter = 0. NULL at the end.
 * Valid until the next call that changes |r|. */
const struct receiver *receivers_next(const struct receivers *r, uint32_t *iter);

#endif
