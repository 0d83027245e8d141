/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bounded buffer: its maximum, the sticky error, use as a queue and as a string.
 */
#include "common/ds/buf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

Test(buf, appends)
{
    struct buf b;
    static const uint8_t numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

    buf_init(&b, 100);
    cr_assert_eq(buf_len(&b), 0);
    buf_put_u8(&b, 1);
    buf_put_u16(&b, 0x0203);
    buf_put_u32(&b, 0x04050607);
    buf_put_u64(&b, 0x08090a0b0c0d0e0f);
    cr_assert_eq(buf_len(&b), sizeof(numbers));
    cr_assert_arr_eq(buf_data(&b), numbers, sizeof(numbers));
    buf_reset(&b);
    buf_puts(&b, "a");
    buf_printf(&b, "%d-%s", 7, "x");
    buf_put(&b, "yz", 2);
    buf_put(&b, NULL, 0);
    cr_assert_str_eq(buf_str(&b), "a7-xyz");
    cr_assert_eq(buf_len(&b), 6, "the NUL does not count");
    buf_fini(&b);
}

Test(buf, an_empty_one_is_an_empty_string)
{
    struct buf b;

    buf_init(&b, 0);
    cr_assert_str_eq(buf_str(&b), "");
    cr_assert_eq(b.err, 0);
    buf_fini(&b);
    buf_fini(&b);
}

Test(buf, the_maximum_is_kept_and_the_error_sticks)
{
    struct buf b;

    buf_init(&b, 4);
    cr_assert_eq(buf_puts(&b, "abcd"), 0);
    cr_assert_eq(buf_puts(&b, "e"), SPRAT_E_TOOBIG);
    cr_assert_eq(buf_put(&b, NULL, 0), SPRAT_E_TOOBIG);
    cr_assert_eq(buf_printf(&b, "%d", 1), SPRAT_E_TOOBIG);
    cr_assert_null(buf_room(&b, 0));
    cr_assert_null(buf_str(&b));
    cr_assert_eq(buf_len(&b), 4);
    buf_consume(&b, 4);
    cr_assert_eq(buf_puts(&b, "e"), SPRAT_E_TOOBIG, "room alone does not mend it");
    buf_reset(&b);
    cr_assert_eq(buf_puts(&b, "e"), 0);
    buf_fini(&b);
}

Test(buf, a_huge_length_does_not_wrap)
{
    struct buf b;

    buf_init(&b, 100);
    buf_puts(&b, "abc");
    cr_assert_null(buf_room(&b, SIZE_MAX));
    cr_assert_eq(b.err, SPRAT_E_TOOBIG);
    buf_fini(&b);
}

Test(buf, what_was_consumed_makes_room)
{
    struct buf b;

    buf_init(&b, 10);
    /* Many times its maximum flows through it. */
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(buf_printf(&b, "%03d", i), 0);
        if (i >= 2) {
            char expected[4];

            snprintf(expected, sizeof(expected), "%03d", i - 2);
            cr_assert_arr_eq(buf_data(&b), expected, 3);
            buf_consume(&b, 3);
        }
    }
    cr_assert_leq(b.cap, 64);
    buf_fini(&b);
}

Test(buf, room_is_filled_from_outside)
{
    struct buf b;
    uint8_t *room;

    buf_init(&b, 1000);
    buf_puts(&b, "x");
    room = buf_room(&b, 500);
    cr_assert_not_null(room);
    memset(room, 'y', 500);
    cr_assert_eq(buf_len(&b), 1);
    buf_grew(&b, 200);
    cr_assert_eq(buf_len(&b), 201);
    cr_assert_eq(buf_data(&b)[200], 'y');
    buf_fini(&b);
}

Test(buf, take)
{
    struct buf b;
    uint8_t *mem;
    size_t len;

    buf_init(&b, 100);
    cr_assert_null(buf_take(&b, &len));
    cr_assert_eq(len, 0);
    buf_puts(&b, "abcdef");
    buf_consume(&b, 2);
    mem = buf_take(&b, &len);
    cr_assert_eq(len, 4);
    cr_assert_arr_eq(mem, "cdef", 4);
    free(mem);
    cr_assert_eq(buf_len(&b), 0);
    buf_puts(&b, "again");
    cr_assert_str_eq(buf_str(&b), "again");
    buf_fini(&b);
}
