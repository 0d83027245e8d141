/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A number in a file, and the order in which ports are tried.
 */
#include "peer/engine/fixedport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/sys/file.h"

enum { FILE_LEN_MAX = 16, PATH_LEN_MAX = 4096 };

static bool
path_of(const char *state_dir, char path[PATH_LEN_MAX])
{
    int len = snprintf(path, PATH_LEN_MAX, "%s/listen-port", state_dir);

    return len > 0 && len < PATH_LEN_MAX;
}

uint16_t
fixedport_read(const char *state_dir)
{
    char path[PATH_LEN_MAX];
    uint8_t *data;
    uint64_t port = 0;
    size_t len;

    if (!path_of(state_dir, path) || file_read(path, FILE_LEN_MAX, &data, &len, NULL) != 0)
        return 0;
    data[strcspn((const char *)data, "\n")] = '\0';
    if (parse_u64((const char *)data, 1, UINT16_MAX, &port) != 0)
        port = 0;
    free(data);
    return (uint16_t)port;
}

int
fixedport_write(const char *state_dir, uint16_t port, struct errbuf *eb)
{
    char path[PATH_LEN_MAX], text[FILE_LEN_MAX];
    int len = snprintf(text, sizeof(text), "%u\n", (unsigned)port);

    if (!path_of(state_dir, path))
        return errbuf_set(eb, SPRAT_E_TOOBIG, "%.200s…: the path is too long", state_dir);
    return file_write(path, text, (size_t)len, 0600, FILE_REPLACE, eb);
}

bool
fixedport_candidate(unsigned n, uint16_t remembered, uint16_t *port)
{
    const unsigned range = FIXEDPORT_LAST - FIXEDPORT_FIRST + 1;

    if (remembered != 0 && n == 0) {
        *port = remembered;
        return true;
    }
    n -= remembered != 0;
    *port = n < range ? (uint16_t)(FIXEDPORT_FIRST + n) : 0;
    return n < range + FIXEDPORT_ANY_TRIES;
}
