/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/sys/processors.h"

#include <criterion/criterion.h>
#include <sched.h>

Test(processors, only_those_of_the_affinity_count)
{
    cpu_set_t before, one;
    unsigned all = processors_usable();
    int first = 0;

    cr_assert_eq(sched_getaffinity(0, sizeof(before), &before), 0);
    cr_expect_eq(all, (unsigned)CPU_COUNT(&before));
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    cr_expect_eq(processors_usable(), 1);
    cr_assert_eq(sched_setaffinity(0, sizeof(before), &before), 0);
    cr_expect_eq(processors_usable(), all);
}
