/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A lock protects the pointer while its reference count changes. That is negligible beside a TLS
 * handshake.
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
