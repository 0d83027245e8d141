/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The administrator's token: a word in a file, shown as "Authorization: Bearer WORD" (RFC 6750).
 * Kept as a hash, so that comparing takes the same time whatever is shown, however long.
 */
#ifndef TRACKER_DAEMON_TOKEN_H
#define TRACKER_DAEMON_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"
#include "common/crypto/sha.h"

enum { TOKEN_LEN_MIN = 16, TOKEN_LEN_MAX = 256 }; /* characters */

/* Embedded; starts as all zero: there is none, and nothing is it. */
struct token {
    bool set;
    uint8_t digest[SHA256_LEN];
};

/* Reads the file, which nobody else may read, and whose white space around the word does not count;
 * "" is none. SYNTAX if it is no word of that length, or the error of reading; then |*t| is
 * untouched and |eb| names the file. */
int token_read(struct token *t, const char *path, struct errbuf *eb);

/* Whether the value of an Authorization header shows it. */
bool token_is_shown(const struct token *t, const char *authorization, size_t len);

#endif
