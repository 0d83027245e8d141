/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A pointer and a lock, which is held for as long as counting takes: next to a handshake that is
 * nothing.
 */
#include "tracker/net/certbox.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/assert.h"

struct certbox {
    pthread_mutex_t lock;
    struct tls_server *server;
};

struct certbox *
certbox_new(struct tls_server *server)
{
    struct certbox *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    ASSERT(pthread_mutex_init(&b->lock, NULL) == 0);
    b->server = server;
    return b;
}

void
certbox_free(struct certbox *b)
{
    if (b == NULL)
        return;
    tls_server_drop(b->server);
    ASSERT(pthread_mutex_destroy(&b->lock) == 0);
    free(b);
}

void
certbox_set(struct certbox *b, struct tls_server *server)
{
    struct tls_server *old;

    ASSERT(pthread_mutex_lock(&b->lock) == 0);
    old = b->server;
    b->server = server;
    ASSERT(pthread_mutex_unlock(&b->lock) == 0);
    tls_server_drop(old);
}

struct tls_server *
certbox_get(struct certbox *b)
{
    struct tls_server *server;

    ASSERT(pthread_mutex_lock(&b->lock) == 0);
    server = tls_server_hold(b->server);
    ASSERT(pthread_mutex_unlock(&b->lock) == 0);
    return server;
}
