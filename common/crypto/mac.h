/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A short keyed MAC for values that this program sends out and gets back (connection ids, DHT
 * tokens): SipHash-2-4 (Aumasson and Bernstein, 2012). 64 bits: enough for values that live for
 * minutes, not for stored ones.
 */
#ifndef COMMON_CRYPTO_MAC_H
#define COMMON_CRYPTO_MAC_H

#include <stddef.h>
#include <stdint.h>

enum { MAC_KEY_LEN = 16 };

uint64_t mac_siphash(const uint8_t key[MAC_KEY_LEN], const void *data, size_t len);

#endif
