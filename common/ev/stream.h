/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A nonblocking TCP connection on a loop: it says when bytes can be read or written, and the owner
 * moves them itself, straight between the socket and where they live. There is no buffer in here.
 * Writing never raises SIGPIPE (sendfile excepted); small writes are not held back (TCP_NODELAY).
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

/* Called from the loop only. The stream may be freed in any of them. */
struct stream_handler {
    void *ctx;
    void (*on_connected)(void *ctx, int err); /* once, for stream_connect(); err 0: it stands */
    void (*on_readable)(void *ctx);           /* while LOOP_READ is wanted */
    void (*on_writable)(void *ctx);           /* while LOOP_WRITE is wanted */
};

/* Begins to connect to |to|, from the address |from| (its port may be 0) unless that is NULL.
 * Errors that are known at once are returned. The handler is copied. */
int stream_connect(struct loop *l, const struct endpoint *to, const struct endpoint *from,
                   const struct stream_handler *handler, struct stream **out);

/* Takes a connected socket (listener.h), whose options are as they should be; it is closed on error
 * too. */
int stream_new(struct loop *l, int fd, const struct stream_handler *handler, struct stream **out);

/* How handshakes ended, of all streams that count here. One that the other side gave up, or that
 * was given up for its time, has failed. */
struct stream_handshakes {
    struct tally done, failed;
};

/* Puts TLS on an accepted stream, of which nothing was read yet; |server| is held. From here on the
 * calls below move what stands inside of TLS; the handshake happens by itself, once the stream is
 * wanted in either direction, and one that fails is told by the next read or write (PROTOCOL). Its
 * end is counted in |counts|, borrowed, which may be NULL.
 * Reads and writes use the first part of a vector only; stream_sendfile() is not for such a stream.
 * NOMEM: the stream is as it was. */
int stream_secure(struct stream *s, struct tls_server *server, struct stream_handshakes *counts);

/* Closes an accepted socket that nobody wants. */
void stream_drop(int fd);

/* Closes it. NULL is legal. */
void stream_free(struct stream *s);

/* Gives the socket back, open; the stream is gone, and so is TLS if there was any. */
int stream_release(struct stream *s);

/* Puts another handler in the place of the first: the owner changes. */
void stream_set_handler(struct stream *s, const struct stream_handler *handler);

/* Which of LOOP_READ and LOOP_WRITE to report, once connected. Nothing at first. */
int stream_want(struct stream *s, unsigned what);

/* Bytes moved (> 0), SPRAT_E_AGAIN, SPRAT_E_CLOSED (end of what they send), or another error of the
 * connection. */
int64_t stream_readv(struct stream *s, const struct iovec *iov, int count);
int64_t stream_writev(struct stream *s, const struct iovec *iov, int count);

/* As stream_writev() for the last bytes of the stream: they may be held back until the caller says
 * that it is over (stream_shutdown(), stream_free()), which the last packet so carries itself. */
int64_t stream_write_last(struct stream *s, const void *data, size_t len);

/* As stream_writev() from |offset| of the file |file_fd|, without a copy; SPRAT_E_SHORT when the
 * file ends there. The process must ignore SIGPIPE. */
int64_t stream_sendfile(struct stream *s, int file_fd, uint64_t offset, size_t len);

/* On: only full packets leave, until it is off again (or 200 ms have passed): for bytes that are
 * written in several calls. */
void stream_cork(struct stream *s, bool on);

/* What we sent and the other side does not acknowledge ends the connection after |ms| (RFC 5482),
 * and not after a quarter of an hour; likewise a receiver that takes nothing for so long. */
void stream_set_patience(struct stream *s, uint32_t ms);

/* Says that we send no more, and keeps receiving. */
void stream_shutdown(struct stream *s);

/* Bytes that were written and that the other side has not acknowledged. */
size_t stream_unsent(const struct stream *s);

/* Both ends; family IP_NONE if the kernel does not know. */
void stream_peer(const struct stream *s, struct endpoint *e);
void stream_local(const struct stream *s, struct endpoint *e);

#endif
