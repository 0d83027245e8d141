/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The list of info-hashes that the settings name, read from its file.
 */
#ifndef TRACKER_DAEMON_LISTFILE_H
#define TRACKER_DAEMON_LISTFILE_H

#include "tracker/core/tracker.h"
#include "tracker/operator/settings.h"

enum { LISTFILE_MAX = 1 << 30 }; /* bytes */

struct listfile {
    enum tracker_mode mode;
    struct hashlist *list; /* owned; NULL for TRACKER_OPEN */
};

/* Reads what |s| names. On an error |*f| is untouched and |eb| names the file, and the line. */
int listfile_read(struct listfile *f, const struct settings *s, struct errbuf *eb);

#endif
