/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the file once; libcurl reads it again when it connects.
 */
#include "peer/engine/authorities.h"

#include <stdlib.h>
#include <string.h>

#include "common/crypto/tls.h"
#include "common/sys/file.h"

int
authorities_find(const char *path, char **out, struct errbuf *eb)
{
    struct tls_pem pem = {.name = path != NULL ? path : getenv("SSL_CERT_FILE")};
    uint8_t *data = NULL;
    struct errbuf why;
    int err;

    *out = NULL;
    if (pem.name == NULL || *pem.name == '\0')
        return 0;
    err = file_read(pem.name, TLS_PEM_MAX, &data, &pem.len, &why);
    pem.data = data;
    if (err == 0)
        err = tls_check_authorities(&pem, &why);
    free(data);
    if (err != 0)
        return errbuf_set(eb, err, "%s: %s", path != NULL ? "ca" : "SSL_CERT_FILE", why.text);
    *out = strdup(pem.name);
    return *out != NULL ? 0 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}
