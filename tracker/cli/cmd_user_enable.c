/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker user enable, user disable: accepts or refuses the announces of a user.
 */
#include "tracker/cli/command.h"

static const struct option_spec options[] = {COMMAND_ROWS};

static int
set_enabled(struct command_call *c, bool enabled)
{
    struct errbuf eb = {""};
    struct registry_user u;
    int err = registry_find_user(c->registry, c->operands[0], &u, &eb);

    if (err == 0 && u.enabled != enabled) {
        u.enabled = enabled;
        err = registry_set_user(c->registry, &u, &eb);
    }
    return err == 0 ? COMMAND_OK : command_fail("%s", eb.text);
}

static int
enable(struct command_call *c)
{
    return set_enabled(c, true);
}

static int
disable(struct command_call *c)
{
    return set_enabled(c, false);
}

const struct command command_user_enable = {
    .group = "user",
    .name = "enable",
    .usage = "NAME [options]",
    .summary = "let a user announce again",
    .details = "Undoes 'user disable'. A running tracker follows within a second.",
    .example = "  sprat-tracker user enable anna --database tracker.db",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operands_min = 1,
    .operands_max = 1,
    .run = enable,
};

const struct command command_user_disable = {
    .group = "user",
    .name = "disable",
    .usage = "NAME [options]",
    .summary = "refuse a user's announces",
    .details = "The user's announces are refused with a reason; their account and passkeys stay.\n"
               "A running tracker follows within a second.",
    .example = "  sprat-tracker user disable anna --database tracker.db",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operands_min = 1,
    .operands_max = 1,
    .run = disable,
};
