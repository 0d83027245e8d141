/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes and reads UDP tracker packets. The header has the layouts.
 */
#include "common/codec/tracker_udp.h"

#include <string.h>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/codec/compact.h"
#include "common/codec/cursor.h"

#define PROTOCOL_ID UINT64_C(0x41727101980)

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_URL = 2, OPTION_DATA_MAX = 255 };

_Static_assert(TRACKER_UDP_ANNOUNCE_LEN + TRACKER_UDP_URL_MAX +
                       2 * (TRACKER_UDP_URL_MAX / OPTION_DATA_MAX + 1) <=
                   TRACKER_UDP_REQUEST_MAX,
               "an announce with all URL data must fit");
_Static_assert(16 + TRACKER_HASH_LEN * TRACKER_UDP_SCRAPE_MAX <= TRACKER_UDP_REQUEST_MAX,
               "a full scrape must fit");

static uint8_t *
put_request_head(uint8_t *p, uint64_t connection, enum tracker_udp_action action,
                 uint32_t transaction)
{
    put_u64be(p, connection);
    put_u32be(p + 8, action);
    put_u32be(p + 12, transaction);
    return p + 16;
}

static uint8_t *
put_reply_head(uint8_t *p, enum tracker_udp_action action, uint32_t transaction)
{
    put_u32be(p, action);
    put_u32be(p + 4, transaction);
    return p + 8;
}

size_t
tracker_udp_put_connect(uint8_t *dst, uint32_t transaction)
{
    return (size_t)(put_request_head(dst, PROTOCOL_ID, TRACKER_UDP_CONNECT, transaction) - dst);
}

/* Writes URL data as options of up to 255 bytes each (BEP 41). */
static uint8_t *
put_url_data(uint8_t *p, const char *url_data)
{
    size_t left = strlen(url_data);

    if (left > TRACKER_UDP_URL_MAX)
        return p;
    while (left > 0) {
        size_t n = left < OPTION_DATA_MAX ? left : OPTION_DATA_MAX;

        p[0] = OPTION_URL;
        p[1] = (uint8_t)n;
        memcpy(p + 2, url_data, n);
        p += 2 + n;
        url_data += n;
        left -= n;
    }
    return p;
}

size_t
tracker_udp_put_announce(uint8_t *dst, uint64_t connection, uint32_t transaction,
                         const struct tracker_announce *a, const char *url_data)
{
    uint8_t *p = put_request_head(dst, connection, TRACKER_UDP_ANNOUNCE, transaction);

    memcpy(p, a->info_hash, TRACKER_HASH_LEN);
    memcpy(p + 20, a->peer_id, TRACKER_PEER_ID_LEN);
    put_u64be(p + 40, a->downloaded);
    put_u64be(p + 48, a->left);
    put_u64be(p + 56, a->uploaded);
    put_u32be(p + 64, a->event);
    put_u32be(p + 68, 0);
    put_u32be(p + 72, a->key);
    put_u32be(p + 76, (uint32_t)a->numwant);
    put_u16be(p + 80, a->port);
    p += 82;
    if (url_data != NULL)
        p = put_url_data(p, url_data);
    return (size_t)(p - dst);
}

size_t
tracker_udp_put_scrape(uint8_t *dst, uint64_t connection, uint32_t transaction,
                       const uint8_t (*hashes)[TRACKER_HASH_LEN], size_t n)
{
    uint8_t *p = put_request_head(dst, connection, TRACKER_UDP_SCRAPE, transaction);

    ASSERT(n <= TRACKER_UDP_SCRAPE_MAX);
    for (size_t i = 0; i < n; i++, p += TRACKER_HASH_LEN)
        memcpy(p, hashes[i], TRACKER_HASH_LEN);
    return (size_t)(p - dst);
}

int
tracker_udp_parse_head(struct tracker_udp_head *h, const uint8_t *src, size_t len)
{
    struct cursor c = cursor_make(src, len);
    uint32_t action = cursor_u32(&c);

    h->transaction = cursor_u32(&c);
    if (!cursor_ok(&c))
        return SPRAT_E_TRUNCATED;
    if (action > TRACKER_UDP_ERROR)
        return SPRAT_E_PROTOCOL;
    h->action = (enum tracker_udp_action)action;
    return 0;
}

int
tracker_udp_parse_connect(uint64_t *connection, const uint8_t *src, size_t len)
{
    struct cursor c = cursor_make(src, len);

    cursor_skip(&c, 8);
    *connection = cursor_u64(&c);
    return cursor_ok(&c) ? 0 : SPRAT_E_TRUNCATED;
}

int
tracker_udp_parse_announce(struct tracker_reply *r, const uint8_t *src, size_t len,
                           enum ip_family family)
{
    struct cursor c = cursor_make(src, len);
    uint32_t interval;

    cursor_skip(&c, 8);
    interval = cursor_u32(&c);
    r->incomplete = cursor_u32(&c);
    r->complete = cursor_u32(&c);
    if (!cursor_ok(&c))
        return SPRAT_E_TRUNCATED;
    r->interval_s = interval > TRACKER_INTERVAL_MAX ? TRACKER_INTERVAL_MAX : interval;
    r->npeers = compact_get_list(r->peers, r->peers_max, c.at, c.left, family);
    return 0;
}

int
tracker_udp_parse_scrape(struct tracker_scrape *entries, size_t n, const uint8_t *src, size_t len)
{
    struct cursor c = cursor_make(src, len);

    cursor_skip(&c, TRACKER_UDP_SCRAPE_HEAD);
    for (size_t i = 0; i < n; i++) {
        entries[i].complete = cursor_u32(&c);
        entries[i].downloaded = cursor_u32(&c);
        entries[i].incomplete = cursor_u32(&c);
        entries[i].downloaders = TRACKER_UNKNOWN;
    }
    return cursor_ok(&c) ? 0 : SPRAT_E_TRUNCATED;
}

void
tracker_udp_parse_error(struct tracker_reply *r, const uint8_t *src, size_t len)
{
    static const uint8_t none[] = "the tracker gave no reason";

    if (len > 8)
        tracker_text_copy(r->failure, TRACKER_TEXT_MAX, src + 8, len - 8);
    if (len <= 8 || r->failure[0] == '\0')
        tracker_text_copy(r->failure, TRACKER_TEXT_MAX, none, sizeof(none) - 1);
}

/* Collects the URL data of all options (BEP 41). */
static int
parse_options(struct tracker_udp_request *q, struct cursor *c)
{
    size_t url_len = 0;

    while (c->left > 0) {
        uint8_t type = cursor_u8(c);
        const uint8_t *data;
        size_t len;

        if (type == OPTION_END)
            break;
        if (type == OPTION_NOP)
            continue;
        len = cursor_u8(c);
        data = cursor_bytes(c, len);
        if (!cursor_ok(c))
            return SPRAT_E_PROTOCOL;
        if (type != OPTION_URL || len == 0)
            continue;
        if (memchr(data, '\0', len) != NULL)
            return SPRAT_E_PROTOCOL;
        if (url_len + len > TRACKER_UDP_URL_MAX)
            return SPRAT_E_TOOBIG;
        memcpy(q->url_data + url_len, data, len);
        url_len += len;
        q->url_data[url_len] = '\0';
    }
    return 0;
}

/* An unknown event number counts as none, like an unknown name over HTTP. */
static enum tracker_event
event_of(uint32_t number)
{
    return number <= TRACKER_EVENT_PAUSED ? (enum tracker_event)number : TRACKER_EVENT_NONE;
}

static int
parse_announce_request(struct tracker_udp_request *q, struct cursor *c)
{
    struct tracker_announce *a = &q->announce;

    *a = (struct tracker_announce){.compact = true};
    cursor_copy(c, a->info_hash, TRACKER_HASH_LEN);
    cursor_copy(c, a->peer_id, TRACKER_PEER_ID_LEN);
    a->downloaded = cursor_u64(c);
    a->left = cursor_u64(c);
    a->uploaded = cursor_u64(c);
    a->event = event_of(cursor_u32(c));
    cursor_skip(c, 4);
    a->key = cursor_u32(c);
    a->numwant = (int32_t)cursor_u32(c);
    a->port = cursor_u16(c);
    if (!cursor_ok(c))
        return SPRAT_E_TRUNCATED;
    return parse_options(q, c);
}

static int
parse_scrape_request(struct tracker_udp_request *q, struct cursor *c)
{
    size_t n = c->left / TRACKER_HASH_LEN;

    q->hashes = c->at;
    q->nhashes = n < TRACKER_UDP_SCRAPE_MAX ? n : TRACKER_UDP_SCRAPE_MAX;
    return n > 0 ? 0 : SPRAT_E_TRUNCATED;
}

int
tracker_udp_parse_request(struct tracker_udp_request *q, const uint8_t *src, size_t len)
{
    struct cursor c = cursor_make(src, len);
    uint32_t action;

    q->connection = cursor_u64(&c);
    action = cursor_u32(&c);
    q->transaction = cursor_u32(&c);
    q->action = TRACKER_UDP_ERROR;
    q->url_data[0] = '\0';
    q->hashes = NULL;
    q->nhashes = 0;
    if (!cursor_ok(&c)) {
        q->transaction = 0;
        return SPRAT_E_TRUNCATED;
    }
    if (action > TRACKER_UDP_SCRAPE)
        return SPRAT_E_PROTOCOL;
    q->action = (enum tracker_udp_action)action;
    if (q->action == TRACKER_UDP_ANNOUNCE)
        return parse_announce_request(q, &c);
    if (q->action == TRACKER_UDP_SCRAPE)
        return parse_scrape_request(q, &c);
    return q->connection == PROTOCOL_ID ? 0 : SPRAT_E_PROTOCOL;
}

const char *
tracker_udp_peek_url(const uint8_t *packet, size_t len, size_t *url_len)
{
    const uint8_t *option = packet + TRACKER_UDP_ANNOUNCE_LEN;
    size_t left, n;

    if (len < TRACKER_UDP_ANNOUNCE_LEN + 2 || option[0] != OPTION_URL)
        return NULL;
    left = len - TRACKER_UDP_ANNOUNCE_LEN - 2;
    n = option[1];
    if (n > left || (n < left && option[2 + n] != OPTION_END) ||
        memchr(option + 2, '\0', n) != NULL)
        return NULL;
    *url_len = n;
    return (const char *)option + 2;
}

size_t
tracker_udp_put_connect_reply(uint8_t *dst, uint32_t transaction, uint64_t connection)
{
    uint8_t *p = put_reply_head(dst, TRACKER_UDP_CONNECT, transaction);

    put_u64be(p, connection);
    return TRACKER_UDP_CONNECT_LEN;
}

/* A count has 32 bits in the packet; an unknown count is sent as 0. */
static uint32_t
count32(int64_t v)
{
    if (v < 0)
        return 0;
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

size_t
tracker_udp_put_announce_head(uint8_t *dst, uint32_t transaction, const struct tracker_reply *r)
{
    uint8_t *p = put_reply_head(dst, TRACKER_UDP_ANNOUNCE, transaction);

    put_u32be(p, r->interval_s);
    put_u32be(p + 4, count32(r->incomplete));
    put_u32be(p + 8, count32(r->complete));
    return TRACKER_UDP_ANNOUNCE_HEAD;
}

size_t
tracker_udp_put_scrape_reply(uint8_t *dst, uint32_t transaction,
                             const struct tracker_scrape *entries, size_t n)
{
    uint8_t *p = put_reply_head(dst, TRACKER_UDP_SCRAPE, transaction);

    for (size_t i = 0; i < n; i++, p += TRACKER_UDP_SCRAPE_STEP) {
        put_u32be(p, count32(entries[i].complete));
        put_u32be(p + 4, count32(entries[i].downloaded));
        put_u32be(p + 8, count32(entries[i].incomplete));
    }
    return (size_t)(p - dst);
}

size_t
tracker_udp_put_error(uint8_t *dst, size_t max, uint32_t transaction, const char *message)
{
    uint8_t *p = put_reply_head(dst, TRACKER_UDP_ERROR, transaction);
    size_t len = strlen(message);

    ASSERT(max >= 8);
    if (len > max - 8)
        len = max - 8;
    memcpy(p, message, len);
    return 8 + len;
}
