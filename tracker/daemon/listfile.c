/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the whole file into memory, and parses it into a hashlist.
 */
#include "tracker/daemon/listfile.h"

#include <stdlib.h>

#include "common/sys/file.h"

int
listfile_read(struct listfile *f, const struct settings *s, struct errbuf *eb)
{
    const char *path = s->allow_list[0] != '\0' ? s->allow_list : s->deny_list;
    struct errbuf reason = {""};
    uint8_t *text;
    size_t len;
    int err;

    if (path[0] == '\0') {
        *f = (struct listfile){.mode = TRACKER_OPEN};
        return 0;
    }
    err = file_read(path, LISTFILE_MAX, &text, &len, eb);
    if (err != 0)
        return err;
    err = hashlist_parse((const char *)text, len, &f->list, &reason);
    free(text);
    if (err != 0)
        return errbuf_set(eb, err, "%s: %s", path, reason.text);
    f->mode = path == s->allow_list ? TRACKER_ALLOW : TRACKER_DENY;
    return 0;
}
