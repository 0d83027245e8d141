/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cutting into lines, at every split of the stream, and at the limits.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/rpc/frame.h"

static void
expect_message(struct rpc_frame *f, const char *want)
{
    const char *text;
    size_t len;

    cr_assert_eq(rpc_frame_next(f, &text, &len), 1);
    cr_expect_eq(len, strlen(want));
    cr_expect_eq(memcmp(text, want, len), 0, "%.*s", (int)len, text);
}

static void
expect_none(struct rpc_frame *f)
{
    const char *text;
    size_t len;

    cr_expect_eq(rpc_frame_next(f, &text, &len), 0);
}

Test(frame, every_split)
{
    static const char stream[] = "{\"a\":1}\n\n\r\n[2]\r\n3\n";
    const size_t n = sizeof(stream) - 1;

    for (size_t split = 0; split <= n; split++) {
        struct rpc_frame f;
        const char *text;
        size_t len, count = 0;
        static const char *const want[] = {"{\"a\":1}", "[2]", "3"};

        rpc_frame_init(&f);
        for (int part = 0; part < 2; part++) {
            cr_assert_eq(rpc_frame_feed(&f, stream + (part ? split : 0), part ? n - split : split),
                         0);
            while (rpc_frame_next(&f, &text, &len) == 1) {
                cr_assert_lt(count, 3);
                cr_expect_eq(len, strlen(want[count]), "split %zu message %zu", split, count);
                cr_expect_eq(memcmp(text, want[count], len), 0);
                count++;
            }
        }
        cr_expect_eq(count, 3, "split %zu", split);
        rpc_frame_fini(&f);
    }
}

Test(frame, a_rest_waits)
{
    struct rpc_frame f;

    rpc_frame_init(&f);
    expect_none(&f);
    cr_assert_eq(rpc_frame_feed(&f, "one\ntw", 6), 0);
    expect_message(&f, "one");
    expect_none(&f);
    cr_assert_eq(rpc_frame_feed(&f, "o\n", 2), 0);
    expect_message(&f, "two");
    expect_none(&f);
    rpc_frame_fini(&f);
}

/* Feeds |n| bytes of 'x', asserting that there is room for them. */
static void
feed_many(struct rpc_frame *f, size_t n)
{
    static char chunk[RPC_FEED_MAX];

    memset(chunk, 'x', sizeof(chunk));
    while (n > 0) {
        size_t part = n < sizeof(chunk) ? n : sizeof(chunk);

        cr_assert_not(rpc_frame_full(f));
        cr_assert_eq(rpc_frame_feed(f, chunk, part), 0);
        n -= part;
    }
}

Test(frame, the_longest_message_passes)
{
    struct rpc_frame f;
    const char *text;
    size_t len;

    rpc_frame_init(&f);
    feed_many(&f, RPC_MESSAGE_MAX);
    expect_none(&f);
    cr_assert_eq(rpc_frame_feed(&f, "\r\n", 2), 0);
    cr_assert_eq(rpc_frame_next(&f, &text, &len), 1);
    cr_expect_eq(len, RPC_MESSAGE_MAX);
    expect_none(&f);
    rpc_frame_fini(&f);
}

Test(frame, a_longer_one_does_not)
{
    struct rpc_frame f;
    const char *text;
    size_t len;

    rpc_frame_init(&f);
    feed_many(&f, RPC_MESSAGE_MAX + 1);
    cr_expect_eq(rpc_frame_next(&f, &text, &len), SPRAT_E_TOOBIG);
    cr_expect_eq(rpc_frame_next(&f, &text, &len), SPRAT_E_TOOBIG);
    rpc_frame_fini(&f);
}

Test(frame, full_asks_for_taking_out)
{
    struct rpc_frame f;
    const char *text;
    size_t len, count = 0, fed = 0;
    static char lines[RPC_FEED_MAX];

    memset(lines, '\n', sizeof(lines));
    for (size_t i = 0; i < sizeof(lines); i += 2)
        lines[i] = 'y';
    rpc_frame_init(&f);
    while (!rpc_frame_full(&f)) {
        cr_assert_eq(rpc_frame_feed(&f, lines, sizeof(lines)), 0);
        fed += sizeof(lines) / 2;
    }
    while (rpc_frame_next(&f, &text, &len) == 1)
        count++;
    cr_expect_eq(count, fed);
    cr_expect_not(rpc_frame_full(&f));
    rpc_frame_fini(&f);
}
