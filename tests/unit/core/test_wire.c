/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The wire parser: every message is encoded and parsed, split at every point and at random points;
 * and hostile input: lengths of all kinds, unknown ids, and stalls.
 */
#include "peer/core/wire.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/rng.h"

enum { PIECES = 1000, SCRIPT_MAX = 64, STREAM_MAX = 1 << 20 };

/* The messages that are sent, and that the parser must return. |payload| belongs to PIECE. */
struct script {
    struct wire_msg msgs[SCRIPT_MAX];
    size_t count;
    struct buf bytes;
    uint8_t data[4 * BLOCK_LEN];
};

static void
say(struct script *s, struct wire_msg msg)
{
    cr_assert_lt(s->count, (size_t)SCRIPT_MAX);
    cr_assert_eq(wire_encode(&s->bytes, &msg), 0);
    if (msg.type == WIRE_PIECE)
        cr_assert_eq(buf_put(&s->bytes, s->data + msg.begin % BLOCK_LEN, msg.length), 0);
    s->msgs[s->count++] = msg;
}

static void
say_raw(struct script *s, const void *bytes, size_t len, struct wire_msg want)
{
    cr_assert_eq(buf_put(&s->bytes, bytes, len), 0);
    s->msgs[s->count++] = want;
}

static struct script *
script_new(void)
{
    struct script *s = calloc(1, sizeof(*s));

    cr_assert_not_null(s);
    buf_init(&s->bytes, STREAM_MAX);
    for (size_t i = 0; i < sizeof(s->data); i++)
        s->data[i] = (uint8_t)(i * 7 + i / 256);
    return s;
}

static void
script_free(struct script *s)
{
    buf_fini(&s->bytes);
    free(s);
}

/* Every type; |block_len| bytes in most of the pieces. */
static struct script *
everything(uint32_t block_len)
{
    struct script *s = script_new();
    struct wire_hash_request h = {.base_layer = 1, .index = 2, .length = 4, .proof_layers = 5};

    for (size_t i = 0; i < 32; i++)
        h.root[i] = (uint8_t)(0x80 + i);
    say(s, (struct wire_msg){.type = WIRE_BITFIELD, .data = s->data, .len = PIECES / 8});
    say(s, (struct wire_msg){.type = WIRE_KEEPALIVE});
    say(s, (struct wire_msg){.type = WIRE_CHOKE});
    say(s, (struct wire_msg){.type = WIRE_UNCHOKE});
    say(s, (struct wire_msg){.type = WIRE_PIECE, .piece = 1, .begin = 16384, .length = block_len});
    say(s, (struct wire_msg){.type = WIRE_PIECE, .piece = 2, .begin = 32775, .length = block_len});
    say(s, (struct wire_msg){.type = WIRE_INTERESTED});
    say(s, (struct wire_msg){.type = WIRE_NOT_INTERESTED});
    say(s, (struct wire_msg){.type = WIRE_HAVE, .piece = 0xfffffffe});
    say(s, (struct wire_msg){.type = WIRE_REQUEST, .piece = 3, .begin = 4, .length = BLOCK_LEN});
    say(s, (struct wire_msg){.type = WIRE_PIECE, .piece = 7, .begin = 3, .length = 1});
    say(s, (struct wire_msg){.type = WIRE_CANCEL, .piece = 3, .begin = 4, .length = 1});
    say(s, (struct wire_msg){.type = WIRE_PORT, .port = 6881});
    say(s, (struct wire_msg){.type = WIRE_SUGGEST, .piece = 12});
    say(s, (struct wire_msg){.type = WIRE_HAVE_ALL});
    say(s, (struct wire_msg){.type = WIRE_HAVE_NONE});
    say(s, (struct wire_msg){.type = WIRE_REJECT, .piece = 9, .begin = 8, .length = 7});
    say(s, (struct wire_msg){.type = WIRE_ALLOWED_FAST, .piece = 77});
    say_raw(s, "\0\0\0\x04\xc8xyz", 8, (struct wire_msg){.type = WIRE_UNKNOWN, .len = 3});
    say_raw(s, "\0\0\0\x01\x0a", 5, (struct wire_msg){.type = WIRE_UNKNOWN});
    say(s, (struct wire_msg){.type = WIRE_EXTENDED, .ext_id = 3, .data = s->data, .len = 100});
    say(s, (struct wire_msg){.type = WIRE_EXTENDED, .ext_id = 0});
    say(s, (struct wire_msg){.type = WIRE_HASH_REQUEST, .hashes = h});
    say(s, (struct wire_msg){.type = WIRE_HASHES, .hashes = h, .data = s->data, .len = 32 * 7});
    say(s, (struct wire_msg){.type = WIRE_HASHES, .hashes = h});
    say(s, (struct wire_msg){.type = WIRE_HASH_REJECT, .hashes = h});
    say(s, (struct wire_msg){.type = WIRE_KEEPALIVE});
    return s;
}

static void
assert_same(const struct script *s, size_t i, const struct wire_msg *got)
{
    const struct wire_msg *want = &s->msgs[i];

    cr_assert_eq(got->type, want->type, "message %zu: %s for %s", i, wire_name(got->type),
                 wire_name(want->type));
    cr_assert_eq(got->piece, want->piece);
    cr_assert_eq(got->begin, want->begin);
    cr_assert_eq(got->length, want->length);
    cr_assert_eq(got->port, want->port);
    cr_assert_eq(got->ext_id, want->ext_id);
    cr_assert_eq(memcmp(&got->hashes, &want->hashes, sizeof(got->hashes)), 0);
    cr_assert_eq(got->len, want->len);
    if (want->data != NULL && want->len > 0)
        cr_assert_eq(memcmp(got->data, want->data, want->len), 0);
    if (want->type == WIRE_PIECE) {
        cr_assert_eq(got->block->len, want->length);
        cr_assert_eq(memcmp(got->block->data, s->data + want->begin % BLOCK_LEN, want->length), 0);
    } else {
        cr_assert_null(got->block);
    }
}

/* Compares all complete messages with the script, and returns the number of messages so far. */
static size_t
drain(struct wire_rx *rx, const struct script *s, size_t done)
{
    struct wire_msg msg;
    int n;

    while ((n = wire_rx_next(rx, &msg)) == 1) {
        cr_assert_lt(done, s->count);
        assert_same(s, done++, &msg);
        block_drop(msg.block);
    }
    cr_assert_eq(n, 0);
    return done;
}

/* Feeds |len| bytes through spans and filled, at most |chunk| bytes a read. */
static size_t
feed_spans(struct wire_rx *rx, const struct script *s, const uint8_t *at, size_t len, size_t chunk,
           size_t done)
{
    while (len > 0) {
        struct wire_span spans[WIRE_SPANS_MAX];
        int n = wire_rx_spans(rx, spans);
        size_t room = len < chunk ? len : chunk, took = 0;

        cr_assert_gt(n, 0);
        cr_assert_leq(n, WIRE_SPANS_MAX);
        for (int i = 0; i < n && took < room; i++) {
            size_t part = room - took < spans[i].len ? room - took : spans[i].len;

            cr_assert_gt(spans[i].len, (size_t)0);
            memcpy(spans[i].base, at + took, part);
            took += part;
        }
        wire_rx_filled(rx, took);
        at += took;
        len -= took;
        done = drain(rx, s, done);
    }
    return done;
}

static size_t
feed_push(struct wire_rx *rx, const struct script *s, const uint8_t *at, size_t len, size_t chunk,
          size_t done)
{
    while (len > 0) {
        int64_t n = wire_rx_push(rx, at, len < chunk ? len : chunk);

        cr_assert_gt(n, 0);
        at += n;
        len -= (size_t)n;
        done = drain(rx, s, done);
    }
    return done;
}

typedef size_t (*feed_fn)(struct wire_rx *, const struct script *, const uint8_t *, size_t, size_t,
                          size_t);

static void
check_split(const struct script *s, struct block_pool *pool, size_t at, feed_fn feed)
{
    const uint8_t *bytes = buf_data(&s->bytes);
    size_t len = buf_len(&s->bytes), done;
    struct wire_rx rx;

    wire_rx_init(&rx, pool, PIECES);
    done = feed(&rx, s, bytes, at, at, 0);
    done = feed(&rx, s, bytes + at, len - at, len, done);
    cr_assert_eq(done, s->count, "split at %zu", at);
    wire_rx_fini(&rx);
    cr_assert_eq(block_pool_used(pool), 0);
}

Test(wire, every_split_point)
{
    struct script *s = everything(60);
    struct block_pool *pool = block_pool_new(4);

    for (size_t at = 0; at <= buf_len(&s->bytes); at++) {
        check_split(s, pool, at, feed_spans);
        check_split(s, pool, at, feed_push);
    }
    block_pool_free(pool);
    script_free(s);
}

/* With full blocks the stream is long: the splits go around the edges of the messages. */
Test(wire, splits_of_full_blocks)
{
    struct script *s = everything(BLOCK_LEN);
    struct block_pool *pool = block_pool_new(4);

    for (size_t at = 0; at <= buf_len(&s->bytes); at += at % 16384 < 300 ? 1 : 97) {
        check_split(s, pool, at, feed_spans);
        check_split(s, pool, at, feed_push);
    }
    block_pool_free(pool);
    script_free(s);
}

static void
check_chunk(const struct script *s, struct block_pool *pool, size_t chunk, feed_fn feed)
{
    struct wire_rx rx;

    wire_rx_init(&rx, pool, PIECES);
    cr_assert_eq(feed(&rx, s, buf_data(&s->bytes), buf_len(&s->bytes), chunk, 0), s->count,
                 "chunks of %zu", chunk);
    wire_rx_fini(&rx);
}

Test(wire, every_chunk_size)
{
    struct script *s = everything(BLOCK_LEN);
    struct block_pool *pool = block_pool_new(4);

    for (size_t chunk = 1; chunk < 70; chunk++) {
        check_chunk(s, pool, chunk, feed_spans);
        check_chunk(s, pool, chunk, feed_push);
    }
    for (size_t chunk = 100; chunk < 40000; chunk += 1777)
        check_chunk(s, pool, chunk, feed_spans);
    block_pool_free(pool);
    script_free(s);
}

Test(wire, names)
{
    cr_assert_str_eq(wire_name(WIRE_CHOKE), "CHOKE");
    cr_assert_str_eq(wire_name(WIRE_HASH_REQUEST), "HASH_REQUEST");
    cr_assert_str_eq(wire_name(WIRE_KEEPALIVE), "KEEPALIVE");
    cr_assert_str_eq(wire_name(WIRE_UNKNOWN), "UNKNOWN");
}

Test(wire, bytes_of_the_specifications)
{
    struct wire_msg request = {.type = WIRE_REQUEST, .piece = 1, .begin = 0x4000, .length = 0x4000};
    struct wire_msg piece = {.type = WIRE_PIECE, .piece = 1, .begin = 0x4000, .length = 0x4000};
    struct wire_msg port = {.type = WIRE_PORT, .port = 0x1ae1};
    struct buf out;

    buf_init(&out, 1000);
    wire_encode(&out, &request);
    wire_encode(&out, &piece);
    wire_encode(&out, &port);
    cr_assert_eq(buf_len(&out), 17u + 13 + 7);
    cr_assert_arr_eq(buf_data(&out), "\0\0\0\x0d\x06\0\0\0\x01\0\0\x40\0\0\0\x40\0", 17);
    cr_assert_arr_eq(buf_data(&out) + 17, "\0\0\x40\x09\x07\0\0\0\x01\0\0\x40\0", 13);
    cr_assert_arr_eq(buf_data(&out) + 30, "\0\0\0\x03\x09\x1a\xe1", 7);
    buf_fini(&out);
}

Test(wire, encoding_into_a_full_buffer_fails)
{
    struct wire_msg have = {.type = WIRE_HAVE, .piece = 1};
    struct buf out;

    buf_init(&out, 8);
    cr_assert_eq(wire_encode(&out, &have), SPRAT_E_TOOBIG);
    buf_fini(&out);
}

/* Returns the parser's error after |len| bytes, or the number of messages. */
static int
verdict(uint32_t piece_count, const void *bytes, size_t len)
{
    struct block_pool *pool = block_pool_new(2);
    const uint8_t *at = bytes;
    struct wire_rx rx;
    struct wire_msg msg;
    int count = 0, n = 0;

    wire_rx_init(&rx, pool, piece_count);
    while (n == 0) {
        int64_t took = len > 0 ? wire_rx_push(&rx, at, len) : 0;

        while ((n = wire_rx_next(&rx, &msg)) == 1) {
            count++;
            block_drop(msg.block);
        }
        if (took <= 0)
            break;
        at += took;
        len -= (size_t)took;
    }
    if (n < 0) {
        struct wire_span spans[WIRE_SPANS_MAX];

        /* The error stays. */
        cr_assert_eq(wire_rx_next(&rx, &msg), n);
        cr_assert_eq(wire_rx_spans(&rx, spans), n);
        cr_assert_eq(wire_rx_push(&rx, (const uint8_t *)"\0\0\0\0", 4), n);
    }
    wire_rx_fini(&rx);
    block_pool_free(pool);
    return n < 0 ? n : count;
}

/* The verdict on a message of |id| with |len| payload bytes, all |fill|. */
static int
verdict_of(uint32_t piece_count, uint8_t id, size_t len, uint8_t fill)
{
    uint8_t *raw = malloc(5 + len);
    int n;

    cr_assert_not_null(raw);
    put_u32be(raw, (uint32_t)len + 1);
    raw[4] = id;
    memset(raw + 5, fill, len);
    n = verdict(piece_count, raw, 5 + len);
    free(raw);
    return n;
}

Test(wire, lengths_out_of_the_table_are_errors)
{
    static const struct {
        uint8_t id;
        size_t shortest, longest;
    } table[] = {
#define X(name, id, shortest, longest) {id, shortest, longest},
        WIRE_TABLE(X)
#undef X
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].shortest > 0)
            cr_assert_eq(verdict_of(0, table[i].id, table[i].shortest - 1, 0), SPRAT_E_PROTOCOL,
                         "id %u", table[i].id);
        cr_assert_eq(verdict_of(0, table[i].id, table[i].longest + 1, 0), SPRAT_E_PROTOCOL, "id %u",
                     table[i].id);
    }
}

Test(wire, oversize_is_refused_before_it_comes)
{
    cr_assert_eq(verdict(0, "\xff\xff\xff\xff\x05", 5), SPRAT_E_PROTOCOL);
    cr_assert_eq(verdict(0, "\x7f\xff\xff\xff\xc8", 5), SPRAT_E_PROTOCOL);
    cr_assert_eq(verdict(0, "\0\0\x40\x0a\x07", 5), SPRAT_E_PROTOCOL);
    /* There is no message without an id: a length of 0 is a keep-alive. */
    cr_assert_eq(verdict(0, "\0\0\0\0\0\0\0\0", 8), 2);
}

Test(wire, the_longest_messages_pass)
{
    cr_assert_eq(verdict_of(0, WIRE_BITFIELD, 524288, 0xff), 1);
    cr_assert_eq(verdict_of(0, WIRE_EXTENDED, 1 + 65536, 1), 1);
    cr_assert_eq(verdict_of(0, WIRE_HASHES, 48 + 32 * (512 + 48), 1), 1);
    cr_assert_eq(verdict_of(0, 99, WIRE_UNKNOWN_MAX, 1), 1);
}

Test(wire, bitfields_are_measured_by_the_torrent)
{
    cr_assert_eq(verdict_of(9, WIRE_BITFIELD, 2, 0xff), 1);
    cr_assert_eq(verdict_of(9, WIRE_BITFIELD, 3, 0xff), SPRAT_E_PROTOCOL);
    cr_assert_eq(verdict_of(UINT32_MAX, WIRE_BITFIELD, 524289, 0xff), SPRAT_E_PROTOCOL);
}

Test(wire, blocks_and_requests_of_no_bytes_or_too_many)
{
    cr_assert_eq(verdict(0, "\0\0\0\x09\x07\0\0\0\0\0\0\0\0", 13), SPRAT_E_PROTOCOL);
    cr_assert_eq(verdict(0, "\0\0\0\x0d\x06\0\0\0\0\0\0\0\0\0\0\0\0", 17), SPRAT_E_PROTOCOL);
    cr_assert_eq(verdict(0, "\0\0\0\x0d\x06\0\0\0\0\0\0\0\0\0\x02\0\x01", 17), SPRAT_E_PROTOCOL);
    cr_assert_eq(verdict(0, "\0\0\0\x0d\x06\0\0\0\0\0\0\0\0\0\x02\0\x00", 17), 1);
    cr_assert_eq(verdict(0, "\0\0\0\x0d\x08\0\0\0\0\0\0\0\0\0\0\0\0", 17), SPRAT_E_PROTOCOL);
    cr_assert_eq(verdict(0, "\0\0\0\x0d\x10\0\0\0\0\0\0\0\0\xff\xff\xff\xff", 17),
                 SPRAT_E_PROTOCOL);
}

Test(wire, hashes_come_whole)
{
    cr_assert_eq(verdict_of(0, WIRE_HASHES, 48 + 31, 1), SPRAT_E_PROTOCOL);
    cr_assert_eq(verdict_of(0, WIRE_HASHES, 48 + 33, 1), SPRAT_E_PROTOCOL);
    cr_assert_eq(verdict_of(0, WIRE_HASHES, 48 + 64, 1), 1);
}

Test(wire, messages_before_a_bad_one_still_come)
{
    struct block_pool *pool = block_pool_new(1);
    struct wire_rx rx;
    struct wire_msg msg;

    wire_rx_init(&rx, pool, 0);
    cr_assert_eq(wire_rx_push(&rx, (const uint8_t *)"\0\0\0\x01\x00\0\0\0\x02\x00\0", 11), 11);
    cr_assert_eq(wire_rx_next(&rx, &msg), 1);
    cr_assert_eq(msg.type, WIRE_CHOKE);
    cr_assert_eq(wire_rx_next(&rx, &msg), SPRAT_E_PROTOCOL);
    wire_rx_fini(&rx);
    block_pool_free(pool);
}

Test(wire, an_exhausted_pool_stops_reading_and_resumes)
{
    struct block_pool *pool = block_pool_new(1);
    struct block *taken = block_take(pool);
    struct wire_span spans[WIRE_SPANS_MAX];
    struct wire_rx rx;
    struct wire_msg msg;

    wire_rx_init(&rx, pool, 0);
    cr_assert_eq(wire_rx_push(&rx,
                              (const uint8_t *)"\0\0\0\x0b\x07\0\0\0\x05\0\0\0\x06"
                                               "a",
                              14),
                 14);
    cr_assert_eq(wire_rx_next(&rx, &msg), 0);
    cr_assert_eq(wire_rx_spans(&rx, spans), 0);
    cr_assert_eq(wire_rx_push(&rx, (const uint8_t *)"b", 1), 0);
    cr_assert_eq(wire_rx_next(&rx, &msg), 0);
    block_drop(taken);
    cr_assert_eq(wire_rx_push(&rx, (const uint8_t *)"b", 1), 1);
    cr_assert_eq(wire_rx_next(&rx, &msg), 1);
    cr_assert_eq(msg.type, WIRE_PIECE);
    cr_assert_eq(msg.piece, 5);
    cr_assert_eq(msg.begin, 6);
    cr_assert_eq(msg.length, 2);
    cr_assert_arr_eq(msg.block->data, "ab", 2);
    block_drop(msg.block);
    wire_rx_fini(&rx);
    block_pool_free(pool);
}

Test(wire, a_piece_goes_to_its_block_with_the_next_header_behind)
{
    struct block_pool *pool = block_pool_new(1);
    struct wire_span spans[WIRE_SPANS_MAX];
    struct wire_rx rx;
    struct wire_msg msg;

    wire_rx_init(&rx, pool, 0);
    cr_assert_eq(wire_rx_push(&rx,
                              (const uint8_t *)"\0\0\x40\x09\x07\0\0\0\0\0\0\0\0"
                                               "xy",
                              15),
                 15);
    cr_assert_eq(wire_rx_next(&rx, &msg), 0);
    cr_assert_eq(wire_rx_spans(&rx, spans), 2);
    cr_assert_eq(spans[0].len, (size_t)BLOCK_LEN - 2);
    cr_assert_eq(spans[0].base, rx.block->data + 2);
    cr_assert_eq(spans[1].len, (size_t)WIRE_PIECE_HEADER);
    /* Half a block, all of it, and with the header of the next one. */
    memset(spans[0].base, 1, spans[0].len);
    wire_rx_filled(&rx, 1000);
    cr_assert_eq(wire_rx_spans(&rx, spans), 2);
    cr_assert_eq(spans[0].len, (size_t)BLOCK_LEN - 1002);
    memcpy(spans[1].base, "\0\0\0\x09\x07\0\0\0\0\0\0\0\0", 13);
    wire_rx_filled(&rx, spans[0].len + 13);
    cr_assert_eq(wire_rx_spans(&rx, spans), 0, "a message waits");
    cr_assert_eq(wire_rx_next(&rx, &msg), 1);
    cr_assert_eq(msg.block->data[2], 1);
    block_drop(msg.block);
    cr_assert_eq(wire_rx_next(&rx, &msg), SPRAT_E_PROTOCOL, "a piece of nothing");
    wire_rx_fini(&rx);
    block_pool_free(pool);
}

Test(wire, a_half_read_block_is_dropped_at_the_end)
{
    struct block_pool *pool = block_pool_new(1);
    struct wire_rx rx;
    struct wire_msg msg;

    wire_rx_init(&rx, pool, 0);
    wire_rx_push(&rx,
                 (const uint8_t *)"\0\0\x40\x09\x07\0\0\0\0\0\0\0\0"
                                  "xy",
                 15);
    cr_assert_eq(wire_rx_next(&rx, &msg), 0);
    cr_assert_eq(block_pool_used(pool), 1);
    wire_rx_fini(&rx);
    cr_assert_eq(block_pool_used(pool), 0);
    block_pool_free(pool);
}

/* A stream in which pieces are frequent, and most of them whole blocks. */
static struct script *
download(struct rng *r)
{
    struct script *s = script_new();

    while (s->count < SCRIPT_MAX) {
        uint32_t dice = rng_below(r, 16);
        struct wire_msg m = {.type = WIRE_PIECE,
                             .piece = rng_below(r, PIECES),
                             .begin = rng_below(r, 3 * BLOCK_LEN),
                             .length = BLOCK_LEN};

        if (dice == 0)
            m.length = 1 + rng_below(r, BLOCK_LEN);
        else if (dice == 1)
            m = (struct wire_msg){.type = WIRE_HAVE, .piece = rng_below(r, PIECES)};
        else if (dice == 2)
            m = (struct wire_msg){.type = WIRE_KEEPALIVE};
        else if (dice == 3)
            m = (struct wire_msg){
                .type = WIRE_EXTENDED, .ext_id = 3, .data = s->data, .len = rng_below(r, 40000)};
        if (dice == 4)
            say_raw(s, "\0\0\0\x04\xc8xyz", 8, (struct wire_msg){.type = WIRE_UNKNOWN, .len = 3});
        else
            say(s, m);
    }
    return s;
}

/* Read-ahead loses and changes no byte, whether its guesses are right or not. */
Test(wire, downloads_in_reads_of_all_sizes)
{
    struct block_pool *pool = block_pool_new(4 * AHEAD_MAX);
    struct rng r;

    rng_init(&r, 16);
    for (unsigned round = 0; round < 60; round++) {
        struct script *s = download(&r);

        check_chunk(s, pool, 1 + rng_below(&r, 1 << rng_below(&r, 20)), feed_spans);
        check_chunk(s, pool, STREAM_MAX, feed_spans);
        check_split(s, pool, rng_below(&r, (uint32_t)buf_len(&s->bytes)), feed_spans);
        check_split(s, pool, rng_below(&r, (uint32_t)buf_len(&s->bytes)), feed_push);
        script_free(s);
    }
    block_pool_free(pool);
}

/* Fills all spans, and returns the number of blocks in them. */
static uint32_t
fill(struct wire_rx *rx, const uint8_t **at)
{
    struct wire_span spans[WIRE_SPANS_MAX];
    int n = wire_rx_spans(rx, spans);
    size_t len = 0;

    cr_assert_gt(n, 0);
    for (int i = 0; i < n; i++) {
        memcpy(spans[i].base, *at, spans[i].len);
        *at += spans[i].len;
        len += spans[i].len;
    }
    wire_rx_filled(rx, len);
    return (uint32_t)(len / BLOCK_LEN);
}

/* While PIECE messages fill all spans, the next read has twice as many. */
Test(wire, whole_blocks_are_read_several_at_a_time)
{
    static const uint32_t rooms[] = {2, 2, 4, 8, 16, 16}; /* the first: the rest of one, and one */
    struct block_pool *pool = block_pool_new(4 * AHEAD_MAX);
    struct script *s = script_new();
    const uint8_t *at;
    struct wire_rx rx;
    size_t done;

    while (s->count < 49)
        say(s, (struct wire_msg){.type = WIRE_PIECE, .piece = 1, .length = BLOCK_LEN});
    at = buf_data(&s->bytes);
    wire_rx_init(&rx, pool, PIECES);
    done = feed_spans(&rx, s, at, 13, 13, 0);
    at += 13;
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        cr_assert_eq(fill(&rx, &at), rooms[i], "read %zu", i);
        done = drain(&rx, s, done);
        cr_assert_eq(block_pool_used(pool), 0, "what was taken came as messages");
    }
    cr_assert_eq(done, 48);
    wire_rx_fini(&rx);
    block_pool_free(pool);
    script_free(s);
}

/* Read-ahead can hold more data than the pool has blocks for: the data waits for blocks, and needs
 * no further byte. */
Test(wire, what_was_read_ahead_can_wait_for_blocks)
{
    enum { BLOCKS = 8 };
    struct block_pool *pool = block_pool_new(BLOCKS);
    struct script *s = script_new();
    struct block *held[BLOCKS];
    struct wire_span spans[WIRE_SPANS_MAX];
    struct wire_rx rx;
    struct wire_msg msg;
    size_t done, got = 0;

    for (size_t i = 0; i < BLOCKS; i++)
        held[i] = block_take(pool);
    say(s, (struct wire_msg){.type = WIRE_PIECE, .piece = 1, .length = BLOCK_LEN});
    say(s, (struct wire_msg){.type = WIRE_PIECE, .piece = 2, .length = 2000});
    say(s, (struct wire_msg){.type = WIRE_PIECE, .piece = 3, .length = 2000});
    wire_rx_init(&rx, pool, PIECES);
    block_drop(held[0]);
    block_drop(held[1]);
    done = feed_spans(&rx, s, buf_data(&s->bytes), 13 + BLOCK_LEN / 2, STREAM_MAX, 0);
    cr_assert_eq(wire_rx_spans(&rx, spans), 2);
    cr_assert_eq(spans[1].len, (size_t)13 + BLOCK_LEN);
    memcpy(spans[0].base, buf_data(&s->bytes) + 13 + BLOCK_LEN / 2, BLOCK_LEN / 2);
    memcpy(spans[1].base, buf_data(&s->bytes) + 13 + BLOCK_LEN, 4026);
    wire_rx_filled(&rx, BLOCK_LEN / 2 + 4026);
    while (wire_rx_next(&rx, &msg) == 1) {
        assert_same(s, done++, &msg);
        held[got++] = msg.block;
    }
    cr_assert_eq(done, 1, "the next one finds no block");
    cr_assert(wire_rx_starves(&rx));
    cr_assert_eq(wire_rx_spans(&rx, spans), 0);
    block_drop(held[--got]);
    done = drain(&rx, s, done);
    cr_assert_eq(done, 3);
    cr_assert_not(wire_rx_starves(&rx));
    cr_assert_eq(block_pool_used(pool), (uint32_t)BLOCKS - 2);
    for (size_t i = 2; i < BLOCKS; i++)
        block_drop(held[i]);
    wire_rx_fini(&rx);
    block_pool_free(pool);
    script_free(s);
}

/* A peer that announces a megabyte and sends little uses little of our memory. */
Test(wire, memory_follows_what_came)
{
    struct block_pool *pool = block_pool_new(1);
    uint8_t head[6] = {0x00, 0x01, 0x00, 0x00, WIRE_EXTENDED, 0}, more[3000] = {0};
    struct wire_rx rx;
    struct wire_msg msg;
    size_t sent = 0;

    wire_rx_init(&rx, pool, 0);
    cr_assert_eq(wire_rx_push(&rx, head, 6), 6);
    cr_assert_eq(wire_rx_next(&rx, &msg), 0);
    cr_assert(wire_rx_is_long(&rx));
    cr_assert_leq(rx.staging.cap, (size_t)1024);
    while (sent < (1 << 16) - 2) {
        size_t left = (1 << 16) - 2 - sent;
        int64_t n = wire_rx_push(&rx, more, left < sizeof(more) ? left : sizeof(more));

        cr_assert_gt(n, 0);
        cr_assert_leq(rx.staging.cap, 4 * (sent + 6) + 1024);
        sent += (size_t)n;
        cr_assert_eq(wire_rx_next(&rx, &msg), sent == (1 << 16) - 2);
    }
    cr_assert_eq(msg.len, (size_t)(1 << 16) - 2);
    cr_assert_eq(wire_rx_next(&rx, &msg), 0);
    cr_assert_leq(rx.staging.cap, (size_t)1024, "it shrinks back");
    cr_assert_not(wire_rx_is_long(&rx));
    wire_rx_fini(&rx);
    block_pool_free(pool);
}

Test(wire, unknown_messages_take_no_memory)
{
    struct block_pool *pool = block_pool_new(1);
    uint8_t head[5] = {0x00, 0x01, 0x00, 0x01, 200}, more[5000] = {0};
    struct wire_rx rx;
    struct wire_msg msg;
    size_t left = 1 << 16;

    wire_rx_init(&rx, pool, 0);
    cr_assert_eq(wire_rx_push(&rx, head, 5), 5);
    while (left > 0) {
        int64_t n;

        cr_assert_eq(wire_rx_next(&rx, &msg), 0);
        cr_assert(wire_rx_is_long(&rx));
        n = wire_rx_push(&rx, more, left < sizeof(more) ? left : sizeof(more));
        cr_assert_gt(n, 0);
        left -= (size_t)n;
        cr_assert_leq(rx.staging.cap, (size_t)1024);
    }
    cr_assert_eq(wire_rx_next(&rx, &msg), 1);
    cr_assert_eq(msg.type, WIRE_UNKNOWN);
    cr_assert_eq(msg.len, (size_t)1 << 16);
    cr_assert_null(msg.data);
    wire_rx_fini(&rx);
    block_pool_free(pool);
}

/* wire_size() is the number of bytes that wire_encode() writes. */
Test(wire, sizes)
{
    static const struct {
        uint8_t id;
        size_t payload;
    } table[] = {
#define X(name, id, shortest, longest) {id, shortest},
        WIRE_TABLE(X)
#undef X
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct wire_msg msg = {.type = (enum wire_type)table[i].id, .length = 1};
        struct buf out;

        buf_init(&out, 1000);
        cr_assert_eq(wire_encode(&out, &msg), 0);
        cr_assert_eq(wire_size(&msg), buf_len(&out) + (msg.type == WIRE_PIECE), "id %u",
                     table[i].id);
        buf_fini(&out);
    }
    cr_assert_eq(wire_size(&(struct wire_msg){.type = WIRE_KEEPALIVE}), 4u);
    cr_assert_eq(wire_size(&(struct wire_msg){.type = WIRE_UNKNOWN, .len = 7}), 12u);
    cr_assert_eq(wire_size(&(struct wire_msg){.type = WIRE_HASHES, .len = 64}), 53u + 64);
}

/* Garbage of all sorts, which may or may not cause an error: the parser always ends, and no memory
 * leaks. */
Test(wire, random_streams)
{
    struct block_pool *pool = block_pool_new(2);
    struct rng r;

    rng_init(&r, 52);
    for (unsigned round = 0; round < 3000; round++) {
        uint8_t raw[400];
        struct wire_rx rx;
        struct wire_msg msg;
        int64_t n = 1;
        int got = 0;

        rng_fill(&r, raw, sizeof(raw));
        for (size_t i = 0; i + 5 < sizeof(raw); i += 1 + rng_below(&r, 60)) {
            memset(raw + i, 0, 3);
            raw[i + 4] = (uint8_t)rng_below(&r, 26);
        }
        wire_rx_init(&rx, pool, PIECES);
        for (size_t at = 0; at < sizeof(raw) && n > 0 && got >= 0; at += (size_t)n) {
            n = wire_rx_push(&rx, raw + at, 1 + rng_below(&r, (uint32_t)(sizeof(raw) - at)));
            while ((got = wire_rx_next(&rx, &msg)) == 1)
                block_drop(msg.block);
        }
        wire_rx_fini(&rx);
        cr_assert_eq(block_pool_used(pool), 0);
    }
    block_pool_free(pool);
}
