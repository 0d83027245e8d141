/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Digits and a unit.
 */
#include "tests/sim/quantity.h"

#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* The digits at |*text|, which is moved behind them; false if there are none or too many. */
static bool
take_digits(const char **text, uint64_t *out)
{
    const char *p = *text;

    *out = 0;
    while (*p >= '0' && *p <= '9' && p - *text < 16)
        *out = *out * 10 + (uint64_t)(*p++ - '0');
    if (p == *text)
        return false;
    *text = p;
    return true;
}

static bool
with_unit(const char *text, const struct unit *units, unsigned n, uint64_t *out)
{
    if (!take_digits(&text, out))
        return false;
    for (unsigned i = 0; i < n; i++)
        if (strcmp(text, units[i].name) == 0)
            return !__builtin_mul_overflow(*out, units[i].factor, out) && *out < INT64_MAX;
    return false;
}

bool
quantity_count(const char *text, uint32_t *out)
{
    uint64_t v;

    if (!take_digits(&text, &v) || *text != '\0' || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

bool
quantity_bytes(const char *text, uint64_t *out)
{
    static const struct unit units[] = {
        {"", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}};

    return with_unit(text, units, 4, out);
}

bool
quantity_us(const char *text, int64_t *out)
{
    static const struct unit units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"min", 60000000}};
    uint64_t v;

    if (!with_unit(text, units, 4, &v))
        return false;
    *out = (int64_t)v;
    return true;
}

bool
quantity_permille(const char *text, uint32_t *out)
{
    uint64_t whole, part = 0;
    uint32_t unit = 1000;

    if (!take_digits(&text, &whole) || whole > 1000000)
        return false;
    if (*text == '.') {
        const char *begin = ++text;

        if (!take_digits(&text, &part) || text - begin > 3)
            return false;
        for (long i = text - begin; i < 3; i++)
            part *= 10;
    }
    if (*text == '%') {
        text++;
        unit = 10;
    }
    if (*text != '\0')
        return false;
    *out = (uint32_t)(whole * unit + part * unit / 1000);
    return true;
}
