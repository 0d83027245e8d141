/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Namespaces by unshare(2) and setns(2), devices by ioctl: what iproute2 would do, without a file
 * in /run/netns.
 */
#include "tests/net/side.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TXQUEUE_LEN = 20000 }; /* packets: a burst is for the lane to drop, not for the device */

static int
fail(struct errbuf *eb, const char *what)
{
    int e = errno;

    return errbuf_set(eb, sprat_err_from_errno(e), "%s: %s", what, strerror(e));
}

static int
write_text(const char *path, const char *text, struct errbuf *eb)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return fail(eb, path);
    n = write(fd, text, strlen(text));
    close(fd);
    return n == (ssize_t)strlen(text) ? 0 : fail(eb, path);
}

int
side_prepare(struct errbuf *eb)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char map[64];
    int err;

    if (unshare(CLONE_NEWNET) == 0)
        return 0;
    if (unshare(CLONE_NEWUSER) != 0)
        return fail(eb, "no namespace can be made here");
    err = write_text("/proc/self/setgroups", "deny", eb);
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
    if (err == 0)
        err = write_text("/proc/self/uid_map", map, eb);
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
    if (err == 0)
        err = write_text("/proc/self/gid_map", map, eb);
    return err;
}

static int
open_tun(struct errbuf *eb)
{
    struct ifreq r = {.ifr_name = "link", .ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return fail(eb, "/dev/net/tun");
    if (ioctl(fd, TUNSETIFF, &r) != 0) {
        int err = fail(eb, "no TUN device can be made here");
        close(fd);
        return err;
    }
    return fd;
}

static void
set_address(struct ifreq *r, uint32_t address)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

    memcpy(&r->ifr_addr, &sin, sizeof(sin));
}

/* Sets up the TUN device and the loopback device of the namespace that we are in. */
static int
set_up_devices(int s, unsigned n, struct errbuf *eb)
{
    struct ifreq r = {.ifr_name = "link"}, lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};

    set_address(&r, 0x0a4d0001u + n);
    if (ioctl(s, SIOCSIFADDR, &r) != 0)
        return fail(eb, "setting the address");
    set_address(&r, 0xffffff00u);
    if (ioctl(s, SIOCSIFNETMASK, &r) != 0)
        return fail(eb, "setting the network's mask");
    r.ifr_mtu = SIDE_MTU;
    if (ioctl(s, SIOCSIFMTU, &r) != 0)
        return fail(eb, "setting the MTU");
    r.ifr_qlen = TXQUEUE_LEN;
    if (ioctl(s, SIOCSIFTXQLEN, &r) != 0)
        return fail(eb, "setting the queue's length");
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(s, SIOCSIFFLAGS, &r) != 0 || ioctl(s, SIOCSIFFLAGS, &lo) != 0)
        return fail(eb, "starting the devices");
    return 0;
}

/* Keeps the namespace that we are in at the descriptor where side_enter() looks for it. */
static int
keep_namespace(unsigned n, struct errbuf *eb)
{
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), err = 0;

    if (fd < 0)
        return fail(eb, "/proc/self/ns/net");
    if (dup3(fd, SIDE_NET_FD + (int)n, O_CLOEXEC) < 0)
        err = fail(eb, "keeping the namespace");
    close(fd);
    return err;
}

int
side_open(unsigned n, const char *congestion, int *tun, struct errbuf *eb)
{
    int s, err;

    if (unshare(CLONE_NEWNET) != 0)
        return fail(eb, "no network namespace can be made here");
    /* IPv6 would search a router and send packets of its own. The file may not exist. */
    (void)write_text("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1", NULL);
    if (congestion != NULL &&
        (err = write_text("/proc/sys/net/ipv4/tcp_congestion_control", congestion, eb)) != 0)
        return err;
    *tun = open_tun(eb);
    if (*tun < 0)
        return *tun;
    s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    err = s < 0 ? fail(eb, "socket") : set_up_devices(s, n, eb);
    if (s >= 0)
        close(s);
    if (err == 0)
        err = keep_namespace(n, eb);
    if (err != 0)
        close(*tun);
    return err;
}

/* Into the user namespace of the holder, unless it is ours. */
static int
enter_user(pid_t holder, struct errbuf *eb)
{
    char path[64];
    struct stat ours, theirs;
    int fd, err = 0;

    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)holder);
    if (stat(path, &theirs) != 0 || stat("/proc/self/ns/user", &ours) != 0)
        return fail(eb, path);
    if (ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev)
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(eb, path);
    if (setns(fd, CLONE_NEWUSER) != 0)
        err = fail(eb, path);
    close(fd);
    return err;
}

int
side_enter(pid_t holder, unsigned n, struct errbuf *eb)
{
    char path[64];
    int fd, err;

    /* Opened first: inside the user namespace, the holder's descriptors may be out of reach. */
    snprintf(path, sizeof(path), "/proc/%d/fd/%u", (int)holder, SIDE_NET_FD + n);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(eb, path);
    err = enter_user(holder, eb);
    if (err == 0 && setns(fd, CLONE_NEWNET) != 0)
        err = fail(eb, path);
    close(fd);
    return err;
}
