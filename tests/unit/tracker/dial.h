/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A client's socket for tests of the front ends.
 */
#ifndef TESTS_UNIT_TRACKER_DIAL_H
#define TESTS_UNIT_TRACKER_DIAL_H

#include <criterion/criterion.h>
#include <sys/socket.h>

#include "common/sys/addr.h"

/* Connected to |to|; |type| is SOCK_STREAM or SOCK_DGRAM. To be closed by the caller. */
static inline int
dial(const struct endpoint *to, int type)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(to, &ss);
    int fd = socket(AF_INET, type, 0);

    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&ss, len), 0);
    return fd;
}

#endif
