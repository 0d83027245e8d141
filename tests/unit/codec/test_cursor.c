/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bounds-checked reader: values, the sticky error and the edges.
 */
#include "common/codec/cursor.h"

#include <criterion/criterion.h>

Test(cursor, reads_big_endian_fields)
{
    static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'x', 'y'};
    struct cursor c = cursor_make(in, sizeof(in));
    uint8_t two[2];

    cr_assert_eq(cursor_u8(&c), 1);
    cr_assert_eq(cursor_u16(&c), 0x0203);
    cr_assert_eq(cursor_u32(&c), 0x04050607);
    cr_assert_eq(cursor_u64(&c), 0x08090a0b0c0d0e0f);
    cr_assert_eq(cursor_left(&c), 2);
    cr_assert_not(cursor_done(&c));
    cursor_copy(&c, two, 2);
    cr_assert_eq(two[1], 'y');
    cr_assert(cursor_done(&c));
}

Test(cursor, the_error_is_sticky)
{
    static const uint8_t in[] = {1, 2, 3};
    struct cursor c = cursor_make(in, sizeof(in));
    uint8_t copy[2] = {9, 9};

    cr_assert_eq(cursor_u32(&c), 0);
    cr_assert_not(cursor_ok(&c));
    cr_assert_eq(cursor_left(&c), 0);
    cr_assert_eq(cursor_u8(&c), 0, "bytes that were there are not given out any more");
    cr_assert_null(cursor_bytes(&c, 1));
    cursor_copy(&c, copy, 2);
    cr_assert_eq(copy[0], 0);
    cr_assert_not(cursor_done(&c));
}

Test(cursor, a_huge_length_does_not_wrap)
{
    static const uint8_t in[] = {1, 2, 3};
    struct cursor c = cursor_make(in, sizeof(in));

    cursor_skip(&c, 1);
    cr_assert_null(cursor_bytes(&c, SIZE_MAX));
    cr_assert_not(cursor_ok(&c));
}

Test(cursor, an_empty_slice_is_done)
{
    struct cursor c = cursor_make(NULL, 0);

    cr_assert(cursor_done(&c));
    cursor_skip(&c, 0);
    cursor_copy(&c, NULL, 0);
    cr_assert(cursor_ok(&c));
    cr_assert_eq(cursor_u8(&c), 0);
    cr_assert_not(cursor_ok(&c));
}

Test(cursor, slices_point_into_the_input)
{
    static const uint8_t in[] = "abcdef";
    struct cursor c = cursor_make(in, 6);

    cursor_skip(&c, 2);
    cr_assert_eq(cursor_bytes(&c, 3), in + 2);
    cr_assert_eq(cursor_left(&c), 1);
}
