/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and writes bencoded tracker replies. The writer covers the fields that this project's
 * tracker sends; the reader accepts the replies of many other trackers.
 */
#include "common/codec/tracker_http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/codec/bencode.h"
#include "common/codec/compact.h"

enum { RETRY_MIN_MAX = 7 * 24 * 60 }; /* minutes; larger values are ignored */

static const struct bencode_limits reply_limits = {
    .depth_max = 8,
    .size_max = TRACKER_HTTP_REPLY_MAX,
    .items_max = 65536,
};

static void
put_count(struct bencode_writer *w, const char *key, int64_t v)
{
    if (v == TRACKER_UNKNOWN)
        return;
    bencode_put_key(w, key);
    bencode_put_int(w, v);
}

static void
put_text(struct bencode_writer *w, const char *key, const char *text)
{
    if (text[0] == '\0')
        return;
    bencode_put_key(w, key);
    bencode_put_cstr(w, text);
}

static void
put_failure(struct bencode_writer *w, const struct tracker_reply *r)
{
    put_text(w, "failure reason", r->failure);
    if (r->retry_in_min == TRACKER_RETRY_NEVER)
        put_text(w, "retry in", "never");
    else if (r->retry_in_min > 0)
        put_count(w, "retry in", r->retry_in_min);
}

static void
put_dict_peers(struct bencode_writer *w, const uint8_t *list, const uint8_t *ids, size_t n,
               enum ip_family family)
{
    size_t step = compact_len(family);
    char text[INET6_ADDRSTRLEN];

    for (size_t i = 0; i < n; i++) {
        const uint8_t *peer = list + i * step;

        inet_ntop(family == IP_V4 ? AF_INET : AF_INET6, peer, text, sizeof(text));
        bencode_begin_dict(w);
        put_text(w, "ip", text);
        if (ids != NULL) {
            bencode_put_key(w, "peer id");
            bencode_put_string(w, ids + i * TRACKER_PEER_ID_LEN, TRACKER_PEER_ID_LEN);
        }
        put_count(w, "port", get_u16be(peer + step - 2));
        bencode_end(w);
    }
}

static void
put_peers(struct bencode_writer *w, const struct tracker_reply *r, const struct tracker_peers *p,
          enum tracker_form form)
{
    bool ids = form == TRACKER_FORM_DICT;

    bencode_put_key(w, "peers");
    if (form == TRACKER_FORM_COMPACT) {
        bencode_put_string(w, p->v4, p->n4 * COMPACT_V4_LEN);
        if (p->n6 > 0 || r->external.family == IP_V6) {
            bencode_put_key(w, "peers6");
            bencode_put_string(w, p->v6, p->n6 * COMPACT_V6_LEN);
        }
        return;
    }
    bencode_begin_list(w);
    put_dict_peers(w, p->v4, ids ? p->ids4 : NULL, p->n4, IP_V4);
    put_dict_peers(w, p->v6, ids ? p->ids6 : NULL, p->n6, IP_V6);
    bencode_end(w);
}

int
tracker_http_put_reply(struct buf *out, const struct tracker_reply *r,
                       const struct tracker_peers *peers, enum tracker_form form)
{
    struct bencode_writer w;

    bencode_writer_init(&w, out);
    bencode_begin_dict(&w);
    if (r->failure[0] != '\0') {
        put_failure(&w, r);
    } else {
        put_count(&w, "complete", r->complete);
        put_count(&w, "downloaded", r->downloaded);
        if (r->external.family != IP_NONE) {
            bencode_put_key(&w, "external ip");
            bencode_put_string(&w, r->external.ip, endpoint_ip_len(&r->external));
        }
        put_count(&w, "incomplete", r->incomplete);
        put_count(&w, "interval", r->interval_s);
        if (r->min_interval_s > 0)
            put_count(&w, "min interval", r->min_interval_s);
        put_peers(&w, r, peers, form);
        put_text(&w, "tracker id", r->tracker_id);
        put_text(&w, "warning message", r->warning);
    }
    bencode_end(&w);
    return out->err;
}

int
tracker_http_put_scrape(struct buf *out, const struct tracker_scrape *entries, size_t n)
{
    struct bencode_writer w;

    bencode_writer_init(&w, out);
    bencode_begin_dict(&w);
    bencode_put_key(&w, "files");
    bencode_begin_dict(&w);
    for (size_t i = 0; i < n; i++) {
        bencode_put_key_bytes(&w, entries[i].info_hash, TRACKER_HASH_LEN);
        bencode_begin_dict(&w);
        put_count(&w, "complete", entries[i].complete);
        put_count(&w, "downloaded", entries[i].downloaded);
        put_count(&w, "downloaders", entries[i].downloaders);
        put_count(&w, "incomplete", entries[i].incomplete);
        bencode_end(&w);
    }
    bencode_end(&w);
    bencode_end(&w);
    return out->err;
}

static int
compare_scrape(const void *a, const void *b)
{
    return memcmp(((const struct tracker_scrape *)a)->info_hash,
                  ((const struct tracker_scrape *)b)->info_hash, TRACKER_HASH_LEN);
}

size_t
tracker_http_sort_scrape(struct tracker_scrape *entries, size_t n)
{
    size_t kept = 0;

    if (n > 1)
        qsort(entries, n, sizeof(entries[0]), compare_scrape);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || compare_scrape(&entries[kept - 1], &entries[i]) != 0)
            entries[kept++] = entries[i];
    return kept;
}

/* Reads a number from 0 to |max| under |key|, as an integer or as digits in a string; |otherwise|
 * if it is missing or negative. A larger number becomes |max|. */
static int64_t
get_number(struct bencode_item dict, const char *key, int64_t max, int64_t otherwise)
{
    struct bencode_item it = bencode_get(dict, key);
    const uint8_t *s;
    size_t len;
    int64_t v = -1;

    if (!bencode_int(it, &v) && bencode_string(it, &s, &len) && len > 0) {
        v = 0;
        for (size_t i = 0; i < len && v >= 0 && v <= max; i++)
            v = s[i] >= '0' && s[i] <= '9' ? v * 10 + (s[i] - '0') : -1;
    }
    if (v < 0)
        return otherwise;
    return v > max ? max : v;
}

static bool
get_text(struct bencode_item dict, const char *key, char *dst, size_t max)
{
    const uint8_t *s;
    size_t len;

    if (!bencode_string(bencode_get(dict, key), &s, &len))
        return false;
    tracker_text_copy(dst, max, s, len);
    return true;
}

/* True if the reply is a failure; its text is then not empty. */
static bool
parse_failure(struct tracker_reply *r, struct bencode_item root)
{
    struct bencode_item retry = bencode_get(root, "retry in");

    if (!get_text(root, "failure reason", r->failure, TRACKER_TEXT_MAX) &&
        !get_text(root, "failure_reason", r->failure, TRACKER_TEXT_MAX))
        return false;
    if (r->failure[0] == '\0')
        snprintf(r->failure, sizeof(r->failure), "the tracker gave no reason");
    if (bencode_string_equal(retry, "never"))
        r->retry_in_min = TRACKER_RETRY_NEVER;
    else
        r->retry_in_min =
            (int32_t)get_number(root, "retry in", RETRY_MIN_MAX, TRACKER_RETRY_UNSAID);
    return true;
}

static bool
is_host_name(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t len = strlen(text);
    bool letters = false;

    for (size_t i = 0; i < len; i++)
        letters |= (text[i] < '0' || text[i] > '9') && text[i] != '.';
    return letters && strspn(text, allowed) == len && text[0] != '.' && text[0] != '-';
}

/* Stores a peer's name if there is space and the name is not stored yet. */
static void
keep_name(struct tracker_reply *r, const char *host, uint16_t port)
{
    if (r->nnames == r->names_max || !is_host_name(host))
        return;
    for (size_t i = 0; i < r->nnames; i++)
        if (r->names[i].port == port && strcmp(r->names[i].host, host) == 0)
            return;
    strcpy(r->names[r->nnames].host, host);
    r->names[r->nnames].port = port;
    r->nnames++;
}

/* Reads one dictionary of a BEP 3 list. False if it has no usable address; it may have a name. */
static bool
parse_dict_peer(struct tracker_reply *r, struct endpoint *e, struct bencode_item dict)
{
    static const uint8_t unspecified[16];
    char text[TRACKER_HOST_MAX + 1];
    uint8_t compact[COMPACT_V6_LEN];
    int64_t port = get_number(dict, "port", UINT16_MAX + 1, 0);

    if (port < 1 || port > UINT16_MAX || !get_text(dict, "ip", text, sizeof(text) - 1))
        return false;
    if (inet_pton(AF_INET, text, compact) == 1) {
        put_u16be(compact + 4, (uint16_t)port);
        compact_get(e, compact, IP_V4);
    } else if (inet_pton(AF_INET6, text, compact) == 1) {
        put_u16be(compact + 16, (uint16_t)port);
        compact_get(e, compact, IP_V6);
    } else {
        keep_name(r, text, (uint16_t)port);
        return false;
    }
    return memcmp(e->ip, unspecified, sizeof(unspecified)) != 0;
}

static void
parse_peers(struct tracker_reply *r, struct bencode_item peers, enum ip_family family)
{
    const uint8_t *s;
    size_t len;

    if (bencode_string(peers, &s, &len)) {
        r->npeers +=
            compact_get_list(r->peers + r->npeers, r->peers_max - r->npeers, s, len, family);
        return;
    }
    for (struct bencode_item it = bencode_first(peers);
         bencode_exists(it) && r->npeers < r->peers_max; it = bencode_next(peers, it))
        if (parse_dict_peer(r, &r->peers[r->npeers], it))
            r->npeers++;
}

static void
parse_external(struct tracker_reply *r, struct bencode_item root)
{
    const uint8_t *s;
    uint8_t compact[COMPACT_V6_LEN] = {0};
    size_t len;

    if (!bencode_string(bencode_get(root, "external ip"), &s, &len) || (len != 4 && len != 16))
        return;
    memcpy(compact, s, len);
    compact_get(&r->external, compact, len == 4 ? IP_V4 : IP_V6);
}

static int
parse_success(struct tracker_reply *r, struct bencode_item root)
{
    struct bencode_item peers = bencode_get(root, "peers");
    struct bencode_item peers6 = bencode_get(root, "peers6");

    if (!bencode_exists(peers) && !bencode_exists(peers6) &&
        !bencode_exists(bencode_get(root, "interval")))
        return SPRAT_E_MISSING;
    r->interval_s = (uint32_t)get_number(root, "interval", TRACKER_INTERVAL_MAX, 0);
    r->min_interval_s = (uint32_t)get_number(root, "min interval", TRACKER_INTERVAL_MAX, 0);
    r->complete = get_number(root, "complete", UINT32_MAX, TRACKER_UNKNOWN);
    r->incomplete = get_number(root, "incomplete", UINT32_MAX, TRACKER_UNKNOWN);
    r->downloaded = get_number(root, "downloaded", UINT32_MAX, TRACKER_UNKNOWN);
    get_text(root, "warning message", r->warning, TRACKER_TEXT_MAX);
    get_text(root, "tracker id", r->tracker_id, TRACKER_ID_MAX);
    parse_external(r, root);
    parse_peers(r, peers, IP_V4);
    parse_peers(r, peers6, IP_V6);
    return 0;
}

int
tracker_http_parse_reply(struct tracker_reply *r, const uint8_t *src, size_t len)
{
    struct bencode b;
    int err = bencode_decode(&b, src, len, BENCODE_LENIENT, &reply_limits);

    if (err != 0)
        return err;
    if (!bencode_is(bencode_root(&b), BENCODE_DICT))
        err = SPRAT_E_TYPE;
    else if (!parse_failure(r, bencode_root(&b)))
        err = parse_success(r, bencode_root(&b));
    bencode_fini(&b);
    return err;
}

static bool
parse_scrape_entry(struct tracker_scrape *entry, struct bencode_item key)
{
    struct bencode_item dict = bencode_value(key);
    const uint8_t *hash;
    size_t len;

    if (!bencode_string(key, &hash, &len) || len != TRACKER_HASH_LEN ||
        !bencode_is(dict, BENCODE_DICT))
        return false;
    memcpy(entry->info_hash, hash, len);
    entry->complete = get_number(dict, "complete", UINT32_MAX, TRACKER_UNKNOWN);
    entry->downloaded = get_number(dict, "downloaded", UINT32_MAX, TRACKER_UNKNOWN);
    entry->downloaders = get_number(dict, "downloaders", UINT32_MAX, TRACKER_UNKNOWN);
    entry->incomplete = get_number(dict, "incomplete", UINT32_MAX, TRACKER_UNKNOWN);
    return true;
}

int
tracker_http_parse_scrape(struct tracker_reply *r, struct tracker_scrape *entries, size_t max,
                          size_t *n, const uint8_t *src, size_t len)
{
    struct bencode b;
    int err = bencode_decode(&b, src, len, BENCODE_LENIENT, &reply_limits);
    struct bencode_item root, files;

    *n = 0;
    if (err != 0)
        return err;
    root = bencode_root(&b);
    files = bencode_get_type(root, "files", BENCODE_DICT);
    if (!bencode_is(root, BENCODE_DICT))
        err = SPRAT_E_TYPE;
    else if (!parse_failure(r, root) && !bencode_exists(files))
        err = SPRAT_E_MISSING;
    for (struct bencode_item key = bencode_first(files); bencode_exists(key) && *n < max;
         key = bencode_next(files, key))
        if (parse_scrape_entry(&entries[*n], key))
            (*n)++;
    bencode_fini(&b);
    return err;
}
