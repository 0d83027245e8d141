/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Endpoints as text and as sockaddr. Numeric only: names are resolved in common/ev.
 */
#ifndef COMMON_SYS_ADDR_H
#define COMMON_SYS_ADDR_H

#include <stdbool.h>
#include <sys/socket.h>

#include "common/base/endpoint.h"

enum {
    ADDR_TEXT_MAX = 72, /* "[" 45 bytes of address "%" 15 of zone "]:65535" NUL, rounded up */
    ADDR_ZONE_MAX = 16, /* an interface's name, with the NUL */
};

/* Reads "1.2.3.4:80" or "[::1]:80"; the port is decimal, 0 to 65535, and must be there. An
 * IPv4-mapped address becomes IP_V4. A link-local address may name its zone, an interface that
 * there is or its number: "[fe80::1%eth0]:80"; no other address may. 0, or SPRAT_E_SYNTAX and
 * |*out| is unchanged. */
int addr_parse(const char *text, struct endpoint *out);

/* Reads an address alone: "1.2.3.4", "::1" or "[::1]". The port is |port|. Errors as
 * addr_parse(). */
int addr_parse_ip(const char *text, uint16_t port, struct endpoint *out);

/* Writes what addr_parse() reads ("1.2.3.4:80", "[::1]:80"; "-" for IP_NONE) and returns |text|. */
const char *addr_format(const struct endpoint *e, char text[ADDR_TEXT_MAX]);

/* Writes the address alone, without brackets, and returns |text|. */
const char *addr_format_ip(const struct endpoint *e, char text[ADDR_TEXT_MAX]);

/* The name of the zone (the number, if the interface is gone); "" if there is none.
 * Returns |name|. */
const char *addr_zone_name(const struct endpoint *e, char name[ADDR_ZONE_MAX]);
/* Gives a link-local address the zone with that name or number. False, and |e| is unchanged: it is
 * no such address, or there is no such interface. */
bool addr_set_zone(struct endpoint *e, const char *name);

/* Fills |ss| and returns its length; 0 for IP_NONE. */
socklen_t addr_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss);

/* Takes an AF_INET or AF_INET6 address of |len| bytes. SPRAT_E_INVAL for any other. */
int addr_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct endpoint *out);

/* 127.0.0.0/8 or ::1. */
bool addr_is_loopback(const struct endpoint *e);

/* 0.0.0.0 or ::. */
bool addr_is_any(const struct endpoint *e);

#endif
