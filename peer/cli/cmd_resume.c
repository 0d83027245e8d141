/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat resume: tells spratd to resume torrents.
 */
#include "peer/cli/client.h"
#include "peer/cli/command.h"

enum { OPT_ADOPT = 1, OPT_REFETCH };

static const struct option_spec options[] = {
    {OPT_REFETCH, 0, "refetch", NULL,
     "download data again that was downloaded before and is missing now"},
    {OPT_ADOPT, 0, "adopt", NULL, "overwrite existing files even if none of their pieces matches"},
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    static const struct client_flag flags[] = {
        {OPT_ADOPT, "adopt"}, {OPT_REFETCH, "refetch"}, {0, NULL}};

    return client_for_each(self, argc, argv, "torrent.resume", flags);
}

const struct cli_command cli_resume = {
    .name = "resume",
    .usage = "[options] TORRENT… | all",
    .summary = "resume a paused torrent",
    .details =
        "Resumes paused torrents, and retries torrents that an error stopped. Name a torrent "
        "by its v1 or v2 info-hash, by the first digits of it (six or more), or by its name. "
        "'all' means every torrent of the daemon.",
    .example = "  sprat resume 4d753474429d81",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
