/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cleans names and joins paths. The input is untrusted; the output can be joined to a directory.
 * Does not compare with other files: see metainfo_unique.c.
 */
#include "common/codec/metainfo_path.h"

#include <string.h>

#include "common/base/utf8.h"

enum {
    /* As in libtorrent: a name that is too long is truncated to CUT_LEN, and its extension is
     * appended, if that has at most EXTENSION_MAX bytes including the dot. */
    CUT_LEN = 240,
    EXTENSION_MAX = 9,
};

/* Appends the characters of |s| that are allowed in a name. */
static size_t
append_clean(const uint8_t *s, size_t len, char *out, size_t used, size_t max)
{
    for (size_t i = 0; i < len;) {
        uint32_t cp = 0;
        unsigned n = utf8_decode(s + i, len - i, &cp);
        bool drop = n > 0 && (cp == 0 || cp == '/');
        bool replace = n == 0 || cp < 0x20;
        unsigned adds = drop ? 0 : replace ? 1 : n;

        if (adds > max - used)
            break;
        if (adds > 0 && replace)
            out[used] = '_';
        else
            memcpy(out + used, s + i, adds);
        used += adds;
        i += n > 0 ? n : 1;
    }
    return used;
}

/* Truncates the |used| bytes of the clean form of |s|, and appends its extension again, if that is
 * short. libtorrent truncates after the character that reaches CUT_LEN. */
static size_t
shorten(const uint8_t *s, size_t len, char *out, size_t used)
{
    size_t cut = CUT_LEN;

    while (cut < used && ((uint8_t)out[cut] & 0xc0) == 0x80)
        cut++;
    for (size_t n = 1; n <= EXTENSION_MAX && n < len; n++)
        if (s[len - n] == '.')
            return append_clean(s + len - n, n, out, cut, METAINFO_NAME_MAX);
    return cut;
}

static bool
means_nothing(const char *name, size_t len)
{
    size_t backslashes = 0;

    while (backslashes < len && name[backslashes] == '\\')
        backslashes++;
    return backslashes == len || (len == 1 && name[0] == '.') ||
           (len == 2 && name[0] == '.' && name[1] == '.');
}

size_t
metainfo_name_clean(const uint8_t *s, size_t len, char out[METAINFO_NAME_MAX + 1])
{
    char longer[METAINFO_NAME_MAX + 4];
    size_t used = append_clean(s, len, longer, 0, sizeof(longer));

    if (used > METAINFO_NAME_MAX)
        used = shorten(s, len, longer, used);
    if (means_nothing(longer, used))
        used = 0;
    memcpy(out, longer, used);
    out[used] = '\0';
    return used;
}

void
metainfo_path_init(struct metainfo_path *p)
{
    p->text[0] = '\0';
    p->len = 0;
    p->too_long = false;
}

void
metainfo_path_add_clean(struct metainfo_path *p, const char *name)
{
    size_t len = strlen(name);
    size_t slash = p->len > 0;

    if (len + slash > METAINFO_PATH_MAX - p->len) {
        p->too_long = true;
        return;
    }
    if (slash)
        p->text[p->len++] = '/';
    memcpy(p->text + p->len, name, len + 1);
    p->len += len;
}

bool
metainfo_path_add(struct metainfo_path *p, const uint8_t *s, size_t len)
{
    char name[METAINFO_NAME_MAX + 1];

    if (metainfo_name_clean(s, len, name) == 0)
        return false;
    metainfo_path_add_clean(p, name);
    return true;
}

void
metainfo_path_cut(struct metainfo_path *p, size_t len)
{
    p->len = len;
    p->text[len] = '\0';
}

bool
metainfo_is_old_pad(const char *path)
{
    static const char prefix[] = "_____padding_file_";
    const char *slash = strrchr(path, '/');

    return strncmp(slash != NULL ? slash + 1 : path, prefix, sizeof(prefix) - 1) == 0;
}
