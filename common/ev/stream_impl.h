/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The internals of struct stream, for stream.c and stream_tls.c only.
 */
#ifndef COMMON_EV_STREAM_IMPL_H
#define COMMON_EV_STREAM_IMPL_H

#include "common/ev/stream.h"

struct stream_tls;

struct stream {
    uint32_t magic;
    int fd;
    bool connecting;
    unsigned wanted;
    struct loop *loop;
    struct loop_fd *watch;
    struct stream_handler handler;
    struct stream_tls *tls; /* NULL: a plain TCP stream */
};

/* Reads and writes the socket itself, below TLS. */
int64_t stream_raw_readv(struct stream *s, const struct iovec *iov, int count);
int64_t stream_raw_writev(struct stream *s, const struct iovec *iov, int count);

/* The functions of stream.h for a stream with TLS. */
void stream_tls_on_ready(struct stream *s, unsigned what);
int stream_tls_want(struct stream *s);
int64_t stream_tls_read(struct stream *s, void *dst, size_t len);
int64_t stream_tls_write(struct stream *s, const void *src, size_t len);
void stream_tls_shutdown(struct stream *s);
void stream_tls_free(struct stream_tls *st);

#endif
