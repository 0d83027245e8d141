/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of the operator's commands: finding the command that a command line names, reading its
 * arguments, opening its database and running it.
 */
#ifndef TRACKER_CLI_COMMANDS_H
#define TRACKER_CLI_COMMANDS_H

#include <stdbool.h>

/* Whether |word| is the first word of a command. */
bool commands_is_group(const char *word);

/* The first word of a command that is nearest to |word|, or NULL. */
const char *commands_nearest_group(const char *word);

/* Runs the command that |argc| words at |argv| begin with, and returns the exit status. */
int commands_main(int argc, const char *const *argv);

/* Prints the answer (common/base/complete.h) for |argc| words behind sprat-tracker, the last of
 * which is being typed: commands, and the daemon's options where none was named. */
void commands_complete(int argc, const char *const *argv);

#endif
