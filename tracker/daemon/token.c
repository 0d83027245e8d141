/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The time to compare two hashes does not depend on their bytes.
 */
#include "tracker/daemon/token.h"

#include <string.h>
#include <strings.h>

#include "common/crypto/hmac.h"
#include "common/sys/file.h"

static bool
is_word(const char *s, size_t len)
{
    if (len < TOKEN_LEN_MIN || len > TOKEN_LEN_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)s[i] <= ' ' || (uint8_t)s[i] >= 0x7f)
            return false;
    return true;
}

int
token_read(struct token *t, const char *path, struct errbuf *eb)
{
    char word[TOKEN_LEN_MAX + 1];
    size_t len;
    int err;

    if (path[0] == '\0') {
        *t = (struct token){.set = false};
        return 0;
    }
    err = file_read_word(path, word, sizeof(word), &len, eb);
    if (err != 0)
        return err;
    if (is_word(word, len)) {
        sha256(word, len, t->digest);
        t->set = true;
    } else {
        err = errbuf_set(eb, SPRAT_E_SYNTAX,
                         "%s: the token must be one word of %d to %d printable characters", path,
                         TOKEN_LEN_MIN, TOKEN_LEN_MAX);
    }
    explicit_bzero(word, sizeof(word));
    return err;
}

bool
token_is_shown(const struct token *t, const char *authorization, size_t len)
{
    static const char scheme[] = "Bearer ";
    uint8_t digest[SHA256_LEN];

    if (!t->set || len < sizeof(scheme) - 1 ||
        strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
        return false;
    authorization += sizeof(scheme) - 1;
    len -= sizeof(scheme) - 1;
    for (; len > 0 && authorization[0] == ' '; len--)
        authorization++;
    sha256(authorization, len, digest);
    return hmac_equal(digest, t->digest, SHA256_LEN);
}
