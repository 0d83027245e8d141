/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Handles a failed assertion: prints one line on stderr and aborts, so that a core file is left.
 */
#include "common/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void
sprat_assert_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
    abort();
}
