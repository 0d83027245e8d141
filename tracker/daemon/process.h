/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker as a process: workers, what they share, and what the operator does with it as a
 * whole: signals, saving, numbers.
 */
#ifndef TRACKER_DAEMON_PROCESS_H
#define TRACKER_DAEMON_PROCESS_H

#include "tracker/operator/settings.h"

/* Runs until SIGTERM or SIGINT. |argc| words at |argv| are the command line behind the program's
 * name, which SIGHUP has read again, and |settings| what it said at first. An error is said on
 * stderr. */
int process_run(const struct settings *settings, int argc, const char *const *argv);

#endif
