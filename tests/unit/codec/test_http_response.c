/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Response heads, byte by byte.
 */
#include "common/codec/http_response.h"

#include <criterion/criterion.h>

Test(http_response, heads)
{
    struct buf b;

    buf_init(&b, 1024);
    http_response_put_head(&b, 200, "text/plain", 5, true);
    cr_assert_str_eq(buf_str(&b),
                     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
                     "Connection: keep-alive\r\n\r\n");
    buf_reset(&b);
    http_response_put_head(&b, 405, "text/plain", 0, false);
    cr_assert_str_eq(buf_str(&b),
                     "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\n"
                     "Content-Length: 0\r\nAllow: GET, HEAD\r\nConnection: close\r\n\r\n");
    buf_reset(&b);
    http_response_put_head_and(&b, 405, "text/plain", 0, true, "Allow: GET, POST\r\n");
    cr_assert_str_eq(buf_str(&b), "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\n"
                                  "Content-Length: 0\r\nAllow: GET, POST\r\n"
                                  "Connection: keep-alive\r\n\r\n");
    cr_assert_str_eq(http_status_text(999), "Unknown");
    buf_fini(&b);
}
