/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The address of a cluster's Redis, as a URL: redis:// or, with TLS, rediss://, as in
 * redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE], the scheme that Redis' own tools use. An IPv6
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

/* Parses |text|. SPRAT_E_SYNTAX with a message that does not contain the password. */
int cluster_url_parse(const char *text, struct cluster_url *out, struct errbuf *eb);

/* Reads the password from a file that other users must not be able to read; white space around it
 * is ignored. INVAL if it is empty or too long, or an error of reading. */
int cluster_url_read_password(struct cluster_url *u, const char *path, struct errbuf *eb);

/* Whether the host is "localhost" or a loopback address: then every tracker of the cluster runs on
 * this host, since no other could reach that Redis. */
bool cluster_url_is_here(const struct cluster_url *u);

#endif
