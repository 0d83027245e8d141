/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lets several sockets, one per thread, share one address and port (SO_REUSEPORT). The kernel
 * distributes incoming connections and datagrams over them. The sockets form a group, numbered in
 * the order in which they were bound.
 */
#ifndef COMMON_EV_PORT_H
#define COMMON_EV_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* How a socket shares its port. PORT_FIRST binds the port exclusively, so that a port in use is an
 * error, and then opens it to later sockets of the same user (PORT_NEXT). Values from PORT_PASSED
 * on mean a socket that was bound (and listens, if it is TCP) before this process got it: see
 * port_passed(). */
enum port_share { PORT_ALONE, PORT_FIRST, PORT_NEXT, PORT_PASSED };

/* The value for a socket that the service manager passed to the process: port_socket() then
 * duplicates it, so that several loops can wait for it. |fd| stays the caller's. */
static inline enum port_share
port_passed(int fd)
{
    return (enum port_share)((int)PORT_PASSED + fd);
}

/* Returns another descriptor of a passed socket, or else a new unbound socket of |type| and
 * |family| (AF_INET or AF_INET6); -1 with errno. Non-blocking and close-on-exec. */
int port_socket(int family, int type, enum port_share share);

/* Binds a socket from port_socket(); a passed socket is bound already. False with errno. */
bool port_bind(int fd, const struct sockaddr *sa, socklen_t len, enum port_share share);

/* How the kernel chooses one of |count| sockets (at most 65535) for a datagram: from the two
 * big-endian numbers a and b in the eight payload bytes at offset |at|, by multiply-shift hashing
 * in 32 bits: ((a * factors[0] + b * factors[1] + addend) >> 16) * count >> 16. */
struct port_steering {
    unsigned at, count;
    uint32_t factors[2], addend;
};

/* Makes the kernel choose the socket of |fd|'s group for a UDP datagram by |s|. A datagram that is
 * too short goes to any socket. */
bool port_steer(int fd, const struct port_steering *s);

#endif
