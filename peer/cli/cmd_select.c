/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat select: tells spratd which files of a torrent are wanted.
 */
#include "peer/cli/client.h"
#include "peer/cli/command.h"

enum { OPT_ONLY = 1, OPT_WANT, OPT_SKIP, OPT_HIGH };

static const struct option_spec options[] = {
    {OPT_ONLY, 0, "only", "PATTERN", "fetch these files and no others"},
    {OPT_WANT, 0, "want", "PATTERN", "fetch these files too"},
    {OPT_SKIP, 0, "skip", "PATTERN", "do not fetch these files any more"},
    {OPT_HIGH, 0, "high", "PATTERN", "fetch these files, before all others"},
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

static const char *const keys[] = {
    [OPT_ONLY] = "only", [OPT_WANT] = "want", [OPT_SKIP] = "skip", [OPT_HIGH] = "high"};

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct client_options o = {.socket = NULL};
    json_t *params = json_object();
    struct cli_args args;
    const char *value;
    struct errbuf eb;
    int id, got, status, err = 0;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 1, CLI_OPERANDS_MAX)) > 0) {
        if (id >= OPT_ONLY && id <= OPT_HIGH && err == 0)
            err = client_append(params, keys[id], value, &eb);
        client_option(&o, id, value);
    }
    if (got < 0)
        status = args.status;
    else if (err != 0)
        status = cli_fail("%s", eb.text);
    else if (json_object_size(params) == 0)
        status = cli_usage(self, "say which files: --only, --want, --skip or --high");
    else
        status = client_show_each(&o, &args, "torrent.select", params, NULL);
    json_decref(params);
    return status;
}

const struct cli_command cli_select = {
    .name = "select",
    .usage = "[options] TORRENT… | all",
    .summary = "choose which files of a torrent to fetch",
    .details =
        "Changes which files of a torrent are fetched, also during the download. If a file is "
        "not wanted any more, its data on disk stays. A pattern is the path of a file or a "
        "folder below the torrent's folder, or the name of a file; * and ? are wildcards. The "
        "options are applied in the order --only, --want, --skip, --high, and each may be "
        "given several times. Name a torrent by its v1 or v2 info-hash, by the first digits "
        "of it (six or more), or by its name. 'all' means every torrent of the daemon.",
    .example = "  sprat select album --skip '*.flac' --high cover.jpg",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
