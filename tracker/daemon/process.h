/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker as a process: starts and stops its parts, and handles signals.
 */
#ifndef TRACKER_DAEMON_PROCESS_H
#define TRACKER_DAEMON_PROCESS_H

#include "tracker/operator/settings.h"

/* Runs until SIGTERM or SIGINT. |settings| were read from the command line: |argc| words at |argv|
 * after the program's name, which SIGHUP reads again. Returns the exit status; errors are printed
 * on stderr. */
int process_run(const struct settings *settings, int argc, const char *const *argv);

#endif
