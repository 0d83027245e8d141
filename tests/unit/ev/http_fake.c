/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fake server's thread: one connection at a time, one request each.
 */
#include "tests/unit/ev/http_fake.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t
read_request(int fd, char *buf, size_t size)
{
    size_t len = 0;

    while (len + 1 < size) {
        ssize_t n = read(fd, buf + len, size - 1 - len);

        if (n <= 0)
            break;
        len += (size_t)n;
        buf[len] = '\0';
        if (strstr(buf, "\r\n\r\n") != NULL)
            break;
    }
    buf[len] = '\0';
    return len;
}

static void
serve(struct http_fake *h, int fd, const struct sockaddr_in *from)
{
    static __thread char request[4096], out[1 << 18];
    char ip[INET_ADDRSTRLEN];
    size_t len, sent = 0;

    if (read_request(fd, request, sizeof(request)) == 0)
        return;
    inet_ntop(AF_INET, &from->sin_addr, ip, sizeof(ip));
    len = h->answer(request, ip, out, sizeof(out));
    if (len == 0) { /* silence: until the other side gives up */
        (void)!read(fd, request, 1);
        return;
    }
    while (sent < len) {
        ssize_t n = send(fd, out + sent, len - sent, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        sent += (size_t)n;
    }
}

static void *
fake_main(void *arg)
{
    struct http_fake *h = arg;

    for (;;) {
        struct sockaddr_in from;
        socklen_t len = sizeof(from);
        int fd = accept(h->fd, (struct sockaddr *)&from, &len);

        if (fd < 0)
            return NULL;
        serve(h, fd, &from);
        close(fd);
    }
}

void
http_fake_start(struct http_fake *h, const char *ip,
                size_t (*answer)(const char *request, const char *peer_ip, char *out, size_t size))
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);

    h->answer = answer;
    inet_pton(AF_INET, ip, &at.sin_addr);
    h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(h->fd, 0);
    cr_assert_eq(bind(h->fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    cr_assert_eq(listen(h->fd, 16), 0);
    cr_assert_eq(getsockname(h->fd, (struct sockaddr *)&at, &len), 0);
    h->port = ntohs(at.sin_port);
    cr_assert_eq(pthread_create(&h->thread, NULL, fake_main, h), 0);
}

void
http_fake_stop(struct http_fake *h)
{
    shutdown(h->fd, SHUT_RDWR);
    pthread_join(h->thread, NULL);
    close(h->fd);
}
