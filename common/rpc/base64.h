/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Base64 (RFC 4648 section 4), for bytes that travel in JSON. Strict: with padding, without blanks,
 * and the spare bits must be zero, so that each byte string has one form.
 */
#ifndef COMMON_RPC_BASE64_H
#define COMMON_RPC_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* To a string that is to be freed; NULL when memory is out. */
char *base64_encode(const void *data, size_t len);

/* 0 and |*out| (to be freed, never NULL), or SYNTAX or NOMEM. */
int base64_decode(const char *text, size_t text_len, uint8_t **out, size_t *len);

#endif
