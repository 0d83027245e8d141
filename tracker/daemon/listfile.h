/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the allow-list or deny-list of info-hashes from the file that the settings name.
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

/* Reads the list that |s| names. On an error |*f| is untouched and |eb| names the file and the
 * line. */
int listfile_read(struct listfile *f, const struct settings *s, struct errbuf *eb);

#endif
