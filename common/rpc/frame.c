/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Splits lines with a length limit. Each byte is looked at once, however the stream is split.
 */
#include "common/rpc/frame.h"

#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

void
rpc_frame_init(struct rpc_frame *f)
{
    *f = (struct rpc_frame){.scanned = 0};
    buf_init(&f->in, RPC_MESSAGE_MAX + 2 + RPC_FEED_MAX);
}

void
rpc_frame_fini(struct rpc_frame *f)
{
    buf_fini(&f->in);
}

/* Drops the message that was returned last. */
static void
drop_taken(struct rpc_frame *f)
{
    buf_consume(&f->in, f->taken);
    f->taken = 0;
}

int
rpc_frame_feed(struct rpc_frame *f, const void *data, size_t len)
{
    ASSERT(len <= RPC_FEED_MAX);
    drop_taken(f);
    return buf_put(&f->in, data, len);
}

bool
rpc_frame_full(const struct rpc_frame *f)
{
    return buf_len(&f->in) - f->taken > RPC_MESSAGE_MAX + 1;
}

int
rpc_frame_next(struct rpc_frame *f, const char **text, size_t *len)
{
    drop_taken(f);
    while (buf_len(&f->in) > 0) {
        const uint8_t *start = buf_data(&f->in);
        const uint8_t *lf = memchr(start + f->scanned, '\n', buf_len(&f->in) - f->scanned);
        size_t n = lf != NULL ? (size_t)(lf - start) : buf_len(&f->in);

        if (n > RPC_MESSAGE_MAX + 1 || (n == RPC_MESSAGE_MAX + 1 && start[n - 1] != '\r'))
            return SPRAT_E_TOOBIG;
        if (lf == NULL) {
            f->scanned = n;
            return 0;
        }
        f->scanned = 0;
        f->taken = n + 1;
        if (n > 0 && start[n - 1] == '\r')
            n--;
        if (n > 0) {
            *text = (const char *)start;
            *len = n;
            return 1;
        }
        drop_taken(f);
    }
    return 0;
}
