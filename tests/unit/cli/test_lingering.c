/* SPDX-License-Identifier: BSD-2-Clause
 *
 * When a complete download ends.
 */
#include <criterion/criterion.h>

#include "peer/cli/lingering.h"

static struct mono
at(int64_t ms)
{
    return (struct mono){.us = 1000 * ms};
}

Test(lingering, ends_at_once_if_nobody_wants_anything)
{
    struct lingering l = {.seconds = 60};

    lingering_begin(&l, 5, at(0));
    cr_expect(lingering_is_over(&l, 0, 5, at(0)));
    cr_expect(!lingering_is_over(&l, 1, 5, at(0)));
    cr_expect(lingering_is_over(&l, 0, 9, at(100)));
}

Test(lingering, ends_after_the_last_upload)
{
    struct lingering l = {.seconds = 2};

    lingering_begin(&l, 5, at(0));
    cr_expect(!lingering_is_over(&l, 1, 5, at(1999)));
    cr_expect(lingering_is_over(&l, 1, 5, at(2000)));
    cr_expect(!lingering_is_over(&l, 1, 6, at(2500)), "something was sent");
    cr_expect(!lingering_is_over(&l, 1, 6, at(4499)));
    cr_expect(lingering_is_over(&l, 1, 6, at(4500)));
}
