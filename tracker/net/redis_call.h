/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A blocking connection to Redis: a call sends a command and waits for its reply. For threads
 * without a loop; loops use cluster_link.h.
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

/* Both arguments are borrowed; |client| is NULL for a URL without TLS. NULL when memory is out. */
struct redis_call *redis_call_new(const struct cluster_url *url, struct tls_client *client);
void redis_call_free(struct redis_call *c); /* NULL is legal */

/* Connects and authenticates, unless the connection exists already. Looking up a name takes as long
 * as the system's resolver takes. RESOLVE, TIMEOUT, REMOTE (for instance a wrong password) and
 * errors of connect(); |eb| has the message. */
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

/* Sets a guard: from now on redis_write() makes Redis check, in the same step as the command, that
 * the text at |lease_key| is |holder|. So a keeper that was suspended until its lease ended changes
 * nothing when it continues. Both are borrowed; NULL removes the guard. */
void redis_call_guard(struct redis_call *c, const char *lease_key, const char *holder);

/* Runs a command of |n| words, at most REDIS_CALL_ARGS_MAX. |*reply| is valid until the next call.
 * An error reply of Redis is returned as SPRAT_E_REMOTE, and the connection stays open; after any
 * other error it is closed. |eb| has the message. */
int redis_call(struct redis_call *c, const struct redis_arg *args, size_t n,
               const struct cluster_reply **reply, struct errbuf *eb);

/* Like redis_call(), for a command that changes the key |args[1]|, and under the guard if one is
 * set; at most REDIS_WRITE_ARGS_MAX words. REMOTE also if the lease has another holder. */
int redis_write(struct redis_call *c, const struct redis_arg *args, size_t n,
                const struct cluster_reply **reply, struct errbuf *eb);

#endif
