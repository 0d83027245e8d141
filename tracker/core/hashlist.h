/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An allow-list or deny-list: parses the operator's text file and tells whether an info-hash is on
 * the list. A list never changes after it is made; a reload makes another one.
 *
 * The text has one info-hash per line: 40 hex digits (v1) or 64 (v2, of which the first 20 bytes
 * count, as in announces). Text after the hash and a space is a comment. Empty lines and lines that
 * begin with '#' are skipped.
 */
#ifndef TRACKER_CORE_HASHLIST_H
#define TRACKER_CORE_HASHLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/codec/tracker.h"

enum {
    HASHLIST_MAX = 10000000, /* hashes; each takes 20 bytes, and about one in the directory */
};

struct hashlist;

/* Reads |len| bytes of text. SYNTAX (|eb| says which line and why), LIMIT, NOMEM. */
int hashlist_parse(const char *text, size_t len, struct hashlist **out, struct errbuf *eb);

/* NULL is legal. */
void hashlist_free(struct hashlist *l);

bool hashlist_has(const struct hashlist *l, const uint8_t hash[TRACKER_HASH_LEN]);

/* The number of different hashes. */
size_t hashlist_count(const struct hashlist *l);

#endif
