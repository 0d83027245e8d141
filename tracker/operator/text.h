/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes numbers, times and hashes for the operator, as text and as JSON, and reads dates and
 * hashes. The commands and the API of the daemon use it.
 */
#ifndef TRACKER_OPERATOR_TEXT_H
#define TRACKER_OPERATOR_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum { TEXT_MAX = 32 };

/* "1.5 GiB"; returns |out|. */
const char *text_bytes(uint64_t bytes, char out[TEXT_MAX]);

/* "2026-11-24 16:05" in UTC, "-" for 0; returns |out|. */
const char *text_time(int64_t unix_s, char out[TEXT_MAX]);

/* "3d 4h", "5m"; returns |out|. */
const char *text_duration(uint64_t seconds, char out[TEXT_MAX]);

/* Reads a date YYYY-MM-DD as the beginning of that day in UTC, or "never" as 0. SPRAT_E_INVAL and a
 * sentence. */
int text_parse_date(const char *text, int64_t *unix_s, struct errbuf *eb);

/* 40 hex digits (|*len| 20) or 64 (32). Returns false for any other text. */
bool text_parse_hash(const char *text, uint8_t hash[32], size_t *len);

/* |v| as a JSON integer; INT64_MAX if |v| is larger, since jansson has no larger integer. NULL when
 * memory is out. */
json_t *text_json_u64(uint64_t v);

/* |bytes| as hex digits, |len| at most 32; the JSON value null if |has| is false. NULL when memory
 * is out. */
json_t *text_json_hash(bool has, const uint8_t *bytes, size_t len);

#endif
