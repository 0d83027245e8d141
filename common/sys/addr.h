/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Converts endpoints to and from text and sockaddr. Numeric only: common/ev/resolve.h resolves
 * names.
 */
#ifndef COMMON_SYS_ADDR_H
#define COMMON_SYS_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "common/base/endpoint.h"

enum {
    ADDR_TEXT_MAX = 72, /* "[" 45 bytes of address "%" 15 of zone "]:65535" NUL, rounded up */
    ADDR_ZONE_MAX = 16, /* an interface name, including the NUL */
};

/* Parses "1.2.3.4:80" or "[::1]:80"; the port is decimal, 0 to 65535, and required. An IPv4-mapped
 * address becomes IP_V4. A link-local address may name its zone, by an existing interface or its
 * number: "[fe80::1%eth0]:80"; no other address may. Returns 0, or SPRAT_E_SYNTAX with |*out|
 * unchanged. */
int addr_parse(const char *text, struct endpoint *out);

/* Parses an address without a port: "1.2.3.4", "::1" or "[::1]". The port becomes |port|. Errors as
 * addr_parse(). */
int addr_parse_ip(const char *text, uint16_t port, struct endpoint *out);

/* Splits "HOST:PORT" or "[IPV6]:PORT" into |host|, of |size| bytes, and the port, which is not 0.
 * Without brackets the port follows the last colon, so that "::1:6881" is port 6881 of ::1. The
 * host may be a name or an address; whether it is valid, its user finds out. False, with |host|
 * undefined, for any other text and for a host that does not fit. */
bool addr_split(const char *text, char *host, size_t size, uint16_t *port);

/* Writes an endpoint as addr_parse() reads it ("1.2.3.4:80", "[::1]:80"; "-" for IP_NONE) and
 * returns |text|. */
const char *addr_format(const struct endpoint *e, char text[ADDR_TEXT_MAX]);

/* Writes the address without brackets and port, and returns |text|. */
const char *addr_format_ip(const struct endpoint *e, char text[ADDR_TEXT_MAX]);

/* Writes the zone's interface name (the number, if the interface does not exist any more); ""
 * without a zone. Returns |name|. */
const char *addr_zone_name(const struct endpoint *e, char name[ADDR_ZONE_MAX]);
/* Sets the zone of a link-local address by interface name or number. False, with |e| unchanged, if
 * the address is not link-local or the interface does not exist. */
bool addr_set_zone(struct endpoint *e, const char *name);

/* Fills |ss| and returns its length; 0 for IP_NONE. */
socklen_t addr_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss);

/* Reads an AF_INET or AF_INET6 address of |len| bytes. SPRAT_E_INVAL for any other family. */
int addr_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct endpoint *out);

/* 127.0.0.0/8 or ::1. */
bool addr_is_loopback(const struct endpoint *e);

/* 0.0.0.0 or ::. */
bool addr_is_any(const struct endpoint *e);

#endif
