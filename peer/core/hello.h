/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hello is the exchange of two peers before the first message, as a state machine without I/O:
 * received bytes go in, bytes to send come out, and it ends with the other side's handshake and the
 * bytes behind it. A hello knows no torrent and no socket, so it works over any transport. The
 * first byte decides the protocol: 0x13 is the plain protocol (BEP 3), whose hello is one handshake
 * in each direction. Any other byte is refused.
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
    const uint8_t *left;        /* the bytes behind it, within those passed to hello_take() */
    size_t left_len;
};

/* The other side connected to us and speaks first. Our handshake depends on the torrent that it
 * asks for, so it is not a part of this hello: the owner sends it afterwards. */
void hello_init_accept(struct hello *h);

/* We connected, and speak first: hello_out() returns |offer| first. */
void hello_init_dial(struct hello *h, const struct handshake *offer);

/* Consumes the next |len| bytes of the other side, in pieces of any length. Returns 1 when the
 * hello is done: |end| is filled, and no more bytes may be passed (asserted). Returns 0 when more
 * bytes are needed. Returns SPRAT_E_PROTOCOL as soon as the bytes can't be a hello, and from then
 * on: the connection must end. */
int hello_take(struct hello *h, const uint8_t *bytes, size_t len, struct hello_end *end);

/* Returns the number of bytes to be sent now, and sets |*bytes|, valid until the next call on |h|.
 * Each byte is returned once. To be called after the init and after each hello_take(). */
size_t hello_out(struct hello *h, const uint8_t **bytes);

#endif
