/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Batched UDP. All buffers of a socket are allocated once, with the socket. Independent of the
 * content of datagrams.
 */
#include "common/ev/dgram.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <limits.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/sys/addr.h"

#define DGRAM_MAGIC 0x4447524du

/* Space for the one control message that is read or written: the local address. */
union control {
    struct cmsghdr align;
    uint8_t v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
    uint8_t v6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* The buffers of one datagram of a batch. */
struct cell {
    struct iovec iov;
    struct sockaddr_storage name;
    union control control;
};

struct dgram {
    uint32_t magic;
    int fd;
    struct endpoint addr;
    bool *freed; /* set when the socket is freed inside a callback */
    bool sending_blocked;
    bool wild; /* bound to the wildcard address: the local address of each datagram must be
                  requested */
    unsigned batch;
    size_t len_max;
    uint8_t *bytes;         /* batch × len_max */
    struct mmsghdr *hdrs;   /* DGRAM_BATCH_MAX */
    struct cell *cells;     /* DGRAM_BATCH_MAX */
    struct dgram_msg *msgs; /* batch */
    struct loop_fd *watch;
    struct dgram_handler handler;
};

/* The address that a received datagram was sent to. */
static void
read_local(struct msghdr *h, struct endpoint *local)
{
    *local = (struct endpoint){.family = IP_NONE};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            local->family = IP_V4;
            memcpy(local->ip, &info.ipi_addr, 4);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            local->family = IP_V6;
            memcpy(local->ip, &info.ipi6_addr, 16);
        }
    }
}

static void
write_local(struct msghdr *h, union control *control, const struct endpoint *local)
{
    struct cmsghdr *c;

    if (local->family == IP_NONE)
        return;
    memset(control, 0, sizeof(*control));
    h->msg_control = control;
    h->msg_controllen = local->family == IP_V4 ? sizeof(control->v4) : sizeof(control->v6);
    c = CMSG_FIRSTHDR(h);
    if (local->family == IP_V4) {
        struct in_pktinfo info = {0};

        memcpy(&info.ipi_spec_dst, local->ip, 4);
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
    } else {
        struct in6_pktinfo info = {0};

        memcpy(&info.ipi6_addr, local->ip, 16);
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
    }
}

/* Reads one batch into d->msgs. Returns the number of usable datagrams; |*full| says whether there
 * may be more. */
static size_t
receive(struct dgram *d, bool *full)
{
    size_t kept = 0;
    int n;

    for (unsigned i = 0; i < d->batch; i++) {
        struct cell *c = &d->cells[i];

        c->iov = (struct iovec){.iov_base = d->bytes + i * d->len_max, .iov_len = d->len_max};
        d->hdrs[i] =
            (struct mmsghdr){.msg_hdr = {.msg_name = &c->name,
                                         .msg_namelen = sizeof(c->name),
                                         .msg_iov = &c->iov,
                                         .msg_iovlen = 1,
                                         .msg_control = d->wild ? &c->control : NULL,
                                         .msg_controllen = d->wild ? sizeof(c->control) : 0}};
    }
    n = recvmmsg(d->fd, d->hdrs, d->batch, MSG_DONTWAIT, NULL);
    *full = n == (int)d->batch;
    for (int i = 0; i < n; i++) {
        struct msghdr *h = &d->hdrs[i].msg_hdr;
        struct dgram_msg *m = &d->msgs[kept];

        if ((h->msg_flags & MSG_TRUNC) != 0 ||
            addr_from_sockaddr(h->msg_name, h->msg_namelen, &m->peer) != 0)
            continue;
        read_local(h, &m->local);
        m->data = d->cells[i].iov.iov_base;
        m->len = d->hdrs[i].msg_len;
        kept++;
    }
    return kept;
}

enum { UNDELIVERED_MAX = 32 }; /* errors read at a time */

/* The error of a message from the socket's error queue; 0 if the network did not cause it. */
static int
read_error(struct msghdr *h)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        struct sock_extended_err e;

        if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
            !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
            continue;
        memcpy(&e, CMSG_DATA(c), sizeof(e));
        /* EMSGSIZE is about the path, and the kernel sends fragments from then on. */
        return e.ee_errno == 0 || e.ee_errno == EMSGSIZE ? 0
                                                         : sprat_err_from_errno((int)e.ee_errno);
    }
    return 0;
}

/* Reads the network's errors for datagrams that did not arrive. */
static void
read_undelivered(struct dgram *d)
{
    for (int i = 0; i < UNDELIVERED_MAX; i++) {
        union {
            struct cmsghdr align;
            uint8_t bytes[256];
        } control;
        struct sockaddr_storage name;
        struct msghdr h = {.msg_name = &name,
                           .msg_namelen = sizeof(name),
                           .msg_control = &control,
                           .msg_controllen = sizeof(control)};
        struct endpoint to;
        int err;

        if (recvmsg(d->fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return;
        err = read_error(&h);
        if (err != 0 && addr_from_sockaddr(h.msg_name, h.msg_namelen, &to) == 0)
            d->handler.on_undelivered(d->handler.ctx, &to, err);
    }
}

static void
on_readable(struct dgram *d)
{
    bool freed = false, full = true;

    if (d->handler.on_undelivered != NULL)
        read_undelivered(d);
    d->freed = &freed;
    for (int round = 0; full && round < DGRAM_ROUNDS_MAX; round++) {
        size_t count = receive(d, &full);

        if (count > 0)
            d->handler.on_batch(d->handler.ctx, d->msgs, count);
        if (freed)
            return;
    }
    d->freed = NULL;
}

static void
on_ready(void *ctx, unsigned what)
{
    struct dgram *d = ctx;

    MAGIC_CHECK(d, DGRAM_MAGIC);
    if (what == LOOP_READ) {
        on_readable(d);
        return;
    }
    d->sending_blocked = false;
    (void)loop_fd_want(d->watch, LOOP_READ);
    if (d->handler.on_writable != NULL)
        d->handler.on_writable(d->handler.ctx);
}

static int
open_socket(struct dgram *d, const struct endpoint *at, enum port_share share)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(at, &ss);
    int one = 1;

    if (len == 0)
        return SPRAT_E_INVAL;
    d->fd = port_socket(ss.ss_family, SOCK_DGRAM, share);
    if (d->fd < 0)
        return sprat_err_from_errno(errno);
    d->wild = addr_is_any(at);
    if (at->family == IP_V6)
        (void)setsockopt(d->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (d->wild && at->family == IP_V6)
        (void)setsockopt(d->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
    else if (d->wild)
        (void)setsockopt(d->fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
    if (d->handler.on_undelivered != NULL && at->family == IP_V6)
        (void)setsockopt(d->fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one));
    else if (d->handler.on_undelivered != NULL)
        (void)setsockopt(d->fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
    if (!port_bind(d->fd, (const struct sockaddr *)&ss, len, share))
        return sprat_err_from_errno(errno);
    len = sizeof(ss);
    if (getsockname(d->fd, (struct sockaddr *)&ss, &len) != 0)
        return sprat_err_from_errno(errno);
    return addr_from_sockaddr((const struct sockaddr *)&ss, len, &d->addr);
}

/* IP_MULTICAST_ALL would let through what other sockets of this machine joined. */
static int
join_v4(int fd, const struct sockaddr_in *group, int interface)
{
    struct ip_mreqn join = {.imr_multiaddr = group->sin_addr, .imr_ifindex = interface};
    int one = 1, zero = 0;

    if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &zero, sizeof(zero)) != 0 ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &one, sizeof(one)) != 0)
        return -1;
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join));
}

static int
join_v6(int fd, const struct sockaddr_in6 *group, int interface)
{
    struct ipv6_mreq join = {.ipv6mr_multiaddr = group->sin6_addr,
                             .ipv6mr_interface = (unsigned)interface};
    int one = 1;

    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0 ||
        setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &one, sizeof(one)) != 0)
        return -1;
    return setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &join, sizeof(join));
}

static int
join_group(int fd, const struct sockaddr_storage *group, int interface)
{
    return group->ss_family == AF_INET ? join_v4(fd, (const struct sockaddr_in *)group, interface)
                                       : join_v6(fd, (const struct sockaddr_in6 *)group, interface);
}

/* The socket is bound to the interface and to the group, so that it receives nothing else. */
static int
open_multicast(struct dgram *d, const struct endpoint *group, uint32_t interface)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(group, &ss);
    int one = 1, number = (int)interface;

    d->addr = *group;
    d->fd = port_socket(ss.ss_family, SOCK_DGRAM, PORT_ALONE);
    if (d->fd < 0 ||
        setsockopt(d->fd, SOL_SOCKET, SO_BINDTOIFINDEX, &number, sizeof(number)) != 0 ||
        setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        join_group(d->fd, &ss, number) != 0 || bind(d->fd, (const struct sockaddr *)&ss, len) != 0)
        return sprat_err_from_errno(errno);
    return 0;
}

static int
open_buffers(struct dgram *d)
{
    d->bytes = malloc(d->batch * d->len_max);
    d->hdrs = calloc(DGRAM_BATCH_MAX, sizeof(*d->hdrs));
    d->cells = calloc(DGRAM_BATCH_MAX, sizeof(*d->cells));
    d->msgs = calloc(d->batch, sizeof(*d->msgs));
    return d->bytes == NULL || d->hdrs == NULL || d->cells == NULL || d->msgs == NULL
               ? SPRAT_E_NOMEM
               : 0;
}

static int
start_reading(struct dgram *d, struct loop *l)
{
    d->watch = loop_fd_new(l, d->fd, on_ready, d);
    return d->watch == NULL ? SPRAT_E_NOMEM : loop_fd_want(d->watch, LOOP_READ);
}

static struct dgram *
dgram_alloc(unsigned batch, size_t len_max, const struct dgram_handler *handler)
{
    struct dgram *d = calloc(1, sizeof(*d));

    ASSERT(batch >= 1 && batch <= DGRAM_BATCH_MAX);
    if (d == NULL)
        return NULL;
    MAGIC_SET(d, DGRAM_MAGIC);
    d->fd = -1;
    d->batch = batch;
    d->len_max = len_max;
    d->handler = *handler;
    return d;
}

int
dgram_new(struct loop *l, const struct endpoint *at, unsigned batch, size_t len_max,
          const struct dgram_handler *handler, struct dgram **out, struct errbuf *eb)
{
    return dgram_new_sharing(l, at, PORT_ALONE, batch, len_max, handler, out, eb);
}

/* Where a socket is opened: at an address, or in a multicast group of an interface. */
struct place {
    const struct endpoint *addr;
    bool is_group;
    enum port_share share; /* of an address */
    uint32_t interface;    /* of a group */
};

/* |*out| reads on |l|; NULL with an error. */
static int
open_at(struct loop *l, const struct place *place, unsigned batch, size_t len_max,
        const struct dgram_handler *handler, struct dgram **out)
{
    struct dgram *d = *out = dgram_alloc(batch, len_max, handler);
    int err = d != NULL ? open_buffers(d) : SPRAT_E_NOMEM;

    if (err == 0)
        err = place->is_group ? open_multicast(d, place->addr, place->interface)
                              : open_socket(d, place->addr, place->share);
    if (err == 0)
        err = start_reading(d, l);
    if (err != 0) {
        dgram_free(d);
        *out = NULL;
    }
    return err;
}

int
dgram_new_sharing(struct loop *l, const struct endpoint *at, enum port_share share, unsigned batch,
                  size_t len_max, const struct dgram_handler *handler, struct dgram **out,
                  struct errbuf *eb)
{
    const struct place place = {.addr = at, .share = share};
    struct dgram *d;
    char text[ADDR_TEXT_MAX];
    int err = open_at(l, &place, batch, len_max, handler, &d);

    if (err != 0)
        return errbuf_set(eb, err, "cannot listen on UDP %s: %s", addr_format(at, text),
                          err == SPRAT_E_BUSY          ? "the port is in use"
                          : err == SPRAT_E_UNREACHABLE ? "this machine does not have that address"
                                                       : sprat_strerror(err));
    *out = d;
    return 0;
}

int
dgram_new_multicast(struct loop *l, const struct endpoint *group, uint32_t interface,
                    unsigned batch, size_t len_max, const struct dgram_handler *handler,
                    struct dgram **out, struct errbuf *eb)
{
    const struct place place = {.addr = group, .is_group = true, .interface = interface};
    struct dgram *d;
    char text[ADDR_TEXT_MAX];
    int err = open_at(l, &place, batch, len_max, handler, &d);

    if (err != 0)
        return errbuf_set(eb, err, "cannot join the multicast group %s: %s",
                          addr_format(group, text), sprat_strerror(err));
    *out = d;
    return 0;
}

bool
dgram_steer(struct dgram *d, const struct port_steering *s)
{
    return port_steer(d->fd, s);
}

/* The kernel doubles the number, and getsockopt() returns the doubled number. */
size_t
dgram_set_receive_buffer(struct dgram *d, size_t bytes)
{
    int wanted = bytes < INT_MAX / 2 ? (int)bytes : INT_MAX / 2, got = 0;
    socklen_t len = sizeof(got);

    if (setsockopt(d->fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) != 0)
        (void)setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted));
    if (getsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &got, &len) != 0)
        return 0;
    return (size_t)got / 2;
}

/* SO_MEMINFO costs nothing until it is asked for. SO_RXQ_OVFL would add a control message to each
 * datagram, and /proc/net/udp has to be read as a whole and matched by inode. */
uint64_t
dgram_drops(const struct dgram *d)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(d->fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0)
        return 0;
    return info[SK_MEMINFO_DROPS];
}

void
dgram_free(struct dgram *d)
{
    if (d == NULL)
        return;
    MAGIC_CHECK(d, DGRAM_MAGIC);
    if (d->freed != NULL)
        *d->freed = true;
    loop_fd_free(d->watch);
    if (d->fd >= 0)
        close(d->fd);
    free(d->bytes);
    free(d->hdrs);
    free(d->cells);
    free(d->msgs);
    MAGIC_CLEAR(d);
    free(d);
}

const struct endpoint *
dgram_addr(const struct dgram *d)
{
    return &d->addr;
}

static void
fill_header(struct dgram *d, size_t i, const struct dgram_msg *m)
{
    struct cell *c = &d->cells[i];
    struct msghdr *h = &d->hdrs[i].msg_hdr;

    d->hdrs[i] = (struct mmsghdr){0};
    /* sendmmsg() only reads the bytes; struct iovec lacks the const. */
    memcpy(&c->iov.iov_base, &m->data, sizeof(m->data));
    c->iov.iov_len = m->len;
    h->msg_namelen = addr_to_sockaddr(&m->peer, &c->name);
    h->msg_name = &c->name;
    h->msg_iov = &c->iov;
    h->msg_iovlen = 1;
    write_local(h, &c->control, &m->local);
}

/* Sends up to DGRAM_BATCH_MAX datagrams; returns the number that is done, and whether the socket is
 * full. */
static size_t
send_some(struct dgram *d, const struct dgram_msg *msgs, size_t count, bool *full)
{
    int n;

    for (size_t i = 0; i < count; i++)
        fill_header(d, i, &msgs[i]);
    n = sendmmsg(d->fd, d->hdrs, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL);
    *full = n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM);
    if (*full)
        return 0;
    /* The first datagram can't be sent and counts as lost. EINTR can't happen in a call that does
     * not block. */
    return n < 0 ? 1 : (size_t)n;
}

size_t
dgram_send(struct dgram *d, const struct dgram_msg *msgs, size_t count)
{
    size_t sent = 0;
    bool full = false;

    MAGIC_CHECK(d, DGRAM_MAGIC);
    while (sent < count && !full) {
        size_t some = count - sent;

        sent += send_some(d, msgs + sent, some < DGRAM_BATCH_MAX ? some : DGRAM_BATCH_MAX, &full);
    }
    if (full && !d->sending_blocked)
        d->sending_blocked = loop_fd_want(d->watch, LOOP_READ | LOOP_WRITE) == 0;
    return sent;
}

int
dgram_try(struct dgram *d, const struct dgram_msg *msg)
{
    MAGIC_CHECK(d, DGRAM_MAGIC);
    fill_header(d, 0, msg);
    /* sendmmsg() may report an error of an earlier datagram here, once, instead of sending this
     * one; it is in the error queue too. */
    for (int i = 0; i < 2; i++) {
        if (sendmsg(d->fd, &d->hdrs[0].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return 0;
        if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
            return SPRAT_E_AGAIN;
    }
    return sprat_err_from_errno(errno);
}
