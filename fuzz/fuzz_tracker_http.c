/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the tracker's HTTP side: a connection's bytes go through the request parser, in one piece
 * and byte by byte, which must agree, for a server that takes all methods and bodies and for one
 * that takes GET alone, and into the tracker. Every answer to an announce or a scrape
 * must be one that our peer can read, and an announce that was understood must survive being
 * written as a URL again.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/codec/tracker_http.h"
#include "tracker/core/http_service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_accepts everything = {.more_methods = ~0u, .body_max = 100};

static void
check_bytewise(const struct http_accepts *accepts, const uint8_t *data, size_t size, int err,
               const struct http_request *whole)
{
    struct http_scan scan = {.accepts = accepts};
    struct http_request r;
    size_t len = 0;
    int got;

    do
        got = http_request_parse(&r, &scan, data, ++len);
    while (got == SPRAT_E_AGAIN && len < size);
    ASSERT(got == err);
    if (err == 0)
        ASSERT(r.len == whole->len && r.keep_alive == whole->keep_alive &&
               r.query_len == whole->query_len && r.method == whole->method &&
               r.body_len == whole->body_len && r.authorization_len == whole->authorization_len);
}

/* A server that accepts all methods and bodies must parse each request that a server of the
 * defaults accepts, and with the same result. */
static void
check_everything(const uint8_t *data, size_t size, int err, const struct http_request *only_get)
{
    struct http_scan scan = {.accepts = &everything};
    struct http_request r;
    int got = http_request_parse(&r, &scan, data, size);

    check_bytewise(&everything, data, size, got, &r);
    if (err == 0)
        ASSERT(got == 0 && r.len == only_get->len && r.path_len == only_get->path_len);
    if (got == 0)
        ASSERT(r.body_len <= everything.body_max && r.len <= size &&
               r.body == (const char *)data + r.len - r.body_len);
}

static void
check_query(const struct http_request *req)
{
    struct tracker_announce a, again;
    const char *reason = NULL;
    const char *query;
    struct buf url;

    if (tracker_query_parse_announce(&a, req->query, req->query_len, &reason) != 0) {
        ASSERT(reason != NULL);
        return;
    }
    buf_init(&url, 2 * TRACKER_URL_MAX);
    ASSERT(tracker_query_announce_url(&url, "http://t/announce?k=v", &a) == 0);
    query = strchr(buf_str(&url), '?') + 1;
    ASSERT(tracker_query_parse_announce(&again, query, strlen(query), &reason) == 0);
    ASSERT(memcmp(a.info_hash, again.info_hash, TRACKER_HASH_LEN) == 0);
    ASSERT(memcmp(a.peer_id, again.peer_id, TRACKER_PEER_ID_LEN) == 0);
    ASSERT(a.port == again.port && a.left == again.left && a.uploaded == again.uploaded &&
           a.downloaded == again.downloaded && a.event == again.event && a.key == again.key &&
           a.numwant == again.numwant && a.compact == again.compact);
    buf_fini(&url);
}

static void
check_answer(const struct http_request *req, struct buf *out)
{
    struct endpoint peers[8];
    struct tracker_scrape scrapes[8];
    struct tracker_reply r;
    const uint8_t *body;
    size_t len, n;

    ASSERT(out->err == 0);
    body = memmem(buf_data(out), buf_len(out), "\r\n\r\n", 4);
    ASSERT(body != NULL);
    body += 4;
    len = (size_t)(buf_data(out) + buf_len(out) - body);
    tracker_reply_init(&r, peers, 8);
    if (req->path_len == 9 && memcmp(req->path, "/announce", 9) == 0)
        ASSERT(tracker_http_parse_reply(&r, body, len) == 0);
    if (req->path_len == 7 && memcmp(req->path, "/scrape", 7) == 0)
        ASSERT(tracker_http_parse_scrape(&r, scrapes, 8, &n, body, len) == 0);
}

static void
serve(struct http_service *h, const uint8_t *data, size_t size)
{
    static const struct endpoint from = {.ip = {10, 0, 0, 1}, .port = 5, .family = IP_V4};
    struct http_request req;
    struct buf out;

    buf_init(&out, HTTP_SERVICE_REPLY_MAX);
    while (size > 0) {
        struct http_scan scan = {0};
        int err = http_request_parse(&req, &scan, data, size);

        check_bytewise(NULL, data, size, err, &req);
        check_everything(data, size, err, &req);
        buf_reset(&out);
        if (err != 0)
            break;
        ASSERT(req.len > 0 && req.len <= size);
        check_query(&req);
        http_service_answer(h, &req, &from, TURN_FIRST, &out, (struct mono){1000000});
        check_answer(&req, &out);
        data += req.len;
        size -= req.len;
    }
    buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tracker_seed seed = {{1, 2}, 3};
    struct tracker_config config;
    struct http_service h;
    struct tracker *t;
    struct tracker_doors doors;

    tracker_config_init(&config);
    config.torrents_max = 3;
    config.torrent_peers_max = 30;
    t = tracker_new(&config, &seed);
    if (t == NULL)
        return 0;
    doors = tracker_doors_to(t);
    http_service_init(&h, &doors);
    serve(&h, data, size);
    http_service_fini(&h);
    tracker_free(t);
    return 0;
}
