/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A node's host of the DHT: searches for the torrent while the node runs, as torrent_search.c does
 * in the real program, and gives the node's core the peers that it finds. Its address is the
 * node's.
 */
#ifndef TESTS_SIM_NODEDHT_H
#define TESTS_SIM_NODEDHT_H

#include <stdbool.h>

#include "common/base/endpoint.h"

struct node;
struct nodedht;

/* The world must have a DHT. The host is away. */
struct nodedht *nodedht_new(struct node *n);
/* The host must be away. NULL is legal. */
void nodedht_free(struct nodedht *d);

/* The host joins, with the routing table of its former life, or leaves without a word. */
void nodedht_join(struct nodedht *d);
void nodedht_leave(struct nodedht *d);

/* After an input of the node's core: begins, changes or ends the search. */
void nodedht_update(struct nodedht *d);

/* A peer has named its DHT node. */
void nodedht_add(struct nodedht *d, const struct endpoint *addr);

void nodedht_set_side(struct nodedht *d, unsigned side);

#endif
