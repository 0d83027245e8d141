/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Number parsing by hand, because strtod() depends on the locale and strtoull() accepts signs and
 * blanks.
 */
#include "common/base/parse.h"

#include <stddef.h>
#include <string.h>

#include "common/base/err.h"

enum { FRACTION_DIGITS_MAX = 6, RATIO_MAX = 1000000 };

/* Reads digits at |*s| and advances |*s| past them. */
static int
read_digits(const char **s, uint64_t *out)
{
    uint64_t v = 0;
    const char *p = *s;

    if (*p < '0' || *p > '9')
        return SPRAT_E_SYNTAX;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return SPRAT_E_RANGE;
    *s = p;
    *out = v;
    return 0;
}

/* Reads a fraction such as ".25" at |*s|, if there is one, as |*num| / |*den|. */
static int
read_fraction(const char **s, uint64_t *num, uint64_t *den)
{
    const char *p = *s;
    int digits = 0;

    *num = 0;
    *den = 1;
    if (*p != '.')
        return 0;
    for (p++; *p >= '0' && *p <= '9'; p++) {
        if (++digits > FRACTION_DIGITS_MAX)
            return SPRAT_E_SYNTAX;
        *num = *num * 10 + (uint64_t)(*p - '0');
        *den *= 10;
    }
    *s = p;
    return digits > 0 ? 0 : SPRAT_E_SYNTAX;
}

int
parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t v;
    int err = read_digits(&text, &v);

    if (err != 0)
        return err;
    if (*text != '\0')
        return SPRAT_E_SYNTAX;
    if (v < min || v > max)
        return SPRAT_E_RANGE;
    *out = v;
    return 0;
}

/* The power of two of the unit at |*s|, which advances past it; 0 for none. */
static unsigned
read_unit(const char **s)
{
    static const char units[] = "KkMmGgTt";
    const char *u = **s != '\0' ? strchr(units, **s) : NULL;

    if (u == NULL)
        return 0;
    (*s)++;
    if ((*s)[0] == 'i' && (*s)[1] == 'B')
        *s += 2;
    return (unsigned)((u - units) / 2 + 1) * 10;
}

/* Reads a size at |*s| and advances |*s| past it. */
static int
read_size(const char **s, uint64_t *out)
{
    uint64_t whole, num, den, fine;
    int err = read_digits(s, &whole);

    if (err == 0)
        err = read_fraction(s, &num, &den);
    if (err != 0)
        return err;
    unsigned shift = read_unit(s);
    if (shift == 0 && den != 1)
        return SPRAT_E_SYNTAX; /* half a byte is not possible */
    if (whole > (uint64_t)INT64_MAX >> shift)
        return SPRAT_E_RANGE;
    fine = (uint64_t)((double)num / (double)den * (double)(UINT64_C(1) << shift));
    *out = (whole << shift) + fine;
    return *out > INT64_MAX ? SPRAT_E_RANGE : 0;
}

static int
finish(int err, const char *rest, uint64_t v, uint64_t *out)
{
    if (err == 0 && *rest != '\0')
        err = SPRAT_E_SYNTAX;
    if (err == 0)
        *out = v;
    return err;
}

int
parse_size(const char *text, uint64_t *out)
{
    uint64_t v = 0;
    int err = read_size(&text, &v);

    return finish(err, text, v, out);
}

int
parse_rate(const char *text, uint64_t *out)
{
    uint64_t v = 0;
    int err = read_size(&text, &v);

    if (err == 0 && text[0] == '/' && text[1] == 's')
        text += 2;
    return finish(err, text, v, out);
}

int
parse_ratio(const char *text, double *out)
{
    uint64_t whole, num, den;
    int err = read_digits(&text, &whole);

    if (err == 0)
        err = read_fraction(&text, &num, &den);
    if (err == 0 && *text != '\0')
        err = SPRAT_E_SYNTAX;
    if (err == 0 && (whole > RATIO_MAX || (whole == RATIO_MAX && num > 0)))
        err = SPRAT_E_RANGE;
    if (err == 0)
        *out = (double)whole + (double)num / (double)den;
    return err;
}

int
parse_seconds(const char *text, uint64_t *out)
{
    static const struct {
        char letter;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t n, unit = 0;
    int err = read_digits(&text, &n);

    if (err != 0)
        return err;
    if (*text == '\0')
        unit = 1;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (text[0] == units[i].letter && text[1] == '\0')
            unit = units[i].seconds;
    if (unit == 0)
        return SPRAT_E_SYNTAX;
    if (n == 0 || n > PARSE_SECONDS_MAX / unit)
        return SPRAT_E_RANGE;
    *out = n * unit;
    return 0;
}

int
parse_bool(const char *text, bool *out)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *out = i % 2 == 1;
            return 0;
        }
    }
    return SPRAT_E_SYNTAX;
}
