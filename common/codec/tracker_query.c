/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes and reads query strings of announces and scrapes. A known name that is given twice, has no
 * valid value or is missing is an error with its own message, because the reader of the message has
 * no other means to find the fault.
 */
#include "common/codec/tracker_query.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/codec/uri.h"

/* Appends the URL without its fragment, and the separator before the first added name. */
static size_t
url_base_len(const char *url, char *sep)
{
    size_t len = strcspn(url, "#");
    const char *query = memchr(url, '?', len);

    *sep = query != NULL ? '&' : '?';
    if (query != NULL && (url[len - 1] == '?' || url[len - 1] == '&'))
        *sep = '\0';
    return len;
}

static void
put_sep(struct buf *out, char sep)
{
    if (sep != '\0')
        buf_put_u8(out, (uint8_t)sep);
}

static const char *
event_name(enum tracker_event event)
{
    switch (event) {
    case TRACKER_EVENT_NONE: return NULL;
    case TRACKER_EVENT_COMPLETED: return "completed";
    case TRACKER_EVENT_STARTED: return "started";
    case TRACKER_EVENT_STOPPED: return "stopped";
    case TRACKER_EVENT_PAUSED: return "paused";
    }
    return NULL;
}

static int
url_done(struct buf *out, size_t start)
{
    if (out->err == 0 && buf_len(out) - start > TRACKER_URL_MAX)
        return SPRAT_E_TOOBIG;
    return out->err;
}

int
tracker_query_announce_url(struct buf *out, const char *url, const struct tracker_announce *a)
{
    const char *event = event_name(a->event);
    size_t start = buf_len(out);
    char sep;

    buf_put(out, url, url_base_len(url, &sep));
    put_sep(out, sep);
    buf_puts(out, "info_hash=");
    uri_escape(out, a->info_hash, sizeof(a->info_hash));
    buf_puts(out, "&peer_id=");
    uri_escape(out, a->peer_id, sizeof(a->peer_id));
    buf_printf(out, "&port=%u&uploaded=%" PRIu64 "&downloaded=%" PRIu64 "&left=%" PRIu64,
               (unsigned)a->port, a->uploaded, a->downloaded, a->left);
    buf_printf(out, "&compact=%d&no_peer_id=%d", a->compact, a->no_peer_id);
    if (event != NULL)
        buf_printf(out, "&event=%s", event);
    if (a->numwant >= 0)
        buf_printf(out, "&numwant=%" PRId32, a->numwant);
    if (a->key != 0)
        buf_printf(out, "&key=%08" PRIX32, a->key);
    if (a->tracker_id != NULL && a->tracker_id[0] != '\0') {
        buf_puts(out, "&trackerid=");
        uri_escape(out, a->tracker_id, strlen(a->tracker_id));
    }
    return url_done(out, start);
}

/* The position of "announce" after the last slash of |url|'s path; NULL if it is not there. */
static const char *
find_announce(const char *url)
{
    size_t path_end = strcspn(url, "?#");
    const char *slash = memrchr(url, '/', path_end);

    if (slash == NULL || strncmp(slash + 1, "announce", strlen("announce")) != 0)
        return NULL;
    return slash + 1;
}

int
tracker_query_scrape_url(struct buf *out, const char *url,
                         const uint8_t (*hashes)[TRACKER_HASH_LEN], size_t n)
{
    const char *word = find_announce(url);
    const char *rest;
    size_t start = buf_len(out);
    char sep;
    size_t len = url_base_len(url, &sep);

    if (word == NULL)
        return SPRAT_E_NOTFOUND;
    rest = word + strlen("announce");
    buf_put(out, url, (size_t)(word - url));
    buf_puts(out, "scrape");
    buf_put(out, rest, len - (size_t)(rest - url));
    for (size_t i = 0; i < n; i++) {
        put_sep(out, i == 0 ? sep : '&');
        buf_puts(out, "info_hash=");
        uri_escape(out, hashes[i], TRACKER_HASH_LEN);
    }
    return url_done(out, start);
}

/* X(id, name, required) of the parameters of an announce. */
#define QUERY_TABLE(X)                                                                             \
    X(INFO_HASH, "info_hash", true)                                                                \
    X(PEER_ID, "peer_id", true)                                                                    \
    X(PORT, "port", true)                                                                          \
    X(UPLOADED, "uploaded", false)                                                                 \
    X(DOWNLOADED, "downloaded", false)                                                             \
    X(LEFT, "left", false)                                                                         \
    X(EVENT, "event", false)                                                                       \
    X(NUMWANT, "numwant", false)                                                                   \
    X(KEY, "key", false)                                                                           \
    X(COMPACT, "compact", false)                                                                   \
    X(NO_PEER_ID, "no_peer_id", false)

enum query_param {
#define X(id, name, required) QUERY_##id,
    QUERY_TABLE(X)
#undef X
        QUERY_COUNT
};

static const struct {
    const char *name;
    bool required;
    const char *missing, *twice, *escape, *number, *range, *length;
} params[QUERY_COUNT] = {
#define X(id, name, required)                                                                      \
    [QUERY_##id] = {name,                                                                          \
                    required,                                                                      \
                    name " is missing",                                                            \
                    name " is given twice",                                                        \
                    name " is badly escaped",                                                      \
                    name " is not a number",                                                       \
                    name " is out of range",                                                       \
                    name " is not 20 bytes long"},
    QUERY_TABLE(X)
#undef X
};

/* One name=value pair of a query, still escaped. */
struct pair {
    const char *name, *value;
    size_t name_len, value_len;
};

static bool
next_pair(struct pair *p, const char **at, const char *end)
{
    const char *stop, *eq;

    while (*at < end && **at == '&')
        (*at)++;
    if (*at == end)
        return false;
    stop = memchr(*at, '&', (size_t)(end - *at));
    if (stop == NULL)
        stop = end;
    eq = memchr(*at, '=', (size_t)(stop - *at));
    p->name = *at;
    p->name_len = (size_t)((eq != NULL ? eq : stop) - *at);
    p->value = eq != NULL ? eq + 1 : stop;
    p->value_len = (size_t)(stop - p->value);
    *at = stop;
    return true;
}

static bool
name_is(const struct pair *p, const char *name)
{
    return p->name_len == strlen(name) && memcmp(p->name, name, p->name_len) == 0;
}

/* Unescapes into |dst|. '+' stays a '+', as clients mean it. Returns the length; |max| + 1 if it is
 * longer than |max|; or -1 for a broken escape. */
static int
unescape(uint8_t *dst, int max, const struct pair *p)
{
    int n = 0;

    for (size_t i = 0; i < p->value_len; i++) {
        uint8_t c = (uint8_t)p->value[i];

        if (c == '%') {
            int hi = i + 2 < p->value_len ? hex_digit_value(p->value[i + 1]) : -1;
            int lo = i + 2 < p->value_len ? hex_digit_value(p->value[i + 2]) : -1;

            if (hi < 0 || lo < 0)
                return -1;
            c = (uint8_t)(hi << 4 | lo);
            i += 2;
        }
        if (n == max)
            return max + 1;
        dst[n++] = c;
    }
    return n;
}

/* Reads the value as exactly 20 raw bytes. */
static int
read_bytes20(uint8_t dst[20], const struct pair *p, enum query_param id, const char **reason)
{
    int n = unescape(dst, 20, p);

    if (n == 20)
        return 0;
    *reason = n < 0 ? params[id].escape : params[id].length;
    return SPRAT_E_SYNTAX;
}

/* Reads a decimal number from |lo| to |hi|, with a sign if |lo| is negative. The limit is checked
 * with each digit, so that no number of digits overflows. */
static int
read_number(uint64_t *v, bool *negative, const struct pair *p, enum query_param id,
            const char **reason)
{
    size_t i = 0;

    *negative = p->value_len > 1 && p->value[0] == '-';
    *v = 0;
    if (*negative)
        i = 1;
    if (i == p->value_len)
        goto not_a_number;
    for (; i < p->value_len; i++) {
        if (p->value[i] < '0' || p->value[i] > '9')
            goto not_a_number;
        if (__builtin_mul_overflow(*v, UINT64_C(10), v) ||
            __builtin_add_overflow(*v, (uint64_t)(p->value[i] - '0'), v)) {
            *reason = params[id].range;
            return SPRAT_E_RANGE;
        }
    }
    return 0;
not_a_number:
    *reason = params[id].number;
    return SPRAT_E_SYNTAX;
}

/* Reads a number from 0 to |max|. */
static int
read_unsigned(uint64_t *v, uint64_t max, const struct pair *p, enum query_param id,
              const char **reason)
{
    bool negative;
    int err = read_number(v, &negative, p, id, reason);

    if (err != 0)
        return err;
    if (negative || *v > max) {
        *reason = params[id].range;
        return SPRAT_E_RANGE;
    }
    return 0;
}

/* Reads "uploaded" or "downloaded". An empty value counts as missing. */
static int
read_counter(uint64_t *v, bool *seen, const struct pair *p, enum query_param id,
             const char **reason)
{
    if (p->value_len > 0)
        return read_unsigned(v, UINT64_MAX, p, id, reason);
    *seen = false;
    return 0;
}

/* Clients that do not know the size yet (magnet links) send an empty or a negative number. */
static int
read_left(struct tracker_announce *a, const struct pair *p, const char **reason)
{
    bool negative = false;
    uint64_t v = TRACKER_LEFT_UNKNOWN;
    int err = p->value_len > 0 ? read_number(&v, &negative, p, QUERY_LEFT, reason) : 0;

    a->left = negative ? TRACKER_LEFT_UNKNOWN : v;
    return err;
}

static int
read_port(struct tracker_announce *a, const struct pair *p, const char **reason)
{
    uint64_t v;
    int err = read_unsigned(&v, UINT16_MAX, p, QUERY_PORT, reason);

    if (err != 0)
        return err;
    if (v == 0) {
        *reason = params[QUERY_PORT].range;
        return SPRAT_E_RANGE;
    }
    a->port = (uint16_t)v;
    return 0;
}

/* Some clients send a negative number for "your default". */
static int
read_numwant(struct tracker_announce *a, const struct pair *p, const char **reason)
{
    uint64_t v;
    bool negative;
    int err = read_number(&v, &negative, p, QUERY_NUMWANT, reason);

    if (err == 0 && negative)
        a->numwant = TRACKER_NUMWANT_DEFAULT;
    else if (err == 0)
        a->numwant = v > INT32_MAX ? INT32_MAX : (int32_t)v;
    return err;
}

/* Newer event names (such as "paused") must not break announces: an unknown event counts as none.
 */
static void
read_event(struct tracker_announce *a, const struct pair *p)
{
    a->event = TRACKER_EVENT_NONE;
    for (int e = TRACKER_EVENT_COMPLETED; e <= TRACKER_EVENT_PAUSED; e++) {
        const char *name = event_name((enum tracker_event)e);

        if (p->value_len == strlen(name) && memcmp(p->value, name, p->value_len) == 0)
            a->event = (enum tracker_event)e;
    }
}

/* Most clients send up to eight hex digits, the number that they also send over UDP; then the key
 * is that number. For any other text, the key is a hash (FNV-1a) of it. */
static void
read_key(struct tracker_announce *a, const struct pair *p)
{
    uint32_t number = 0, hash = 2166136261u;
    bool is_hex = p->value_len <= 8;

    for (size_t i = 0; i < p->value_len; i++) {
        int digit = hex_digit_value(p->value[i]);

        is_hex = is_hex && digit >= 0;
        number = number << 4 | (uint32_t)(digit & 15);
        hash = (hash ^ (uint8_t)p->value[i]) * 16777619u;
    }
    a->key = is_hex ? number : hash;
}

static int
read_param(struct tracker_announce *a, enum query_param id, bool *seen, const struct pair *p,
           const char **reason)
{
    switch (id) {
    case QUERY_INFO_HASH: return read_bytes20(a->info_hash, p, id, reason);
    case QUERY_PEER_ID: return read_bytes20(a->peer_id, p, id, reason);
    case QUERY_PORT: return read_port(a, p, reason);
    case QUERY_UPLOADED: return read_counter(&a->uploaded, seen, p, id, reason);
    case QUERY_DOWNLOADED: return read_counter(&a->downloaded, seen, p, id, reason);
    case QUERY_LEFT: return read_left(a, p, reason);
    case QUERY_NUMWANT: return read_numwant(a, p, reason);
    case QUERY_EVENT: read_event(a, p); return 0;
    case QUERY_KEY: read_key(a, p); return 0;
    case QUERY_COMPACT: a->compact = !(p->value_len == 1 && p->value[0] == '0'); return 0;
    case QUERY_NO_PEER_ID: a->no_peer_id = p->value_len == 1 && p->value[0] == '1'; return 0;
    case QUERY_COUNT: break;
    }
    return 0;
}

static enum query_param
find_param(const struct pair *p)
{
    int id = 0;

    while (id < QUERY_COUNT && !name_is(p, params[id].name))
        id++;
    return (enum query_param)id;
}

static int
check_len(size_t len, const char **reason)
{
    if (len <= TRACKER_QUERY_MAX)
        return 0;
    *reason = "the query is too long";
    return SPRAT_E_TOOBIG;
}

int
tracker_query_parse_announce(struct tracker_announce *a, const char *query, size_t len,
                             const char **reason)
{
    const char *end = query + len;
    bool seen[QUERY_COUNT + 1] = {false};
    struct pair p;
    int err = check_len(len, reason);

    /* BEP 23: compact unless the client says otherwise. */
    *a = (struct tracker_announce){
        .left = TRACKER_LEFT_UNKNOWN, .numwant = TRACKER_NUMWANT_DEFAULT, .compact = true};
    while (err == 0 && next_pair(&p, &query, end)) {
        enum query_param id = find_param(&p);

        if (id == QUERY_COUNT)
            continue;
        if (seen[id]) {
            *reason = params[id].twice;
            return SPRAT_E_SYNTAX;
        }
        seen[id] = true;
        err = read_param(a, id, &seen[id], &p, reason);
    }
    for (int id = 0; err == 0 && id < QUERY_COUNT; id++) {
        if (params[id].required && !seen[id]) {
            *reason = params[id].missing;
            err = SPRAT_E_MISSING;
        }
    }
    if (!seen[QUERY_DOWNLOADED])
        a->uncounted = params[QUERY_DOWNLOADED].missing;
    if (!seen[QUERY_UPLOADED])
        a->uncounted = params[QUERY_UPLOADED].missing;
    return err;
}

int
tracker_query_parse_scrape(uint8_t (*hashes)[TRACKER_HASH_LEN], size_t max, size_t *n,
                           const char *query, size_t len, const char **reason)
{
    const char *end = query + len;
    struct pair p;
    int err = check_len(len, reason);

    *n = 0;
    while (err == 0 && next_pair(&p, &query, end)) {
        if (!name_is(&p, params[QUERY_INFO_HASH].name))
            continue;
        if (*n == max) {
            *reason = "too many info_hash in one scrape";
            return SPRAT_E_TOOBIG;
        }
        err = read_bytes20(hashes[*n], &p, QUERY_INFO_HASH, reason);
        if (err == 0)
            (*n)++;
    }
    if (err == 0 && *n == 0) {
        *reason = params[QUERY_INFO_HASH].missing;
        err = SPRAT_E_MISSING;
    }
    return err;
}
