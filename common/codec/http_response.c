/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes response heads and status texts.
 */
#include "common/codec/http_response.h"

const char *
http_status_text(int status)
{
    switch (status) {
#define X(number, text)                                                                            \
    case number: return text;
        HTTP_STATUS_TABLE(X)
#undef X
    }
    return "Unknown";
}

void
http_response_put_head_and(struct buf *out, int status, const char *content_type, size_t len,
                           bool keep_alive, const char *lines)
{
    buf_printf(out,
               "HTTP/1.1 %d %s\r\n"
               "Content-Type: %s\r\n"
               "Content-Length: %zu\r\n"
               "%s"
               "Connection: %s\r\n\r\n",
               status, http_status_text(status), content_type, len, lines,
               keep_alive ? "keep-alive" : "close");
}

void
http_response_put_head(struct buf *out, int status, const char *content_type, size_t len,
                       bool keep_alive)
{
    http_response_put_head_and(out, status, content_type, len, keep_alive,
                               status == 405 ? "Allow: GET, HEAD\r\n" : "");
}
