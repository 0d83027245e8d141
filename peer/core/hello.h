/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What two peers say to each other before the first message: bytes go in, bytes to send come out,
 * and the end is the other side's handshake and the bytes behind it. A hello knows no torrent and
 * no socket, so it works over whatever carries bytes. The first byte decides the protocol: 0x13 is
 * the plain one (BEP 3), whose hello is one handshake in each direction. Any other is refused.
 */
#ifndef PEER_CORE_HELLO_H
#define PEER_CORE_HELLO_H

#include <stddef.h>
#include <stdint.h>

#include "peer/core/handshake.h"

enum hello_state {
    HELLO_FIRST, /* no byte has come */
    HELLO_PLAIN,
    HELLO_DONE,
    HELLO_FAILED,
};

/* Embedded; private. */
struct hello {
    enum hello_state state;
    uint8_t in[HANDSHAKE_LEN];
    uint32_t in_len;
    uint8_t out[HANDSHAKE_LEN];
    uint32_t out_len;
};

struct hello_end {
    struct handshake handshake; /* the other side's */
    const uint8_t *left;        /* what came behind it; valid until the bytes given go */
    size_t left_len;
};

/* The other side connected to us and speaks first. Our handshake depends on the torrent that it
 * asks for, so it is not a part of this hello: the owner sends it afterwards. */
void hello_init_accept(struct hello *h);

/* We connected, and speak first: |offer| is the first thing that comes out. */
void hello_init_dial(struct hello *h, const struct handshake *offer);

/* Takes |len| bytes of the other side's, cut anyhow. 1: the hello is done, and |end| is filled; no
 * more may be given (asserted). 0: more bytes are needed. SPRAT_E_PROTOCOL, as early as the bytes
 * say it, and from then on: the connection must end. */
int hello_take(struct hello *h, const uint8_t *bytes, size_t len, struct hello_end *end);

/* The bytes that are to be sent now, each only once; ask after the init and after each take. Their
 * number; |*bytes| is valid until the next call on |h|. */
size_t hello_out(struct hello *h, const uint8_t **bytes);

#endif
