/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list of info-hashes as its operator writes it, and the question whether one is on it. Made
 * once, then never changed: a new list is a new object.
 *
 * The text has one hash a line, 40 hex digits (v1) or 64 (v2, of which the first 20 bytes count, as
 * in announces); what stands behind it after a space is a remark. Empty lines and those that begin
 * with '#' are skipped.
 */
#ifndef TRACKER_CORE_HASHLIST_H
#define TRACKER_CORE_HASHLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/codec/tracker.h"

enum {
    HASHLIST_MAX = 10000000, /* hashes; 20 bytes each and about one of directory */
};

struct hashlist;

/* Reads |len| bytes of text. SYNTAX (|eb| says which line and why), LIMIT, NOMEM. */
int hashlist_parse(const char *text, size_t len, struct hashlist **out, struct errbuf *eb);

/* NULL is legal. */
void hashlist_free(struct hashlist *l);

bool hashlist_has(const struct hashlist *l, const uint8_t hash[TRACKER_HASH_LEN]);

/* Different hashes. */
size_t hashlist_count(const struct hashlist *l);

#endif
