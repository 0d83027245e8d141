/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the hello of a connection. The first byte seeds the sizes of the reads; the rest is what a
 * stranger sends. However it is cut, it ends at the same byte in the same way, and a handshake that
 * was taken encodes back to the bytes that it was made from.
 */
#include <string.h>

#include "common/base/assert.h"
#include "common/base/rng.h"
#include "peer/core/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How a hello ended. */
struct outcome {
    int n;       /* as hello_take() */
    size_t used; /* bytes of the hello, without those behind it */
    struct handshake handshake;
};

/* Passes the bytes in reads of at most |read_max|. */
static void
run(struct outcome *o, const uint8_t *data, size_t size, struct rng *r, uint32_t read_max)
{
    struct hello_end end;
    const uint8_t *out;
    struct hello h;

    memset(o, 0, sizeof(*o));
    hello_init_accept(&h);
    while (o->used < size && o->n == 0) {
        size_t len = 1 + rng_below(r, read_max);

        if (len > size - o->used)
            len = size - o->used;
        o->n = hello_take(&h, data + o->used, len, &end);
        ASSERT(hello_out(&h, &out) == 0);
        o->used += len;
    }
    if (o->n > 0) {
        ASSERT(end.left_len <= o->used && end.left == data + o->used - end.left_len);
        o->used -= end.left_len;
        o->handshake = end.handshake;
    }
}

/* Compares handshakes, except for reserved bits that we do not know. */
static void
encodes_back(const struct handshake *h, const uint8_t *data)
{
    uint8_t bytes[HANDSHAKE_LEN];

    handshake_encode(h, bytes);
    ASSERT(memcmp(bytes, data, 20) == 0);
    for (int i = 20; i < 28; i++)
        ASSERT((bytes[i] & ~data[i]) == 0);
    ASSERT(memcmp(bytes + 28, data + 28, HANDSHAKE_LEN - 28) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, cut;
    struct rng r;

    if (size < 1)
        return 0;
    rng_init(&r, data[0]);
    data++;
    size--;
    run(&whole, data, size, &r, 1 << 20);
    run(&cut, data, size, &r, 1 + rng_below(&r, 32));
    ASSERT(whole.n == cut.n);
    if (whole.n <= 0)
        return 0;
    ASSERT(whole.used == HANDSHAKE_LEN && cut.used == HANDSHAKE_LEN);
    encodes_back(&whole.handshake, data);
    encodes_back(&cut.handshake, data);
    return 0;
}
