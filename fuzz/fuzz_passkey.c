/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Passkeys out of paths, queries and URL data: what is found was there in full, and a packet that
 * is peeked into says the same as one that is parsed.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/codec/tracker_udp.h"
#include "tracker/core/passkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks that a parsed passkey occurs in the text, in hex digits of either case. */
static void
check(const struct passkey_request *r, const char *text, size_t len)
{
    char digits[PASSKEY_TEXT_SIZE];

    if (r->form != PASSKEY_GIVEN)
        return;
    passkey_format(r->key, digits);
    for (size_t i = 0; i + PASSKEY_DIGITS <= len; i++)
        if (strncasecmp(text + i, digits, PASSKEY_DIGITS) == 0)
            return;
    UNREACHABLE();
}

static void
peek(const uint8_t *data, size_t size)
{
    struct tracker_udp_request q;
    struct passkey_request ahead, parsed;
    size_t len;
    const char *url = tracker_udp_peek_url(data, size, &len);

    if (url == NULL || tracker_udp_parse_request(&q, data, size) != 0 ||
        q.action != TRACKER_UDP_ANNOUNCE)
        return;
    ASSERT(strlen(q.url_data) == len && memcmp(q.url_data, url, len) == 0);
    passkey_parse_url(&ahead, url, len);
    passkey_parse_url(&parsed, q.url_data, strlen(q.url_data));
    ASSERT(ahead.form == parsed.form);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* of its own size, so that reading beyond it is noticed */
    const char *mark;
    struct passkey_request r;

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    passkey_parse_url(&r, text, size);
    check(&r, text, size);
    mark = memchr(text, '?', size);
    if (size > 0 && text[0] == '/') {
        size_t path_len = mark != NULL ? (size_t)(mark - text) : size;
        size_t query = mark != NULL ? path_len + 1 : size;

        passkey_parse_request(&r, text, path_len, text + query, size - query);
        check(&r, text, size);
    }
    peek(data, size);
    free(text);
    return 0;
}
