/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Base64 (RFC 4648 section 4) for bytes in JSON. Strict: padding is required, blanks are refused,
 * and spare bits must be zero, so that each byte string has exactly one form.
 */
#ifndef COMMON_RPC_BASE64_H
#define COMMON_RPC_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Returns a string that the caller frees; NULL when memory is out. */
char *base64_encode(const void *data, size_t len);

/* Returns 0 and |*out| (the caller frees it; never NULL), or SYNTAX or NOMEM. */
int base64_decode(const char *text, size_t text_len, uint8_t **out, size_t *len);

#endif
