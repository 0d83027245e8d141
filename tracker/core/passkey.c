/* SPDX-License-Identifier: BSD-2-Clause
 *
 * No escapes are undone: a passkey has no characters that anybody would escape.
 */
#include "tracker/core/passkey.h"

#include <string.h>

#include "common/base/hex.h"

bool
passkey_parse(uint8_t key[ACCESS_PASSKEY_LEN], const char *text, size_t len)
{
    int bad = 0;

    if (len != PASSKEY_DIGITS)
        return false;
    for (size_t i = 0; i < ACCESS_PASSKEY_LEN; i++) {
        int hi = hex_digit_value(text[2 * i]), lo = hex_digit_value(text[2 * i + 1]);

        bad |= hi | lo; /* negative if either is */
        key[i] = (uint8_t)((unsigned)hi << 4 | ((unsigned)lo & 15));
    }
    return bad >= 0;
}

const char *
passkey_format(const uint8_t key[ACCESS_PASSKEY_LEN], char out[PASSKEY_TEXT_SIZE])
{
    return hex_encode(key, ACCESS_PASSKEY_LEN, out);
}

/* Takes one more passkey: the same again is no harm. */
static void
take(struct passkey_request *r, const char *text, size_t len)
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

static void
read_path(struct passkey_request *r, const char *path, size_t len)
{
    size_t target_len;

    if (ends_in(path, len, "/announce"))
        r->target = TARGET_ANNOUNCE;
    else if (ends_in(path, len, "/scrape"))
        r->target = TARGET_SCRAPE;
    else
        return;
    target_len = strlen(r->target == TARGET_ANNOUNCE ? "/announce" : "/scrape");
    if (len == target_len)
        return;
    r->in_path = true;
    take(r, path + 1, len - target_len - 1);
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
            take(r, query + sizeof(name) - 1, pair_len - (sizeof(name) - 1));
        query += pair_len + (stop != NULL);
    }
}

void
passkey_parse_request(struct passkey_request *r, const char *path, size_t path_len,
                      const char *query, size_t query_len)
{
    *r = (struct passkey_request){.target = TARGET_OTHER};
    read_path(r, path, path_len);
    if (r->target != TARGET_OTHER && r->form == PASSKEY_NONE)
        read_query(r, query, query_len);
}

void
passkey_parse_url(struct passkey_request *r, const char *url, size_t len)
{
    const char *mark = memchr(url, '?', len);
    size_t path_len = mark != NULL ? (size_t)(mark - url) : len;
    size_t rest = len - path_len;

    passkey_parse_request(r, url, path_len, url + path_len + (rest > 0), rest > 0 ? rest - 1 : 0);
}
