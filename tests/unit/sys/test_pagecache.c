/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is in the page cache, and buffers for it.
 */
#include "common/sys/pagecache.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(pagecache, buffers_begin_at_a_page)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (size_t len = 1; len <= 1 << 20; len = 3 * len + 1) {
        uint8_t *buf = pagecache_buffer(len);

        cr_assert_not_null(buf);
        cr_expect_eq((uintptr_t)buf % page, 0u, "%zu bytes", len);
        memset(buf, 1, len);
        free(buf);
    }
}

/* What was just written is there; what was never written is not told to be. */
Test(pagecache, has_what_was_just_written)
{
    FILE *f = tmpfile();
    static const uint8_t bytes[100000];

    cr_assert_not_null(f);
    cr_assert_eq(write(fileno(f), bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
    /* Kernels that can't tell say no. */
    if (pagecache_has(fileno(f), 0, 1))
        cr_expect(pagecache_has(fileno(f), 4096, sizeof(bytes) - 4096));
    cr_assert_eq(ftruncate(fileno(f), 10 * sizeof(bytes)), 0);
    cr_expect_not(pagecache_has(fileno(f), sizeof(bytes) + 8192, sizeof(bytes)));
    fclose(f);
}
