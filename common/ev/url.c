/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Wraps curl's URL parser, so that this program connects to the same host and port as curl would.
 */
#include "common/ev/url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

/* Copies one part into |dst| of |size| bytes. An absent part is "". */
static int
get_part(CURLU *u, CURLUPart what, unsigned flags, char *dst, size_t size)
{
    char *part = NULL;
    int err = 0;

    dst[0] = '\0';
    if (curl_url_get(u, what, &part, flags) != CURLUE_OK)
        return 0;
    if (strlen(part) >= size)
        err = SPRAT_E_TOOBIG;
    else
        strcpy(dst, part);
    curl_free(part);
    return err;
}

static int
get_host(CURLU *u, struct url *out)
{
    int err = get_part(u, CURLUPART_HOST, 0, out->host, sizeof(out->host));
    size_t len = strlen(out->host);

    if (err == 0 && len == 0)
        return SPRAT_E_SYNTAX;
    if (len >= 2 && out->host[0] == '[' && out->host[len - 1] == ']') {
        memmove(out->host, out->host + 1, len - 2);
        out->host[len - 2] = '\0';
    }
    return err;
}

static int
get_rest(CURLU *u, struct url *out)
{
    char query[URL_REST_MAX];
    size_t len;
    int err = get_part(u, CURLUPART_PATH, 0, out->rest, sizeof(out->rest));

    if (err == 0)
        err = get_part(u, CURLUPART_QUERY, 0, query, sizeof(query));
    if (err != 0)
        return err;
    if (out->rest[0] == '\0')
        strcpy(out->rest, "/");
    if (query[0] == '\0')
        return 0;
    len = strlen(out->rest);
    if (len + 1 + strlen(query) > URL_REST_MAX)
        return SPRAT_E_TOOBIG;
    out->rest[len] = '?';
    strcpy(out->rest + len + 1, query);
    return 0;
}

static int
get_all(CURLU *u, struct url *out)
{
    char port[8];
    int err = get_part(u, CURLUPART_SCHEME, 0, out->scheme, sizeof(out->scheme));

    if (err == 0)
        err = get_host(u, out);
    if (err == 0)
        err = get_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof(port));
    if (err == 0)
        err = get_rest(u, out);
    if (err != 0)
        return err;
    for (char *c = out->scheme; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    out->port = (uint16_t)strtoul(port, NULL, 10); /* curl has checked it: 0 to 65535 */
    return 0;
}

int
url_parse(const char *text, struct url *out)
{
    CURLU *u = curl_url();
    int err = SPRAT_E_SYNTAX;

    *out = (struct url){.port = 0};
    if (u == NULL)
        return SPRAT_E_NOMEM;
    if (curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
        err = get_all(u, out);
    curl_url_cleanup(u);
    return err;
}
