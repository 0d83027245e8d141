/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The administrator's token: a word in a file, which requests carry as "Authorization: Bearer WORD"
 * (RFC 6750). Only its hash is kept, so a comparison takes the same time whatever the request
 * contains.
 */
#ifndef TRACKER_DAEMON_TOKEN_H
#define TRACKER_DAEMON_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"
#include "common/crypto/sha.h"

enum { TOKEN_LEN_MIN = 16, TOKEN_LEN_MAX = 256 }; /* characters */

/* Embedded; all zero at first: there is no token, and none matches. */
struct token {
    bool set;
    uint8_t digest[SHA256_LEN];
};

/* Reads the token from |path|, a file that other users must not be able to read; white space around
 * the word is ignored. With |path| "" there is no token. SYNTAX if it is not a word of valid
 * length, or an error of reading; then |*t| is untouched and |eb| names the file. */
int token_read(struct token *t, const char *path, struct errbuf *eb);

/* Whether the value of an Authorization header has the token. */
bool token_is_shown(const struct token *t, const char *authorization, size_t len);

#endif
