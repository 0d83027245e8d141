/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parses an HTTP/1.x request (RFC 9112) from bytes that arrive in parts, for small servers that
 * list the methods they accept and limit the body. Independent of sockets and paths.
 */
#ifndef COMMON_CODEC_HTTP_REQUEST_H
#define COMMON_CODEC_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_HEAD_MAX = 8192, /* bytes of request line and headers together */
    HTTP_HEADERS_MAX = 64,
    HTTP_FORWARDED_MAX = 8, /* X-Forwarded-For lines that are kept, the last ones */
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

/* The methods and the body size that a server accepts. All zero: only GET and HEAD, and no body.
 * The answer to HEAD has the head of the answer to GET, and no body (RFC 9110, 9.3.2). */
struct http_accepts {
    unsigned more_methods; /* bits of 1u << enum http_method, besides GET and HEAD */
    size_t body_max;       /* bytes */
};

/* Slices of the input, not NUL-terminated. */
struct http_request {
    enum http_method method;
    const char *path; /* begins with '/', still escaped */
    size_t path_len;
    const char *query; /* after the '?'; of length 0 if there is none */
    size_t query_len;
    struct {
        const char *at;
        size_t len;
    } forwarded[HTTP_FORWARDED_MAX]; /* values of X-Forwarded-For, in their order */
    unsigned nforwarded;
    const char *authorization; /* the header's value; of length 0 if there is none */
    size_t authorization_len;
    const char *host; /* the header's value; of length 0 if there is none */
    size_t host_len;
    const char *body;
    size_t body_len;
    bool keep_alive; /* the client keeps the connection open for further requests */
    size_t len;      /* bytes of head and body, including empty lines before the head */
    int status;      /* on an error: the status to answer before closing; |method| is GET or that
                      * of the request */
};

/* The scan position in an incomplete request, so that a slow request is not read again from its
 * start. Zero it before each request, except |accepts|. */
struct http_scan {
    const struct http_accepts *accepts; /* borrowed; NULL means all zero */
    size_t at;
    size_t line_at; /* offset of the current line */
    bool begun;     /* a line that is not empty has arrived */
    size_t whole;   /* length of head and body, known after the head */
};

/* Reads the request at |src|. 0 when it is complete; SPRAT_E_AGAIN when bytes are missing: call
 * again with the same bytes and more after them. SPRAT_E_PROTOCOL sets |r->status|: 400 malformed,
 * 405 method not accepted, 413 body not accepted or too long, 414 target too long, 417 an Expect
 * header (100-continue), 431 headers too long or too many, 501 a transfer coding, 505 not HTTP/1.x.
 * A first byte that no method begins with is malformed at once: a client that speaks TLS to this
 * port sends no line end, and waits for the answer. */
int http_request_parse(struct http_request *r, struct http_scan *scan, const uint8_t *src,
                       size_t len);

#endif
