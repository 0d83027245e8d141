/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reloads the configuration on SIGHUP, completely or, after an error in it, not at all.
 */
#ifndef PEER_DAEMON_RELOAD_H
#define PEER_DAEMON_RELOAD_H

#include "peer/daemon/daemon.h"

/* Reads command line and configuration file as at the start. An error in the file changes nothing
 * and is logged with its line. Otherwise the settings that can change at run time change, and each
 * change and each setting that needs a restart is logged. */
void reload_run(struct daemon *d);

#endif
