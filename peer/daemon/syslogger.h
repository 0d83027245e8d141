/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes log lines to syslog. The module is separate because <syslog.h> and common/base/log.h
 * define the same names.
 */
#ifndef PEER_DAEMON_SYSLOGGER_H
#define PEER_DAEMON_SYSLOGGER_H

/* |importance|: 0 error, 1 warning, 2 info, 3 debug, as enum log_level counts. */
void syslogger_write(int importance, const char *line);

#endif
