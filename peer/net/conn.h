/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One connection to a peer: the hello, then messages in both directions over a link (link.h). What
 * is received goes straight into the pool's blocks; what is sent leaves in the order in which it
 * was asked for, pieces once they were read. Knows no torrent and decides nothing.
 *
 * All connections of a loop share a hub: the block pool, the buffers of pieces on their way out,
 * and one flush at the end of each round of the loop, so that many small messages leave in one
 * write.
 */
#ifndef PEER_NET_CONN_H
#define PEER_NET_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/ev/loop.h"
#include "peer/core/block.h"
#include "peer/core/handshake.h"
#include "peer/core/wire.h"

enum {
    CONN_CONNECT_MS = 10000,
    CONN_HANDSHAKE_MS = 10000,      /* a connection that has not shaken hands by then is closed */
    CONN_CTL_MAX = 2 * 1024 * 1024, /* bytes of messages that wait; more: the peer does not read */
    CONN_CTL_PAUSE = 256 * 1024,    /* with more waiting, the peer's messages wait too:
                                       it must read first */
    CONN_PIECES_MAX = 4096,         /* pieces that wait for one connection; more: likewise */
    CONN_PIECES_AHEAD = 64,         /* of them in memory, being read, or known to be at hand */
    CONN_SURE_MS = 500,             /* what was in the page cache is taken to be there for so
                                       long */
    CONN_HAND_BYTES = 256 * 1024,   /* asked of the page cache at a time */
    CONN_TURN_BYTES = 512 * 1024,   /* read or written before other connections have a turn */
    CONN_MESSAGE_MS = 120000,       /* a long message (wire_rx_is_long) must end so soon after it
                                       began */
    CONN_HUB_BUFFERS_MAX = 4096,    /* blocks of pieces on their way out, all hubs of a process */
    CONN_HUB_BUFFERS_KEEP = 64,     /* of them kept when they are not in use */
    CONN_HUB_PIECES_KEEP = 1024,    /* records of pieces kept when they are not in use */
};

struct conn;
struct conn_hub;
struct farewells;
struct link;

/* A piece (a range of one) on its way out. The reader fills |data|. */
struct conn_piece {
    uint32_t piece, begin, length;
    uint8_t *data;
};

/* Nothing is called from inside a call on the connection. A connection may be closed in any of
 * them. */
struct conn_handler {
    void *ctx;
    /* Their handshake is there. Nothing more is read until conn_start(). */
    void (*on_handshake)(void *ctx, struct conn *c, const struct handshake *h);
    /* The message's block, if it has one, is the handler's. */
    void (*on_message)(void *ctx, struct conn *c, const struct wire_msg *msg);
    /* Bytes left by the link: |payload| of pieces, |total| with headers and all. */
    void (*on_sent)(void *ctx, struct conn *c, uint32_t payload, uint32_t total);
    /* Begins to read |p|; ends in conn_piece_done(), even if the connection is closed meanwhile.
     * Not 0: it can't be; SPRAT_E_AGAIN: not now (see conn_hub_kick). */
    int (*read)(void *ctx, struct conn *c, struct conn_piece *p);
    void (*on_read_failed)(void *ctx, struct conn *c, const struct conn_piece *p, int err);
    /* Sends |len| bytes of |p| from |skip| on straight from their file |to| the link; or, where
     * |to| is NULL, says how many bytes from there on, at least |len| and perhaps of pieces to
     * come, could be sent now without waiting for a disk. |sure|: it was asked a moment ago. Bytes,
     * SPRAT_E_AGAIN when the link is full; any other error: read() is the way. May be NULL. */
    int64_t (*send_file)(void *ctx, struct conn *c, const struct conn_piece *p, uint32_t skip,
                         uint32_t len, bool sure, struct link *to);
    /* It ended from outside, or broke a rule. |c| is gone afterwards. */
    void (*on_closed)(void *ctx, struct conn *c, int err);
};

/* |blocks_max| blocks at most are received into at a time, |buffers_max| (1 at least) are on their
 * way out. NULL when memory is out. */
struct conn_hub *conn_hub_new(struct loop *l, uint32_t blocks_max, uint32_t buffers_max);
/* All connections are closed, all reads are done (asserted). NULL is legal. */
void conn_hub_free(struct conn_hub *hub);
struct block_pool *conn_hub_blocks(const struct conn_hub *hub);
/* Blocks or disk jobs may be free again: those that wait for them go on soon. */
void conn_hub_kick(struct conn_hub *hub);

/* Takes a link that is being connected to |peer|, and sends |offer|. The connection is closed with
 * SPRAT_E_TIMEOUT when their handshake is not there after |timeout_ms|. The link is freed on error
 * too. */
int conn_dial(struct conn_hub *hub, struct link *link, const struct endpoint *peer,
              const struct handshake *offer, uint32_t timeout_ms,
              const struct conn_handler *handler, struct conn **out);

/* Takes the link of an accepted connection; it is freed on error too. Timeout as above. */
int conn_accept(struct conn_hub *hub, struct link *link, const struct endpoint *peer,
                uint32_t timeout_ms, const struct conn_handler *handler, struct conn **out);

/* Our end's address; family IP_NONE if it is not known. */
void conn_local(const struct conn *c, struct endpoint *e);

/* Gives the link of a connection away whose handshake is there and was not answered, detached from
 * its loop and with what came behind the handshake. The connection is gone. */
struct link *conn_give(struct conn *c);
/* Takes such a link on, in another hub; it is freed on error too. The timeout is for
 * conn_start(). */
int conn_adopt(struct conn_hub *hub, struct link *link, const struct endpoint *peer,
               uint32_t timeout_ms, const struct conn_handler *handler, struct conn **out);

/* Closes it without a callback; what was not sent is lost, also what the link still holds. NULL
 * is legal. */
void conn_close(struct conn *c);

/* As conn_close(), but what left by the link reaches the other side (farewell.h). */
void conn_part(struct conn *c, struct farewells *f);

/* The owner changes. |tag| is the owner's word for it. */
void conn_set_handler(struct conn *c, const struct conn_handler *handler);
void conn_set_tag(struct conn *c, uint64_t tag);
uint64_t conn_tag(const struct conn *c);
const struct endpoint *conn_peer(const struct conn *c);
/* Does, or did, the connection stand? False while it is being made, and if it could not be. */
bool conn_reached(const struct conn *c);

/* Sends our handshake: the answer to an accepted one. */
void conn_answer(struct conn *c, const struct handshake *h);

/* The hello is done: messages are read from now on. */
void conn_start(struct conn *c, uint32_t piece_count);

/* Queues one; its payload is copied. A connection whose queue is full is closed soon. */
void conn_send(struct conn *c, const struct wire_msg *msg);
/* |length| is at most WIRE_REQUEST_MAX. Only |allowed| bytes of it may leave before
 * conn_allow(). */
void conn_send_piece(struct conn *c, uint32_t piece, uint32_t begin, uint32_t length,
                     uint32_t allowed);
/* |more| bytes of the piece that was sent last may leave; nothing happens if it is another. */
void conn_allow(struct conn *c, uint32_t piece, uint32_t begin, uint32_t more);

/* The answer to the handler's read(): 0, and |p->data| is filled; or why not. */
void conn_piece_done(struct conn_piece *p, int err);

#endif
