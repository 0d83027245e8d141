/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parses a redis:// or rediss:// URL.
 */
#include "tracker/net/cluster_url.h"

#include <string.h>
#include <strings.h>

#include "common/base/parse.h"
#include "common/codec/uri.h"
#include "common/sys/addr.h"
#include "common/sys/file.h"

static const char scheme[] = "redis://", scheme_tls[] = "rediss://";

/* Copies the part from |at| up to |end| unescaped; false if it does not fit or has a NUL in it. */
static bool
copy_unescaped(char out[CLUSTER_PASSWORD_MAX + 1], const char *at, const char *end)
{
    size_t len = (size_t)(end - at);

    if (len > CLUSTER_PASSWORD_MAX)
        return false;
    len = uri_unescape(at, len, (uint8_t *)out);
    out[len] = '\0';
    return strlen(out) == len;
}

/* USER:PASSWORD, is the part before the '@'. */
static bool
take_account(struct cluster_url *u, const char *at, const char *end)
{
    const char *colon = memchr(at, ':', (size_t)(end - at));

    if (colon == NULL)
        return at < end && copy_unescaped(u->user, at, end); /* the password is in a file */
    if (colon + 1 == end)
        return false;
    return copy_unescaped(u->user, at, colon) && copy_unescaped(u->password, colon + 1, end);
}

static bool
take_host(struct cluster_url *u, const char *at, const char *end)
{
    const char *close = *at == '[' ? memchr(at, ']', (size_t)(end - at)) : NULL;
    const char *colon =
        memchr(close != NULL ? close : at, ':', (size_t)(end - (close != NULL ? close : at)));
    const char *host_end = colon != NULL ? colon : end;
    char port[8] = {0};
    uint64_t n = CLUSTER_PORT;

    if (*at == '[' && (close == NULL || close + 1 != host_end))
        return false;
    if (colon != NULL) {
        if (end - colon - 1 >= (ptrdiff_t)sizeof(port))
            return false;
        memcpy(port, colon + 1, (size_t)(end - colon - 1));
        if (parse_u64(port, 1, 65535, &n) != 0)
            return false;
    }
    u->port = (uint16_t)n;
    if (close != NULL) {
        at++;
        host_end = close;
    }
    if (host_end == at || host_end - at > CLUSTER_HOST_MAX)
        return false;
    memcpy(u->host, at, (size_t)(host_end - at));
    return true;
}

int
cluster_url_parse(const char *text, struct cluster_url *out, struct errbuf *eb)
{
    static const char form[] = "redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]";
    struct cluster_url u = {.port = CLUSTER_PORT};
    const char *at, *end, *account_end;
    uint64_t database = 0;

    u.tls = strncmp(text, scheme_tls, strlen(scheme_tls)) == 0;
    at = text + strlen(u.tls ? scheme_tls : scheme);
    if (!u.tls && strncmp(text, scheme, strlen(scheme)) != 0)
        return errbuf_set(eb, SPRAT_E_SYNTAX,
                          "the URL is neither like %s nor begins with rediss://", form);
    end = at + strcspn(at, "/?#");
    account_end = memrchr(at, '@', (size_t)(end - at));
    if (account_end != NULL && !take_account(&u, at, account_end))
        return errbuf_set(eb, SPRAT_E_SYNTAX,
                          "the part before the @ is neither USER nor [USER]:PASSWORD");
    if (account_end != NULL)
        at = account_end + 1;
    if (at == end || !take_host(&u, at, end))
        return errbuf_set(eb, SPRAT_E_SYNTAX, "the URL has no HOST[:PORT] as in %s", form);
    if (end[0] != '\0' &&
        (end[0] != '/' ||
         (end[1] != '\0' && parse_u64(end + 1, 0, CLUSTER_DATABASE_MAX, &database) != 0)))
        return errbuf_set(eb, SPRAT_E_SYNTAX,
                          "the part after the host is not the number of a database");
    u.database = (uint32_t)database;
    *out = u;
    return 0;
}

int
cluster_url_read_password(struct cluster_url *u, const char *path, struct errbuf *eb)
{
    char word[CLUSTER_PASSWORD_MAX + 1];
    size_t len;
    int err = file_read_word(path, word, sizeof(word), &len, eb);

    if (err != 0)
        return err;
    if (len == 0 || len > CLUSTER_PASSWORD_MAX || memchr(word, '\0', len) != NULL) {
        err = errbuf_set(eb, SPRAT_E_INVAL, "%s: the file must contain a password of 1 to %d bytes",
                         path, CLUSTER_PASSWORD_MAX);
    } else {
        memcpy(u->password, word, len + 1);
    }
    explicit_bzero(word, sizeof(word));
    return err;
}

bool
cluster_url_is_here(const struct cluster_url *u)
{
    struct endpoint e;

    return strcasecmp(u->host, "localhost") == 0 ||
           (addr_parse_ip(u->host, u->port, &e) == 0 && addr_is_loopback(&e));
}
