/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A private directory for the time of a command, in memory where the system has such a place. The
 * directory of a command that was killed is removed by the next command that makes one.
 */
#ifndef PEER_CLI_TEMPDIR_H
#define PEER_CLI_TEMPDIR_H

#include "common/base/err.h"

enum { TEMPDIR_PATH_MAX = 256 };

/* Embedded; |path| may be read. */
struct tempdir {
    char path[TEMPDIR_PATH_MAX];
    int lock; /* the open directory: its lock shows that its command still runs */
};

/* Makes the directory. Errors of the system, with a sentence. */
int tempdir_init(struct tempdir *d, struct errbuf *eb);
/* Removes it with all that is in it. */
void tempdir_fini(struct tempdir *d);

#endif
