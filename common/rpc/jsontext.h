/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Text of any bytes as a JSON string, which must be UTF-8: paths, URLs, and sentences of strangers.
 */
#ifndef COMMON_RPC_JSONTEXT_H
#define COMMON_RPC_JSONTEXT_H

#include <jansson.h>

/* |s| as it is, but for bytes that are no UTF-8, which become U+FFFD; null for NULL.
 * NULL when memory is out. */
json_t *json_text(const char *s);

#endif
