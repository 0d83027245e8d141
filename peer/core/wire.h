/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The peer wire protocol after the handshake: BEP 3, BEP 5 (port), BEP 6 (fast), BEP 10 (extended),
 * BEP 52 (hash request, hashes, hash reject). Turns bytes into messages and back; knows no peer, no
 * torrent and no socket. Ids and sizes are one table.
 */
#ifndef PEER_CORE_WIRE_H
#define PEER_CORE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ds/buf.h"
#include "peer/core/ahead.h"
#include "peer/core/block.h"

/*  X(NAME, id, shortest, longest) payload bytes behind the id, of what is received. The longest
 *  payloads of three messages are limits of ours: METAINFO_PIECES_MAX bits in a BITFIELD, the 512
 *  hashes that we ask for and a proof in a HASHES, and 64 KiB in an EXTENDED, whose longest is the
 *  extended handshake. All of a message is held until its end is there. */
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
    WIRE_KEEPALIVE = 256, /* a length of 0 */
    WIRE_UNKNOWN = 257,   /* an id that is not in the table: ignore it; its payload is dropped */
};

/* The subject of messages 21 to 23 (BEP 52). */
struct wire_hash_request {
    uint8_t root[32]; /* pieces root of a file */
    uint32_t base_layer;
    uint32_t index;
    uint32_t length;
    uint32_t proof_layers;
};

struct wire_msg {
    enum wire_type type;
    uint32_t piece;  /* HAVE, REQUEST, PIECE, CANCEL, SUGGEST, REJECT, ALLOWED_FAST */
    uint32_t begin;  /* bytes into the piece */
    uint32_t length; /* bytes: REQUEST, CANCEL, REJECT; of the payload: PIECE */
    uint16_t port;   /* PORT */
    uint8_t ext_id;  /* EXTENDED: the sub-id, 0 is the handshake */
    struct block *block;            /* PIECE, received: the payload; the taker owns the reference */
    struct wire_hash_request hashes; /* HASH_REQUEST, HASHES, HASH_REJECT */
    const uint8_t *data; /* BITFIELD, EXTENDED (behind the sub-id), HASHES (32 bytes each); valid
                            until the next call on its source */
    size_t len;          /* of |data|; UNKNOWN: of the dropped payload, with |data| NULL */
};

const char *wire_name(enum wire_type type);

/* Appends the message's bytes. For PIECE only the 13 bytes of the header: the payload of
 * msg->length bytes follows by other means. */
int wire_encode(struct buf *out, const struct wire_msg *msg);

/* Bytes of the whole message on the wire, a PIECE's payload included. */
uint32_t wire_size(const struct wire_msg *msg);

/* The receiving side of one connection. Embedded; private.
 *
 * The owner asks where to put the next bytes (wire_rx_spans), reads, says how many came
 * (wire_rx_filled), and then takes messages (wire_rx_next) until there is none. A piece's payload
 * is read straight into its block, and while pieces come, several of them in one read; everything
 * else passes a small staging buffer that grows with what came of the message at hand (never with
 * what was only announced) and shrinks back when idle. */
struct wire_rx {
    struct block_pool *pool;
    struct buf staging;
    size_t bitfield_max; /* longest bitfield that this torrent allows */
    struct block *block; /* the payload being read, or NULL */
    uint32_t block_piece, block_begin, block_len;
    bool pieces;        /* the last message was one: more are likely */
    struct ahead ahead; /* bytes behind those of |block| or |staging| */
    bool skipping;      /* in the payload of an unknown message */
    uint32_t skip_len;  /* its length */
    uint32_t skip_left; /* what is still to come and to be dropped */
    size_t delivered;   /* staged bytes that the last message lent out */
    int err;
};

enum {
    WIRE_SPANS_MAX = AHEAD_MAX + 1,
    WIRE_UNKNOWN_MAX = 65536,   /* payload of an unknown message; more is an error */
    WIRE_REQUEST_MAX = 131072,  /* bytes that one request, cancel or reject may name */
    WIRE_STAGING = 1023,        /* staged at a time while no message asks for more */
    WIRE_PIECE_HEADER = BLOCK_HEAD_LEN, /* bytes before a piece's payload */
};

/* |piece_count| sizes the longest legal bitfield; use 0 while it is not known. */
void wire_rx_init(struct wire_rx *rx, struct block_pool *pool, uint32_t piece_count);
/* Drops a half-read block. */
void wire_rx_fini(struct wire_rx *rx);

/* Fills |spans| with where the next bytes go, in order, and returns how many (at most
 * WIRE_SPANS_MAX); 0 when no block is to be had from the pool (stop reading, try later) or a
 * message waits to be taken, negative after an error (SPRAT_E_NOMEM too: then the connection is
 * lost). Spans are to be followed by wire_rx_filled(), if nothing came with 0. */
int wire_rx_spans(struct wire_rx *rx, struct wire_span spans[WIRE_SPANS_MAX]);
void wire_rx_filled(struct wire_rx *rx, size_t len);

/* After wire_rx_next() returned 0: whether bytes that were read wait for a block, so that it is to
 * be called again when the pool has one, whether or not more can be read. */
bool wire_rx_starves(const struct wire_rx *rx);

/* After wire_rx_next() returned 0: whether a message that is longer than WIRE_STAGING has begun,
 * other than a piece: it holds memory, or is skipped, until its end is there. */
bool wire_rx_is_long(const struct wire_rx *rx);

/* As spans and filled in one, for bytes that lie somewhere else already (tests, encrypted and
 * simulated links): takes up to |len| bytes and returns how many; 0 and negative as wire_rx_spans.
 * Take the messages, then push the rest. */
int64_t wire_rx_push(struct wire_rx *rx, const uint8_t *bytes, size_t len);

/* 1 and a message; 0 when more bytes are needed; SPRAT_E_PROTOCOL for a message that is too long,
 * too short, or malformed (sticky): so is a block of no bytes or more than BLOCK_LEN, and a request
 * of no bytes or more than WIRE_REQUEST_MAX. */
int wire_rx_next(struct wire_rx *rx, struct wire_msg *msg);

#endif
