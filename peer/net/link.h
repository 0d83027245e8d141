/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A link carries the bytes of a connection: a table of functions between conn.h and a transport.
 * TCP (link_tcp.h) is the only class today. A cipher or a proxy will be a class around another
 * link, and uTP a class of its own. A connection uses its link by the functions below and never by
 * a file descriptor.
 *
 * A link moves from loop to loop together with its leftovers: bytes that were read, not used, and
 * put back. On every loop the leftovers are read first.
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
    LINK_LEFT_MAX = 64 * 1024, /* maximum of leftovers in bytes */
    /* If sent bytes stay unacknowledged for this long, the link fails. A router restarts, or a
     * laptop changes its network, in less time; SWARM_STUCK_MS is for a peer that is alive and does
     * not read, so this limit is not shorter. */
    LINK_PATIENCE_MS = 120000,
};

struct farewells;
struct link;

/* The owner's callbacks, called from the loop only. Each callback may free the link. */
struct link_handler {
    void *ctx;
    /* Called once, for a link that is being connected; err 0: the link is connected. */
    void (*on_connected)(void *ctx, int err);
    void (*on_readable)(void *ctx); /* while LOOP_READ is wanted */
    void (*on_writable)(void *ctx); /* while LOOP_WRITE is wanted */
};

/* The functions of a class of links. Callers use the functions below, which handle leftovers for
 * all classes. */
struct link_class {
    /* Returns bytes moved (> 0), SPRAT_E_AGAIN, SPRAT_E_CLOSED (the other side sends no more), or
     * another error of the link. */
    int64_t (*readv)(struct link *l, const struct iovec *iov, int count);
    int64_t (*writev)(struct link *l, const struct iovec *iov, int count);
    /* As writev(), for |len| bytes from |offset| of the file |fd|, without a copy; SPRAT_E_SHORT
     * when the file ends before. NULL: the class can't, because it transforms the bytes. */
    int64_t (*sendfile)(struct link *l, int fd, uint64_t offset, size_t len);
    /* Sets which of LOOP_READ and LOOP_WRITE the link reports, once connected. A new link reports
     * neither. */
    int (*want)(struct link *l, unsigned what);
    /* On: the link holds short packets back, because more is written at once. May be NULL. */
    void (*cork)(struct link *l, bool on);
    /* Returns the number of written bytes that the other side has not acknowledged. */
    size_t (*unsent)(const struct link *l);
    /* The local address; family IP_NONE if it is not known. */
    void (*local)(const struct link *l, struct endpoint *e);
    /* Ends the link so that the other side gets all written bytes, and frees the link. |f| counts
     * the socket until it is closed (farewell.h). */
    void (*part)(struct link *l, struct farewells *f);
    /* Removes the link from its loop without changing it; |attach| puts it on |loop|. After an
     * error the link can only be freed. */
    void (*detach)(struct link *l);
    int (*attach)(struct link *l, struct loop *loop);
    /* Closes the link, attached or not; unsent bytes are lost. Calls link_fini(). */
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
    struct loop_task *again; /* reports that leftovers can be read; NULL while there are none */
};

/* For classes: initialises a link on |loop| that has no handler. */
void link_init(struct link *l, const struct link_class *class, struct loop *loop);
void link_fini(struct link *l);

/* Puts |len| bytes of the last link_readv() back: they are read before all others, and reported
 * while LOOP_READ is wanted. On NOMEM and TOOBIG the link is unchanged. */
int link_put_back(struct link *l, const uint8_t *bytes, size_t len);

/* Reads from the leftovers, if there are any; else as the class's readv(). */
int64_t link_readv(struct link *l, const struct iovec *iov, int count);
int link_want(struct link *l, unsigned what);

void link_detach(struct link *l);
int link_attach(struct link *l, struct loop *loop);

/* NULL is legal. */
void link_free(struct link *l);

/* Replaces the handler: the owner changes. */
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
