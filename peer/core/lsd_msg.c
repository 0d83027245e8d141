/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads line by line, as an HTTP request is read. Lines may end in LF alone, and the empty lines at
 * the end may be missing.
 */
#include "peer/core/lsd_msg.h"

#include <stdio.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/codec/slice.h"

static const char first_line[] = "BT-SEARCH * HTTP/1.";

struct endpoint
lsd_group(enum ip_family family)
{
    static const struct endpoint v4 = {.family = IP_V4, .ip = {239, 192, 152, 143}, .port = 6771};
    static const struct endpoint v6 = {
        .family = IP_V6,
        .ip = {0xff, 0x15, [12] = 0xef, [13] = 0xc0, [14] = 0x98, [15] = 0x8f},
        .port = 6771};

    return family == IP_V4 ? v4 : v6;
}

/* --- reading --- */

/* A decimal number up to 65535; -1 for any other text. */
static int
read_port(struct slice value)
{
    int port = 0;

    if (value.len == 0 || value.len > 5)
        return -1;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return -1;
        port = port * 10 + (value.at[i] - '0');
    }
    return port <= UINT16_MAX ? port : -1;
}

static void
read_hash(struct lsd_msg *m, struct slice value)
{
    if (m->count < LSD_HASHES_READ && value.len == (size_t)2 * LSD_HASH_LEN &&
        hex_decode(value.at, value.len, m->hashes[m->count]))
        m->count++;
}

/* Returns false for a line that is no header, and for a wrong or second port. */
static bool
read_header(struct lsd_msg *m, struct slice line, int *port)
{
    struct slice value = line, name = slice_cut(&value, ':');

    if (name.len == line.len)
        return false;
    value = slice_trim(value);
    if (slice_equals(name, "infohash")) {
        read_hash(m, value);
    } else if (slice_equals(name, "cookie")) {
        m->cookie = value.at;
        m->cookie_len = value.len;
    } else if (slice_equals(name, "port")) {
        if (*port >= 0)
            return false;
        *port = read_port(value);
        return *port >= 0;
    }
    return true;
}

int
lsd_msg_read(struct lsd_msg *m, const uint8_t *data, size_t len)
{
    struct slice rest = {(const char *)data, len}, line;
    size_t begin = sizeof(first_line) - 1;
    int port = -1;

    m->count = 0;
    m->cookie = NULL;
    m->cookie_len = 0;
    if (len > LSD_READ_MAX)
        return SPRAT_E_PROTOCOL;
    line = slice_line(&rest);
    if (line.len != begin + 1 || memcmp(line.at, first_line, begin) != 0)
        return SPRAT_E_PROTOCOL;
    while ((line = slice_line(&rest)).len > 0)
        if (!read_header(m, line, &port))
            return SPRAT_E_PROTOCOL;
    if (port < 0)
        return SPRAT_E_PROTOCOL;
    m->port = (uint16_t)port;
    return 0;
}

/* --- writing --- */

size_t
lsd_msg_write(uint8_t out[LSD_SENT_MAX], enum ip_family family, const struct lsd_msg *m)
{
    char *text = (char *)out, hex[HEX_SIZE(LSD_HASH_LEN)];
    size_t len;

    ASSERT(m->count <= LSD_HASHES_SENT && m->cookie_len <= LSD_COOKIE_MAX);
    len = (size_t)snprintf(text, LSD_SENT_MAX, "%s1\r\nHost: %s\r\nPort: %u\r\n", first_line,
                           family == IP_V4 ? "239.192.152.143:6771" : "[ff15::efc0:988f]:6771",
                           (unsigned)m->port);
    for (unsigned i = 0; i < m->count; i++)
        len += (size_t)snprintf(text + len, LSD_SENT_MAX - len, "Infohash: %s\r\n",
                                hex_encode(m->hashes[i], LSD_HASH_LEN, hex));
    if (m->cookie_len > 0)
        len += (size_t)snprintf(text + len, LSD_SENT_MAX - len, "cookie: %.*s\r\n",
                                (int)m->cookie_len, m->cookie);
    len += (size_t)snprintf(text + len, LSD_SENT_MAX - len, "\r\n\r\n");
    ASSERT(len < LSD_SENT_MAX);
    return len;
}
