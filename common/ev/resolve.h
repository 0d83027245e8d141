/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names to addresses with getaddrinfo() on worker threads, so that the loop never waits. Numeric
 * addresses cost no thread.
 */
#ifndef COMMON_EV_RESOLVE_H
#define COMMON_EV_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/ev/loop.h"

enum {
    RESOLVE_THREADS_MAX = 4,  /* started as they are needed */
    RESOLVE_PENDING_MAX = 1024, /* names waited for at a time */
    RESOLVE_ADDRS_MAX = 16,   /* addresses given for one name */
    RESOLVE_HOST_MAX = 255,   /* bytes of a name */
};

struct resolver;
struct resolve;

/* NULL when memory is out. */
struct resolver *resolver_new(struct loop *l);

/* Drops all that is pending, without callbacks; does not wait for threads that are inside the
 * system's resolver. Not from inside a callback. NULL is legal. */
void resolver_free(struct resolver *r);

/* |fn| is called once, from the loop and never from inside this call, unless it is cancelled
 * before: err 0 and at least one address with |port|, each once, in the system's order of
 * preference; or SPRAT_E_RESOLVE. Returns NULL, and nothing comes, when |host| is too long, too
 * many are pending, or memory is out. */
struct resolve *resolve_start(struct resolver *r, const char *host, uint16_t port,
                              void (*fn)(void *ctx, int err, const struct endpoint *addrs,
                                         size_t count),
                              void *ctx);

/* |job| must not have called back yet. */
void resolve_cancel(struct resolve *job);

#endif
