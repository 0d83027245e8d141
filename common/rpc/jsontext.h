/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes JSON strings, which must be UTF-8, from text of any bytes: paths, URLs, and messages from
 * other programs.
 */
#ifndef COMMON_RPC_JSONTEXT_H
#define COMMON_RPC_JSONTEXT_H

#include <jansson.h>

/* Returns |s| as a JSON string, with U+FFFD for each invalid byte; JSON null for NULL. NULL when
 * memory is out. */
json_t *json_text(const char *s);

#endif
