/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A farewell closes a socket so that the other side gets all sent bytes. Closing a socket whose
 * input was not read makes the kernel reset the connection, and bytes that were sent and not yet
 * received are lost: the last blocks of a seeder that leaves. So a farewell shuts the socket down
 * for sending, discards its input, and closes the socket when the other side closes, or after a
 * timeout.
 */
#ifndef PEER_NET_FAREWELL_H
#define PEER_NET_FAREWELL_H

#include <stdbool.h>

#include "common/ev/loop.h"
#include "common/ev/stream.h"

enum {
    FAREWELL_MAX = 256, /* sockets at a time; a further socket is closed at once */
    FAREWELL_MS = 2000,
};

struct farewells;

/* |over| is called from the loop when the last socket is closed. NULL when memory is out. */
struct farewells *farewells_new(struct loop *l, void (*over)(void *ctx), void *ctx);

/* Closes the remaining sockets. NULL is legal. */
void farewells_free(struct farewells *f);

/* Takes ownership of |s|, which is connected. */
void farewell(struct farewells *f, struct stream *s);

/* Closes the remaining sockets now; |over| is not called. */
void farewells_cut(struct farewells *f);

/* True when no socket is left. */
bool farewells_done(const struct farewells *f);

#endif
