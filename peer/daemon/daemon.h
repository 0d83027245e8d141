/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state of spratd that the methods of the control protocol use: the engine, the settings and
 * the way to end.
 */
#ifndef PEER_DAEMON_DAEMON_H
#define PEER_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/list.h"
#include "common/ev/loop.h"
#include "peer/daemon/settings.h"
#include "peer/engine/shards.h"

/* The members belong to main.c; methods read them and call daemon_stop(). */
struct daemon {
    int argc; /* the command line, which is read again at each reload of the settings */
    const char *const *argv;
    struct settings settings;
    struct log log;
    struct loop *loop;
    struct shards *shards;
    bool detached; /* detached from the terminal: log lines go to the system's log */
    bool stopping;
    struct list adding; /* torrent.add under way, in the order of the requests (methods.c) */
    bool begins_adding; /* a torrent.add that has waited is being begun */
    uint32_t late_adds; /* calls of torrent.add that were answered but still wait for a disk */
};

/* Begins to stop: saves the state and announces "stopped" to the trackers. A second call has no
 * effect. */
void daemon_stop(struct daemon *d);

#endif
