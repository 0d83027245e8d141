/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Slices of text that is not NUL-terminated, for parsers of HTTP heads and of messages with the
 * same form. A slice points into the text and owns nothing.
 */
#ifndef COMMON_CODEC_SLICE_H
#define COMMON_CODEC_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
    const char *at;
    size_t len;
};

/* Removes and returns the text before the next |c|, and drops |c|; all of the text if there is no
 * |c|. */
static inline struct slice
slice_cut(struct slice *rest, char c)
{
    const char *found = rest->len > 0 ? memchr(rest->at, c, rest->len) : NULL;
    struct slice part = {rest->at, found != NULL ? (size_t)(found - rest->at) : rest->len};
    size_t used = part.len + (found != NULL);

    rest->at += used;
    rest->len -= used;
    return part;
}

/* Removes the next line from |rest| and returns it without its end, CR LF or LF. */
static inline struct slice
slice_line(struct slice *rest)
{
    struct slice line = slice_cut(rest, '\n');

    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Without the spaces and tabs around it. */
static inline struct slice
slice_trim(struct slice s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* In either case of the letters. */
static inline bool
slice_equals(struct slice s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.at, word, s.len) == 0;
}

#endif
