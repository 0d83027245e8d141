/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Redis for a thread that may wait: a command is sent and its reply awaited. Not for a loop, which
 * has cluster_link.h.
 */
#ifndef TRACKER_NET_REDIS_CALL_H
#define TRACKER_NET_REDIS_CALL_H

#include <string.h>

#include "common/base/err.h"
#include "tracker/core/cluster_wire.h"
#include "tracker/net/cluster_url.h"

enum {
    REDIS_CALL_MS_MAX = 5000, /* to connect, and from a command to its whole reply */
    REDIS_CALL_ARGS_MAX = 16,
    REDIS_CALL_COMMAND_MAX = 1 << 21, /* bytes of a command */
};

struct redis_call;

/* |url| is borrowed. NULL when memory is out. */
struct redis_call *redis_call_new(const struct cluster_url *url);
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

/* Runs a command of |n| words, at most REDIS_CALL_ARGS_MAX. |*reply| is good until the next call,
 * and no error: SPRAT_E_REMOTE is what Redis answered, and the connection stands. After any other
 * error it is closed. |eb| has the sentence. */
int redis_call(struct redis_call *c, const struct redis_arg *args, size_t n,
               const struct cluster_reply **reply, struct errbuf *eb);

#endif
