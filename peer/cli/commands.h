/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The list of the subcommands of sprat. A subcommand knows no other, so only this module refers to
 * all of them.
 */
#ifndef PEER_CLI_COMMANDS_H
#define PEER_CLI_COMMANDS_H

#include "peer/cli/command.h"

enum { COMMANDS_PREFIX_MIN = 2 }; /* minimum letters of an abbreviated name */

/* Returns all subcommands in the order of the help, |*count| in number. */
const struct cli_command *const *commands_all(size_t *count);

/* Finds a subcommand by its name, or by a beginning that no other name has; NULL if there is none.
 */
const struct cli_command *commands_find(const char *name);

#endif
