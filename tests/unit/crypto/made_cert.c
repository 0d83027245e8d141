/* SPDX-License-Identifier: BSD-2-Clause
 *
 * P-256 keys: quickly made.
 */
#include "tests/unit/crypto/made_cert.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

static void
take_text(BIO *bio, char out[MADE_PEM_MAX])
{
    int n = BIO_read(bio, out, MADE_PEM_MAX - 1);

    cr_assert_gt(n, 0);
    out[n] = '\0';
}

void
made_cert_make(struct made_cert *m, const char *name, long from_s, long until_s)
{
    static unsigned char password[] = "secret";
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());

    cr_assert(key != NULL && x != NULL && bio != NULL);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), from_s);
    X509_gmtime_adj(X509_getm_notAfter(x), until_s);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    cr_assert_gt(X509_sign(x, key, EVP_sha256()), 0);
    cr_assert_eq(PEM_write_bio_X509(bio, x), 1);
    take_text(bio, m->cert);
    cr_assert_eq(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    take_text(bio, m->key);
    cr_assert_eq(PEM_write_bio_PrivateKey(bio, key, EVP_aes_128_cbc(), password, 6, NULL, NULL), 1);
    take_text(bio, m->locked_key);
    BIO_free(bio);
    X509_free(x);
    EVP_PKEY_free(key);
}

struct tls_pem
made_pem(const char *name, const char *text)
{
    return (struct tls_pem){name, text, strlen(text)};
}

struct tls_server *
made_server(const char *name)
{
    struct tls_server *s = NULL;
    struct made_cert m;
    struct tls_pem cert, key;
    struct errbuf eb;

    made_cert_make(&m, name, -10, 1000);
    cert = made_pem("cert", m.cert);
    key = made_pem("key", m.key);
    cr_assert_eq(tls_server_new(&cert, &key, &s, &eb), 0, "%s", eb.text);
    return s;
}
