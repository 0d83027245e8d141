/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Splits a byte stream into the messages of the control protocol: one JSON text per line, ended by
 * LF (a CR before it is dropped; empty lines are skipped). Does no I/O and does not parse JSON.
 */
#ifndef COMMON_RPC_FRAME_H
#define COMMON_RPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/ds/buf.h"

enum {
    RPC_MESSAGE_MAX = 8 * 1024 * 1024, /* bytes of one message, without its LF */
    RPC_FEED_MAX = 64 * 1024,          /* most bytes per rpc_frame_feed() */
};

/* Embedded; private. */
struct rpc_frame {
    struct buf in;
    size_t scanned; /* bytes at the front that are known to contain no LF */
    size_t taken;   /* length of the message that was returned last */
};

void rpc_frame_init(struct rpc_frame *f);
void rpc_frame_fini(struct rpc_frame *f);

/* Adds |len| ≤ RPC_FEED_MAX bytes. NOMEM; TOOBIG when more bytes are held than one message can
 * have, which rpc_frame_full() would have reported. */
int rpc_frame_feed(struct rpc_frame *f, const void *data, size_t len);

/* True while messages should be taken out before more bytes are fed. */
bool rpc_frame_full(const struct rpc_frame *f);

/* Returns 1 and the next complete message, valid until the next call on |f| (not NUL-terminated); 0
 * if there is none yet; TOOBIG permanently when the current message is longer than RPC_MESSAGE_MAX.
 */
int rpc_frame_next(struct rpc_frame *f, const char **text, size_t *len);

#endif
