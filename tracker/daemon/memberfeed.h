/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the registry into the members' table: all of it at the start, later what has changed.
 */
#ifndef TRACKER_DAEMON_MEMBERFEED_H
#define TRACKER_DAEMON_MEMBERFEED_H

#include "common/base/log.h"
#include "tracker/net/members.h"
#include "tracker/store/registry.h"

/* Embedded; private. All is borrowed. */
struct memberfeed {
    const struct log *log;
    struct registry *registry;
    struct members *members;
    int64_t change, data_version;
};

/* Fills the table. Errors as registry_data_version() and registry_read_changes(). */
int memberfeed_init(struct memberfeed *f, struct registry *r, struct members *m,
                    const struct log *log, struct errbuf *eb);

/* Brings it up to date with what other processes, or this one, have changed. What can't be read is
 * logged and waits for the next call. */
void memberfeed_look(struct memberfeed *f);

/* The same for what this process has just changed, which memberfeed_look() would not notice. */
void memberfeed_read(struct memberfeed *f);

#endif
