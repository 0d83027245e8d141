/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bits in wire order: order, count, spare bits, scans.
 */
#include "common/ds/bitfield.h"

#include <criterion/criterion.h>
#include <signal.h>

#include "common/base/err.h"
#include "common/base/rng.h"

Test(bitfield, bit_0_is_the_high_bit_of_byte_0)
{
    struct bitfield b;

    cr_assert_eq(bitfield_init(&b, 20), 0);
    cr_assert(bitfield_set(&b, 0));
    cr_assert(bitfield_set(&b, 9));
    cr_assert(bitfield_set(&b, 19));
    cr_assert_eq(b.bytes[0], 0x80);
    cr_assert_eq(b.bytes[1], 0x40);
    cr_assert_eq(b.bytes[2], 0x10);
    cr_assert_eq(b.count, 3);
    cr_assert_not(bitfield_set(&b, 9), "it was set");
    cr_assert_eq(b.count, 3);
    cr_assert(bitfield_get(&b, 9));
    cr_assert(bitfield_clear(&b, 9));
    cr_assert_not(bitfield_clear(&b, 9));
    cr_assert_not(bitfield_get(&b, 9));
    cr_assert_eq(b.count, 2);
    bitfield_fini(&b);
}

Test(bitfield, out_of_range_reads_as_clear)
{
    struct bitfield b;

    cr_assert_eq(bitfield_init(&b, 8), 0);
    bitfield_set_all(&b);
    cr_assert_not(bitfield_get(&b, 8));
    cr_assert_not(bitfield_get(&b, UINT32_MAX));
    bitfield_fini(&b);
}

Test(bitfield, setting_out_of_range_is_our_bug, .signal = SIGABRT)
{
    struct bitfield b;

    cr_assert_eq(bitfield_init(&b, 8), 0);
    bitfield_set(&b, 8);
}

Test(bitfield, all_of_every_size)
{
    for (uint32_t n = 0; n < 40; n++) {
        struct bitfield b;

        cr_assert_eq(bitfield_init(&b, n), 0);
        cr_assert_eq(bitfield_full(&b), n == 0);
        bitfield_set_all(&b);
        cr_assert(bitfield_full(&b));
        cr_assert_eq(b.count, n);
        cr_assert_eq(bitfield_next_clear(&b, 0), n);
        if (n % 8 != 0)
            cr_assert_eq(b.bytes[n / 8] & (0xff >> n % 8), 0, "spare bits stay zero");
        bitfield_clear_all(&b);
        cr_assert_eq(b.count, 0);
        cr_assert_eq(bitfield_next_set(&b, 0), n);
        bitfield_fini(&b);
    }
}

Test(bitfield, load_checks_size_and_spare_bits)
{
    static const uint8_t good[] = {0xf0, 0xa0}, spare[] = {0xf0, 0xa8}, whole[] = {1};
    struct bitfield b, eight, none;

    cr_assert_eq(bitfield_init(&b, 12), 0);
    cr_assert_eq(bitfield_load(&b, good, 2), 0);
    cr_assert_eq(b.count, 6);
    cr_assert_eq(bitfield_load(&b, spare, 2), SPRAT_E_PROTOCOL);
    cr_assert_eq(bitfield_load(&b, good, 1), SPRAT_E_PROTOCOL);
    cr_assert_eq(bitfield_load(&b, good, 0), SPRAT_E_PROTOCOL);
    cr_assert_eq(b.count, 6, "a bad one changes nothing");
    cr_assert_eq(b.bytes[1], 0xa0);
    cr_assert_eq(bitfield_init(&eight, 8), 0);
    cr_assert_eq(bitfield_load(&eight, whole, 1), 0);
    cr_assert(bitfield_get(&eight, 7));
    cr_assert_eq(bitfield_init(&none, 0), 0);
    cr_assert_eq(bitfield_load(&none, NULL, 0), 0);
    bitfield_fini(&b);
    bitfield_fini(&eight);
    bitfield_fini(&none);
}

Test(bitfield, scans_agree_with_a_walk)
{
    struct bitfield b;
    struct rng r;

    rng_init(&r, 1);
    cr_assert_eq(bitfield_init(&b, 203), 0);
    for (int round = 0; round < 50; round++) {
        /* From nearly empty to nearly full. */
        bitfield_clear_all(&b);
        for (uint32_t i = 0; i < 203; i++)
            if (rng_below(&r, 50) < (uint32_t)round)
                bitfield_set(&b, i);
        for (uint32_t from = 0; from < 210; from++) {
            uint32_t set = from, clear = from;

            while (set < 203 && !bitfield_get(&b, set))
                set++;
            while (clear < 203 && bitfield_get(&b, clear))
                clear++;
            cr_assert_eq(bitfield_next_set(&b, from), set < 203 ? set : 203);
            cr_assert_eq(bitfield_next_clear(&b, from), clear < 203 ? clear : 203);
        }
    }
    bitfield_fini(&b);
}

Test(bitfield, copy_and_extra)
{
    struct bitfield a, b;

    cr_assert_eq(bitfield_init(&a, 30), 0);
    cr_assert_eq(bitfield_init(&b, 30), 0);
    cr_assert_not(bitfield_has_extra(&a, &b));
    bitfield_set(&a, 29);
    cr_assert(bitfield_has_extra(&a, &b));
    cr_assert_not(bitfield_has_extra(&b, &a));
    bitfield_copy(&b, &a);
    cr_assert_not(bitfield_has_extra(&a, &b));
    cr_assert_eq(b.count, 1);
    cr_assert(bitfield_get(&b, 29));
    bitfield_fini(&a);
    bitfield_fini(&b);
}
