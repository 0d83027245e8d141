/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The peer wire codec. The receiver has a staging buffer and, for payloads of PIECE, the present
 * block; only advance() decides what the bytes at the front of the staging buffer are.
 *
 *   offset  size  field
 *        0     4  length of what follows; 0 is a keep-alive
 *        4     1  id
 *        5        payload
 */
#include "peer/core/wire.h"

#include <string.h>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/codec/cursor.h"

enum {
    PREFIX = 4,
    HASH_SUBJECT = 48, /* root and four numbers, before the hashes of a HASHES */
    HASH_LEN = 32,
};

const char *
wire_name(enum wire_type type)
{
    switch (type) {
#define X(name, id, shortest, longest)                                                             \
    case WIRE_##name: return #name;
        WIRE_TABLE(X)
#undef X
    case WIRE_KEEPALIVE: return "KEEPALIVE";
    case WIRE_UNKNOWN: return "UNKNOWN";
    }
    return "UNKNOWN";
}

/* The type of the message with |id|, and the limits of its payload. */
static enum wire_type
look_up(uint8_t id, size_t *shortest, size_t *longest)
{
    switch (id) {
#define X(name, number, least, most)                                                               \
    case number:                                                                                   \
        *shortest = (least);                                                                       \
        *longest = (most);                                                                         \
        return WIRE_##name;
        WIRE_TABLE(X)
#undef X
    default:
        *shortest = 0;
        *longest = WIRE_UNKNOWN_MAX;
        return WIRE_UNKNOWN;
    }
}

static void
put_hash_subject(struct buf *out, const struct wire_hash_request *h)
{
    buf_put(out, h->root, sizeof(h->root));
    buf_put_u32(out, h->base_layer);
    buf_put_u32(out, h->index);
    buf_put_u32(out, h->length);
    buf_put_u32(out, h->proof_layers);
}

static void
put_head(struct buf *out, enum wire_type type, size_t payload)
{
    ASSERT(payload < UINT32_MAX);
    buf_put_u32(out, (uint32_t)(payload + 1));
    buf_put_u8(out, (uint8_t)type);
}

static void
put_range(struct buf *out, const struct wire_msg *msg)
{
    put_head(out, msg->type, 12);
    buf_put_u32(out, msg->piece);
    buf_put_u32(out, msg->begin);
    buf_put_u32(out, msg->length);
}

int
wire_encode(struct buf *out, const struct wire_msg *msg)
{
    switch (msg->type) {
    case WIRE_KEEPALIVE: buf_put_u32(out, 0); break;
    case WIRE_CHOKE:
    case WIRE_UNCHOKE:
    case WIRE_INTERESTED:
    case WIRE_NOT_INTERESTED:
    case WIRE_HAVE_ALL:
    case WIRE_HAVE_NONE: put_head(out, msg->type, 0); break;
    case WIRE_HAVE:
    case WIRE_SUGGEST:
    case WIRE_ALLOWED_FAST:
        put_head(out, msg->type, 4);
        buf_put_u32(out, msg->piece);
        break;
    case WIRE_REQUEST:
    case WIRE_CANCEL:
    case WIRE_REJECT: put_range(out, msg); break;
    case WIRE_PIECE:
        put_head(out, msg->type, 8 + (size_t)msg->length);
        buf_put_u32(out, msg->piece);
        buf_put_u32(out, msg->begin);
        break;
    case WIRE_PORT:
        put_head(out, msg->type, 2);
        buf_put_u16(out, msg->port);
        break;
    case WIRE_BITFIELD:
        put_head(out, msg->type, msg->len);
        buf_put(out, msg->data, msg->len);
        break;
    case WIRE_EXTENDED:
        put_head(out, msg->type, 1 + msg->len);
        buf_put_u8(out, msg->ext_id);
        buf_put(out, msg->data, msg->len);
        break;
    case WIRE_HASH_REQUEST:
    case WIRE_HASH_REJECT:
        put_head(out, msg->type, HASH_SUBJECT);
        put_hash_subject(out, &msg->hashes);
        break;
    case WIRE_HASHES:
        put_head(out, msg->type, HASH_SUBJECT + msg->len);
        put_hash_subject(out, &msg->hashes);
        buf_put(out, msg->data, msg->len);
        break;
    case WIRE_UNKNOWN: UNREACHABLE();
    }
    return out->err;
}

uint32_t
wire_size(const struct wire_msg *msg)
{
    switch (msg->type) {
    case WIRE_KEEPALIVE: return PREFIX;
    case WIRE_CHOKE:
    case WIRE_UNCHOKE:
    case WIRE_INTERESTED:
    case WIRE_NOT_INTERESTED:
    case WIRE_HAVE_ALL:
    case WIRE_HAVE_NONE: return PREFIX + 1;
    case WIRE_HAVE:
    case WIRE_SUGGEST:
    case WIRE_ALLOWED_FAST: return PREFIX + 1 + 4;
    case WIRE_REQUEST:
    case WIRE_CANCEL:
    case WIRE_REJECT: return PREFIX + 1 + 12;
    case WIRE_PIECE: return PREFIX + 1 + 8 + msg->length;
    case WIRE_PORT: return PREFIX + 1 + 2;
    case WIRE_EXTENDED: return PREFIX + 1 + 1 + (uint32_t)msg->len;
    case WIRE_HASH_REQUEST:
    case WIRE_HASH_REJECT:
    case WIRE_HASHES: return PREFIX + 1 + HASH_SUBJECT + (uint32_t)msg->len;
    case WIRE_BITFIELD:
    case WIRE_UNKNOWN: return PREFIX + 1 + (uint32_t)msg->len;
    }
    UNREACHABLE();
}

/* The length of the longest possible staged message, with its length prefix. */
static size_t
staging_max(void)
{
    size_t max = WIRE_STAGING;

#define X(name, id, shortest, longest)                                                             \
    if ((id) != WIRE_PIECE && PREFIX + 1 + (size_t)(longest) > max)                                \
        max = PREFIX + 1 + (size_t)(longest);
    WIRE_TABLE(X)
#undef X
    return max;
}

void
wire_rx_init(struct wire_rx *rx, struct block_pool *pool, uint32_t piece_count)
{
    size_t shortest, longest;

    look_up(WIRE_BITFIELD, &shortest, &longest);
    *rx = (struct wire_rx){.pool = pool, .bitfield_max = longest};
    if (piece_count > 0 && ((size_t)piece_count + 7) / 8 < longest)
        rx->bitfield_max = ((size_t)piece_count + 7) / 8;
    buf_init(&rx->staging, staging_max());
}

void
wire_rx_fini(struct wire_rx *rx)
{
    block_drop(rx->block);
    ahead_fini(&rx->ahead);
    buf_fini(&rx->staging);
    *rx = (struct wire_rx){.err = SPRAT_E_CLOSED};
}

static int
fail(struct wire_rx *rx, int err)
{
    return rx->err = err;
}

/* Drops the staged bytes of an unknown message's payload. */
static void
skip(struct wire_rx *rx)
{
    size_t staged = buf_len(&rx->staging);
    size_t n = staged < rx->skip_left ? staged : rx->skip_left;

    buf_consume(&rx->staging, n);
    rx->skip_left -= (uint32_t)n;
}

static void
set_block(struct wire_rx *rx, struct block *b, const uint8_t *header, uint32_t len)
{
    block_filling(b, true);
    rx->block = b;
    rx->block_piece = get_u32be(header + 5);
    rx->block_begin = get_u32be(header + 9);
    rx->block_len = len;
    rx->pieces = true;
}

/* The header of a PIECE is staged completely: takes a block, and moves the staged bytes of the
 * payload to it. Does nothing while the pool is exhausted. */
static void
start_block(struct wire_rx *rx, uint32_t payload)
{
    struct buf *staging = &rx->staging;
    struct block *b = block_take(rx->pool);
    size_t n;

    if (b == NULL)
        return;
    set_block(rx, b, buf_data(staging), payload - 8);
    buf_consume(staging, WIRE_PIECE_HEADER);
    n = buf_len(staging) < rx->block_len ? buf_len(staging) : rx->block_len;
    if (n > 0)
        memcpy(b->data, buf_data(staging), n);
    b->len = (uint32_t)n;
    buf_consume(staging, n);
}

/* Handles the header at the front as soon as enough of it is staged: refuses the message, starts to
 * skip it, or starts a block. 0, or the error. */
static int
judge(struct wire_rx *rx)
{
    struct buf *staging = &rx->staging;
    size_t shortest, longest, staged;
    enum wire_type type;
    uint32_t size;

    if (rx->err != 0)
        return rx->err;
    if (rx->skipping)
        skip(rx);
    staged = buf_len(staging);
    if (rx->skipping || rx->block != NULL || staged <= PREFIX)
        return 0;
    size = get_u32be(buf_data(staging));
    if (size == 0)
        return 0;
    type = look_up(buf_data(staging)[PREFIX], &shortest, &longest);
    if (type == WIRE_BITFIELD)
        longest = rx->bitfield_max;
    if (size - 1 < shortest || size - 1 > longest)
        return fail(rx, SPRAT_E_PROTOCOL);
    if (type == WIRE_UNKNOWN) {
        rx->skipping = true;
        rx->skip_len = rx->skip_left = size - 1;
        buf_consume(staging, PREFIX + 1);
        skip(rx);
    } else if (type == WIRE_PIECE) {
        if (size - 1 == shortest)
            return fail(rx, SPRAT_E_PROTOCOL);
        if (staged >= WIRE_PIECE_HEADER)
            start_block(rx, size - 1);
    }
    return 0;
}

/* The number of bytes to stage next, when no block is being read. 0 when the message at the front
 * is complete, or is a PIECE that waits for a block. */
static size_t
staging_want(const struct wire_rx *rx)
{
    size_t staged = buf_len(&rx->staging);
    size_t want = staged < WIRE_STAGING ? WIRE_STAGING - staged : 0;
    size_t left, grown;

    if (rx->skipping)
        return rx->skip_left > 0 ? want : 0;
    if (staged < PREFIX)
        return want;
    left = PREFIX + (size_t)get_u32be(buf_data(&rx->staging));
    if (staged >= left)
        return 0;
    if (staged > PREFIX && buf_data(&rx->staging)[PREFIX] == WIRE_PIECE)
        return staged < WIRE_PIECE_HEADER ? want : 0;
    left -= staged;
    grown = left < staged ? left : staged;
    return grown > want ? grown : want;
}

static uint32_t
block_left(const struct wire_rx *rx)
{
    return rx->block_len - rx->block->len;
}

/* A message begins here, and its block was read ahead together with its header. */
static bool
adopt(struct wire_rx *rx)
{
    struct block *b;

    if (rx->block != NULL || rx->skipping || buf_len(&rx->staging) > 0)
        return false;
    b = ahead_take(&rx->ahead);
    if (b == NULL)
        return false;
    set_block(rx, b, b->head + sizeof(b->head) - WIRE_PIECE_HEADER, BLOCK_LEN);
    return true;
}

/* Moves bytes that were read ahead to the block or the staging buffer. False when there are none,
 * or when first a message has to be taken or a block is needed. */
static bool
pull(struct wire_rx *rx)
{
    const uint8_t *bytes;
    size_t len, room;

    if (ahead_left(&rx->ahead) == 0)
        return false;
    if (adopt(rx))
        return true;
    bytes = ahead_bytes(&rx->ahead, &len);
    room = rx->block != NULL ? block_left(rx) : staging_want(rx);
    len = len < room ? len : room;
    if (len == 0)
        return false;
    if (rx->block != NULL) {
        memcpy(rx->block->data + rx->block->len, bytes, len);
        rx->block->len += (uint32_t)len;
    } else if (buf_put(&rx->staging, bytes, len) != 0) {
        (void)fail(rx, SPRAT_E_NOMEM);
    }
    ahead_consume(&rx->ahead, len);
    return true;
}

/* Releases the bytes that the last message points to, and continues until a message is complete, or
 * a block or more bytes are needed. 0, or the error. */
static int
advance(struct wire_rx *rx)
{
    int err;

    if (rx->err != 0)
        return rx->err;
    buf_consume(&rx->staging, rx->delivered);
    rx->delivered = 0;
    do
        err = judge(rx);
    while (err == 0 && pull(rx));
    return err;
}

bool
wire_rx_starves(const struct wire_rx *rx)
{
    return ahead_left(&rx->ahead) > 0;
}

bool
wire_rx_is_long(const struct wire_rx *rx)
{
    const uint8_t *at = buf_data(&rx->staging);

    if (rx->skipping)
        return true;
    return rx->block == NULL && buf_len(&rx->staging) > PREFIX && at[PREFIX] != WIRE_PIECE &&
           get_u32be(at) > WIRE_STAGING;
}

/* The places of the next bytes: the rest of the present block, then, if PIECE messages are
 * expected, blocks |ahead|, else the staging buffer. */
static int
find_spans(struct wire_rx *rx, bool ahead, struct wire_span spans[WIRE_SPANS_MAX])
{
    size_t want = WIRE_PIECE_HEADER; /* after a block, the next PIECE's header is most likely */
    int n = 0, more = 0;

    if (advance(rx) != 0)
        return rx->err;
    if (ahead_left(&rx->ahead) > 0)
        return 0;
    ahead_fini(&rx->ahead); /* blocks of spans that were not used */
    if (rx->block != NULL)
        spans[n++] = (struct wire_span){rx->block->data + rx->block->len, block_left(rx)};
    else
        want = staging_want(rx);
    if (want == 0 || (n > 0 && spans[0].len == 0))
        return 0;
    if (ahead && rx->pieces && buf_len(&rx->staging) == 0)
        more = ahead_spans(&rx->ahead, rx->pool, spans + n);
    if (more > 0)
        return n + more;
    spans[n].len = want;
    spans[n].base = buf_room(&rx->staging, want);
    if (spans[n].base == NULL)
        return fail(rx, SPRAT_E_NOMEM);
    return n + 1;
}

int
wire_rx_spans(struct wire_rx *rx, struct wire_span spans[WIRE_SPANS_MAX])
{
    return find_spans(rx, true, spans);
}

void
wire_rx_filled(struct wire_rx *rx, size_t len)
{
    if (rx->block != NULL) {
        size_t left = block_left(rx);
        size_t n = len < left ? len : left;

        rx->block->len += (uint32_t)n;
        len -= n;
    }
    if (rx->ahead.count > 0)
        ahead_filled(&rx->ahead, len);
    else if (len > 0)
        buf_grew(&rx->staging, len);
}

int64_t
wire_rx_push(struct wire_rx *rx, const uint8_t *bytes, size_t len)
{
    struct wire_span spans[WIRE_SPANS_MAX];
    int n = find_spans(rx, false, spans);
    size_t taken = 0;

    if (n < 0)
        return n;
    for (int i = 0; i < n && taken < len; i++) {
        size_t part = len - taken < spans[i].len ? len - taken : spans[i].len;

        memcpy(spans[i].base, bytes + taken, part);
        taken += part;
    }
    wire_rx_filled(rx, taken);
    return (int64_t)taken;
}

static void
read_hash_subject(struct cursor *c, struct wire_hash_request *h)
{
    cursor_copy(c, h->root, sizeof(h->root));
    h->base_layer = cursor_u32(c);
    h->index = cursor_u32(c);
    h->length = cursor_u32(c);
    h->proof_layers = cursor_u32(c);
}

static void
lend_rest(struct cursor *c, struct wire_msg *msg)
{
    msg->len = cursor_left(c);
    msg->data = cursor_bytes(c, msg->len);
}

/* Reads the payload of |msg->type|, whose length is within the table's limits. */
static int
decode(struct cursor c, struct wire_msg *msg)
{
    switch (msg->type) {
    case WIRE_CHOKE:
    case WIRE_UNCHOKE:
    case WIRE_INTERESTED:
    case WIRE_NOT_INTERESTED:
    case WIRE_HAVE_ALL:
    case WIRE_HAVE_NONE: break;
    case WIRE_HAVE:
    case WIRE_SUGGEST:
    case WIRE_ALLOWED_FAST: msg->piece = cursor_u32(&c); break;
    case WIRE_REQUEST:
    case WIRE_CANCEL:
    case WIRE_REJECT:
        msg->piece = cursor_u32(&c);
        msg->begin = cursor_u32(&c);
        msg->length = cursor_u32(&c);
        if (msg->length == 0 || msg->length > WIRE_REQUEST_MAX)
            return SPRAT_E_PROTOCOL;
        break;
    case WIRE_PORT: msg->port = cursor_u16(&c); break;
    case WIRE_BITFIELD: lend_rest(&c, msg); break;
    case WIRE_EXTENDED:
        msg->ext_id = cursor_u8(&c);
        lend_rest(&c, msg);
        break;
    case WIRE_HASH_REQUEST:
    case WIRE_HASH_REJECT: read_hash_subject(&c, &msg->hashes); break;
    case WIRE_HASHES:
        read_hash_subject(&c, &msg->hashes);
        lend_rest(&c, msg);
        if (msg->len % HASH_LEN != 0)
            return SPRAT_E_PROTOCOL;
        break;
    case WIRE_PIECE:
    case WIRE_KEEPALIVE:
    case WIRE_UNKNOWN: UNREACHABLE();
    }
    return cursor_done(&c) ? 0 : SPRAT_E_PROTOCOL;
}

/* The present block as a message, once all of it is read. */
static int
next_piece(struct wire_rx *rx, struct wire_msg *msg)
{
    if (block_left(rx) > 0)
        return 0;
    block_filling(rx->block, false);
    *msg = (struct wire_msg){
        .type = WIRE_PIECE,
        .piece = rx->block_piece,
        .begin = rx->block_begin,
        .length = rx->block_len,
        .block = rx->block,
    };
    rx->block = NULL;
    return 1;
}

static int
next_unknown(struct wire_rx *rx, struct wire_msg *msg)
{
    if (rx->skip_left > 0)
        return 0;
    rx->skipping = false;
    *msg = (struct wire_msg){.type = WIRE_UNKNOWN, .len = rx->skip_len};
    return 1;
}

/* The message at the front of the staging buffer, once all of it is staged. */
static int
next_staged(struct wire_rx *rx, struct wire_msg *msg)
{
    const uint8_t *at = buf_data(&rx->staging);
    size_t staged = buf_len(&rx->staging), size;
    int err;

    if (staged < PREFIX)
        return 0;
    size = get_u32be(at);
    *msg = (struct wire_msg){.type = WIRE_KEEPALIVE};
    if (size > 0) {
        if (staged < PREFIX + size || at[PREFIX] == WIRE_PIECE)
            return 0;
        msg->type = (enum wire_type)at[PREFIX];
        err = decode(cursor_make(at + PREFIX + 1, size - 1), msg);
        if (err != 0)
            return fail(rx, err);
    }
    rx->delivered = PREFIX + size;
    rx->pieces = false;
    return 1;
}

/* Frees the memory that a large message needed. */
static void
shrink(struct wire_rx *rx)
{
    size_t max = rx->staging.max;

    if (buf_len(&rx->staging) > 0 || rx->staging.cap <= WIRE_STAGING + 1)
        return;
    buf_fini(&rx->staging);
    buf_init(&rx->staging, max);
}

int
wire_rx_next(struct wire_rx *rx, struct wire_msg *msg)
{
    int n = advance(rx);

    if (n != 0)
        return n;
    if (rx->skipping)
        n = next_unknown(rx, msg);
    else if (rx->block != NULL)
        n = next_piece(rx, msg);
    else
        n = next_staged(rx, msg);
    if (n == 0)
        shrink(rx);
    return n;
}
