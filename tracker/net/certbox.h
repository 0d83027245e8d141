/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Holds the TLS certificate that new connections use, and allows replacing it while the tracker
 * runs. The fronts of all threads share one certbox. A connection keeps a reference to its
 * certificate until it ends.
 */
#ifndef TRACKER_NET_CERTBOX_H
#define TRACKER_NET_CERTBOX_H

#include "common/crypto/tls.h"

struct certbox;

/* Takes over the caller's reference to |server|. NULL when memory is out; the caller then keeps the
 * reference.
 */
struct certbox *certbox_new(struct tls_server *server);
void certbox_free(struct certbox *b); /* NULL is legal */

/* Replaces the certificate by |server|, whose reference it takes over. From any thread. */
void certbox_set(struct certbox *b, struct tls_server *server);

/* Returns the current certificate with a reference for the caller. From any thread. */
struct tls_server *certbox_get(struct certbox *b);

#endif
