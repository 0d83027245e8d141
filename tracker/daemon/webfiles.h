/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files of the status page (web/), which the build embeds into the program (web/embed).
 */
#ifndef TRACKER_DAEMON_WEBFILES_H
#define TRACKER_DAEMON_WEBFILES_H

#include <stddef.h>

struct webfile {
    const char *path; /* "/status.js" */
    const char *type;
    const unsigned char *data;
    size_t len;
};

extern const struct webfile webfiles[];
extern const size_t webfiles_count;

#endif
