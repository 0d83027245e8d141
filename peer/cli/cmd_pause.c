/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat pause: tells spratd to pause torrents.
 */
#include "peer/cli/client.h"
#include "peer/cli/command.h"

static const struct option_spec options[] = {
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    return client_for_each(self, argc, argv, "torrent.pause");
}

const struct cli_command cli_pause = {
    .name = "pause",
    .usage = "[options] TORRENT… | all",
    .summary = "stop the transfers of a torrent",
    .details =
        "Stops all transfers of the torrents; the daemon remembers it. A torrent is named by its\n"
        "info-hash (v1 or v2, at least 6 digits) or by its name, if only one has it.",
    .example = "  sprat pause 4d753474429d81",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
