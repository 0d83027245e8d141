/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes the head of an HTTP/1.1 response, for small servers.
 */
#ifndef COMMON_CODEC_HTTP_RESPONSE_H
#define COMMON_CODEC_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/ds/buf.h"

/*  X(status, text) */
#define HTTP_STATUS_TABLE(X)                                                                       \
    X(200, "OK")                                                                                   \
    X(201, "Created")                                                                              \
    X(304, "Not Modified")                                                                         \
    X(400, "Bad Request")                                                                          \
    X(401, "Unauthorized")                                                                         \
    X(403, "Forbidden")                                                                            \
    X(404, "Not Found")                                                                            \
    X(405, "Method Not Allowed")                                                                   \
    X(408, "Request Timeout")                                                                      \
    X(409, "Conflict")                                                                             \
    X(413, "Content Too Large")                                                                    \
    X(414, "URI Too Long")                                                                         \
    X(415, "Unsupported Media Type")                                                               \
    X(417, "Expectation Failed")                                                                   \
    X(421, "Misdirected Request")                                                                  \
    X(422, "Unprocessable Content")                                                                \
    X(431, "Request Header Fields Too Large")                                                      \
    X(500, "Internal Server Error")                                                                \
    X(501, "Not Implemented")                                                                      \
    X(503, "Service Unavailable")                                                                  \
    X(505, "HTTP Version Not Supported")

/* The text of |status|; "Unknown" for a number that is not in the table. */
const char *http_status_text(int status);

/* Appends the head of a response with a body of |len| bytes, for a server that answers GET
 * and HEAD only. */
void http_response_put_head(struct buf *out, int status, const char *content_type, size_t len,
                            bool keep_alive);

/* http_response_put_head() with further header lines, each ended by CRLF; "" for none. */
void http_response_put_head_and(struct buf *out, int status, const char *content_type, size_t len,
                                bool keep_alive, const char *lines);

#endif
