/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Texts and families of the error table, and the error message buffer. Uses no other module.
 */
#include "common/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/base/printable.h"
#include "common/base/utf8.h"

const char *
sprat_strerror(int err)
{
    switch (err) {
#define X(name, value, family, text)                                                               \
    case value: return text;
        SPRAT_ERR_TABLE(X)
#undef X
    }
    return "unknown error";
}

enum sprat_err_family
sprat_err_family(int err)
{
    switch (err) {
#define X(name, value, family, text)                                                               \
    case value: return ERR_FAMILY_##family;
        SPRAT_ERR_TABLE(X)
#undef X
    }
    return ERR_FAMILY_LOCAL;
}

int
sprat_err_from_errno(int errnum)
{
    switch (errnum) {
    case 0: return SPRAT_E_OK;
    case ENOMEM: return SPRAT_E_NOMEM;
    case ENOSPC:
    case EDQUOT: return SPRAT_E_NOSPACE;
    case EROFS: return SPRAT_E_READONLY;
    case EACCES:
    case EPERM: return SPRAT_E_ACCESS;
    case ENOENT:
    case ENOTDIR: return SPRAT_E_NOENT;
    case EEXIST: return SPRAT_E_EXISTS;
    case EINVAL: return SPRAT_E_INVAL;
    case EMFILE:
    case ENFILE:
    case ENOBUFS: return SPRAT_E_LIMIT;
    case EADDRINUSE:
    case EBUSY: return SPRAT_E_BUSY;
    case ECONNREFUSED: return SPRAT_E_REFUSED;
    case ECONNRESET:
    case EPIPE: return SPRAT_E_RESET;
    case ETIMEDOUT: return SPRAT_E_TIMEOUT;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL: return SPRAT_E_UNREACHABLE;
    case EAGAIN: return SPRAT_E_AGAIN;
    default: return SPRAT_E_IO;
    }
}

int
errbuf_set(struct errbuf *eb, int err, const char *fmt, ...)
{
    char raw[ERRBUF_SIZE];
    va_list ap;
    int len;

    if (eb == NULL)
        return err;
    va_start(ap, fmt);
    len = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    if (len >= (int)sizeof(raw))
        raw[utf8_whole((const uint8_t *)raw, sizeof(raw) - 1)] = '\0';
    printable(raw, eb->text, sizeof(eb->text));
    return err;
}
