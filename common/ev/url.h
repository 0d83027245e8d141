/* SPDX-License-Identifier: BSD-2-Clause
 *
 * URLs taken apart, as far as those who dial need it: scheme, host, port, and the rest.
 */
#ifndef COMMON_EV_URL_H
#define COMMON_EV_URL_H

#include <stdint.h>

enum { URL_SCHEME_MAX = 8, URL_HOST_MAX = 255, URL_REST_MAX = 2048 };

struct url {
    char scheme[URL_SCHEME_MAX + 1]; /* in lower case */
    char host[URL_HOST_MAX + 1];     /* without brackets */
    uint16_t port;                   /* the scheme's own if none was given; 0 if it has none */
    char rest[URL_REST_MAX + 1];     /* path and query, as they were written; "/" at least */
};

/* SPRAT_E_SYNTAX if it is not a URL, SPRAT_E_TOOBIG if a part does not fit. */
int url_parse(const char *text, struct url *out);

#endif
