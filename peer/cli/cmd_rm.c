/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat rm: tells spratd to remove torrents. Their files are deleted only with an option for that.
 */
#include <stdio.h>
#include <string.h>

#include "peer/cli/client.h"
#include "peer/cli/command.h"
#include "peer/cli/text.h"

enum { OPT_DATA = 1, OPT_YES };

static const struct option_spec options[] = {
    {OPT_DATA, 0, "data", NULL, "delete the files of the torrents too"},
    {OPT_YES, 0, "yes", NULL, "with 'all': confirm the removal of every torrent"},
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

static int
print_removed(const json_t *r)
{
    char name[512], dir[512];

    text_fit(name, sizeof(name), client_text(r, "name"), 200);
    text_fit(dir, sizeof(dir), client_text(r, "save_dir"), 200);
    if (json_is_true(json_object_get(r, "data")))
        printf("%s: removed; its files in %s are being deleted\n", name, dir);
    else
        printf("%s: removed; its files stay in %s\n", name, dir);
    return CLI_OK;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct client_options o = {.socket = NULL};
    struct cli_args args;
    const char *value;
    bool data = false, yes = false;
    json_t *params;
    int id, got, status;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 1, CLI_OPERANDS_MAX)) > 0) {
        if (id == OPT_DATA)
            data = true;
        if (id == OPT_YES)
            yes = true;
        client_option(&o, id, value);
    }
    if (got < 0)
        return args.status;
    if (args.operand_count == 1 && strcmp(args.operands[0], CLIENT_ALL) == 0 && !yes)
        return cli_usage(self, "'all' removes every torrent of the daemon: give --yes too");
    params = json_pack("{s:b}", "data", data);
    status = client_show_each(&o, &args, "torrent.remove", params, print_removed);
    json_decref(params);
    return status;
}

const struct cli_command cli_rm = {
    .name = "rm",
    .usage = "[options] TORRENT… | all",
    .summary = "remove a torrent from the daemon",
    .details =
        "Removes torrents from the daemon. Their files stay on disk, unless --data is given. "
        "Name a torrent by its v1 or v2 info-hash, by the first digits of it (six or more), "
        "or by its name. 'all' means every torrent of the daemon and needs --yes.",
    .example = "  sprat rm --data 4d753474429d81",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
