/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A connection to one peer: the handshakes, then messages in both directions over a link (link.h).
 * Received payload goes straight into the pool's blocks; messages leave in the order in which they
 * are queued, pieces as soon as they are read. The connection knows no torrent and decides nothing.
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
    CONN_HANDSHAKE_MS = 10000,      /* a connection without a complete handshake is closed after
                                       that */
    CONN_CTL_MAX = 2 * 1024 * 1024, /* bytes of waiting messages; beyond them the connection is
                                       closed: the peer does not read */
    CONN_CTL_PAUSE = 256 * 1024,    /* with more bytes waiting, nothing more is received until the
                                       peer reads */
    CONN_PIECES_MAX = 4096,         /* pieces in one connection's queue; beyond them likewise */
    CONN_PIECES_AHEAD = 64,         /* pieces of one queue that are in memory, being read, or known
                                       to be in the page cache */
    CONN_SURE_MS = 500,             /* a range of a file that was found in the page cache counts as
                                       present for this long */
    CONN_HAND_BYTES = 256 * 1024,   /* length of one query to the page cache */
    CONN_TURN_BYTES = 512 * 1024,   /* bytes that one connection reads or writes before the loop
                                       serves others */
    CONN_MESSAGE_MS = 120000,       /* maximum time from the beginning to the end of a long message
                                       (wire_rx_is_long) */
    CONN_HUB_BUFFERS_MAX = 4096,    /* buffered blocks of pieces to be sent, all hubs of a
                                       process */
    CONN_HUB_BUFFERS_KEEP = 64,     /* unused buffers that are kept */
    CONN_HUB_PIECES_KEEP = 1024,    /* unused records of pieces that are kept */
};

struct conn;
struct conn_hub;
struct farewells;
struct link;

/* A piece, or a range of a piece, that is to be sent. The reader fills |data|. */
struct conn_piece {
    uint32_t piece, begin, length;
    uint8_t *data;
};

/* The owner's callbacks. No callback runs inside a call on the connection. Each callback may close
 * a connection. */
struct conn_handler {
    void *ctx;
    /* The peer's handshake has arrived. Nothing more is read until conn_start(). */
    void (*on_handshake)(void *ctx, struct conn *c, const struct handshake *h);
    /* The handler owns the message's block, if there is one. */
    void (*on_message)(void *ctx, struct conn *c, const struct wire_msg *msg);
    /* The link has sent bytes: |payload| of pieces, |total| including headers and messages. */
    void (*on_sent)(void *ctx, struct conn *c, uint32_t payload, uint32_t total);
    /* Begins to read |p|; the read ends in conn_piece_done(), even if the connection is closed
     * meanwhile. Not 0: |p| can't be read; SPRAT_E_AGAIN: not now (see conn_hub_kick). */
    int (*read)(void *ctx, struct conn *c, struct conn_piece *p);
    void (*on_read_failed)(void *ctx, struct conn *c, const struct conn_piece *p, int err);
    /* Sends |len| bytes of |p| from |skip| on straight from their file |to| the link. If |to| is
     * NULL, returns how many bytes from there on, at least |len| and perhaps including pieces to
     * come, could be sent now without waiting for a disk. |sure|: a call with |to| NULL has found
     * these bytes in the page cache less than CONN_SURE_MS ago. Returns bytes, or SPRAT_E_AGAIN
     * when the link is full; after any other error the connection uses read(). May be NULL. */
    int64_t (*send_file)(void *ctx, struct conn *c, const struct conn_piece *p, uint32_t skip,
                         uint32_t len, bool sure, struct link *to);
    /* The connection has failed, the peer has closed it, or the peer broke a rule. |c| is freed
     * afterwards. */
    void (*on_closed)(void *ctx, struct conn *c, int err);
};

/* Makes a hub that receives into |blocks_max| blocks at most at a time, and sends from
 * |buffers_max| buffers at most (1 at least). NULL when memory is out. */
struct conn_hub *conn_hub_new(struct loop *l, uint32_t blocks_max, uint32_t buffers_max);
/* All connections must be closed and all reads done (asserted). NULL is legal. */
void conn_hub_free(struct conn_hub *hub);
struct block_pool *conn_hub_blocks(const struct conn_hub *hub);
/* Blocks or disk jobs may be free again: the connections that wait for them continue soon. */
void conn_hub_kick(struct conn_hub *hub);

/* Makes a connection of a link that is being connected to |peer|, and sends |offer|. The connection
 * is closed with SPRAT_E_TIMEOUT if the peer's handshake has not arrived after |timeout_ms|. The
 * link is freed on error too. */
int conn_dial(struct conn_hub *hub, struct link *link, const struct endpoint *peer,
              const struct handshake *offer, uint32_t timeout_ms,
              const struct conn_handler *handler, struct conn **out);

/* Makes a connection of an accepted link, which is freed on error too. Timeout as in conn_dial().
 */
int conn_accept(struct conn_hub *hub, struct link *link, const struct endpoint *peer,
                uint32_t timeout_ms, const struct conn_handler *handler, struct conn **out);

/* The local address; family IP_NONE if it is not known. */
void conn_local(const struct conn *c, struct endpoint *e);

/* Returns the link of a connection whose handshake has arrived and is not answered. The link is
 * detached from its loop and holds the bytes that followed the handshake. The connection is freed.
 */
struct link *conn_give(struct conn *c);
/* Makes a connection in another hub of a link from conn_give(), which is freed on error too. The
 * timeout is for conn_start(). */
int conn_adopt(struct conn_hub *hub, struct link *link, const struct endpoint *peer,
               uint32_t timeout_ms, const struct conn_handler *handler, struct conn **out);

/* Closes the connection without a callback; unsent bytes are lost, including those that the link
 * still holds. NULL is legal. */
void conn_close(struct conn *c);

/* As conn_close(), but messages that wait are written first, as far as the link takes them at once,
 * and all bytes that the link has accepted still reach the peer (farewell.h). */
void conn_part(struct conn *c, struct farewells *f);

/* Changes the owner of the connection. |tag| is a value for the owner's use. */
void conn_set_handler(struct conn *c, const struct conn_handler *handler);
void conn_set_tag(struct conn *c, uint64_t tag);
uint64_t conn_tag(const struct conn *c);
const struct endpoint *conn_peer(const struct conn *c);
/* Whether the link is, or was, connected. False while the link is being connected, and if it could
 * not be. */
bool conn_reached(const struct conn *c);

/* Sends this side's handshake: the answer to that of an accepted connection. */
void conn_answer(struct conn *c, const struct handshake *h);

/* The handshakes are done: messages are read from now on. Blocks are taken from |blocks|, a share
 * of the hub's pool that outlives the connection; NULL: from the hub's pool. */
void conn_start(struct conn *c, uint32_t piece_count, struct block_pool *blocks);

/* Queues a message; its payload is copied. If the queue is full, the connection is closed soon. */
void conn_send(struct conn *c, const struct wire_msg *msg);
/* Queues a piece. |length| is at most WIRE_REQUEST_MAX. Only |allowed| bytes of it may leave before
 * conn_allow(). */
void conn_send_piece(struct conn *c, uint32_t piece, uint32_t begin, uint32_t length,
                     uint32_t allowed);
/* Allows |more| bytes of the piece that was queued last to leave; no effect if the last piece is a
 * different one. */
void conn_allow(struct conn *c, uint32_t piece, uint32_t begin, uint32_t more);

/* Ends the handler's read(): 0, and |p->data| is filled; or the error. */
void conn_piece_done(struct conn_piece *p, int err);

#endif
