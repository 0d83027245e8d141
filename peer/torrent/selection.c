/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compares patterns with the paths of a torrent.
 */
#include "peer/torrent/selection.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <string.h>

/* Maximum of * in a pattern: the time of matching grows with the power of this number. */
enum { STARS_MAX = 6 };

static bool
matches(const char *pattern, const char *path)
{
    const char *below = strchr(path, '/'), *name = strrchr(path, '/');

    return fnmatch(pattern, path, FNM_LEADING_DIR) == 0 ||
           (below != NULL && fnmatch(pattern, below + 1, FNM_LEADING_DIR) == 0) ||
           (name != NULL && fnmatch(pattern, name + 1, 0) == 0);
}

int
selection_set(const struct metainfo *mi, const char *pattern, enum file_priority priority,
              uint8_t *selection, struct errbuf *eb)
{
    char text[256];
    size_t len = strlen(pattern);
    bool found = false;
    int stars = 0;

    if (len >= sizeof(text))
        return errbuf_set(eb, SPRAT_E_INVAL, "a pattern may have %zu bytes", sizeof(text) - 1);
    for (size_t i = 0; i < len; i++)
        stars += pattern[i] == '*' || pattern[i] == '(';
    if (stars > STARS_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL, "a pattern may have %d wildcards", STARS_MAX);
    memcpy(text, pattern, len + 1);
    if (len > 1 && text[len - 1] == '/')
        text[len - 1] = '\0'; /* a folder, as shells complete it */
    for (size_t i = 0; i < mi->file_count; i++) {
        if ((mi->files[i].attr & ATTR_PAD) != 0 || !matches(text, mi->files[i].path))
            continue;
        selection[i] = (uint8_t)priority;
        found = true;
    }
    return found
               ? 0
               : errbuf_set(eb, SPRAT_E_NOTFOUND, "no file of %s matches '%s'", mi->name, pattern);
}
