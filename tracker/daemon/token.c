/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The comparison of two hashes always reads all their bytes.
 */
#include "tracker/daemon/token.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/trim.h"
#include "common/sys/file.h"

static bool
is_word(const uint8_t *s, size_t len)
{
    if (len < TOKEN_LEN_MIN || len > TOKEN_LEN_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] >= 0x7f)
            return false;
    return true;
}

int
token_read(struct token *t, const char *path, struct errbuf *eb)
{
    const uint8_t *word;
    uint8_t *text = NULL;
    size_t len, whole;
    int err;

    if (path[0] == '\0') {
        *t = (struct token){.set = false};
        return 0;
    }
    err = file_read_secret(path, 2 * TOKEN_LEN_MAX, &text, &whole, eb);
    if (err != 0)
        return err;
    len = whole;
    word = trim(text, &len);
    if (is_word(word, len)) {
        sha256(word, len, t->digest);
        t->set = true;
    } else {
        err = errbuf_set(eb, SPRAT_E_SYNTAX,
                         "%s: the token must be one word of %d to %d printable characters", path,
                         TOKEN_LEN_MIN, TOKEN_LEN_MAX);
    }
    explicit_bzero(text, whole);
    free(text);
    return err;
}

bool
token_is_shown(const struct token *t, const char *authorization, size_t len)
{
    static const char scheme[] = "Bearer ";
    uint8_t digest[SHA256_LEN], differ = 0;

    if (!t->set || len < sizeof(scheme) - 1 ||
        strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
        return false;
    authorization += sizeof(scheme) - 1;
    len -= sizeof(scheme) - 1;
    for (; len > 0 && authorization[0] == ' '; len--)
        authorization++;
    sha256(authorization, len, digest);
    for (size_t i = 0; i < SHA256_LEN; i++)
        differ |= digest[i] ^ t->digest[i];
    return differ == 0;
}
