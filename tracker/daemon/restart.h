/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which settings a reload puts to use, and which wait for a restart: one table that has them all.
 */
#ifndef TRACKER_DAEMON_RESTART_H
#define TRACKER_DAEMON_RESTART_H

#include "tracker/operator/settings.h"

enum restart_when {
    RESTART_NOT_NEEDED, /* reload_use() tells all that depend on the setting */
    RESTART_NEEDED,
};

/* When a change of the setting with this name takes effect. NOTFOUND: there is no such setting. */
int restart_when(const char *name, enum restart_when *out);

enum { RESTART_NAMES_MAX = 1024 };

/* Sets each setting of |s| that needs a restart back to its value in |in_use|, so that |s| says
 * what is in use after a reload. |names| gets the names of those that differed, as "workers,
 * state-file"; "" if there are none. */
void restart_hold(const struct settings *in_use, struct settings *s, char names[RESTART_NAMES_MAX]);

#endif
