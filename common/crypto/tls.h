/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The server's side of TLS 1.2 and 1.3 (RFC 8446), by OpenSSL: a context made of a certificate and
 * its key, and connections that move bytes through functions of their owner. Knows no socket and
 * opens no file. Clients show no certificates, sessions are resumed by tickets alone (nothing is
 * stored for a client that went away), and the one protocol inside is HTTP/1.1 (ALPN).
 */
#ifndef COMMON_CRYPTO_TLS_H
#define COMMON_CRYPTO_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum {
    TLS_PEM_MAX = 1 << 20,  /* bytes of a PEM file that are worth reading */
    TLS_CHAIN_MAX = 16,     /* certificates in a file */
    TLS_RECORD_MAX = 16384, /* bytes that one record brings at most (RFC 8446, 5.1) */
};

/* A file's text, and its name for the sentences. */
struct tls_pem {
    const char *name;
    const void *data;
    size_t len;
};

/* Counted: each connection holds the one that it began with, so that a new certificate does not
 * touch those that stand. May be shared by threads. */
struct tls_server;

/* |cert|: the server's certificate, then those that lead to its root. SYNTAX: no PEM, no key, a key
 * behind a password; MISMATCH: the key is another certificate's; TOOBIG: a longer chain; CRYPTO or
 * NOMEM. |eb| has the file and OpenSSL's reason. */
int tls_server_new(const struct tls_pem *cert, const struct tls_pem *key, struct tls_server **out,
                   struct errbuf *eb);
struct tls_server *tls_server_hold(struct tls_server *s);
void tls_server_drop(struct tls_server *s); /* NULL is legal */

/* Are there certificates in |pem|, as in a file of authorities that a client trusts? SYNTAX and a
 * sentence if not. */
int tls_check_authorities(const struct tls_pem *pem, struct errbuf *eb);

/* When the certificate begins and ceases to be valid, in seconds since 1970. */
int64_t tls_server_valid_from(const struct tls_server *s);
int64_t tls_server_valid_until(const struct tls_server *s);

/* How a connection's encrypted bytes come and go: bytes moved (> 0), SPRAT_E_AGAIN, SPRAT_E_CLOSED
 * (they send no more), or another error of the connection. */
struct tls_io {
    void *ctx;
    int64_t (*read)(void *ctx, void *dst, size_t len);
    int64_t (*write)(void *ctx, const void *src, size_t len);
};

/* What must become possible before a call that returned SPRAT_E_AGAIN is worth repeating. */
enum tls_want { TLS_WANT_READ = 1, TLS_WANT_WRITE = 2 };

struct tls;

/* A connection to be. Copies |io|. NOMEM. */
int tls_new(struct tls_server *s, const struct tls_io *io, struct tls **out);

/* Frees it without a word to the other side. NULL is legal. */
void tls_free(struct tls *t);

/* Each returns SPRAT_E_AGAIN when tls_wants() must come first. PROTOCOL is what the other side did
 * wrong (tls_reason()); it was told so, if it takes bytes. After any other error the connection is
 * only good to be freed. */

/* 0 when the handshake is through; again and again until then. */
int tls_handshake(struct tls *t);

/* Bytes moved (> 0), or CLOSED. A write that had to wait is repeated with the same bytes, which may
 * have moved, and more behind them. */
int64_t tls_read(struct tls *t, void *dst, size_t len);
int64_t tls_write(struct tls *t, const void *src, size_t len);

/* Says that we send no more (close_notify), as far as that can be sent at once. Reading goes on. */
void tls_shutdown(struct tls *t);

enum tls_want tls_wants(const struct tls *t);

/* Bytes that were decrypted and not read yet: no socket will announce them. */
size_t tls_pending(const struct tls *t);

/* OpenSSL's word for what failed last; static, never NULL. */
const char *tls_reason(const struct tls *t);

#endif
