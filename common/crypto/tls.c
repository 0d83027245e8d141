/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Isolates OpenSSL: its bytes move through a custom BIO, so that it calls no write() that could
 * raise SIGPIPE, and its error queue, which belongs to the thread and not to the connection, is
 * emptied before each call.
 */
#include "common/crypto/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/assert.h"
#include "common/base/magic.h"

enum { TLS_MAGIC = 0x746c7330 };

struct tls_server {
    atomic_uint holders;
    SSL_CTX *ctx;
    int64_t valid_from, valid_until;
};

struct tls {
    uint32_t magic;
    struct tls_server *server; /* held; NULL on the client's side */
    SSL *ssl;
    struct tls_io io;
    int io_err; /* the last error of |io|, for the caller: OpenSSL only reports that it failed */
    enum tls_want wants;
    unsigned long reason; /* OpenSSL's code of the last failure */
};

/* ---- bytes in and out ---- */

static int
bio_moved(BIO *bio, struct tls *t, int64_t n, int retry)
{
    BIO_clear_retry_flags(bio);
    t->io_err = n < 0 ? (int)n : 0;
    if (n > 0)
        return (int)n;
    if (n == SPRAT_E_AGAIN)
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    return n == SPRAT_E_CLOSED ? 0 : -1;
}

static int
bio_read(BIO *bio, char *dst, int len)
{
    struct tls *t = BIO_get_data(bio);

    if (len <= 0)
        return 0;
    return bio_moved(bio, t, t->io.read(t->io.ctx, dst, (size_t)len), BIO_FLAGS_READ);
}

static int
bio_write(BIO *bio, const char *src, int len)
{
    struct tls *t = BIO_get_data(bio);

    if (len <= 0)
        return 0;
    return bio_moved(bio, t, t->io.write(t->io.ctx, src, (size_t)len), BIO_FLAGS_WRITE);
}

static long
bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    const struct tls *t = BIO_get_data(bio);

    (void)num, (void)ptr;
    if (cmd == BIO_CTRL_FLUSH)
        return 1;
    if (cmd == BIO_CTRL_EOF)
        return t->io_err == SPRAT_E_CLOSED;
    return 0;
}

/* Created once, by the first caller in the process, and constant from then on. */
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD *method;

static void
make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sprat");
    if (method == NULL)
        return;
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
}

static BIO *
bio_new(struct tls *t)
{
    BIO *bio;

    if (CRYPTO_THREAD_run_once(&method_once, make_method) != 1 || method == NULL)
        return NULL;
    bio = BIO_new(method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    return bio;
}

/* ---- the certificate and its key ---- */

static const char *
reason_text(unsigned long code)
{
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;

    return text != NULL ? text : "no reason was given";
}

static int
pem_error(struct errbuf *eb, int err, const struct tls_pem *pem, const char *what)
{
    unsigned long code = ERR_peek_last_error();

    errbuf_set(eb, err, "%s: %s%s%s", pem->name, what, code != 0 ? ": " : "",
               code != 0 ? reason_text(code) : "");
    ERR_clear_error();
    return err;
}

/* A daemon can't ask for a password. */
static int
no_password(char *buf, int size, int writing, void *asked)
{
    (void)buf, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static BIO *
pem_open(const struct tls_pem *pem)
{
    return pem->len <= TLS_PEM_MAX ? BIO_new_mem_buf(pem->data, (int)pem->len) : NULL;
}

int
tls_check_authorities(const struct tls_pem *pem, struct errbuf *eb)
{
    BIO *bio = pem_open(pem);
    X509 *x = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    bool found = x != NULL;

    X509_free(x);
    BIO_free(bio);
    ERR_clear_error();
    return found ? 0 : errbuf_set(eb, SPRAT_E_SYNTAX, "%s holds no certificate (PEM)", pem->name);
}

static int64_t
unix_time(const ASN1_TIME *t)
{
    struct tm tm;

    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* Reads the certificates after the first one, up to the file's end. */
static int
use_rest_of_chain(SSL_CTX *ctx, BIO *bio, const struct tls_pem *pem, struct errbuf *eb)
{
    unsigned long code;
    X509 *x;

    for (int i = 1; (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL; i++) {
        int err = 0;

        if (i >= TLS_CHAIN_MAX)
            err = errbuf_set(eb, SPRAT_E_TOOBIG, "%s: more than %d certificates", pem->name,
                             TLS_CHAIN_MAX);
        else if (SSL_CTX_add0_chain_cert(ctx, x) != 1)
            err = pem_error(eb, SPRAT_E_CRYPTO, pem, "a certificate of the chain can't be used");
        if (err != 0) {
            X509_free(x);
            return err;
        }
    }
    code = ERR_peek_last_error();
    if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
        return pem_error(eb, SPRAT_E_SYNTAX, pem, "a certificate of the chain can't be read");
    ERR_clear_error();
    return 0;
}

static int
use_certificate(struct tls_server *s, const struct tls_pem *pem, struct errbuf *eb)
{
    BIO *bio = pem_open(pem);
    X509 *x = bio != NULL ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
    int err = 0;

    if (x == NULL) {
        err = pem_error(eb, SPRAT_E_SYNTAX, pem, "this is not a certificate in PEM format");
    } else if (SSL_CTX_use_certificate(s->ctx, x) != 1) {
        err = pem_error(eb, SPRAT_E_CRYPTO, pem, "the certificate can't be used");
    } else {
        s->valid_from = unix_time(X509_get0_notBefore(x));
        s->valid_until = unix_time(X509_get0_notAfter(x));
        err = use_rest_of_chain(s->ctx, bio, pem, eb);
    }
    X509_free(x);
    BIO_free(bio);
    return err;
}

static int
use_key(SSL_CTX *ctx, const struct tls_pem *pem, struct errbuf *eb)
{
    BIO *bio = pem_open(pem);
    bool asked = false;
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, &asked) : NULL;
    int err = 0;

    if (key == NULL && asked) {
        ERR_clear_error();
        err = errbuf_set(eb, SPRAT_E_SYNTAX, "%s: the key is behind a password; take that off",
                         pem->name);
    } else if (key == NULL) {
        err = pem_error(eb, SPRAT_E_SYNTAX, pem, "this is not a private key in PEM format");
    } else if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
        err = pem_error(eb, SPRAT_E_MISMATCH, pem, "the key is not the certificate's");
    }
    EVP_PKEY_free(key);
    BIO_free(bio);
    return err;
}

/* ---- the context ---- */

static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                const unsigned char *in, unsigned in_len, void *ctx)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl, (void)ctx;
    /* A client that offers only other protocols gets HTTP/1.1 all the same: refusing has no
     * benefit. */
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Allows TLS 1.2 only with forward secrecy and AEAD; all ciphers of 1.3 are good. A connection that
 * only waits holds no record buffers. */
static bool
configure(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
           SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

int
tls_server_new(const struct tls_pem *cert, const struct tls_pem *key, struct tls_server **out,
               struct errbuf *eb)
{
    struct tls_server *s = calloc(1, sizeof(*s));
    int err = 0;

    if (s == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    ERR_clear_error();
    atomic_init(&s->holders, 1);
    s->ctx = SSL_CTX_new(TLS_server_method());
    if (s->ctx == NULL)
        err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    else if (!configure(s->ctx))
        err = errbuf_set(eb, SPRAT_E_CRYPTO, "OpenSSL does not know TLS 1.2 as we use it: %s",
                         reason_text(ERR_peek_last_error()));
    if (err == 0)
        err = use_certificate(s, cert, eb);
    if (err == 0)
        err = use_key(s->ctx, key, eb);
    if (err != 0) {
        ERR_clear_error();
        tls_server_drop(s);
        return err;
    }
    *out = s;
    return 0;
}

struct tls_server *
tls_server_hold(struct tls_server *s)
{
    atomic_fetch_add(&s->holders, 1);
    return s;
}

void
tls_server_drop(struct tls_server *s)
{
    if (s == NULL || atomic_fetch_sub(&s->holders, 1) != 1)
        return;
    SSL_CTX_free(s->ctx);
    free(s);
}

int64_t
tls_server_valid_from(const struct tls_server *s)
{
    return s->valid_from;
}

int64_t
tls_server_valid_until(const struct tls_server *s)
{
    return s->valid_until;
}

/* ---- the client's context ---- */

struct tls_client {
    SSL_CTX *ctx;
};

static int
trust(SSL_CTX *ctx, const struct tls_pem *pem, struct errbuf *eb)
{
    BIO *bio = pem_open(pem);
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    unsigned count = 0;
    X509 *x;

    while (bio != NULL && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        count += X509_STORE_add_cert(store, x) == 1;
        X509_free(x);
    }
    BIO_free(bio);
    ERR_clear_error();
    return count > 0 ? 0
                     : errbuf_set(eb, SPRAT_E_SYNTAX, "%s holds no certificate (PEM)", pem->name);
}

int
tls_client_new(const struct tls_pem *authorities, struct tls_client **out, struct errbuf *eb)
{
    struct tls_client *c = calloc(1, sizeof(*c));
    int err = 0;

    if (c == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    ERR_clear_error();
    c->ctx = SSL_CTX_new(TLS_client_method());
    if (c->ctx == NULL) {
        err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    } else {
        SSL_CTX_set_options(c->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                        SSL_OP_IGNORE_UNEXPECTED_EOF);
        SSL_CTX_set_mode(c->ctx,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
        if (SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) != 1)
            err = errbuf_set(eb, SPRAT_E_CRYPTO, "OpenSSL does not know TLS 1.2");
        else if (authorities != NULL)
            err = trust(c->ctx, authorities, eb);
        else if (SSL_CTX_set_default_verify_paths(c->ctx) != 1)
            err = errbuf_set(eb, SPRAT_E_CRYPTO, "the system's certificates can't be read: %s",
                             reason_text(ERR_peek_last_error()));
    }
    ERR_clear_error();
    if (err != 0) {
        tls_client_free(c);
        return err;
    }
    *out = c;
    return 0;
}

void
tls_client_free(struct tls_client *c)
{
    if (c == NULL)
        return;
    SSL_CTX_free(c->ctx);
    free(c);
}

/* ---- connections ---- */

static int
new_connection(SSL_CTX *ctx, struct tls_server *server, const struct tls_io *io, struct tls **out)
{
    struct tls *t = calloc(1, sizeof(*t));
    BIO *bio;

    if (t == NULL)
        return SPRAT_E_NOMEM;
    MAGIC_SET(t, TLS_MAGIC);
    t->server = server != NULL ? tls_server_hold(server) : NULL;
    t->io = *io;
    t->wants = TLS_WANT_READ;
    t->ssl = SSL_new(ctx);
    bio = bio_new(t);
    if (t->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        tls_free(t);
        return SPRAT_E_NOMEM;
    }
    SSL_set_bio(t->ssl, bio, bio);
    *out = t;
    return 0;
}

int
tls_new(struct tls_server *s, const struct tls_io *io, struct tls **out)
{
    int err = new_connection(s->ctx, s, io, out);

    if (err == 0)
        SSL_set_accept_state((*out)->ssl);
    return err;
}

/* A name goes to the server too (SNI), an address does not (RFC 6066). */
static bool
expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    char name[TLSEXT_MAXLEN_host_name + 1]; /* the macro of OpenSSL casts const away */

    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
        return true;
    if (snprintf(name, sizeof(name), "%s", host) >= (int)sizeof(name))
        return false;
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

int
tls_new_client(struct tls_client *c, const char *host, const struct tls_io *io, struct tls **out)
{
    int err = new_connection(c->ctx, NULL, io, out);

    if (err != 0)
        return err;
    SSL_set_connect_state((*out)->ssl);
    (*out)->wants = TLS_WANT_WRITE;
    if (!expect_host((*out)->ssl, host)) {
        tls_free(*out);
        err = SPRAT_E_NOMEM;
    }
    ERR_clear_error();
    return err;
}

void
tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    MAGIC_CHECK(t, TLS_MAGIC);
    SSL_free(t->ssl);
    tls_server_drop(t->server);
    MAGIC_CLEAR(t);
    free(t);
}

static void
begin(struct tls *t)
{
    MAGIC_CHECK(t, TLS_MAGIC);
    ERR_clear_error();
    t->io_err = 0;
}

/* Converts the result of a failed call for the caller. */
static int
failure(struct tls *t, int result)
{
    int kind = SSL_get_error(t->ssl, result);

    switch (kind) {
    case SSL_ERROR_WANT_READ: t->wants = TLS_WANT_READ; return SPRAT_E_AGAIN;
    case SSL_ERROR_WANT_WRITE: t->wants = TLS_WANT_WRITE; return SPRAT_E_AGAIN;
    case SSL_ERROR_ZERO_RETURN: return SPRAT_E_CLOSED;
    }
    t->reason = ERR_peek_error();
    ERR_clear_error();
    if (kind == SSL_ERROR_SYSCALL)
        return t->io_err != 0 && t->io_err != SPRAT_E_AGAIN ? t->io_err : SPRAT_E_CLOSED;
    return ERR_GET_REASON(t->reason) == ERR_R_MALLOC_FAILURE ? SPRAT_E_NOMEM : SPRAT_E_PROTOCOL;
}

int
tls_handshake(struct tls *t)
{
    int result;

    begin(t);
    result = SSL_do_handshake(t->ssl);
    return result == 1 ? 0 : failure(t, result);
}

int64_t
tls_read(struct tls *t, void *dst, size_t len)
{
    size_t got = 0;
    int result;

    begin(t);
    result = SSL_read_ex(t->ssl, dst, len, &got);
    return result == 1 ? (int64_t)got : failure(t, result);
}

int64_t
tls_write(struct tls *t, const void *src, size_t len)
{
    size_t put = 0;
    int result;

    begin(t);
    result = SSL_write_ex(t->ssl, src, len, &put);
    return result == 1 ? (int64_t)put : failure(t, result);
}

void
tls_shutdown(struct tls *t)
{
    begin(t);
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

enum tls_want
tls_wants(const struct tls *t)
{
    return t->wants;
}

size_t
tls_pending(const struct tls *t)
{
    return (size_t)SSL_pending(t->ssl);
}

const char *
tls_reason(const struct tls *t)
{
    return reason_text(t->reason);
}
