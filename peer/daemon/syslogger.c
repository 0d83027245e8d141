/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The C library connects to the log service at the first line, and adds the program's name.
 */
#include "peer/daemon/syslogger.h"

#include <syslog.h>

void
syslogger_write(int importance, const char *line)
{
    static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

    syslog(LOG_DAEMON | priorities[importance], "%s", line);
}
