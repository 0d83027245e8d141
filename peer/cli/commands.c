/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The list is made from CLI_COMMAND_TABLE.
 */
#include "peer/cli/commands.h"

#include <string.h>

static const struct cli_command *const commands[] = {
#define X(name) &cli_##name,
    CLI_COMMAND_TABLE(X)
#undef X
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

const struct cli_command *const *
commands_all(size_t *count)
{
    *count = COMMAND_COUNT;
    return commands;
}

const struct cli_command *
commands_find(const char *name)
{
    const struct cli_command *found = NULL;
    size_t len = strlen(name), n = 0;

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
        if (strncmp(commands[i]->name, name, len) == 0) {
            found = commands[i];
            n++;
        }
    }
    return n == 1 && len >= COMMANDS_PREFIX_MIN ? found : NULL;
}
