/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A table that says of each setting whether a reload applies its change, or whether the change
 * needs a restart.
 */
#ifndef TRACKER_DAEMON_RESTART_H
#define TRACKER_DAEMON_RESTART_H

#include "tracker/operator/settings.h"

enum restart_when {
    RESTART_NOT_NEEDED, /* reload_use() applies the change to all parts that depend on it */
    RESTART_NEEDED,
};

/* Returns in |*out| when a change of the setting |name| takes effect. NOTFOUND: no such setting. */
int restart_when(const char *name, enum restart_when *out);

enum { RESTART_NAMES_MAX = 1024 };

/* Sets each setting of |s| whose change needs a restart back to its value in |in_use|, so that |s|
 * has the values in use after a reload. |names| gets the names of those that differed, as "workers,
 * state-file"; "" if none did. */
void restart_hold(const struct settings *in_use, struct settings *s, char names[RESTART_NAMES_MAX]);

#endif
