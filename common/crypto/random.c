/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads random bytes from the kernel's generator.
 */
#include "common/crypto/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/types.h>

#include "common/base/assert.h"

void
random_bytes(void *dst, size_t len)
{
    uint8_t *p = dst;

    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);

        if (n < 0) {
            /* A kernel without getrandom() is too old for this program; a signal may interrupt a
             * long read. */
            ASSERT(errno == EINTR);
            continue;
        }
        p += n;
        len -= (size_t)n;
    }
}
