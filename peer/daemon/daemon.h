/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the methods of the control protocol work on: the engine and how to end it.
 */
#ifndef PEER_DAEMON_DAEMON_H
#define PEER_DAEMON_DAEMON_H

#include <stdbool.h>

#include "common/ev/loop.h"
#include "peer/daemon/settings.h"
#include "peer/engine/shards.h"

/* Members are the daemon's; methods read them and call daemon_stop(). */
struct daemon {
    int argc; /* the command line, which counts again when the settings are read again */
    const char *const *argv;
    struct settings settings;
    struct log log;
    struct loop *loop;
    struct shards *shards;
    bool detached; /* from the terminal: lines go to the system's log */
    bool stopping;
    bool hurried;
};

/* Begins the end: state is saved and trackers are told. Again: no effect. */
void daemon_stop(struct daemon *d);

#endif
