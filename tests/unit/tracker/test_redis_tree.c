/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Replies with arrays in arrays, in any pieces, and the limits on them.
 */
#include "tracker/net/redis_tree.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

/* Feeds |text| in pieces of |step| bytes; what reading it comes to. */
static int
read_text(struct redis_tree *t, const char *text, size_t len, size_t step,
          const struct cluster_reply **reply)
{
    int got = 0;

    for (size_t at = 0; at < len && got == 0; at += step) {
        cr_assert_eq(redis_tree_feed(t, text + at, at + step < len ? step : len - at), 0);
        got = redis_tree_next(t, reply);
    }
    return got;
}

Test(redis_tree, a_stream_in_any_pieces)
{
    static const char text[] = "*1\r\n*2\r\n$3\r\nkey\r\n*2\r\n"
                               "*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nb\r\n$3\r\na\0c\r\n"
                               "*2\r\n$3\r\n2-0\r\n*0\r\n";

    for (size_t step = 1; step < sizeof(text); step++) {
        struct redis_tree *t = redis_tree_new();
        const struct cluster_reply *r;

        for (int twice = 0; twice < 2; twice++) {
            cr_assert_eq(read_text(t, text, sizeof(text) - 1, step, &r), 1);
            cr_assert(r->type == CLUSTER_REPLY_ARRAY && r->count == 1);
            r = &r->elements[0];
            cr_assert(r->count == 2 && memcmp(r->elements[0].str, "key", 3) == 0);
            r = &r->elements[1];
            cr_assert(r->count == 2 && r->elements[1].elements[1].count == 0);
            r = &r->elements[0].elements[1];
            cr_assert(r->elements[1].len == 3 && memcmp(r->elements[1].str, "a\0c", 3) == 0);
        }
        redis_tree_free(t);
    }
}

static int
refused(const char *text)
{
    struct redis_tree *t = redis_tree_new();
    const struct cluster_reply *r;
    int got = read_text(t, text, strlen(text), strlen(text), &r);

    redis_tree_free(t);
    return got;
}

Test(redis_tree, limits)
{
    cr_assert_eq(refused("*2000000000\r\n"), SPRAT_E_PROTOCOL, "before there is memory for them");
    cr_assert_eq(refused("*4097\r\n"), SPRAT_E_PROTOCOL);
    cr_assert_eq(refused("*4096\r\n"), 0);
    cr_assert_eq(refused("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), 1);
    cr_assert_eq(refused("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), SPRAT_E_PROTOCOL);
    cr_assert_eq(refused("HTTP/1.1 200 OK\r\n"), SPRAT_E_PROTOCOL);
    cr_assert_eq(refused("*-1\r\n"), 1, "nil");
}

Test(redis_tree, types_that_were_not_asked_for)
{
    cr_assert_eq(refused(",1.5\r\n"), SPRAT_E_PROTOCOL);
    cr_assert_eq(refused("#t\r\n"), SPRAT_E_PROTOCOL);
    cr_assert_eq(refused("*2\r\n:1\r\n,1.5\r\n"), SPRAT_E_PROTOCOL);
    cr_assert_eq(refused("*2\r\n:1\r\n#f\r\n"), SPRAT_E_PROTOCOL);
}

Test(redis_tree, a_reply_of_too_many_nodes)
{
    struct redis_tree *t = redis_tree_new();
    const struct cluster_reply *r;
    int got = 0;

    cr_assert_eq(redis_tree_feed(t, "*9\r\n", 4), 0);
    for (int i = 0; i < 9 && got == 0; i++) {
        cr_assert_eq(redis_tree_feed(t, "*4000\r\n", 7), 0);
        for (int k = 0; k < 4000; k++)
            cr_assert_eq(redis_tree_feed(t, ":1\r\n", 4), 0);
        got = redis_tree_next(t, &r);
    }
    cr_assert_eq(got, SPRAT_E_PROTOCOL);
    redis_tree_free(t);
}

Test(redis_tree, bytes_of_one_that_never_ends)
{
    struct redis_tree *t = redis_tree_new();
    const struct cluster_reply *r;
    char *junk = calloc(1, 1 << 20);
    int err = redis_tree_feed(t, "$100000000\r\n", 12);

    for (int i = 0; i < 9 && err == 0; i++) {
        err = redis_tree_feed(t, junk, 1 << 20);
        if (err == 0)
            cr_assert_eq(redis_tree_next(t, &r), 0);
    }
    cr_assert_eq(err, SPRAT_E_PROTOCOL);
    free(junk);
    redis_tree_free(t);
}
