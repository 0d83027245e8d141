/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The width of the terminal on standard output.
 */
#ifndef COMMON_SYS_TERMINAL_H
#define COMMON_SYS_TERMINAL_H

enum {
    TERMINAL_COLUMNS_MIN = 8,
    TERMINAL_COLUMNS_MAX = 400,
    TERMINAL_LINES_MIN = 2,
    TERMINAL_LINES = 24,
    TERMINAL_HELP_COLUMNS = 80, /* help is not wider, so that its lines stay easy to read */
};

/* The number of columns: $COLUMNS if that is a number from TERMINAL_COLUMNS_MIN to
 * TERMINAL_COLUMNS_MAX, else what the terminal says, else 80. */
unsigned terminal_columns(void);

/* The number of lines: $LINES if that is a number from TERMINAL_LINES_MIN to TERMINAL_COLUMNS_MAX,
 * else what the terminal on standard output says, else TERMINAL_LINES. */
unsigned terminal_lines(void);

/* The width for the text of --help: TERMINAL_HELP_COLUMNS, or less on a narrower terminal. */
unsigned terminal_help_columns(void);

#endif
