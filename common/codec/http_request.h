/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The head of an HTTP/1.x request (RFC 9112), read from bytes that come in as they come: for small
 * servers that answer GETs and read no bodies. Knows no socket and no path.
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

/* Slices of the input, not NUL-terminated. */
struct http_request {
    const char *path; /* begins with '/', not unescaped */
    size_t path_len;
    const char *query; /* behind the '?'; of length 0 if there is none */
    size_t query_len;
    struct {
        const char *at;
        size_t len;
    } forwarded[HTTP_FORWARDED_MAX]; /* values of X-Forwarded-For, in their order */
    unsigned nforwarded;
    bool keep_alive; /* the client wants to go on on this connection */
    size_t len;      /* bytes that the head takes, empty lines before it included */
    int status;      /* on an error: what to answer before closing */
};

/* How far a head that is not whole yet was looked at, so that a slow one is not scanned again from
 * its start. Zero it for each request. */
struct http_scan {
    size_t at;
    size_t line_at; /* where the present line begins */
    bool begun;     /* a line that is not empty has come */
};

/* Reads the head at |src|. 0 when it is whole; SPRAT_E_AGAIN when more must come: call again with
 * the same bytes and more behind them; SPRAT_E_PROTOCOL, and |r->status| is set: 400 malformed, 405
 * not a GET, 413 with a body, 414 a target that is too long, 431 headers that are too long or too
 * many, 501 a transfer coding, 505 not HTTP/1.x. */
int http_request_parse(struct http_request *r, struct http_scan *scan, const uint8_t *src,
                       size_t len);

#endif
