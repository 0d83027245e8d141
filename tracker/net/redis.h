/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The protocol of Redis as bytes, with limits: commands into a buffer, replies out of what comes
 * in. The only user of hiredis, of which it takes the reader and the formatter. Its asynchronous
 * API is left aside: it looks names up while everybody waits, and bounds neither what it holds to
 * be sent nor what a reply may take.
 */
#ifndef TRACKER_NET_REDIS_H
#define TRACKER_NET_REDIS_H

#include "common/ds/buf.h"
#include "tracker/core/cluster.h"

enum {
    /* Bytes that came and that no whole reply was made of yet: several times what the longest reply
     * takes. */
    REDIS_UNREAD_MAX = 1 << 16,
};

/* Appends the command to |out|. SPRAT_E_NOMEM, or the buffer's error. */
int redis_put(struct buf *out, const struct cluster_command *cmd);

struct redis_reader;

/* NULL when memory is out. */
struct redis_reader *redis_reader_new(void);
void redis_reader_free(struct redis_reader *r);

/* Takes bytes that came. SPRAT_E_PROTOCOL: so many that no reply of ours can still be in them;
 * SPRAT_E_NOMEM. */
int redis_reader_feed(struct redis_reader *r, const void *bytes, size_t len);

/* The next whole reply: 1, and |*reply| is good until the next call; 0 if there is none yet;
 * SPRAT_E_PROTOCOL for what is no reply, is nested, or has more elements than any that we ask for:
 * nothing more can be read then. Strings are cut at CLUSTER_REPLY_STRING_MAX bytes, texts at 1,024.
 */
int redis_reader_next(struct redis_reader *r, const struct cluster_reply **reply);

#endif
