/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Splits URLs into the parts that are needed to connect: scheme, host, port, and the rest.
 */
#ifndef COMMON_EV_URL_H
#define COMMON_EV_URL_H

#include <stdint.h>

enum { URL_SCHEME_MAX = 8, URL_HOST_MAX = 255, URL_REST_MAX = 2048 };

struct url {
    char scheme[URL_SCHEME_MAX + 1]; /* in lower case */
    char host[URL_HOST_MAX + 1];     /* without brackets */
    uint16_t port;                   /* the scheme's default if the URL has none; 0 if there is
                                        no default */
    char rest[URL_REST_MAX + 1];     /* path and query, unchanged; at least "/" */
};

/* SPRAT_E_SYNTAX if |text| is not a URL, SPRAT_E_TOOBIG if a part does not fit. */
int url_parse(const char *text, struct url *out);

#endif
