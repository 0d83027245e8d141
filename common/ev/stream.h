/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A non-blocking TCP connection on a loop: it reports when bytes can be read or written, and the
 * owner moves them directly between the socket and its own memory. The stream has no buffer.
 * Writing never raises SIGPIPE (except stream_sendfile()); small writes are not delayed
 * (TCP_NODELAY).
 */
#ifndef COMMON_EV_STREAM_H
#define COMMON_EV_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/base/endpoint.h"
#include "common/base/tally.h"
#include "common/crypto/tls.h"
#include "common/ev/loop.h"

struct stream;

/* Called from the loop only. Each callback may free the stream. */
struct stream_handler {
    void *ctx;
    void (*on_connected)(void *ctx, int err); /* once, for stream_connect(); err 0: connected */
    void (*on_readable)(void *ctx);           /* while LOOP_READ is wanted */
    void (*on_writable)(void *ctx);           /* while LOOP_WRITE is wanted */
};

/* Starts to connect to |to|, from the address |from| (whose port may be 0) unless that is NULL.
 * Errors that are known at once are returned. The handler is copied. */
int stream_connect(struct loop *l, const struct endpoint *to, const struct endpoint *from,
                   const struct stream_handler *handler, struct stream **out);

/* Takes ownership of a connected socket (listener.h) whose options are set already; the socket is
 * closed on error too. */
int stream_new(struct loop *l, int fd, const struct stream_handler *handler, struct stream **out);

/* What the TLS handshakes of several streams of one loop share. A handshake that the other side
 * aborted, or that timed out, counts as failed. A step of a handshake can take a millisecond of
 * processor time (a signature with RSA), so only |steps_max| steps are taken in a round of the
 * loop: other sockets have their turn between them, however many handshakes come in at once. The
 * others wait for the next round, and are counted. */
struct stream_handshakes {
    struct tally done, failed, deferred;
    unsigned steps_max, steps; /* private, as what follows */
    struct loop_task *new_round;
};

/* For one loop. SPRAT_E_NOMEM. */
int stream_handshakes_init(struct stream_handshakes *h, struct loop *l, unsigned steps_max);
void stream_handshakes_fini(struct stream_handshakes *h);

/* Adds TLS to an accepted stream of which nothing was read yet; |server| is held. From now on the
 * functions below move the bytes inside of TLS. The handshake runs by itself once the stream is
 * wanted in either direction; the next read or write reports its failure (PROTOCOL). |shared| is
 * borrowed and may be NULL; then the handshake does not wait and is not counted. Reads and writes
 * use only the first element of a vector; stream_sendfile() is not available. NOMEM: the stream is
 * unchanged. */
int stream_secure(struct stream *s, struct tls_server *server, struct stream_handshakes *shared);

/* Adds TLS to a stream that stream_connect() has connected, before anything is written. The server
 * must show a certificate for |host|. The client's context is borrowed for this call only. As
 * stream_secure() otherwise. */
int stream_secure_client(struct stream *s, struct tls_client *client, const char *host);

/* Why TLS failed, in OpenSSL's words; NULL if it did not. */
const char *stream_tls_failure(const struct stream *s);

/* Closes an accepted socket without using it. */
void stream_drop(int fd);

/* Closes it. NULL is legal. */
void stream_free(struct stream *s);

/* Returns the open socket and frees the stream, including its TLS state. */
int stream_release(struct stream *s);

/* Replaces the handler when the stream's owner changes. */
void stream_set_handler(struct stream *s, const struct stream_handler *handler);

/* Sets which of LOOP_READ and LOOP_WRITE are reported, once connected. Neither at first. */
int stream_want(struct stream *s, unsigned what);

/* Returns the bytes moved (> 0), SPRAT_E_AGAIN, SPRAT_E_CLOSED (the other side sends no more), or
 * another error of the connection. */
int64_t stream_readv(struct stream *s, const struct iovec *iov, int count);
int64_t stream_writev(struct stream *s, const struct iovec *iov, int count);

/* As stream_writev(), for the last bytes of the stream: they may be delayed until stream_shutdown()
 * or stream_free(), so that the last packet also carries the FIN. */
int64_t stream_write_last(struct stream *s, const void *data, size_t len);

/* As stream_writev(), but sends from |offset| of the file |file_fd| without a copy; SPRAT_E_SHORT
 * when the file ends there. The process must ignore SIGPIPE. */
int64_t stream_sendfile(struct stream *s, int file_fd, uint64_t offset, size_t len);

/* On: only full packets are sent until |on| is false again (or 200 ms have passed), for bytes that
 * are written in several calls (TCP_CORK). */
void stream_cork(struct stream *s, bool on);

/* Closes the connection if sent bytes stay unacknowledged for |ms| (RFC 5482) instead of for a
 * quarter of an hour, or if the other side accepts no bytes for that long. */
void stream_set_patience(struct stream *s, uint32_t ms);

/* Tells the other side that no more bytes follow; receiving continues. */
void stream_shutdown(struct stream *s);

/* Bytes that were written and not acknowledged by the other side. */
size_t stream_unsent(const struct stream *s);

/* The addresses of both ends; family IP_NONE if the kernel does not know. */
void stream_peer(const struct stream *s, struct endpoint *e);
void stream_local(const struct stream *s, struct endpoint *e);

#endif
