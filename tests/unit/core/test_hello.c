/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hello of a connection: however its bytes are cut, the same handshake and the same rest come
 * out, and what is no hello is refused at its first wrong byte.
 */
#include "peer/core/hello.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/base/err.h"

enum { BEHIND = 9, ALL = HANDSHAKE_LEN + BEHIND };

static const uint8_t behind[BEHIND] = {0, 0, 0, 5, 4, 0, 0, 0, 7};

static struct handshake
some_handshake(void)
{
    struct handshake h = {.fast = true, .extended = true};

    memset(h.info_hash, 0xab, sizeof(h.info_hash));
    memset(h.peer_id, 0xcd, sizeof(h.peer_id));
    return h;
}

static void
some_bytes(uint8_t out[ALL])
{
    struct handshake h = some_handshake();

    handshake_encode(&h, out);
    memcpy(out + HANDSHAKE_LEN, behind, BEHIND);
}

static void
assert_end(const struct hello_end *end)
{
    struct handshake want = some_handshake();

    cr_assert_arr_eq(end->handshake.info_hash, want.info_hash, sizeof(want.info_hash));
    cr_assert_arr_eq(end->handshake.peer_id, want.peer_id, PEER_ID_LEN);
    cr_assert(end->handshake.fast && end->handshake.extended);
    cr_assert(!end->handshake.upgrade && !end->handshake.dht);
}

Test(hello, split_at_every_pair_of_bytes)
{
    uint8_t bytes[ALL];

    some_bytes(bytes);
    for (size_t a = 0; a <= HANDSHAKE_LEN; a++) {
        for (size_t b = a; b <= ALL; b++) {
            struct hello_end end;
            struct hello h;
            size_t at = a;
            int n;

            hello_init_accept(&h);
            n = hello_take(&h, bytes, a, &end);
            cr_assert_eq(n, a == HANDSHAKE_LEN ? 1 : 0);
            if (n == 0) {
                n = hello_take(&h, bytes + a, b - a, &end);
                cr_assert_eq(n, b >= HANDSHAKE_LEN ? 1 : 0);
                at = b;
            }
            if (n == 0) {
                n = hello_take(&h, bytes + b, ALL - b, &end);
                at = ALL;
            }
            cr_assert_eq(n, 1);
            assert_end(&end);
            cr_assert_eq(end.left_len, at - HANDSHAKE_LEN);
            cr_assert_arr_eq(end.left, behind, end.left_len);
        }
    }
}

Test(hello, byte_by_byte)
{
    uint8_t bytes[ALL];
    struct hello_end end;
    struct hello h;

    some_bytes(bytes);
    hello_init_accept(&h);
    for (size_t i = 0; i < HANDSHAKE_LEN; i++)
        cr_assert_eq(hello_take(&h, bytes + i, 1, &end), i + 1 == HANDSHAKE_LEN ? 1 : 0);
    assert_end(&end);
    cr_assert_eq(end.left_len, 0u);
}

Test(hello, all_other_first_bytes_are_refused)
{
    for (unsigned first = 0; first < 256; first++) {
        uint8_t byte = (uint8_t)first;
        struct hello_end end;
        struct hello h;

        hello_init_accept(&h);
        cr_expect_eq(hello_take(&h, &byte, 1, &end), first == 0x13 ? 0 : SPRAT_E_PROTOCOL);
    }
}

Test(hello, a_wrong_byte_is_refused_at_once_and_for_good)
{
    for (size_t wrong = 0; wrong < 20; wrong++) {
        uint8_t bytes[ALL];
        struct hello_end end;
        struct hello h;

        some_bytes(bytes);
        hello_init_accept(&h);
        cr_expect_eq(hello_take(&h, bytes, wrong, &end), 0);
        bytes[wrong] ^= 1;
        cr_expect_eq(hello_take(&h, bytes + wrong, 1, &end), SPRAT_E_PROTOCOL);
        some_bytes(bytes);
        cr_expect_eq(hello_take(&h, bytes, ALL, &end), SPRAT_E_PROTOCOL);
        cr_expect_eq(hello_take(&h, bytes, 0, &end), SPRAT_E_PROTOCOL);
    }
}

Test(hello, the_side_that_connects_speaks_first_and_once)
{
    struct handshake offer = some_handshake();
    const uint8_t *out;
    uint8_t bytes[ALL];
    struct hello_end end;
    struct hello h;

    some_bytes(bytes);
    hello_init_dial(&h, &offer);
    cr_assert_eq(hello_out(&h, &out), HANDSHAKE_LEN);
    cr_assert_arr_eq(out, bytes, HANDSHAKE_LEN);
    cr_assert_eq(hello_out(&h, &out), 0u);
    cr_assert_eq(hello_take(&h, bytes, ALL, &end), 1);
    assert_end(&end);
    cr_assert_eq(hello_out(&h, &out), 0u);
    hello_init_accept(&h);
    cr_assert_eq(hello_out(&h, &out), 0u, "the side that accepts waits");
    cr_assert_eq(hello_take(&h, bytes, ALL, &end), 1);
    cr_assert_eq(hello_out(&h, &out), 0u);
}
