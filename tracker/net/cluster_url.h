/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a cluster's Redis is, as its operator writes it: redis:// or, with TLS, rediss://, as in
 * redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE], the scheme that Redis' own tools take. An IPv6
 * address stands in brackets; user and password may have percent escapes.
 */
#ifndef TRACKER_NET_CLUSTER_URL_H
#define TRACKER_NET_CLUSTER_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum {
    CLUSTER_HOST_MAX = 255,
    CLUSTER_PASSWORD_MAX = 255,
    CLUSTER_PORT = 6379,
    CLUSTER_DATABASE_MAX = 65535,
};

struct cluster_url {
    char host[CLUSTER_HOST_MAX + 1]; /* "": none is set */
    char user[CLUSTER_PASSWORD_MAX + 1], password[CLUSTER_PASSWORD_MAX + 1];
    uint32_t database;
    uint16_t port;
    bool tls; /* rediss:// */
};

/* SPRAT_E_SYNTAX, and |eb| says what is wrong, without the password. */
int cluster_url_parse(const char *text, struct cluster_url *out, struct errbuf *eb);

/* Takes the password from a file that nobody else may read, without white space around it. The
 * errors of reading; INVAL: it is empty or too long. */
int cluster_url_read_password(struct cluster_url *u, const char *path, struct errbuf *eb);

/* Whether the host is "localhost" or a loopback address: then every tracker of the cluster runs on
 * this host, since no other could reach that Redis. */
bool cluster_url_is_here(const struct cluster_url *u);

#endif
