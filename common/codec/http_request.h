/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An HTTP/1.x request (RFC 9112), read from bytes that come in as they come: for small servers that
 * name the methods they know, and the longest body they read. Knows no socket and no path.
 */
#ifndef COMMON_CODEC_HTTP_REQUEST_H
#define COMMON_CODEC_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_HEAD_MAX = 8192, /* bytes of request line and headers together */
    HTTP_HEADERS_MAX = 64,
    HTTP_FORWARDED_MAX = 8, /* lines of X-Forwarded-For that are kept, the last ones */
};

/*  X(name, text) */
#define HTTP_METHOD_TABLE(X)                                                                       \
    X(GET, "GET")                                                                                  \
    X(HEAD, "HEAD")                                                                                \
    X(POST, "POST")                                                                                \
    X(PUT, "PUT")                                                                                  \
    X(DELETE, "DELETE")

enum http_method {
#define X(name, text) HTTP_##name,
    HTTP_METHOD_TABLE(X)
#undef X
};

const char *http_method_name(enum http_method m);

/* What a server takes. All zero: GET alone, and no body. */
struct http_accepts {
    unsigned more_methods; /* bits of 1u << enum http_method, beside GET */
    size_t body_max;       /* bytes */
};

/* Slices of the input, not NUL-terminated. */
struct http_request {
    enum http_method method;
    const char *path; /* begins with '/', not unescaped */
    size_t path_len;
    const char *query; /* behind the '?'; of length 0 if there is none */
    size_t query_len;
    struct {
        const char *at;
        size_t len;
    } forwarded[HTTP_FORWARDED_MAX]; /* values of X-Forwarded-For, in their order */
    unsigned nforwarded;
    const char *authorization; /* the header's value; of length 0 if there is none */
    size_t authorization_len;
    const char *host; /* likewise */
    size_t host_len;
    const char *body;
    size_t body_len;
    bool keep_alive; /* the client wants to go on on this connection */
    size_t len;      /* bytes of head and body, empty lines before it included */
    int status;      /* on an error: what to answer before closing */
};

/* How far a request that is not whole yet was looked at, so that a slow one is not read again from
 * its start. Zero it for each request, but for what the server takes. */
struct http_scan {
    const struct http_accepts *accepts; /* borrowed; NULL as all zero */
    size_t at;
    size_t line_at; /* where the present line begins */
    bool begun;     /* a line that is not empty has come */
    size_t whole;   /* its length with the body, once the head was read */
};

/* Reads the request at |src|. 0 when it is whole; SPRAT_E_AGAIN when more must come: call again
 * with the same bytes and more behind them; SPRAT_E_PROTOCOL, and |r->status| is set: 400
 * malformed, 405 a method, or 413 a body that the server does not take, 414 a target that is too
 * long, 417 asks to be told to go on before its body, 431 headers that are too long or too many,
 * 501 a transfer coding, 505 not HTTP/1.x. */
int http_request_parse(struct http_request *r, struct http_scan *scan, const uint8_t *src,
                       size_t len);

#endif
