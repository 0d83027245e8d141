/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parses numbers as users write them on command lines and in configuration files: sizes, rates,
 * ratios. Strict, independent of the locale, and whole strings only: trailing characters are an
 * error. All functions return 0, SPRAT_E_SYNTAX (no such number) or SPRAT_E_RANGE, with |*out|
 * unchanged.
 */
#ifndef COMMON_BASE_PARSE_H
#define COMMON_BASE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

enum { PARSE_SECONDS_MAX = 366 * 86400 };

/* Decimal digits, |min| to |max|. */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* Bytes: "4096", "256K", "1.5M", "2G", "1T"; binary units, in either case, also as "KiB" and so on.
 */
int parse_size(const char *text, uint64_t *out);

/* Bytes per second: a size, optionally with "/s". 0 is a legal rate; its meaning is up to the
 * caller. */
int parse_rate(const char *text, uint64_t *out);

/* A plain decimal like "2" or "1.5": at least 0, at most a million. */
int parse_ratio(const char *text, double *out);

/* Seconds: "90", "90s", "10m", "2h", "7d"; at least 1, at most PARSE_SECONDS_MAX. */
int parse_seconds(const char *text, uint64_t *out);

/* "yes", "no", "true", "false", "on", "off", "1", "0". */
int parse_bool(const char *text, bool *out);

#endif
