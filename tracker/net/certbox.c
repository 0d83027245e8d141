/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A pointer and a lock, which is held for as long as counting takes: next to a handshake that is
 * nothing.
 */
#include "tracker/net/certbox.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/sys/lock.h"

struct certbox {
    struct lock lock;
    struct tls_server *server;
};

struct certbox *
certbox_new(struct tls_server *server)
{
    struct certbox *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    lock_init(&b->lock);
    b->server = server;
    return b;
}

void
certbox_free(struct certbox *b)
{
    if (b == NULL)
        return;
    tls_server_drop(b->server);
    lock_fini(&b->lock);
    free(b);
}

void
certbox_set(struct certbox *b, struct tls_server *server)
{
    struct tls_server *old;

    lock_take(&b->lock);
    old = b->server;
    b->server = server;
    lock_drop(&b->lock);
    tls_server_drop(old);
}

struct tls_server *
certbox_get(struct certbox *b)
{
    struct tls_server *server;

    lock_take(&b->lock);
    server = tls_server_hold(b->server);
    lock_drop(&b->lock);
    return server;
}
