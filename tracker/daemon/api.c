/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A table of paths maps requests to calls.
 */
#include "tracker/daemon/api.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/codec/uri.h"
#include "common/rpc/message.h"
#include "common/sys/addr.h"
#include "tracker/daemon/api_torrents.h"
#include "tracker/daemon/api_users.h"

/* The parts of a path; "*" matches any part, and occurs once at most. */
struct api_route {
    const char *pattern;
    enum http_method method;
    api_run_fn run;
};

static const struct api_route routes[] = {
    {"users", HTTP_GET, api_users_list},
    {"users", HTTP_POST, api_users_add},
    {"users/*", HTTP_GET, api_user_show},
    {"users/*", HTTP_POST, api_user_change},
    {"users/*", HTTP_DELETE, api_user_disable},
    {"users/*/passkeys", HTTP_GET, api_passkeys_list},
    {"users/*/passkeys", HTTP_POST, api_passkeys_change},
    {"users/*/totals", HTTP_GET, api_user_totals},
    {"torrents", HTTP_GET, api_torrents_list},
    {"torrents", HTTP_POST, api_torrents_add},
    {"torrents/*", HTTP_GET, api_torrent_show},
    {"torrents/*", HTTP_POST, api_torrent_change},
    {"torrents/*", HTTP_DELETE, api_torrent_remove},
    {"clients", HTTP_GET, api_clients_list},
    {"clients", HTTP_POST, api_clients_set},
    {"clients/*", HTTP_DELETE, api_client_unset},
    {"signals", HTTP_GET, api_signals_list},
    {"accounts", HTTP_GET, api_accounts_show},
};

enum { ROUTE_COUNT = sizeof(routes) / sizeof(routes[0]) };

/* ---- the path ---- */

/* Unescapes a part of a path. False if it is empty, too long, badly escaped or contains a NUL. */
static bool
take_part(char out[API_PART_MAX + 1], const char *at, size_t len)
{
    uint8_t bytes[3 * API_PART_MAX];
    size_t used;

    if (len == 0 || len > sizeof(bytes))
        return false;
    used = uri_unescape(at, len, bytes);
    if (used > API_PART_MAX || memchr(bytes, '\0', used) != NULL)
        return false;
    memcpy(out, bytes, used);
    out[used] = '\0';
    return true;
}

/* Whether |path| matches |pattern|, part by part; then the part that "*" matches is stored. */
static bool
matches(const char *pattern, const char *path, size_t len, struct api_call *c)
{
    for (;;) {
        size_t plen = strcspn(pattern, "/");
        const char *slash = memchr(path, '/', len);
        size_t part = slash != NULL ? (size_t)(slash - path) : len;

        if (plen == 1 && pattern[0] == '*') {
            if (!take_part(c->name, path, part))
                return false;
        } else if (plen != part || memcmp(pattern, path, part) != 0) {
            return false;
        }
        if (slash == NULL || pattern[plen] == '\0')
            return slash == NULL && pattern[plen] == '\0';
        pattern += plen + 1;
        len -= part + 1;
        path = slash + 1;
    }
}

static const char *
allowed(unsigned methods)
{
    if (methods == (1u << HTTP_GET | 1u << HTTP_POST))
        return "Allow: GET, HEAD, POST\r\n";
    if (methods == (1u << HTTP_GET | 1u << HTTP_POST | 1u << HTTP_DELETE))
        return "Allow: GET, HEAD, POST, DELETE\r\n";
    return methods == 1u << HTTP_DELETE ? "Allow: DELETE\r\n" : "Allow: GET, HEAD\r\n";
}

static int
find_route(struct api_call *c, enum http_method method, const char *path, size_t len,
           const char **allow, struct errbuf *eb)
{
    unsigned methods = 0;

    for (size_t i = 0; i < ROUTE_COUNT && c->route == NULL; i++) {
        if (!matches(routes[i].pattern, path, len, c))
            continue;
        methods |= 1u << routes[i].method;
        if (routes[i].method == (method == HTTP_HEAD ? HTTP_GET : method))
            c->route = &routes[i];
    }
    if (c->route != NULL)
        return 0;
    if (methods == 0) {
        errbuf_set(eb, 0, "there is nothing at /api/%.*s", (int)(len < 200 ? len : 200), path);
        return 404;
    }
    *allow = allowed(methods);
    errbuf_set(eb, 0, "this path does not support %s", http_method_name(method));
    return 405;
}

/* ---- the query ---- */

static int
take_number(const char *key, const char *value, uint64_t least, uint64_t most, uint64_t *out,
            struct errbuf *eb)
{
    if (parse_u64(value, least, most, out) == 0)
        return 0;
    errbuf_set(eb, 0, "%s must be a number from %u to %u", key, (unsigned)least, (unsigned)most);
    return 400;
}

/* Parses one "key=value"; none of the valid values needs escapes. */
static int
take_query(struct api_call *c, const char *at, size_t len, struct errbuf *eb)
{
    const char *equal = memchr(at, '=', len);
    size_t key = equal != NULL ? (size_t)(equal - at) : len;
    size_t value_len = equal != NULL ? len - key - 1 : 0;
    char value[API_VALUE_MAX + 1];

    if (value_len <= API_VALUE_MAX) {
        memcpy(value, at + len - value_len, value_len);
        value[value_len] = '\0';
        if (key == 4 && memcmp(at, "skip", 4) == 0)
            return take_number("skip", value, 0, UINT32_MAX, &c->skip, eb);
        if (key == 5 && memcmp(at, "limit", 5) == 0)
            return take_number("limit", value, 1, API_LIST_MAX, &c->limit, eb);
        if (key == 4 && memcmp(at, "sort", 4) == 0) {
            memcpy(c->sort, value, sizeof(value));
            return 0;
        }
    }
    errbuf_set(eb, 0, "the query may have skip, limit and sort only");
    return 400;
}

int
api_query(struct api_call *c, const struct http_request *req, struct errbuf *eb)
{
    const char *at = req->query;
    size_t left = req->query_len;
    int status = 0;

    c->limit = API_LIST_MAX;
    while (left > 0 && status == 0) {
        const char *amp = memchr(at, '&', left);
        size_t len = amp != NULL ? (size_t)(amp - at) : left;

        if (len > 0)
            status = take_query(c, at, len, eb);
        left -= len + (amp != NULL);
        at += len + (amp != NULL);
    }
    return status;
}

/* ---- from request to call ---- */

static int
take_body(struct api_call *c, const struct http_request *req, struct errbuf *eb)
{
    if (req->body_len == 0)
        return 0;
    if (rpc_parse(req->body, req->body_len, &c->body, eb) != 0)
        return 400;
    if (!json_is_object(c->body)) {
        errbuf_set(eb, 0, "the body must be a JSON object");
        return 400;
    }
    return 0;
}

int
api_call_new(const struct http_request *req, const char *path, size_t path_len,
             struct api_call **out, const char **allow, struct errbuf *eb)
{
    struct api_call *c = calloc(1, sizeof(*c));
    int status;

    *allow = "";
    if (c == NULL) {
        errbuf_set(eb, 0, "out of memory");
        return 503;
    }
    status = find_route(c, req->method, path, path_len, allow, eb);
    if (status == 0)
        status = api_query(c, req, eb);
    if (status == 0)
        status = take_body(c, req, eb);
    if (status != 0) {
        api_call_free(c);
        return status;
    }
    *out = c;
    return 0;
}

void
api_call_free(struct api_call *c)
{
    if (c == NULL)
        return;
    json_decref(c->body);
    json_decref(c->answer);
    free(c);
}

int
api_call_run(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    return c->route->run(c, r, eb);
}

/* The name in the path, or the name of what the body adds. */
static const char *
subject(const struct api_call *c)
{
    static const char *const keys[] = {"v1", "v2", "prefix", "name"};

    if (c->name[0] != '\0')
        return c->name;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const json_t *value = json_object_get(c->body, keys[i]);

        if (!json_is_string(value))
            value = json_object_get(c->answer, keys[i]);
        if (json_is_string(value))
            return json_string_value(value);
    }
    return "";
}

void
api_call_log(const struct api_call *c, const struct endpoint *from, int err, const char *why,
             const struct log *log)
{
    const char *method = http_method_name(c->route->method);
    char client[ADDR_TEXT_MAX];

    if (c->route->method == HTTP_GET)
        return;
    addr_format_ip(from, client);
    if (err == 0)
        log_event(log, LOG_INFO, "changed over the API", log_text("method", method),
                  log_text("call", c->route->pattern), log_text("subject", subject(c)),
                  log_text("client", client));
    else
        log_event(log, LOG_WARN, "not changed over the API", log_text("method", method),
                  log_text("call", c->route->pattern), log_text("subject", subject(c)),
                  log_text("client", client),
                  log_reason(why[0] != '\0' ? why : sprat_strerror(err)));
}

int
api_status(int err)
{
    switch (err) {
    case SPRAT_E_NOTFOUND: return 404;
    case SPRAT_E_EXISTS:
    case SPRAT_E_MISMATCH:
    case SPRAT_E_LIMIT: return 409;
    case SPRAT_E_AGAIN:
    case SPRAT_E_BUSY:
    case SPRAT_E_NOMEM:
    case SPRAT_E_CANCELLED: return 503;
    }
    return sprat_err_family(err) == ERR_FAMILY_LOCAL ? 500 : 400;
}

json_t *
api_error(const char *text)
{
    json_t *said = json_string(text);

    /* A message that was cut in the middle of a character is not UTF-8, and jansson refuses it. */
    return json_pack("{s:o}", "error", said != NULL ? said : json_string("error"));
}
