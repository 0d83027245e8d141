/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the peer wire protocol. The first byte seeds the sizes of the reads; the rest is what a
 * stranger sends. However it is cut, the same messages come out, each encodes back to the bytes
 * that it was made from, and all memory returns. The handshake and the extensions' payloads are
 * read too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/rng.h"
#include "peer/core/extmsg.h"
#include "peer/core/handshake.h"
#include "peer/core/pex.h"
#include "peer/core/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECES = 77, BLOCKS = 4 * BLOCK_AHEAD_PART, LOG_MAX = 1 << 22, STAGING_BOUND = 1 << 12 };

/* The result of reading a stream. */
struct outcome {
    struct buf bytes; /* the messages, encoded again */
    size_t messages;
    bool lossy; /* an unknown message was dropped: |bytes| is not all */
    int err;
};

/* Encodes a received message; the encoding must decode to the same message. */
static void
exchange(const uint8_t *data, size_t len)
{
    struct pex_message m, again;
    struct pex_out told;
    struct buf out;
    struct rng r;
    uint32_t n;

    if (pex_read(&m, data, len) != 0)
        return;
    ASSERT(m.added_count <= PEX_READ_MAX && m.dropped_count <= PEX_READ_MAX);
    n = pex_sort(m.added, m.added_count);
    pex_out_init(&told);
    rng_init(&r, n);
    buf_init(&out, PEX_SIZE_MAX);
    ASSERT(pex_write(&told, m.added, n, &r, &out) == (n > 0));
    if (n > 0) {
        ASSERT(pex_read(&again, buf_data(&out), buf_len(&out)) == 0);
        ASSERT(again.added_count == (n < PEX_ADDED_MAX ? n : PEX_ADDED_MAX));
        ASSERT(again.dropped_count == 0);
    }
    buf_fini(&out);
    pex_out_fini(&told);
}

static void
read_extended(const struct wire_msg *msg)
{
    struct ext_handshake hs = {.reqq = 250};
    uint32_t piece;
    bool value;

    if (msg->ext_id == 0) {
        if (extmsg_read_handshake(&hs, msg->data, msg->len) == 0) {
            ASSERT(strnlen(hs.client, sizeof(hs.client)) <= EXTMSG_CLIENT_MAX);
            ASSERT(hs.reqq > 0 && hs.reqq <= EXTMSG_REQQ_MAX);
        }
        return;
    }
    (void)extmsg_read_donthave(msg->data, msg->len, &piece);
    (void)extmsg_read_upload_only(msg->data, msg->len, &value);
    exchange(msg->data, msg->len);
}

static void
take(struct outcome *o, const struct wire_msg *msg)
{
    o->messages++;
    if (msg->type == WIRE_UNKNOWN) {
        ASSERT(msg->len <= WIRE_UNKNOWN_MAX && msg->data == NULL);
        o->lossy = true;
        return;
    }
    if (msg->type == WIRE_EXTENDED)
        read_extended(msg);
    (void)wire_encode(&o->bytes, msg);
    if (msg->type == WIRE_PIECE) {
        ASSERT(msg->length > 0 && msg->length == msg->block->len && msg->length <= BLOCK_LEN);
        (void)buf_put(&o->bytes, msg->block->data, msg->length);
    } else {
        ASSERT(msg->block == NULL);
    }
    block_drop(msg->block);
}

/* Copies at most |max| bytes into the spans once. Returns their number. */
static size_t
read_some(struct wire_rx *rx, const uint8_t *data, size_t max)
{
    struct wire_span spans[WIRE_SPANS_MAX];
    int n = wire_rx_spans(rx, spans);
    size_t done = 0;

    ASSERT(n <= WIRE_SPANS_MAX);
    for (int i = 0; i < n && done < max; i++) {
        size_t part = max - done < spans[i].len ? max - done : spans[i].len;

        ASSERT(spans[i].len > 0);
        memcpy(spans[i].base, data + done, part);
        done += part;
    }
    if (n > 0)
        wire_rx_filled(rx, done);
    return done;
}

/* Feeds the stream in reads of up to |read_max| bytes. */
static void
run(struct outcome *o, struct block_pool *pool, const uint8_t *data, size_t size, struct rng *r,
    uint32_t read_max)
{
    struct wire_rx rx;
    struct wire_msg msg;

    *o = (struct outcome){0};
    buf_init(&o->bytes, LOG_MAX);
    wire_rx_init(&rx, pool, PIECES);
    for (size_t at = 0; at < size && o->err == 0;) {
        size_t max = 1 + rng_below(r, read_max), n;

        if (max > size - at)
            max = size - at;
        n = rng_below(r, 2) == 0 ? read_some(&rx, data + at, max)
                                 : (size_t)wire_rx_push(&rx, data + at, max);
        ASSERT(n > 0 && n <= max);
        at += n;
        ASSERT(rx.staging.cap <= STAGING_BOUND + 4 * at);
        while ((o->err = wire_rx_next(&rx, &msg)) == 1)
            take(o, &msg);
    }
    wire_rx_fini(&rx);
    ASSERT(block_pool_used(pool) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct block_pool *pool = block_pool_new(BLOCKS);
    struct outcome whole, cut;
    struct handshake hs;
    struct rng r;

    if (pool == NULL || size < 1) {
        block_pool_free(pool);
        return 0;
    }
    (void)handshake_decode(data + 1, size - 1, &hs);
    rng_init(&r, data[0]);
    data++;
    size--;
    run(&whole, pool, data, size, &r, 1 << 20);
    run(&cut, pool, data, size, &r, 1 + 7u * rng_below(&r, 64));
    ASSERT(whole.err == cut.err && whole.messages == cut.messages);
    ASSERT(buf_len(&whole.bytes) == buf_len(&cut.bytes));
    if (buf_len(&whole.bytes) > 0) {
        ASSERT(memcmp(buf_data(&whole.bytes), buf_data(&cut.bytes), buf_len(&cut.bytes)) == 0);
        ASSERT(whole.lossy || (buf_len(&whole.bytes) <= size &&
                               memcmp(buf_data(&whole.bytes), data, buf_len(&whole.bytes)) == 0));
    }
    buf_fini(&whole.bytes);
    buf_fini(&cut.bytes);
    block_pool_free(pool);
    return 0;
}
