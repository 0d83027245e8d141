/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading ahead: the first pieces of a connection's queue are got ready before their turn comes. A
 * piece whose file is in the page cache (at hand) leaves straight from there; others are read into
 * buffers, within the limits of the hub.
 */
#ifndef PEER_NET_CONN_AHEAD_H
#define PEER_NET_CONN_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

struct conn;
struct out_piece;

/* A stretch that was found to be at hand. Embedded. */
struct conn_hand {
    uint32_t piece, begin;
    uint32_t len; /* 0: none */
    struct mono asked;
};

/* Gets pieces ready, as many as may be. The connection may be closed afterwards. One that must wait
 * for a buffer or the disk goes on its hub's list of hungry ones. */
void conn_ahead_load(struct conn *c);

/* Was it asked so short a time ago that |p| is taken to be at hand still? */
bool conn_ahead_is_sure(const struct conn *c, const struct out_piece *p);

/* The first piece's turn has come, and it is at hand no longer: it will be read. */
void conn_ahead_lapse(struct conn *c, struct out_piece *p);

#endif
