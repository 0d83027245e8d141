/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat resume: tells spratd to resume torrents.
 */
#include "peer/cli/client.h"
#include "peer/cli/command.h"

enum { OPT_ADOPT = 1, OPT_REFETCH };

static const struct option_spec options[] = {
    {OPT_REFETCH, 0, "refetch", NULL, "fetch again what was fetched before and is not there"},
    {OPT_ADOPT, 0, "adopt", NULL, "overwrite files of the same names that have other content"},
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    static const struct client_flag flags[] = {
        {OPT_ADOPT, "adopt"}, {OPT_REFETCH, "refetch"}, {0, NULL}};

    return client_for_each_with(self, argc, argv, "torrent.resume", flags);
}

const struct cli_command cli_resume = {
    .name = "resume",
    .usage = "[options] TORRENT… | all",
    .summary = "go on with a paused torrent",
    .details =
        "Goes on with paused torrents, and tries again those that an error stopped. A torrent is\n"
        "named by its info-hash (v1 or v2, at least 6 digits) or by its name.",
    .example = "  sprat resume 4d753474429d81",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
