/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Numbers, times and names as people read them, as pure functions: no terminal, no locale, no
 * clock.
 */
#ifndef PEER_CLI_TEXT_H
#define PEER_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TEXT_NUMBER_MAX = 32 };

/* "999 B", "1.0 KiB", "12.3 GiB". Returns |out|, as the others do. */
const char *text_size(uint64_t bytes, char out[TEXT_NUMBER_MAX]);

/* "0 B/s", "1.2 MiB/s". */
const char *text_rate(uint64_t bytes_per_s, char out[TEXT_NUMBER_MAX]);

/* The short forms for narrow lines: "999B/s", "1.2M/s". */
const char *text_rate_short(uint64_t bytes_per_s, char out[TEXT_NUMBER_MAX]);

/* "45s", "3:20", "1:02:03", "2d 03h"; "-" for a negative number: not known. */
const char *text_duration(int64_t seconds, char out[TEXT_NUMBER_MAX]);

/* Seconds until |left| bytes have come at |rate|; -1 if that is not in sight (100 days). */
int64_t text_eta(uint64_t left, uint64_t rate);

/* "45.2%": rounded down, so that 100.0% means all. |total| 0 counts as all. */
const char *text_percent(uint64_t done, uint64_t total, char out[TEXT_NUMBER_MAX]);

/* Columns that text takes on a terminal as it is shown (printable.h). */
unsigned text_width(const char *s);

/* Writes as much of |s| as fits |columns|, as it is shown (printable.h), ending in "…" if something
 * was cut. Returns the columns taken. |size| is the room in |out|; 4 bytes a column and one are
 * enough unless combining marks abound, and then the text is cut earlier. */
unsigned text_fit(char *out, size_t size, const char *s, unsigned columns);

/* |one| for 1, else |many|. */
const char *text_noun(uint64_t count, const char *one, const char *many);

/* "[====>     ]" of |columns| ≥ 3 in all. |size| > |columns|. */
const char *text_bar(char *out, size_t size, uint64_t done, uint64_t total, unsigned columns);

#endif
