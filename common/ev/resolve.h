/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Resolves names to addresses with getaddrinfo() on worker threads, so that the loop never blocks.
 * Numeric addresses need no thread, and requests for one name share one look-up.
 */
#ifndef COMMON_EV_RESOLVE_H
#define COMMON_EV_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/ev/loop.h"

enum {
    RESOLVE_THREADS_MAX = 4,  /* started on demand */
    RESOLVE_PENDING_MAX = 1024, /* different names that may be pending at a time */
    RESOLVE_ADDRS_MAX = 16,   /* addresses given for one name */
    RESOLVE_HOST_MAX = 255,   /* bytes of a name */
};

struct resolver;
struct resolve;

/* NULL when memory is out. */
struct resolver *resolver_new(struct loop *l);

/* Drops all pending names without callbacks and frees the resolver; does not wait for threads
 * inside the system's resolver. Must not be called from a callback. NULL is legal. */
void resolver_free(struct resolver *r);

/* Resolves |host|. |fn| is called once, from the loop and never from within this call, unless the
 * job is cancelled before: err 0 and at least one address with |port|, without duplicates, in the
 * system's order of preference; or SPRAT_E_RESOLVE. Returns NULL, and never calls |fn|, when |host|
 * is too long, too many names are pending, or memory is out. */
struct resolve *resolve_start(struct resolver *r, const char *host, uint16_t port,
                              void (*fn)(void *ctx, int err, const struct endpoint *addrs,
                                         size_t count),
                              void *ctx);

/* Cancels a job whose callback has not run yet. */
void resolve_cancel(struct resolve *job);

#endif
