/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The certificate of the moment, for all fronts of all threads: the next connection that any of
 * them accepts takes what is in here, and holds it for as long as it lives.
 */
#ifndef TRACKER_NET_CERTBOX_H
#define TRACKER_NET_CERTBOX_H

#include "common/crypto/tls.h"

struct certbox;

/* Takes over the caller's hold of |server|. NULL when memory is out; the hold stays the caller's.
 */
struct certbox *certbox_new(struct tls_server *server);
void certbox_free(struct certbox *b); /* NULL is legal */

/* Puts another into the place of the one in it, whose hold it takes over. From any thread. */
void certbox_set(struct certbox *b, struct tls_server *server);

/* Held for the caller. From any thread. */
struct tls_server *certbox_get(struct certbox *b);

#endif
