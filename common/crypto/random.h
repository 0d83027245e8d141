/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Randomness for secrets: keys, seeds, peer-id tails. The bytes come from the kernel; if it fails,
 * the process aborts.
 */
#ifndef COMMON_CRYPTO_RANDOM_H
#define COMMON_CRYPTO_RANDOM_H

#include <stddef.h>

void random_bytes(void *dst, size_t len);

#endif
