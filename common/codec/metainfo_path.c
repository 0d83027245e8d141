/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cleaning of names and joining of paths. What comes in was chosen by a stranger; what goes out can
 * be joined to a directory. Knows nothing of other files: see metainfo_unique.c.
 */
#include "common/codec/metainfo_path.h"

#include <string.h>

#include "common/codec/utf8.h"

enum { EXTENSION_MAX = 10 };

/* Appends the characters of |s| that a name may hold, up to |max| bytes in all. Returns false if
 * some did not fit. */
static bool
append_clean(const uint8_t *s, size_t len, char *out, size_t *used, size_t max)
{
    for (size_t i = 0; i < len;) {
        uint32_t cp = 0;
        unsigned n = utf8_decode(s + i, len - i, &cp);
        bool drop = n > 0 && (cp == 0 || cp == '/' || (cp > 0xff && utf8_is_control(cp)));
        bool replace = n == 0 || utf8_is_control(cp);
        unsigned adds = drop ? 0 : replace ? 1 : n;

        if (adds > max - *used)
            return false;
        if (adds > 0 && replace)
            out[*used] = '_';
        else
            memcpy(out + *used, s + i, adds);
        *used += adds;
        i += n > 0 ? n : 1;
    }
    return true;
}

/* Cuts |out| to |max| bytes without cutting a character. */
static size_t
cut_text(const char *out, size_t used, size_t max)
{
    if (used <= max)
        return used;
    while (max > 0 && ((uint8_t)out[max] & 0xc0) == 0x80)
        max--;
    return max;
}

/* Ends a name that was too long with its extension, if it has a short one. */
static size_t
keep_extension(const uint8_t *s, size_t len, char *out, size_t used)
{
    for (size_t n = 2; n <= EXTENSION_MAX; n++) {
        if (s[len - n] == '.') {
            used = cut_text(out, used, METAINFO_NAME_MAX - n);
            append_clean(s + len - n, n, out, &used, METAINFO_NAME_MAX);
            break;
        }
    }
    return used;
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
    size_t used = 0;

    if (!append_clean(s, len, out, &used, METAINFO_NAME_MAX))
        used = keep_extension(s, len, out, used);
    if (means_nothing(out, used))
        used = 0;
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
