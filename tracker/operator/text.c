/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Formats numbers, times and hashes, and parses dates and hashes.
 */
#include "tracker/operator/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/hex.h"

const char *
text_bytes(uint64_t bytes, char out[TEXT_MAX])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(out, TEXT_MAX, "%" PRIu64 " B", bytes);
        return out;
    }
    for (; v >= 1024 && unit < 5; unit++)
        v /= 1024;
    snprintf(out, TEXT_MAX, "%.1f %s", v, units[unit]);
    return out;
}

const char *
text_time(int64_t unix_s, char out[TEXT_MAX])
{
    time_t t = (time_t)unix_s;
    struct tm tm;

    if (unix_s == 0 || gmtime_r(&t, &tm) == NULL ||
        strftime(out, TEXT_MAX, "%Y-%m-%d %H:%M", &tm) == 0)
        strcpy(out, "-");
    return out;
}

const char *
text_duration(uint64_t seconds, char out[TEXT_MAX])
{
    uint64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;

    if (days > 0)
        snprintf(out, TEXT_MAX, "%" PRIu64 "d %" PRIu64 "h", days, hours % 24);
    else if (hours > 0)
        snprintf(out, TEXT_MAX, "%" PRIu64 "h %" PRIu64 "m", hours, minutes % 60);
    else if (minutes > 0)
        snprintf(out, TEXT_MAX, "%" PRIu64 "m", minutes);
    else
        snprintf(out, TEXT_MAX, "%" PRIu64 "s", seconds);
    return out;
}

int
text_parse_date(const char *text, int64_t *unix_s, struct errbuf *eb)
{
    struct tm tm = {0}, real;
    const char *end;
    time_t t;

    *unix_s = 0;
    if (strcmp(text, "never") == 0)
        return 0;
    end = strptime(text, "%Y-%m-%d", &tm);
    real = tm;
    t = timegm(&real); /* the 31st of April becomes the 1st of May */
    if (end == NULL || *end != '\0' || t <= 0 || real.tm_mday != tm.tm_mday)
        return errbuf_set(eb, SPRAT_E_INVAL, "'%s' is no date like 2030-12-31, and not 'never'",
                          text);
    *unix_s = t;
    return 0;
}

bool
text_parse_hash(const char *text, uint8_t hash[32], size_t *len)
{
    size_t digits = strlen(text);

    if (digits != 40 && digits != 64)
        return false;
    *len = digits / 2;
    return hex_decode(text, digits, hash);
}

json_t *
text_json_u64(uint64_t v)
{
    return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

json_t *
text_json_hash(bool has, const uint8_t *bytes, size_t len)
{
    char hex[HEX_SIZE(32)];

    return has ? json_string(hex_encode(bytes, len, hex)) : json_null();
}
