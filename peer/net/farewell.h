/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sockets that we are done with and the other side may not be. Closing a socket whose input was not
 * read makes the kernel reset the connection, and what was sent and not yet received is lost: the
 * last blocks of a seeder that leaves. So it is shut down for sending, what comes is thrown away,
 * and it is closed when the other side closes, or after a while.
 */
#ifndef PEER_NET_FAREWELL_H
#define PEER_NET_FAREWELL_H

#include <stdbool.h>

#include "common/ev/loop.h"
#include "common/ev/stream.h"

enum {
    FAREWELL_MAX = 256, /* sockets at a time; one more is closed at once */
    FAREWELL_MS = 2000,
};

struct farewells;

/* |over| is called from the loop when the last socket is closed. NULL when memory is out. */
struct farewells *farewells_new(struct loop *l, void (*over)(void *ctx), void *ctx);

/* Closes what is left. NULL is legal. */
void farewells_free(struct farewells *f);

/* Takes the stream, which is connected. */
void farewell(struct farewells *f, struct stream *s);

/* Closes what is left now; |over| is not called. */
void farewells_cut(struct farewells *f);

/* True when there are none. */
bool farewells_done(const struct farewells *f);

#endif
