/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Text without the white space around it.
 */
#ifndef COMMON_BASE_TRIM_H
#define COMMON_BASE_TRIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool
trim_is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Returns where the text in the |*len| bytes at |s| begins, and leaves its length in |*len|: 0 if
 * there is only white space. */
static inline const uint8_t *
trim(const uint8_t *s, size_t *len)
{
    for (; *len > 0 && trim_is_space(s[0]); (*len)--)
        s++;
    while (*len > 0 && trim_is_space(s[*len - 1]))
        (*len)--;
    return s;
}

#endif
