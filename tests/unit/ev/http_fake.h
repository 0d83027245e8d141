/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A fake HTTP server for tests, on a thread of its own: it answers each connection's request by its
 * path, well or badly.
 */
#ifndef TESTS_UNIT_EV_HTTP_FAKE_H
#define TESTS_UNIT_EV_HTTP_FAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct http_fake {
    int fd;
    uint16_t port;
    pthread_t thread;
    /* Fills |out| (at most |size| bytes) with the raw answer to the request text; 0: keep
     * silent. */
    size_t (*answer)(const char *request, const char *peer_ip, char *out, size_t size);
};

void http_fake_start(struct http_fake *h, const char *ip,
                     size_t (*answer)(const char *request, const char *peer_ip, char *out,
                                      size_t size));
void http_fake_stop(struct http_fake *h);

#endif
