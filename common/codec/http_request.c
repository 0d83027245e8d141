/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the end of the head first, then reads it line by line. Lines may end in LF alone. Where the
 * RFC lets a server choose between guessing and refusing, this one refuses: folded headers, spaces
 * before a colon, double lengths.
 */
#include "common/codec/http_request.h"

#include <string.h>
#include <strings.h>

#include "common/base/err.h"

/* A part of the head. */
struct slice {
    const char *at;
    size_t len;
};

static int
refuse(struct http_request *r, int status)
{
    r->status = status;
    return SPRAT_E_PROTOCOL;
}

/* Looks for the empty line that ends the head, from where the last look ended. True, and
 * |scan->at| is behind it. Empty lines before the request line don't count. */
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

/* Cuts the next line off |rest|, without its end. */
static struct slice
next_line(struct slice *rest)
{
    const char *lf = memchr(rest->at, '\n', rest->len);
    struct slice line = {rest->at, lf != NULL ? (size_t)(lf - rest->at) : rest->len};
    size_t used = line.len + (lf != NULL);

    rest->at += used;
    rest->len -= used;
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Cuts off what stands before the next |c|, and |c| itself; all of it if there is none. */
static struct slice
cut(struct slice *rest, char c)
{
    const char *found = memchr(rest->at, c, rest->len);
    struct slice part = {rest->at, found != NULL ? (size_t)(found - rest->at) : rest->len};
    size_t used = part.len + (found != NULL);

    rest->at += used;
    rest->len -= used;
    return part;
}

static bool
equals(struct slice s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.at, word, s.len) == 0;
}

static struct slice
trim(struct slice s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static bool
is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] == 0x7f || strchr("()<>@,;:\\\"/[]?={}", s.at[i]) != NULL)
            return false;
    return s.len > 0;
}

/* "http://host/path" is as good as "/path" (RFC 9112, 3.2.2). */
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
    path = cut(&target, '?');
    if (path.len == 0 || path.at[0] != '/')
        return refuse(r, 400);
    r->path = path.at;
    r->path_len = path.len;
    r->query = target.at;
    r->query_len = target.len;
    return 0;
}

static int
parse_request_line(struct http_request *r, struct slice line)
{
    struct slice rest = line;
    struct slice method = cut(&rest, ' ');
    struct slice target = cut(&rest, ' ');

    if (!is_token(method) || target.len == 0 || rest.len != 8 || memcmp(rest.at, "HTTP/", 5) != 0 ||
        rest.at[6] != '.')
        return refuse(r, 400);
    if (rest.at[5] != '1')
        return refuse(r, 505);
    if (rest.at[7] < '0' || rest.at[7] > '9')
        return refuse(r, 400);
    if (method.len != 3 || memcmp(method.at, "GET", 3) != 0)
        return refuse(r, 405);
    r->keep_alive = rest.at[7] != '0';
    return parse_target(r, target);
}

/* "Connection" is a list of words. */
static void
parse_connection(struct http_request *r, struct slice value)
{
    while (value.len > 0) {
        struct slice word = trim(cut(&value, ','));

        if (equals(word, "close"))
            r->keep_alive = false;
        else if (equals(word, "keep-alive"))
            r->keep_alive = true;
    }
}

/* Only the length 0 is taken. */
static int
parse_content_length(struct http_request *r, struct slice value)
{
    bool zero = value.len > 0;

    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return refuse(r, 400);
        zero = zero && value.at[i] == '0';
    }
    return zero ? 0 : refuse(r, value.len > 0 ? 413 : 400);
}

/* Of too many lines the first go: those at the end were added by whoever is nearest. */
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
parse_header(struct http_request *r, struct slice line)
{
    struct slice value = line;
    struct slice name = cut(&value, ':');

    if (name.len == line.len || !is_token(name))
        return refuse(r, 400);
    value = trim(value);
    if (equals(name, "connection"))
        parse_connection(r, value);
    else if (equals(name, "content-length"))
        return parse_content_length(r, value);
    else if (equals(name, "x-forwarded-for"))
        add_forwarded(r, value);
    else if (equals(name, "transfer-encoding"))
        return refuse(r, 501);
    return 0;
}

static int
parse_head(struct http_request *r, struct slice rest)
{
    struct slice line;
    unsigned headers = 0;
    int err;

    if (memchr(rest.at, '\0', rest.len) != NULL)
        return refuse(r, 400);
    do
        line = next_line(&rest);
    while (line.len == 0);
    err = parse_request_line(r, line);
    while (err == 0 && (line = next_line(&rest)).len > 0)
        err = ++headers > HTTP_HEADERS_MAX ? refuse(r, 431) : parse_header(r, line);
    return err;
}

int
http_request_parse(struct http_request *r, struct http_scan *scan, const uint8_t *src, size_t len)
{
    size_t look = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX;

    *r = (struct http_request){0};
    if (!find_end(scan, src, look)) {
        if (len < HTTP_HEAD_MAX)
            return SPRAT_E_AGAIN;
        return refuse(r, memchr(src, '\n', look) == NULL ? 414 : 431);
    }
    r->len = scan->at;
    return parse_head(r, (struct slice){(const char *)src, r->len});
}
