/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compares two snapshots of the addresses when an rtnetlink socket reports a change.
 */
#include "common/ev/netwatch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/magic.h"
#include "common/sys/addr.h"
#include "common/sys/hostaddrs.h"

#define NETWATCH_MAGIC 0x4e455457u

struct snapshot {
    struct endpoint *addrs;
    size_t count;
};

struct netwatch {
    uint32_t magic;
    struct loop *loop;
    int fd; /* -1: no netlink */
    struct loop_fd *watch;
    struct loop_timer *calm;
    bool waiting; /* |calm| is set */
    struct snapshot known;
    struct netwatch_handler handler;
};

static bool
has(const struct snapshot *s, const struct endpoint *e)
{
    for (size_t i = 0; i < s->count; i++)
        if (endpoint_same_host(&s->addrs[i], e))
            return true;
    return false;
}

static void
add(struct snapshot *s, const struct endpoint *e)
{
    if (s->count < NETWATCH_ADDRS_MAX && !addr_is_loopback(e) && !has(s, e))
        s->addrs[s->count++] = *e;
}

/* Reads the addresses. False, with nothing to free, if they can't be read. */
static bool
snapshot_take(struct snapshot *s)
{
    struct hostaddr *all;
    size_t count;

    *s = (struct snapshot){.addrs = calloc(NETWATCH_ADDRS_MAX, sizeof(*s->addrs))};
    if (s->addrs == NULL)
        return false;
    if (hostaddrs_read(&all, &count) != 0) {
        free(s->addrs);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        add(s, &all[i].addr);
    free(all);
    return true;
}

/* Reduces |old| to the addresses that |now| lacks. */
static void
keep_gone(struct snapshot *old, const struct snapshot *now)
{
    size_t n = 0;

    for (size_t i = 0; i < old->count; i++)
        if (!has(now, &old->addrs[i]))
            old->addrs[n++] = old->addrs[i];
    old->count = n;
}

static void
on_calm(void *ctx)
{
    struct netwatch *w = ctx;
    struct snapshot now, gone = w->known;

    MAGIC_CHECK(w, NETWATCH_MAGIC);
    w->waiting = false;
    if (!snapshot_take(&now))
        return;
    w->known = now;
    keep_gone(&gone, &now);
    if (gone.count > 0)
        w->handler.on_gone(w->handler.ctx, gone.addrs, gone.count);
    free(gone.addrs);
    if (w->handler.on_changed != NULL)
        w->handler.on_changed(w->handler.ctx);
}

/* The content of the messages does not matter, nor lost messages (ENOBUFS): something changed. */
static void
on_ready(void *ctx, unsigned what)
{
    struct netwatch *w = ctx;
    char bytes[8192];
    bool changed = false;

    (void)what;
    MAGIC_CHECK(w, NETWATCH_MAGIC);
    for (int i = 0; i < 64; i++) {
        ssize_t n = recv(w->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != ENOBUFS && errno != EINTR))
            break;
        changed = true;
    }
    if (changed && !w->waiting) {
        w->waiting = true;
        loop_timer_set(w->calm, mono_add_ms(loop_now(w->loop), NETWATCH_CALM_MS));
    }
}

static int
open_netlink(void)
{
    struct sockaddr_nl at = {.nl_family = AF_NETLINK,
                             .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The socket comes first: a change between it and the snapshot causes another look. */
static bool
begin(struct netwatch *w)
{
    w->calm = loop_timer_new(w->loop, on_calm, w);
    if (w->calm == NULL)
        return false;
    w->fd = open_netlink();
    if (w->fd < 0)
        return true;
    w->watch = loop_fd_new(w->loop, w->fd, on_ready, w);
    if (w->watch == NULL || loop_fd_want(w->watch, LOOP_READ) != 0)
        return false;
    if (!snapshot_take(&w->known))
        w->known = (struct snapshot){.addrs = NULL};
    return true;
}

struct netwatch *
netwatch_new(struct loop *l, const struct netwatch_handler *handler)
{
    struct netwatch *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    MAGIC_SET(w, NETWATCH_MAGIC);
    w->loop = l;
    w->fd = -1;
    w->handler = *handler;
    if (!begin(w)) {
        netwatch_free(w);
        return NULL;
    }
    return w;
}

void
netwatch_free(struct netwatch *w)
{
    if (w == NULL)
        return;
    MAGIC_CHECK(w, NETWATCH_MAGIC);
    loop_fd_free(w->watch);
    loop_timer_free(w->calm);
    if (w->fd >= 0)
        close(w->fd);
    free(w->known.addrs);
    MAGIC_CLEAR(w);
    free(w);
}
