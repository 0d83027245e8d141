/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What carries the bytes of a connection: a table of functions between conn.h and a transport. TCP
 * (link_tcp.h) is the one class today. A cipher or a proxy will be a class around another link, and
 * uTP a class of its own. A connection reaches its link by the functions below and never by a file
 * descriptor.
 *
 * A link moves from loop to loop together with its leftovers: bytes that were read and not used,
 * and were put back. They are read first wherever the link goes.
 */
#ifndef PEER_NET_LINK_H
#define PEER_NET_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/base/endpoint.h"
#include "common/ds/buf.h"
#include "common/ev/loop.h"

enum {
    LINK_LEFT_MAX = 64 * 1024, /* bytes of leftovers; no more can be put back */
    /* Unacknowledged for so long: the link fails. A router restarts, or a laptop changes its
     * network, in less; SWARM_STUCK_MS is for a peer that lives and takes nothing, so this is not
     * shorter. */
    LINK_PATIENCE_MS = 120000,
};

struct farewells;
struct link;

/* Called from the loop only. The link may be freed in any of them. */
struct link_handler {
    void *ctx;
    /* Once, for a link that is being connected; err 0: it stands. */
    void (*on_connected)(void *ctx, int err);
    void (*on_readable)(void *ctx); /* while LOOP_READ is wanted */
    void (*on_writable)(void *ctx); /* while LOOP_WRITE is wanted */
};

/* What a class of links does. Callers use the functions below, which do for all classes what has to
 * do with leftovers. */
struct link_class {
    /* Bytes moved (> 0), SPRAT_E_AGAIN, SPRAT_E_CLOSED (the end of what the other side sends), or
     * another error of the link. */
    int64_t (*readv)(struct link *l, const struct iovec *iov, int count);
    int64_t (*writev)(struct link *l, const struct iovec *iov, int count);
    /* As writev(), |len| bytes from |offset| of the file |fd| without a copy; SPRAT_E_SHORT when
     * the file ends there. NULL: the class can't, for it changes the bytes on their way. */
    int64_t (*sendfile)(struct link *l, int fd, uint64_t offset, size_t len);
    /* Which of LOOP_READ and LOOP_WRITE to report, once connected. Nothing at first. */
    int (*want)(struct link *l, unsigned what);
    /* On: short packets are held back, because more is written at once. May be NULL. */
    void (*cork)(struct link *l, bool on);
    /* Bytes that were written and that the other side has not acknowledged. */
    size_t (*unsent)(const struct link *l);
    /* Our end's address; family IP_NONE if it is not known. */
    void (*local)(const struct link *l, struct endpoint *e);
    /* Ends the link so that the other side gets all that was written, and frees it. |f| counts it
     * until it is over (farewell.h). */
    void (*part)(struct link *l, struct farewells *f);
    /* Takes it off its loop, as it is, and puts it on |loop|. After an error it can only be
     * freed. */
    void (*detach)(struct link *l);
    int (*attach)(struct link *l, struct loop *loop);
    /* Closes it, attached or not; what was not sent is lost. Calls link_fini(). */
    void (*free)(struct link *l);
};

/* The first member of each class's own struct; private, but for |handler|, which the class
 * calls. */
struct link {
    const struct link_class *class;
    struct loop *loop; /* NULL while it is detached */
    struct link_handler handler;
    unsigned wanted;
    struct buf left;
    struct loop_task *again; /* says that leftovers can be read; NULL while there are none */
};

/* For classes: a link on |loop| that has no handler. */
void link_init(struct link *l, const struct link_class *class, struct loop *loop);
void link_fini(struct link *l);

/* Puts |len| bytes back, which the last link_readv() yielded: they come again before all others,
 * and are reported while LOOP_READ is wanted. NOMEM, TOOBIG: the link is as before. */
int link_put_back(struct link *l, const uint8_t *bytes, size_t len);

/* From the leftovers, if there are any; else see the class. */
int64_t link_readv(struct link *l, const struct iovec *iov, int count);
int link_want(struct link *l, unsigned what);

void link_detach(struct link *l);
int link_attach(struct link *l, struct loop *loop);

/* NULL is legal. */
void link_free(struct link *l);

/* Puts another handler in the place of the first: the owner changes. */
static inline void
link_set_handler(struct link *l, const struct link_handler *handler)
{
    l->handler = *handler;
}

static inline int64_t
link_writev(struct link *l, const struct iovec *iov, int count)
{
    return l->class->writev(l, iov, count);
}

static inline bool
link_sends_files(const struct link *l)
{
    return l->class->sendfile != NULL;
}

/* Only if link_sends_files(). */
static inline int64_t
link_sendfile(struct link *l, int fd, uint64_t offset, size_t len)
{
    return l->class->sendfile(l, fd, offset, len);
}

static inline void
link_cork(struct link *l, bool on)
{
    if (l->class->cork != NULL)
        l->class->cork(l, on);
}

static inline size_t
link_unsent(const struct link *l)
{
    return l->class->unsent(l);
}

static inline void
link_local(const struct link *l, struct endpoint *e)
{
    l->class->local(l, e);
}

static inline void
link_part(struct link *l, struct farewells *f)
{
    l->class->part(l, f);
}

#endif
