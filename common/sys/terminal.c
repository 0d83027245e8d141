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

/* The number in the environment; 0 if there is none from |min| to TERMINAL_COLUMNS_MAX. */
static unsigned
from_env(const char *name, unsigned min)
{
    const char *text = getenv(name);
    uint64_t n;

    return text != NULL && parse_u64(text, min, TERMINAL_COLUMNS_MAX, &n) == 0 ? (unsigned)n : 0;
}

unsigned
terminal_columns(void)
{
    unsigned columns = from_env("COLUMNS", TERMINAL_COLUMNS_MIN);
    struct winsize size;

    if (columns > 0)
        return columns;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= TERMINAL_COLUMNS_MIN)
        return size.ws_col;
    return TERMINAL_HELP_COLUMNS;
}

unsigned
terminal_lines(void)
{
    unsigned lines = from_env("LINES", TERMINAL_LINES_MIN);
    struct winsize size;

    if (lines > 0)
        return lines;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row >= TERMINAL_LINES_MIN)
        return size.ws_row;
    return TERMINAL_LINES;
}

unsigned
terminal_help_columns(void)
{
    unsigned columns = isatty(STDOUT_FILENO) ? terminal_columns() : TERMINAL_HELP_COLUMNS;

    return columns < TERMINAL_HELP_COLUMNS ? columns : TERMINAL_HELP_COLUMNS;
}
