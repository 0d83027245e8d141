/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The width of the terminal: from the environment, from a terminal, and where there is none.
 */
#include "common/sys/terminal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Standard output is a terminal of |columns|. */
static void
become_terminal(unsigned short columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

    cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    cr_assert(slave >= 0);
    cr_assert_eq(ioctl(slave, TIOCSWINSZ, &size), 0);
    cr_assert(dup2(slave, STDOUT_FILENO) >= 0);
}

Test(terminal, columns_of_the_environment_come_first)
{
    become_terminal(100);
    setenv("COLUMNS", "60", 1);
    cr_expect_eq(terminal_columns(), 60u);
    for (size_t i = 0; i < 4; i++) {
        setenv("COLUMNS", (const char *const[]){"", "7", "401", "wide"}[i], 1);
        cr_expect_eq(terminal_columns(), 100u, "value %zu", i);
    }
}

Test(terminal, help_is_as_wide_as_a_narrow_terminal)
{
    unsetenv("COLUMNS");
    become_terminal(50);
    cr_expect_eq(terminal_help_columns(), 50u);
    become_terminal(200);
    cr_expect_eq(terminal_help_columns(), 80u);
}

Test(terminal, help_in_a_file_is_wide)
{
    cr_assert_not_null(freopen("/dev/null", "w", stdout));
    setenv("COLUMNS", "50", 1);
    cr_expect_eq(terminal_help_columns(), 80u);
}
