/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Certificates for tests, made on the spot: self-signed, for 127.0.0.1.
 */
#ifndef TESTS_UNIT_CRYPTO_MADE_CERT_H
#define TESTS_UNIT_CRYPTO_MADE_CERT_H

#include "common/crypto/tls.h"

enum { MADE_PEM_MAX = 4096 };

struct made_cert {
    char cert[MADE_PEM_MAX], key[MADE_PEM_MAX], locked_key[MADE_PEM_MAX]; /* the last: a password */
};

/* Valid from |from_s| to |until_s| seconds from now. */
void made_cert_make(struct made_cert *m, const char *name, long from_s, long until_s);

/* |text| as a file of that name. */
struct tls_pem made_pem(const char *name, const char *text);

/* A server of a good certificate. */
struct tls_server *made_server(const char *name);

#endif
