/* SPDX-License-Identifier: BSD-2-Clause
 *
 * TLS 1.2 and 1.3 (RFC 8446), by OpenSSL: a server's context with a certificate and its key, a
 * client's with the authorities that it trusts, and connections that move bytes through functions
 * of their owner. Independent of sockets; opens no files, except the system's authorities. Clients
 * show no certificates, sessions are resumed by tickets only (the server stores nothing for absent
 * clients), and the only protocol inside is HTTP/1.1 (ALPN).
 */
#ifndef COMMON_CRYPTO_TLS_H
#define COMMON_CRYPTO_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum {
    TLS_PEM_MAX = 1 << 20,  /* longest PEM file that is read, bytes */
    TLS_CHAIN_MAX = 16,     /* most certificates in a file */
    TLS_RECORD_MAX = 16384, /* most bytes in one record (RFC 8446, 5.1) */
};

/* The text of a PEM file, and its name for messages. */
struct tls_pem {
    const char *name;
    const void *data;
    size_t len;
};

/* Reference-counted: each connection holds the context that it started with, so that a new
 * certificate does not affect open connections. Threads may share it. */
struct tls_server;

/* Creates a context. |cert|: the server's certificate, then the chain to its root. SYNTAX: no PEM,
 * no key, or a key with a password; MISMATCH: the key of another certificate; TOOBIG: a longer
 * chain; CRYPTO or NOMEM. |eb| has the file and OpenSSL's reason. */
int tls_server_new(const struct tls_pem *cert, const struct tls_pem *key, struct tls_server **out,
                   struct errbuf *eb);
struct tls_server *tls_server_hold(struct tls_server *s);
void tls_server_drop(struct tls_server *s); /* NULL is legal */

/* Checks that |pem| contains certificates, as a file of trusted authorities does. SYNTAX with a
 * message if not. */
int tls_check_authorities(const struct tls_pem *pem, struct errbuf *eb);

/* The start and the end of the certificate's validity, in seconds since 1970. */
int64_t tls_server_valid_from(const struct tls_server *s);
int64_t tls_server_valid_until(const struct tls_server *s);

/* The functions that move a connection's encrypted bytes. They return the bytes moved (> 0),
 * SPRAT_E_AGAIN, SPRAT_E_CLOSED (the other side sends no more), or another error of the connection.
 */
struct tls_io {
    void *ctx;
    int64_t (*read)(void *ctx, void *dst, size_t len);
    int64_t (*write)(void *ctx, const void *src, size_t len);
};

/* The condition to wait for before a call that returned SPRAT_E_AGAIN is repeated. */
enum tls_want { TLS_WANT_READ = 1, TLS_WANT_WRITE = 2 };

struct tls;

/* A client's context. Threads may share it. */
struct tls_client;

/* |authorities|: certificates of the authorities that are trusted; NULL: those of the system.
 * SYNTAX: there is no certificate in it; CRYPTO or NOMEM. */
int tls_client_new(const struct tls_pem *authorities, struct tls_client **out, struct errbuf *eb);
void tls_client_free(struct tls_client *c); /* NULL is legal; connections go on */

/* Creates a connection to a server, whose certificate must be for |host|, a name or an IP address.
 * If it is not, the handshake fails with PROTOCOL. Copies |io|. NOMEM. */
int tls_new_client(struct tls_client *c, const char *host, const struct tls_io *io,
                   struct tls **out);

/* Creates a connection. Copies |io|. NOMEM. */
int tls_new(struct tls_server *s, const struct tls_io *io, struct tls **out);

/* Frees the connection without telling the other side. NULL is legal. */
void tls_free(struct tls *t);

/* Each function below returns SPRAT_E_AGAIN when tls_wants() must become possible first. PROTOCOL
 * means that the other side violated the protocol (tls_reason()); TLS has sent it an alert if
 * possible. After any other error the connection can only be freed. */

/* Continues the handshake; 0 when it is complete. Called again until then. */
int tls_handshake(struct tls *t);

/* Returns the bytes moved (> 0), or CLOSED. A write that returned SPRAT_E_AGAIN must be repeated
 * with the same bytes, possibly at another address and with more bytes after them. */
int64_t tls_read(struct tls *t, void *dst, size_t len);
int64_t tls_write(struct tls *t, const void *src, size_t len);

/* Tells the other side that no more bytes follow (close_notify), as far as that can be sent at
 * once. Reading remains possible. */
void tls_shutdown(struct tls *t);

enum tls_want tls_wants(const struct tls *t);

/* Decrypted bytes that were not read yet: the socket does not become readable for them. */
size_t tls_pending(const struct tls *t);

/* OpenSSL's text for the last failure; static, never NULL. */
const char *tls_reason(const struct tls *t);

#endif
