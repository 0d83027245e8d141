/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Percent-encoding is not decoded: a passkey has only hex digits, which no client encodes.
 */
#include "tracker/core/passkey.h"

#include <string.h>

#include "common/base/hex.h"

/* The value of each hex digit plus 1; 0 for any other character. A table, since every announce
 * reads 32 digits. */
static const uint8_t digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool
passkey_parse(uint8_t key[ACCESS_PASSKEY_LEN], const char *text, size_t len)
{
    uint32_t all = 0; /* has high bits if a value was 0 - 1 */

    if (len != PASSKEY_DIGITS)
        return false;
    for (size_t i = 0; i < ACCESS_PASSKEY_LEN; i++) {
        uint32_t hi = digits[(uint8_t)text[2 * i]] - 1u, lo = digits[(uint8_t)text[2 * i + 1]] - 1u;

        key[i] = (uint8_t)(hi << 4 | (lo & 15));
        all |= hi | lo;
    }
    return all <= 15;
}

const char *
passkey_format(const uint8_t key[ACCESS_PASSKEY_LEN], char out[PASSKEY_TEXT_SIZE])
{
    return hex_encode(key, ACCESS_PASSKEY_LEN, out);
}

/* Adds a passkey of the query. A second passkey must be equal to the first one. */
static void
add_passkey(struct passkey_request *r, const char *text, size_t len)
{
    uint8_t key[ACCESS_PASSKEY_LEN];
    bool good = passkey_parse(key, text, len);

    if (r->form == PASSKEY_GIVEN)
        good = good && memcmp(key, r->key, sizeof(key)) == 0;
    else if (r->form == PASSKEY_BAD)
        good = false;
    if (good)
        memcpy(r->key, key, sizeof(key));
    r->form = good ? PASSKEY_GIVEN : PASSKEY_BAD;
}

static bool
ends_in(const char *path, size_t len, const char *word)
{
    size_t word_len = strlen(word);

    return len >= word_len && memcmp(path + len - word_len, word, word_len) == 0;
}

/* Finds the last word of the path, and the length of what is before it. Slashes at the end are
 * ignored: "/announce/" is the same as "/announce". */
static enum request_target
read_target(const char *path, size_t len, size_t *rest)
{
    enum request_target t = TARGET_OTHER;

    while (len > 0 && path[len - 1] == '/')
        len--;
    *rest = len;
    if (ends_in(path, len, "/announce")) {
        *rest = len - strlen("/announce");
        t = TARGET_ANNOUNCE;
    } else if (ends_in(path, len, "/scrape")) {
        *rest = len - strlen("/scrape");
        t = TARGET_SCRAPE;
    }
    return t;
}

static void
read_query(struct passkey_request *r, const char *query, size_t len)
{
    static const char name[] = "passkey=";
    const char *end = query + len;

    while (query < end) {
        const char *stop = memchr(query, '&', (size_t)(end - query));
        size_t pair_len = (size_t)((stop != NULL ? stop : end) - query);

        if (pair_len >= sizeof(name) - 1 && memcmp(query, name, sizeof(name) - 1) == 0)
            add_passkey(r, query + sizeof(name) - 1, pair_len - (sizeof(name) - 1));
        query += pair_len + (stop != NULL);
    }
}

void
passkey_parse_request(struct passkey_request *r, const char *path, size_t path_len,
                      const char *query, size_t query_len)
{
    size_t rest;

    *r = (struct passkey_request){.target = read_target(path, path_len, &rest)};
    r->in_path = r->target != TARGET_OTHER && rest > 0;
    if (r->in_path)
        add_passkey(r, path + 1, rest - 1);
    else if (r->target != TARGET_OTHER)
        read_query(r, query, query_len);
}

/* Over UDP the action is known already, so the path may be the passkey alone, with or without a
 * slash at the end.
 */
void
passkey_parse_url(struct passkey_request *r, const char *url, size_t len)
{
    const char *mark = memchr(url, '?', len);
    size_t path_len = mark != NULL ? (size_t)(mark - url) : len, rest;

    *r = (struct passkey_request){.target = TARGET_ANNOUNCE};
    (void)read_target(url, path_len, &rest);
    r->in_path = rest > 0;
    if (r->in_path)
        add_passkey(r, url + 1, rest - 1);
    else if (mark != NULL)
        read_query(r, mark + 1, len - path_len - 1);
}
