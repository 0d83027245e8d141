/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker check: checks the database for damage.
 */
#include <stdio.h>

#include "tracker/cli/command.h"

static const struct option_spec options[] = {COMMAND_ROWS};

static int
run(struct command_call *c)
{
    struct errbuf eb = {""};

    if (registry_check(c->registry, &eb) != 0)
        return command_fail("%s", eb.text);
    printf("%s: no damage was found\n", c->settings.database);
    return COMMAND_OK;
}

const struct command command_check = {
    .group = "check",
    .usage = "[options]",
    .summary = "check the database for damage",
    .details =
        "Reads the whole database and its indexes, which takes seconds for 100 MB. The tracker\n"
        "itself checks the database only when it starts after a crash.",
    .example = "  sprat-tracker check -c sprat-tracker.conf",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
