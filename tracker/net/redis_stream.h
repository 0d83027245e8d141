/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Redis streams as queues of messages: an entry has one field "b", the message, and a reader
 * remembers the id up to which it has read. The other commands get, set and expire keys with short
 * texts.
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

/* All return 0 or an error of redis_call(). After a reply that does not fit the command the
 * connection is closed, and the error is SPRAT_E_PROTOCOL. */

/* Appends a message, sets |*id|, and deletes the oldest entries beyond |keep|. With |keep| 0
 * nothing is deleted, and the stream must exist, or the error is NOTFOUND. */
int redis_stream_add(struct redis_call *c, const char *key, unsigned keep, const void *data,
                     size_t len, struct redis_id *id, struct errbuf *eb);

/* Calls |each| for at most |count| entries after |*last|, which becomes the id of the last of them;
 * |*got| is their number. If |each| returns another value than 0, reading ends and returns that
 * value; |each| must not use the connection. Entries without a field "b" are skipped. */
int redis_stream_read(struct redis_call *c, const char *key, unsigned count, struct redis_id *last,
                      int (*each)(void *ctx, const uint8_t *data, size_t len), void *ctx,
                      unsigned *got, struct errbuf *eb);

/* Whether the stream has the entry. */
int redis_stream_has(struct redis_call *c, const char *key, const struct redis_id *id, bool *has,
                     struct errbuf *eb);

/* Deletes all entries up to |id|, and |id| itself. */
int redis_stream_trim(struct redis_call *c, const char *key, const struct redis_id *id,
                      struct errbuf *eb);

/* Reads the text at |key|, cut at |size| - 1 bytes; "" if there is no such key. */
int redis_get(struct redis_call *c, const char *key, char *out, size_t size, struct errbuf *eb);

/* Sets the text at |key|, which expires after |ttl_ms| (0: never). With |only_new| an existing key
 * is not changed; |*set|, which may be NULL, tells whether it was set. */
int redis_set(struct redis_call *c, const char *key, const char *value, unsigned ttl_ms,
              bool only_new, bool *set, struct errbuf *eb);

/* Makes |key| expire |ttl_ms| from now, which must be more than 0. |*there|: whether the key
 * exists. */
int redis_expire(struct redis_call *c, const char *key, unsigned ttl_ms, bool *there,
                 struct errbuf *eb);
int redis_del(struct redis_call *c, const char *key, struct errbuf *eb);

#endif
