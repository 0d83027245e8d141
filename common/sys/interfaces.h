/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The addresses of this machine's network interfaces, with the networks that they are in.
 */
#ifndef COMMON_SYS_INTERFACES_H
#define COMMON_SYS_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"

struct interface_addr {
    uint32_t number;      /* of the interface */
    struct endpoint addr; /* port 0; a link-local address has its zone */
    uint8_t bits;         /* length of the network's prefix */
};

/* Writes the usable addresses of all interfaces that are up and can multicast, loopback left out,
 * at most |max|. Returns their number, or the error of the system. An IPv6 address that is still
 * being searched for duplicates (RFC 4862) is not usable. */
int interfaces_read(struct interface_addr *out, size_t max);

#endif
