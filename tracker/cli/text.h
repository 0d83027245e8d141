/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Numbers, times and hashes as the commands print and read them.
 */
#ifndef TRACKER_CLI_TEXT_H
#define TRACKER_CLI_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "tracker/store/registry.h"

enum { TEXT_MAX = 32 };

/* "1.5 GiB"; returns |out|. */
const char *text_bytes(uint64_t bytes, char out[TEXT_MAX]);

/* "2026-11-24 16:05" in UTC, "-" for 0; returns |out|. */
const char *text_time(int64_t unix_s, char out[TEXT_MAX]);

/* "3d 4h", "5m"; returns |out|. */
const char *text_duration(uint64_t seconds, char out[TEXT_MAX]);

/* A date as YYYY-MM-DD, the beginning of that day in UTC, or "never" (0). INVAL. */
int text_parse_date(const char *text, int64_t *unix_s, struct errbuf *eb);

/* 40 hex digits (|*len| 20) or 64 (32). False for all else. */
bool text_parse_hash(const char *text, uint8_t hash[32], size_t *len);

/* What JSON a number beyond its integers becomes: the largest it has. */
json_t *text_json_u64(uint64_t v);

/* |bytes| as hex; NULL if |has| is false. */
json_t *text_json_hash(bool has, const uint8_t *bytes, size_t len);

/* Prints |root|, which may be NULL for a lack of memory, and drops it; the exit status. */
int text_print_json(json_t *root);

/* Prints a user's announce URLs with |passkey|, one a line behind |indent|. */
struct settings;
void text_print_urls(const struct settings *s, const char *passkey, const char *indent);

#endif
