/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Formats numbers, times and names for people, as pure functions: no terminal, no locale, no clock.
 */
#ifndef PEER_CLI_TEXT_H
#define PEER_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TEXT_NUMBER_MAX = 32 };

/* Formats a size: "999 B", "1.0 KiB", "12.3 GiB". Returns |out|, as the other functions do. */
const char *text_size(uint64_t bytes, char out[TEXT_NUMBER_MAX]);

/* Formats a rate: "0 B/s", "1.2 MiB/s". */
const char *text_rate(uint64_t bytes_per_s, char out[TEXT_NUMBER_MAX]);

/* The short forms for narrow lines: "999B/s", "1.2M/s". */
const char *text_rate_short(uint64_t bytes_per_s, char out[TEXT_NUMBER_MAX]);

/* Formats a duration: "45s", "3:20", "1:02:03", "2d 03h"; "-" for a negative number: not known. */
const char *text_duration(int64_t seconds, char out[TEXT_NUMBER_MAX]);

/* The seconds that |left| bytes take at |rate|; -1 if they take more than 100 days. */
int64_t text_eta(uint64_t left, uint64_t rate);

/* Formats a percentage: "45.2%", rounded down, so that 100.0% means all. |total| 0 counts as all.
 */
const char *text_percent(uint64_t done, uint64_t total, char out[TEXT_NUMBER_MAX]);

/* The columns of a text on a terminal as it is shown (printable.h). */
unsigned text_width(const char *s);

/* Writes as much of |s| as fits |columns|, as it is shown (printable.h), with "…" at the end if
 * something was cut. Returns the columns used. |size| is the size of |out| in bytes; 4 bytes per
 * column plus one suffice unless there are many combining marks, in which case the text is cut
 * earlier. */
unsigned text_fit(char *out, size_t size, const char *s, unsigned columns);

/* Returns |one| for 1, else |many|. */
const char *text_noun(uint64_t count, const char *one, const char *many);

/* "[====>     ]" of |columns| ≥ 3 in all. |size| > |columns|. */
const char *text_bar(char *out, size_t size, uint64_t done, uint64_t total, unsigned columns);

#endif
