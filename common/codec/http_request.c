/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the end of the head first, then reads it line by line. Lines may end in LF alone. Where the
 * RFC lets a server choose between tolerating and refusing, this parser refuses: folded headers,
 * spaces before a colon, two Content-Length headers.
 */
#include "common/codec/http_request.h"

#include <string.h>
#include <strings.h>

#include "common/base/err.h"
#include "common/codec/slice.h"

/* The state of a head that is being read. */
struct head {
    struct http_request *r;
    const struct http_accepts *accepts;
    bool has_length, has_host, has_authorization, expects;
};

static const char *const method_names[] = {
#define X(name, text) text,
    HTTP_METHOD_TABLE(X)
#undef X
};

enum { METHOD_COUNT = sizeof(method_names) / sizeof(method_names[0]) };

const char *
http_method_name(enum http_method m)
{
    return method_names[m];
}

static int
refuse(struct http_request *r, int status)
{
    r->status = status;
    return SPRAT_E_PROTOCOL;
}

/* Searches the empty line that ends the head, from where the last search ended. If true, |scan->at|
 * is the offset after it. Empty lines before the request line don't count. */
static bool
find_end(struct http_scan *scan, const uint8_t *src, size_t len)
{
    for (; scan->at < len; scan->at++) {
        size_t line_len = scan->at - scan->line_at;
        bool empty;

        if (src[scan->at] != '\n')
            continue;
        empty = line_len == 0 || (line_len == 1 && src[scan->line_at] == '\r');
        scan->line_at = scan->at + 1;
        if (empty && scan->begun) {
            scan->at++;
            return true;
        }
        scan->begun = scan->begun || !empty;
    }
    return false;
}

/* True if the request begins with a byte that no method begins with, as a TLS handshake does: its
 * sender waits for an answer to that, and sends no line end. */
static bool
is_no_text(const struct http_scan *scan, const uint8_t *src, size_t len)
{
    size_t at = scan->line_at;

    if (scan->begun)
        return false;
    while (at < len && (src[at] == '\r' || src[at] == '\n'))
        at++;
    return at < len && (src[at] <= ' ' || src[at] >= 0x7f);
}

static bool
is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] == 0x7f || strchr("()<>@,;:\\\"/[]?={}", s.at[i]) != NULL)
            return false;
    return s.len > 0;
}

/* "http://host/path" means the same as "/path" (RFC 9112, 3.2.2). */
static struct slice
without_authority(struct slice target)
{
    if (target.len < 7 || strncasecmp(target.at, "http://", 7) != 0)
        return target;
    target.at += 7;
    target.len -= 7;
    while (target.len > 0 && target.at[0] != '/' && target.at[0] != '?') {
        target.at++;
        target.len--;
    }
    return target;
}

static int
parse_target(struct http_request *r, struct slice target)
{
    struct slice path;

    for (size_t i = 0; i < target.len; i++)
        if ((unsigned char)target.at[i] <= ' ' || target.at[i] == 0x7f)
            return refuse(r, 400);
    target = without_authority(target);
    path = slice_cut(&target, '?');
    if (path.len == 0 || path.at[0] != '/')
        return refuse(r, 400);
    r->path = path.at;
    r->path_len = path.len;
    r->query = target.at;
    r->query_len = target.len;
    return 0;
}

/* Methods are case-sensitive. */
static int
parse_method(struct http_request *r, const struct http_accepts *accepts, struct slice method)
{
    for (unsigned m = 0; m < METHOD_COUNT; m++) {
        if (method.len != strlen(method_names[m]) ||
            memcmp(method.at, method_names[m], method.len) != 0)
            continue;
        r->method = (enum http_method)m;
        if (m == HTTP_GET || m == HTTP_HEAD || (accepts->more_methods & 1u << m) != 0)
            return 0;
    }
    return refuse(r, 405);
}

static int
parse_request_line(struct http_request *r, const struct http_accepts *accepts, struct slice line)
{
    struct slice rest = line;
    struct slice method = slice_cut(&rest, ' ');
    struct slice target = slice_cut(&rest, ' ');

    if (!is_token(method) || target.len == 0 || rest.len != 8 || memcmp(rest.at, "HTTP/", 5) != 0 ||
        rest.at[6] != '.')
        return refuse(r, 400);
    if (rest.at[5] != '1')
        return refuse(r, 505);
    if (rest.at[7] < '0' || rest.at[7] > '9')
        return refuse(r, 400);
    r->keep_alive = rest.at[7] != '0';
    return parse_method(r, accepts, method) == 0 ? parse_target(r, target) : SPRAT_E_PROTOCOL;
}

/* "Connection" contains a list of words. */
static void
parse_connection(struct http_request *r, struct slice value)
{
    while (value.len > 0) {
        struct slice word = slice_trim(slice_cut(&value, ','));

        if (slice_equals(word, "close"))
            r->keep_alive = false;
        else if (slice_equals(word, "keep-alive"))
            r->keep_alive = true;
    }
}

/* A second Content-Length is refused, even if it is equal: a proxy may have used the other one. */
static int
parse_content_length(struct head *h, struct slice value)
{
    size_t len = 0;

    if (h->has_length || value.len == 0)
        return refuse(h->r, 400);
    h->has_length = true;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return refuse(h->r, 400);
        if (len <= h->accepts->body_max)
            len = len * 10 + (size_t)(value.at[i] - '0');
    }
    h->r->body_len = len;
    return len <= h->accepts->body_max ? 0 : refuse(h->r, 413);
}

/* Reads a header that may occur only once. */
static int
parse_once(struct http_request *r, bool *has, const char **at, size_t *len, struct slice value)
{
    if (*has)
        return refuse(r, 400);
    *has = true;
    *at = value.at;
    *len = value.len;
    return 0;
}

/* The first of too many lines are dropped: the last ones were added by the nearest proxies. */
static void
add_forwarded(struct http_request *r, struct slice value)
{
    if (r->nforwarded == HTTP_FORWARDED_MAX)
        memmove(&r->forwarded[0], &r->forwarded[1], --r->nforwarded * sizeof(r->forwarded[0]));
    r->forwarded[r->nforwarded].at = value.at;
    r->forwarded[r->nforwarded].len = value.len;
    r->nforwarded++;
}

static int
parse_header(struct head *h, struct slice line)
{
    struct http_request *r = h->r;
    struct slice value = line;
    struct slice name = slice_cut(&value, ':');

    if (name.len == line.len || !is_token(name))
        return refuse(r, 400);
    value = slice_trim(value);
    if (slice_equals(name, "connection"))
        parse_connection(r, value);
    else if (slice_equals(name, "content-length"))
        return parse_content_length(h, value);
    else if (slice_equals(name, "host"))
        return parse_once(r, &h->has_host, &r->host, &r->host_len, value);
    else if (slice_equals(name, "authorization"))
        return parse_once(r, &h->has_authorization, &r->authorization, &r->authorization_len,
                          value);
    else if (slice_equals(name, "expect"))
        h->expects = true;
    else if (slice_equals(name, "x-forwarded-for"))
        add_forwarded(r, value);
    else if (slice_equals(name, "transfer-encoding"))
        return refuse(r, 501);
    return 0;
}

static int
parse_head(struct http_request *r, const struct http_accepts *accepts, struct slice rest)
{
    struct head h = {.r = r, .accepts = accepts};
    struct slice line;
    unsigned headers = 0;
    int err;

    if (memchr(rest.at, '\0', rest.len) != NULL)
        return refuse(r, 400);
    do
        line = slice_line(&rest);
    while (line.len == 0);
    err = parse_request_line(r, accepts, line);
    while (err == 0 && (line = slice_line(&rest)).len > 0)
        err = ++headers > HTTP_HEADERS_MAX ? refuse(r, 431) : parse_header(&h, line);
    /* "100 Continue" is never sent: the client may send the body without asking. */
    if (err == 0 && h.expects && r->body_len > 0)
        err = refuse(r, 417);
    return err;
}

int
http_request_parse(struct http_request *r, struct http_scan *scan, const uint8_t *src, size_t len)
{
    static const struct http_accepts only_get = {0};
    const struct http_accepts *accepts = scan->accepts != NULL ? scan->accepts : &only_get;
    size_t look = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX;
    int err;

    *r = (struct http_request){0};
    if (len < scan->whole)
        return SPRAT_E_AGAIN;
    if (is_no_text(scan, src, look))
        return refuse(r, 400);
    if (scan->whole == 0 && !find_end(scan, src, look)) {
        if (len < HTTP_HEAD_MAX)
            return SPRAT_E_AGAIN;
        return refuse(r, memchr(src, '\n', look) == NULL ? 414 : 431);
    }
    err = parse_head(r, accepts, (struct slice){(const char *)src, scan->at});
    if (err != 0)
        return err;
    scan->whole = r->len = scan->at + r->body_len;
    r->body = (const char *)src + scan->at;
    return len < r->len ? SPRAT_E_AGAIN : 0;
}
