/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The key is in a file of its own, or in the file of the certificate.
 */
#include "tracker/daemon/tlsfiles.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/sys/file.h"

static int
read_pem(const char *path, bool secret, struct tls_pem *pem, uint8_t **data, struct errbuf *eb)
{
    int err = secret ? file_read_secret(path, TLS_PEM_MAX, data, &pem->len, eb)
                     : file_read(path, TLS_PEM_MAX, data, &pem->len, eb);

    pem->name = path;
    pem->data = *data;
    return err;
}

/* Memory that held a key is wiped before it is freed. */
static void
forget(uint8_t *data, size_t len)
{
    if (data != NULL)
        explicit_bzero(data, len);
    free(data);
}

int
tlsfiles_read(const struct settings *s, struct tls_server **out, struct errbuf *eb)
{
    const char *key_path = s->tls_key[0] != '\0' ? s->tls_key : s->tls_cert;
    uint8_t *cert_data = NULL, *key_data = NULL;
    struct tls_pem cert = {.len = 0}, key = {.len = 0};
    int err;

    *out = NULL;
    if (s->tls_cert[0] == '\0')
        return 0;
    err = read_pem(s->tls_cert, false, &cert, &cert_data, eb);
    if (err == 0)
        err = read_pem(key_path, true, &key, &key_data, eb);
    if (err == 0)
        err = tls_server_new(&cert, &key, out, eb);
    forget(cert_data, cert.len);
    forget(key_data, key.len);
    return err;
}

static const char *
format_time(int64_t unix_s, char text[64])
{
    time_t when = unix_s;
    struct tm tm;

    if (gmtime_r(&when, &tm) == NULL || strftime(text, 64, "%F %T UTC", &tm) == 0)
        text[0] = '\0';
    return text;
}

int
tlsfiles_check_time(const struct settings *s, const struct tls_server *server, int64_t now_s,
                    struct errbuf *eb)
{
    bool expired = now_s >= tls_server_valid_until(server);
    int64_t when = expired ? tls_server_valid_until(server) : tls_server_valid_from(server);
    char text[64];

    if (!expired && now_s >= tls_server_valid_from(server))
        return 0;
    return errbuf_set(eb, SPRAT_E_MISMATCH, "%s: the certificate %s %s", s->tls_cert,
                      expired ? "expired on" : "is not valid before", format_time(when, text));
}

void
tlsfiles_log(const struct settings *s, const struct tls_server *server, const struct log *log)
{
    char text[64];

    log_event(log, LOG_INFO, "the certificate is read", log_text("file", s->tls_cert),
              log_text("valid_until", format_time(tls_server_valid_until(server), text)));
}
