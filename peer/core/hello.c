/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The choice of the protocol by its first byte, and the plain protocol's hello.
 */
#include "peer/core/hello.h"

#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

enum { FIRST_BYTE_PLAIN = 0x13 };

void
hello_init_accept(struct hello *h)
{
    *h = (struct hello){.state = HELLO_FIRST};
}

void
hello_init_dial(struct hello *h, const struct handshake *offer)
{
    hello_init_accept(h);
    handshake_encode(offer, h->out);
    h->out_len = HANDSHAKE_LEN;
}

/* 1, 0 or an error as hello_take(). */
static int
take_plain(struct hello *h, const uint8_t *bytes, size_t len, struct hello_end *end)
{
    size_t part = HANDSHAKE_LEN - h->in_len;
    int err;

    if (part > len)
        part = len;
    memcpy(h->in + h->in_len, bytes, part);
    h->in_len += (uint32_t)part;
    err = handshake_decode(h->in, h->in_len, &end->handshake);
    if (err != 0 || h->in_len < HANDSHAKE_LEN)
        return err;
    end->left = bytes + part;
    end->left_len = len - part;
    return 1;
}

int
hello_take(struct hello *h, const uint8_t *bytes, size_t len, struct hello_end *end)
{
    int n;

    ASSERT(h->state != HELLO_DONE);
    if (len == 0)
        return h->state == HELLO_FAILED ? SPRAT_E_PROTOCOL : 0;
    if (h->state == HELLO_FIRST)
        h->state = bytes[0] == FIRST_BYTE_PLAIN ? HELLO_PLAIN : HELLO_FAILED;
    n = h->state == HELLO_PLAIN ? take_plain(h, bytes, len, end) : SPRAT_E_PROTOCOL;
    if (n != 0)
        h->state = n > 0 ? HELLO_DONE : HELLO_FAILED;
    return n;
}

size_t
hello_out(struct hello *h, const uint8_t **bytes)
{
    size_t len = h->out_len;

    *bytes = h->out;
    h->out_len = 0;
    return len;
}
