/* SPDX-License-Identifier: BSD-2-Clause
 *
 * URI escaping and unescaping (RFC 3986), and the repair of URLs in torrent files and magnet links.
 * Does not split URLs.
 */
#ifndef COMMON_CODEC_URI_H
#define COMMON_CODEC_URI_H

#include <stddef.h>
#include <stdint.h>

#include "common/ds/buf.h"

enum { URI_MAX = 2048 };

/* Appends |len| bytes; all characters but letters, digits and "-._~" are percent-encoded. Returns
 * out->err. */
int uri_escape(struct buf *out, const void *s, size_t len);

/* Decodes |len| bytes into |out|, which has room for |len| and may be |s|, and returns the length.
 * A '%' without two hex digits after it stays as it is. */
size_t uri_unescape(const char *s, size_t len, uint8_t *out);

/* Copies a URL without the white space around it; bytes that are illegal in a URL are
 * percent-encoded, as other clients do. Returns its length; 0, with an empty |out|, for text
 * without "://" or text that does not fit. */
size_t uri_clean(const uint8_t *s, size_t len, char out[URI_MAX + 1]);

#endif
