/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Streams of Redis whose entries have one field "b", a message: appended, and read by who remembers
 * up to where. The other commands here are about keys that hold short texts.
 */
#ifndef TRACKER_NET_REDIS_STREAM_H
#define TRACKER_NET_REDIS_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "tracker/net/redis_call.h"

enum { REDIS_ID_MAX = 41 }; /* bytes of an entry's id: two numbers and a dash */

/* "0": before the first entry. */
struct redis_id {
    char text[REDIS_ID_MAX + 1];
};

/* All return 0 or an error of redis_call(); SPRAT_E_PROTOCOL, and the connection is closed, for a
 * reply that no Redis gives. */

/* Appends a message and sets |*id|; of older entries those beyond |keep| go. |keep| 0: all stay,
 * and there must be some, or it is NOTFOUND. */
int redis_stream_add(struct redis_call *c, const char *key, unsigned keep, const void *data,
                     size_t len, struct redis_id *id, struct errbuf *eb);

/* Calls |each| for at most |count| entries behind |*last|, which becomes the last of them. |*got|
 * is how many there were. What |each| returns other than 0 ends it and is returned; it must not use
 * the connection. An entry that is no message of ours is passed over. */
int redis_stream_read(struct redis_call *c, const char *key, unsigned count, struct redis_id *last,
                      int (*each)(void *ctx, const uint8_t *data, size_t len), void *ctx,
                      unsigned *got, struct errbuf *eb);

/* Is the entry there? */
int redis_stream_has(struct redis_call *c, const char *key, const struct redis_id *id, bool *has,
                     struct errbuf *eb);

/* Deletes entries up to and with |id|. */
int redis_stream_trim(struct redis_call *c, const char *key, const struct redis_id *id,
                      struct errbuf *eb);

/* The text at |key|, cut at |size| - 1 bytes; "" if there is none. */
int redis_get(struct redis_call *c, const char *key, char *out, size_t size, struct errbuf *eb);

/* Sets it, to be forgotten after |ttl_ms| (0: never); |only_new|: unless there is one, which
 * |*set| tells (NULL is legal). */
int redis_set(struct redis_call *c, const char *key, const char *value, unsigned ttl_ms,
              bool only_new, bool *set, struct errbuf *eb);

/* It is forgotten |ttl_ms| from now on, more than 0. |*there|: was there such a key? */
int redis_expire(struct redis_call *c, const char *key, unsigned ttl_ms, bool *there,
                 struct errbuf *eb);
int redis_del(struct redis_call *c, const char *key, struct errbuf *eb);

#endif
