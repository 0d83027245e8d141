/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The floor: an answer of given length to each packet, with the same batched calls that a tracker
 * makes and nothing in between.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/load.h"
#include "common/base/bytes.h"
#include "common/sys/addr.h"

enum { BATCH = 64 };

struct echo {
    int fd;
    uint32_t reply_len;
    uint8_t packets[BATCH][2048];
    struct sockaddr_storage from[BATCH];
    struct iovec iov[BATCH];
    struct mmsghdr msgs[BATCH];
};

/* Writes an answer that a client accepts as a tracker's: 16 bytes for a connect request. */
static size_t
answer(uint8_t *p, size_t len, uint32_t reply_len)
{
    uint32_t action, transaction;

    if (len < 16)
        return 0;
    action = get_u32be(p + 8);
    transaction = get_u32be(p + 12);
    put_u32be(p, action);
    put_u32be(p + 4, transaction);
    return action == 0 ? 16 : reply_len;
}

static void
serve(struct echo *e)
{
    struct pollfd p = {.fd = e->fd, .events = POLLIN};
    int n;

    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            e->iov[i] = (struct iovec){e->packets[i], sizeof(e->packets[i])};
            e->msgs[i].msg_hdr = (struct msghdr){.msg_name = &e->from[i],
                                                 .msg_namelen = sizeof(e->from[i]),
                                                 .msg_iov = &e->iov[i],
                                                 .msg_iovlen = 1};
        }
        n = recvmmsg(e->fd, e->msgs, BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0) {
            if (poll(&p, 1, -1) < 0 && errno == EINTR)
                return;
            continue;
        }
        for (int i = 0; i < n; i++)
            e->iov[i].iov_len = answer(e->packets[i], e->msgs[i].msg_len, e->reply_len);
        (void)sendmmsg(e->fd, e->msgs, (unsigned)n, 0);
    }
}

int
load_echo(const struct endpoint *at, uint32_t reply_len, struct errbuf *eb)
{
    static struct echo e;
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(at, &ss);
    struct endpoint real;
    char text[ADDR_TEXT_MAX];
    int size = 4 << 20;

    e.reply_len = reply_len;
    e.fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (e.fd < 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "socket: %s", strerror(errno));
    (void)setsockopt(e.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (bind(e.fd, (struct sockaddr *)&ss, len) != 0 ||
        getsockname(e.fd, (struct sockaddr *)&ss, &len) != 0 ||
        addr_from_sockaddr((struct sockaddr *)&ss, len, &real) != 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "bind: %s", strerror(errno));
    printf("listening udp %s\n", addr_format(&real, text));
    fflush(stdout);
    serve(&e);
    close(e.fd);
    return 0;
}
