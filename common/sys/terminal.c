/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asks the environment first, as users and tests can change it.
 */
#include "common/sys/terminal.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/base/parse.h"

unsigned
terminal_columns(void)
{
    const char *env = getenv("COLUMNS");
    struct winsize size;
    uint64_t columns;

    if (env != NULL && parse_u64(env, TERMINAL_COLUMNS_MIN, TERMINAL_COLUMNS_MAX, &columns) == 0)
        return (unsigned)columns;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= TERMINAL_COLUMNS_MIN)
        return size.ws_col;
    return TERMINAL_HELP_COLUMNS;
}

unsigned
terminal_help_columns(void)
{
    unsigned columns = isatty(STDOUT_FILENO) ? terminal_columns() : TERMINAL_HELP_COLUMNS;

    return columns < TERMINAL_HELP_COLUMNS ? columns : TERMINAL_HELP_COLUMNS;
}
