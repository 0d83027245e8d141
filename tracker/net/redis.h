/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Encodes commands for Redis and parses its replies, with limits. It uses the reader and the
 * formatter of hiredis, not its asynchronous API: that blocks the thread while it looks up names,
 * and limits neither unsent bytes nor the size of a reply.
 */
#ifndef TRACKER_NET_REDIS_H
#define TRACKER_NET_REDIS_H

#include "common/ds/buf.h"
#include "tracker/core/cluster.h"

enum {
    /* Bytes received that do not form a whole reply yet: several times the longest valid reply. */
    REDIS_UNREAD_MAX = 1 << 16,
};

/* Appends the command to |out|. SPRAT_E_NOMEM, or the buffer's error. */
int redis_put(struct buf *out, const struct cluster_command *cmd);

struct redis_reader;

/* NULL when memory is out. */
struct redis_reader *redis_reader_new(void);
void redis_reader_free(struct redis_reader *r);

/* Takes received bytes. SPRAT_E_PROTOCOL if more bytes are waiting than a valid reply can have;
 * SPRAT_E_NOMEM. */
int redis_reader_feed(struct redis_reader *r, const void *bytes, size_t len);

/* Reads the next whole reply. Returns 1, and |*reply| is valid until the next call; 0 if there is
 * none yet; SPRAT_E_PROTOCOL if the bytes are not a reply, or if it is nested or has more elements
 * than any reply to our commands. After an error nothing more can be read. Strings are cut at
 * CLUSTER_REPLY_STRING_MAX bytes, status and error texts at 1,024.
 */
int redis_reader_next(struct redis_reader *r, const struct cluster_reply **reply);

#endif
