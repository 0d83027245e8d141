/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Redis for a thread that may wait: a command is sent and its reply awaited. Not for a loop, which
 * has cluster_link.h.
 */
#ifndef TRACKER_NET_REDIS_CALL_H
#define TRACKER_NET_REDIS_CALL_H

#include <string.h>

#include "common/base/err.h"
#include "common/crypto/tls.h"
#include "tracker/core/cluster_wire.h"
#include "tracker/net/cluster_url.h"

enum {
    REDIS_CALL_MS_MAX = 5000, /* to connect, and from a command to its whole reply */
    REDIS_CALL_ARGS_MAX = 16,
    REDIS_WRITE_ARGS_MAX = REDIS_CALL_ARGS_MAX - 5,
    REDIS_CALL_COMMAND_MAX = 1 << 21, /* bytes of a command */
};

struct redis_call;

/* Both are borrowed; |client| is NULL for a URL without TLS. NULL when memory is out. */
struct redis_call *redis_call_new(const struct cluster_url *url, struct tls_client *client);
void redis_call_free(struct redis_call *c); /* NULL is legal */

/* Connects and introduces itself, unless that is done already. Looking up a name takes as long as
 * the system's resolver wants. RESOLVE, TIMEOUT, REMOTE (a wrong password, for instance) and what
 * connect() says; |eb| has the sentence. */
int redis_call_connect(struct redis_call *c, struct errbuf *eb);
void redis_call_disconnect(struct redis_call *c);

struct redis_arg {
    const void *data;
    size_t len;
};

static inline struct redis_arg
redis_text(const char *text)
{
    return (struct redis_arg){text, strlen(text)};
}

/* Until the next call of this, redis_write() has Redis run its command only while the text at
 * |lease_key| is |holder|, in one step: a keeper that slept through the end of its lease changes
 * nothing when it wakes. Both are borrowed; NULL: no guard. */
void redis_call_guard(struct redis_call *c, const char *lease_key, const char *holder);

/* Runs a command of |n| words, at most REDIS_CALL_ARGS_MAX. |*reply| is good until the next call,
 * and no error: SPRAT_E_REMOTE is what Redis answered, and the connection stands. After any other
 * error it is closed. |eb| has the sentence. */
int redis_call(struct redis_call *c, const struct redis_arg *args, size_t n,
               const struct cluster_reply **reply, struct errbuf *eb);

/* redis_call() for a command that changes the key |args[1]|, under the guard if there is one; at
 * most REDIS_WRITE_ARGS_MAX words. REMOTE also if the lease is another's. */
int redis_write(struct redis_call *c, const struct redis_arg *args, size_t n,
                const struct cluster_reply **reply, struct errbuf *eb);

#endif
