/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The little that torrent files and magnet links need of RFC 3986: escaping, unescaping, and making
 * what people have put where a URL should stand into one. Takes no URL apart.
 */
#ifndef COMMON_CODEC_URI_H
#define COMMON_CODEC_URI_H

#include <stddef.h>
#include <stdint.h>

#include "common/ds/buf.h"

enum { URI_MAX = 2048 };

/* Appends |len| bytes, all but letters, digits and "-._~" percent-encoded. Returns out->err. */
int uri_escape(struct buf *out, const void *s, size_t len);

/* Decodes |len| bytes into |out|, which has room for |len| and may be |s|, and returns how many it
 * wrote. A '%' that two hex digits don't follow stands for itself. */
size_t uri_unescape(const char *s, size_t len, uint8_t *out);

/* Copies a URL without the white space around it; bytes that no URL can hold are percent-encoded,
 * as other clients do it. Returns its length; 0, and an empty |out|, for what has no "://" or does
 * not fit. */
size_t uri_clean(const uint8_t *s, size_t len, char out[URI_MAX + 1]);

#endif
