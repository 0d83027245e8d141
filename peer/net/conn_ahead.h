/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads ahead: loads the first pieces of a connection's queue before they can leave. A piece whose
 * file is in the page cache (at hand) leaves straight from there; other pieces are read into
 * buffers, within the limits of the hub.
 */
#ifndef PEER_NET_CONN_AHEAD_H
#define PEER_NET_CONN_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

struct conn;
struct out_piece;

/* The bytes of a piece and of those behind it that were found at hand last. Embedded. */
struct conn_hand {
    uint32_t piece, begin;
    uint32_t len;      /* bytes; 0: none */
    struct mono asked; /* the time of the query */
};

/* Loads as many pieces as the limits allow. The connection may be closed afterwards. A connection
 * that must wait for a buffer or the disk goes on its hub's list |hungry|. */
void conn_ahead_load(struct conn *c);

/* Whether |p| was found at hand so recently that it still counts as at hand. */
bool conn_ahead_is_sure(const struct conn *c, const struct out_piece *p);

/* The first piece of the queue is at hand no longer: marks it to be read into a buffer. */
void conn_ahead_lapse(struct conn *c, struct out_piece *p);

#endif
