/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SIGHUP: the configuration is read again, and all of it or nothing is put to use.
 */
#ifndef PEER_DAEMON_RELOAD_H
#define PEER_DAEMON_RELOAD_H

#include "peer/daemon/daemon.h"

/* Reads command line and configuration file as at the start. A file with a mistake changes nothing
 * and is logged with its line. Else what can change while spratd runs does, each change is logged,
 * and so is each setting that waits for a restart. */
void reload_run(struct daemon *d);

#endif
