/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cuts a stream of bytes into the messages of the control protocol: one JSON text a line, ended by
 * LF (a CR before it is dropped; empty lines are skipped). Does no I/O and knows nothing of JSON.
 */
#ifndef COMMON_RPC_FRAME_H
#define COMMON_RPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/ds/buf.h"

enum {
    RPC_MESSAGE_MAX = 8 * 1024 * 1024, /* bytes of one message, without its LF */
    RPC_FEED_MAX = 64 * 1024,          /* bytes that may be fed at a time */
};

/* Embedded; private. */
struct rpc_frame {
    struct buf in;
    size_t scanned; /* bytes at the front that are known to hold no LF */
    size_t taken;   /* bytes of the message that was given out last */
};

void rpc_frame_init(struct rpc_frame *f);
void rpc_frame_fini(struct rpc_frame *f);

/* Adds |len| ≤ RPC_FEED_MAX bytes. NOMEM; TOOBIG when more is held than one message can take: then
 * rpc_frame_full() was not asked before. */
int rpc_frame_feed(struct rpc_frame *f, const void *data, size_t len);

/* True while no more should be fed before messages are taken out. */
bool rpc_frame_full(const struct rpc_frame *f);

/* 1 and the next whole message, valid until the next call on |f| (not NUL-terminated); 0 if there
 * is none yet; TOOBIG for good when the message under way is longer than RPC_MESSAGE_MAX. */
int rpc_frame_next(struct rpc_frame *f, const char **text, size_t *len);

#endif
