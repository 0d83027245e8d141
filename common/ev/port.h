/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Several sockets at one address and port (SO_REUSEPORT), a thread each: what comes in is spread
 * over them by the kernel. They form a group, numbered in the order in which they were bound.
 */
#ifndef COMMON_EV_PORT_H
#define COMMON_EV_PORT_H

#include <stdbool.h>
#include <sys/socket.h>

/* The first takes the port for itself, as a socket alone does, so that a port that is in use is an
 * error, and opens it to those of the same user that come after. From PORT_PASSED on, it is a
 * socket that was bound, and listens if it is TCP, before we had it (port_passed()). */
enum port_share { PORT_ALONE, PORT_FIRST, PORT_NEXT, PORT_PASSED };

/* For a socket that the service manager passed to the process: whoever is given this makes another
 * descriptor of the same socket, so that several loops can wait at it. |fd| is the caller's. */
static inline enum port_share
port_passed(int fd)
{
    return (enum port_share)((int)PORT_PASSED + fd);
}

/* Another descriptor of what was passed; a new socket of |type| and |family|, AF_INET or AF_INET6,
 * that is not bound yet; -1 and errno. Non-blocking and close-on-exec. */
int port_socket(int family, int type, enum port_share share);

/* Binds what port_socket() made; what was passed is bound. False, and errno. */
bool port_bind(int fd, const struct sockaddr *sa, socklen_t len, enum port_share share);

/* Has the kernel give a UDP datagram to the socket of |fd|'s group with the number that the four
 * bytes at offset |at| of the payload, as a big-endian number, leave modulo |count|; a shorter one
 * goes to any. */
bool port_steer(int fd, unsigned at, unsigned count);

#endif
