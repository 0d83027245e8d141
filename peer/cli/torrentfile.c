/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads at most METAINFO_SIZE_MAX bytes, then parses them. Error sentences begin with the file.
 */
#include "peer/cli/torrentfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ds/buf.h"
#include "common/sys/file.h"

enum { STDIN_CHUNK = 64 * 1024 };

static int
read_stdin(uint8_t **data, size_t *len, struct errbuf *eb)
{
    struct buf b;
    size_t n = 1;

    buf_init(&b, METAINFO_SIZE_MAX);
    while (n > 0 && b.err == 0) {
        uint8_t *room = buf_room(&b, STDIN_CHUNK);

        n = room != NULL ? fread(room, 1, STDIN_CHUNK, stdin) : 0;
        buf_grew(&b, n);
    }
    if (b.err == 0 && ferror(stdin))
        b.err = SPRAT_E_IO;
    if (b.err != 0) {
        int err = errbuf_set(eb, b.err, "standard input: %s", sprat_strerror(b.err));

        buf_fini(&b);
        return err;
    }
    *data = buf_take(&b, len);
    if (*data == NULL)
        *len = 0;
    return 0;
}

int
torrentfile_load(const char *path, struct metainfo **out, struct errbuf *eb)
{
    bool from_stdin = strcmp(path, "-") == 0;
    struct errbuf why;
    uint8_t *data = NULL;
    size_t len = 0;
    int err;

    err = from_stdin ? read_stdin(&data, &len, eb)
                     : file_read(path, METAINFO_SIZE_MAX, &data, &len, eb);
    if (err != 0)
        return err;
    err = metainfo_parse(data != NULL ? data : (const uint8_t *)"", len, out, &why);
    if (err != 0)
        errbuf_set(eb, err, "%s: %s", from_stdin ? "standard input" : path, why.text);
    free(data);
    return err;
}

bool
torrentfile_is_magnet(const char *text)
{
    return strncasecmp(text, "magnet:", 7) == 0;
}

static void
add_all(struct cli_list *to, char *const *from, size_t count)
{
    for (size_t i = 0; i < count && to->count < CLI_LIST_MAX; i++)
        to->items[to->count++] = from[i];
}

void
torrentfile_take_link(const struct torrent_link *link, struct cli_list *trackers,
                      struct cli_list *peers)
{
    add_all(trackers, link->magnet->trackers, link->magnet->tracker_count);
    add_all(peers, link->peers, link->magnet->peer_count);
}
