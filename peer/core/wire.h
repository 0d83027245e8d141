/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The peer wire protocol after the handshake: BEP 3, BEP 5 (port), BEP 6 (fast), BEP 10 (extended),
 * BEP 52 (hash request, hashes, hash reject). This codec turns bytes into messages and back; it
 * knows no peer, no torrent and no socket. One table holds all ids and sizes.
 */
#ifndef PEER_CORE_WIRE_H
#define PEER_CORE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ds/buf.h"
#include "peer/core/ahead.h"
#include "peer/core/block.h"

/*  X(NAME, id, shortest, longest): payload bytes after the id that we accept. Three longest values
 *  are our own limits: METAINFO_PIECES_MAX bits in a BITFIELD, the 512 hashes that we ask for plus
 *  a proof in a HASHES, and 64 KiB in an EXTENDED (the longest extended handshake). The receiver
 *  holds all of a message in memory until its end arrives. */
#define WIRE_TABLE(X)                                                                              \
    X(CHOKE, 0, 0, 0)                                                                              \
    X(UNCHOKE, 1, 0, 0)                                                                            \
    X(INTERESTED, 2, 0, 0)                                                                         \
    X(NOT_INTERESTED, 3, 0, 0)                                                                     \
    X(HAVE, 4, 4, 4)                                                                               \
    X(BITFIELD, 5, 0, 524288)                                                                      \
    X(REQUEST, 6, 12, 12)                                                                          \
    X(PIECE, 7, 8, 8 + BLOCK_LEN)                                                                  \
    X(CANCEL, 8, 12, 12)                                                                           \
    X(PORT, 9, 2, 2)                                                                               \
    X(SUGGEST, 13, 4, 4)                                                                           \
    X(HAVE_ALL, 14, 0, 0)                                                                          \
    X(HAVE_NONE, 15, 0, 0)                                                                         \
    X(REJECT, 16, 12, 12)                                                                          \
    X(ALLOWED_FAST, 17, 4, 4)                                                                      \
    X(EXTENDED, 20, 1, 1 + 65536)                                                                  \
    X(HASH_REQUEST, 21, 48, 48)                                                                    \
    X(HASHES, 22, 48, 48 + 32 * (512 + 48))                                                        \
    X(HASH_REJECT, 23, 48, 48)

enum wire_type {
#define X(name, id, shortest, longest) WIRE_##name = (id),
    WIRE_TABLE(X)
#undef X
    WIRE_KEEPALIVE = 256, /* a message of length 0 */
    WIRE_UNKNOWN = 257,   /* a message whose id is not in the table, to be ignored; its payload
                             is dropped */
};

/* The subject of messages 21 to 23 (BEP 52). */
struct wire_hash_request {
    uint8_t root[32]; /* pieces root of the file */
    uint32_t base_layer;
    uint32_t index;
    uint32_t length;
    uint32_t proof_layers;
};

struct wire_msg {
    enum wire_type type;
    uint32_t piece;  /* HAVE, REQUEST, PIECE, CANCEL, SUGGEST, REJECT, ALLOWED_FAST */
    uint32_t begin;  /* bytes into the piece */
    uint32_t length; /* REQUEST, CANCEL, REJECT: bytes; PIECE: bytes of the payload */
    uint16_t port;   /* PORT */
    uint8_t ext_id;  /* EXTENDED: the extended message id; 0 is the handshake */
    struct block *block;            /* PIECE, received: the payload; wire_rx_next() gives the
                                       reference to its caller */
    struct wire_hash_request hashes; /* HASH_REQUEST, HASHES, HASH_REJECT */
    const uint8_t *data; /* BITFIELD, EXTENDED (after its id), HASHES (32 bytes each); valid
                            until the next call on the source */
    size_t len;          /* bytes of |data|; UNKNOWN: bytes of the dropped payload, with |data|
                            NULL */
};

const char *wire_name(enum wire_type type);

/* Appends the message's bytes. For PIECE only the 13 bytes of the header: the caller sends the
 * payload of msg->length bytes separately. */
int wire_encode(struct buf *out, const struct wire_msg *msg);

/* The bytes of the whole message on the wire, a PIECE's payload included. */
uint32_t wire_size(const struct wire_msg *msg);

/* The receiver of one connection. Embedded; private.
 *
 * Its owner asks where to put the next bytes (wire_rx_spans), reads from the socket, reports how
 * many came (wire_rx_filled), and then takes messages (wire_rx_next) until there is none. A block's
 * payload is read straight into its block, and while PIECE messages come, one read fills several
 * blocks. All other bytes pass a small staging buffer, which grows with the received bytes of the
 * present message (never with its announced length) and shrinks when idle. */
struct wire_rx {
    struct block_pool *pool;
    struct buf staging;
    size_t bitfield_max; /* bytes of the torrent's bitfield */
    struct block *block; /* the payload being read, or NULL */
    uint32_t block_piece, block_begin, block_len;
    bool pieces;        /* the last message was a PIECE: more are likely */
    struct ahead ahead; /* bytes after those of |block| or |staging| */
    bool skipping;      /* the payload of an unknown message is being dropped */
    uint32_t skip_len;  /* length of that message */
    uint32_t skip_left; /* bytes of it that are still to come */
    size_t delivered;   /* staged bytes that the last message points to */
    int err;
};

enum {
    WIRE_SPANS_MAX = AHEAD_MAX + 1,
    WIRE_UNKNOWN_MAX = 65536,   /* longest payload of an unknown message; a longer one is an
                                   error */
    WIRE_REQUEST_MAX = 131072,  /* most bytes that a REQUEST, CANCEL or REJECT may name */
    WIRE_STAGING = 1023,        /* size of the staging buffer while no longer message is under
                                   way */
    WIRE_PIECE_HEADER = BLOCK_HEAD_LEN, /* bytes before a block's payload */
};

/* |piece_count| determines the legal length of a BITFIELD; 0 while it is not known. */
void wire_rx_init(struct wire_rx *rx, struct block_pool *pool, uint32_t piece_count);
/* Drops a block that is only partly read. */
void wire_rx_fini(struct wire_rx *rx);

/* Fills |spans| with the places of the next bytes, in order, and returns their number (at most
 * WIRE_SPANS_MAX). 0 if the pool has no free block (stop reading, try later) or a message waits to
 * be taken; negative after an error (also SPRAT_E_NOMEM: the connection is lost then).
 * wire_rx_filled() must follow, with 0 if no bytes came. */
int wire_rx_spans(struct wire_rx *rx, struct wire_span spans[WIRE_SPANS_MAX]);
void wire_rx_filled(struct wire_rx *rx, size_t len);

/* After wire_rx_next() returned 0: true if received bytes wait for a free block. Then call
 * wire_rx_next() again when the pool has one, whether or not more bytes can be read. */
bool wire_rx_starves(const struct wire_rx *rx);

/* After wire_rx_next() returned 0: true if a message longer than WIRE_STAGING, other than a PIECE,
 * has begun: it occupies memory, or is being dropped, until its end arrives. */
bool wire_rx_is_long(const struct wire_rx *rx);

/* wire_rx_spans() and wire_rx_filled() in one, for bytes that are in memory already (tests,
 * encrypted and simulated links): takes up to |len| bytes and returns how many; 0 and negative as
 * wire_rx_spans(). Take the messages, then push the rest. */
int64_t wire_rx_push(struct wire_rx *rx, const uint8_t *bytes, size_t len);

/* 1 and a message; 0 when more bytes are needed; SPRAT_E_PROTOCOL (sticky) for a message that is
 * too long, too short, or malformed, which includes a block of 0 or more than BLOCK_LEN bytes, and
 * a request for 0 or more than WIRE_REQUEST_MAX bytes. */
int wire_rx_next(struct wire_rx *rx, struct wire_msg *msg);

#endif
