/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Several sockets at one address and port (SO_REUSEPORT), a thread each: what comes in is spread
 * over them by the kernel. They form a group, numbered in the order in which they were bound.
 */
#ifndef COMMON_EV_PORT_H
#define COMMON_EV_PORT_H

#include <stdbool.h>

/* The first takes the port for itself, as a socket alone does, so that a port that is in use is an
 * error, and opens it to those of the same user that come after. */
enum port_share { PORT_ALONE, PORT_FIRST, PORT_NEXT };

/* To be called before and after bind(). False, and errno. */
bool port_before_bind(int fd, enum port_share share);
bool port_after_bind(int fd, enum port_share share);

/* Has the kernel give a UDP datagram to the socket of |fd|'s group with the number that the four
 * bytes at offset |at| of the payload, as a big-endian number, leave modulo |count|; a shorter one
 * goes to any. */
bool port_steer(int fd, unsigned at, unsigned count);

#endif
