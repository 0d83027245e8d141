/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Copies users and torrents from the registry into the members' table: all of them at the start,
 * later the changes.
 */
#ifndef TRACKER_DAEMON_MEMBERFEED_H
#define TRACKER_DAEMON_MEMBERFEED_H

#include "common/base/log.h"
#include "tracker/net/members.h"
#include "tracker/store/registry.h"

/* Embedded; private. All members are borrowed. */
struct memberfeed {
    const struct log *log;
    struct registry *registry;
    struct members *members;
    int64_t change, data_version;
};

/* Fills the table. Errors as registry_data_version() and registry_read_changes(). */
int memberfeed_init(struct memberfeed *f, struct registry *r, struct members *m,
                    const struct log *log, struct errbuf *eb);

/* Copies the changes of other processes since the last call. After an error, which is logged, the
 * next call tries again. */
void memberfeed_look(struct memberfeed *f);

/* Copies the changes that this process has just made, which memberfeed_look() would not notice. */
void memberfeed_read(struct memberfeed *f);

#endif
