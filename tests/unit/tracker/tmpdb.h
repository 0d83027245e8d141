/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A registry in a folder of its own, for tests.
 */
#ifndef TESTS_UNIT_TRACKER_TMPDB_H
#define TESTS_UNIT_TRACKER_TMPDB_H

#include "tracker/store/registry.h"

struct tmpdb {
    char dir[64];
    char path[80];
    struct registry *registry;
};

/* With one user (id 1) and |torrents| torrents, whose ids are 1 and up. */
void tmpdb_open(struct tmpdb *t, unsigned torrents);
void tmpdb_close(struct tmpdb *t);

#endif
