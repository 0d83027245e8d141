/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The C library opens the connection at the first line, under the program's name.
 */
#include "peer/daemon/syslogger.h"

#include <syslog.h>

void
syslogger_write(int importance, const char *line)
{
    static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

    syslog(LOG_DAEMON | priorities[importance], "%s", line);
}
