/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat rm: tells spratd to forget torrents, and only when asked to, to delete their files.
 */
#include <string.h>
#include <unistd.h>

#include "peer/cli/client.h"
#include "peer/cli/command.h"

enum { OPT_DATA = 1, OPT_YES };

static const struct option_spec options[] = {
    {OPT_DATA, 0, "data", NULL, "delete the downloaded files too"},
    {OPT_YES, 0, "yes", NULL, "with 'all': remove every torrent"},
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

static int
remove_one(int fd, const struct client_options *o, const char *torrent, bool data)
{
    struct errbuf eb;
    json_t *result = NULL;
    int status = CLI_OK;
    json_t *params = json_pack("{s:s, s:b}", "torrent", torrent, "data", data);

    if (client_call(fd, "torrent.remove", params, &result, &eb) != 0)
        return cli_fail("%s", eb.text);
    if (o->json)
        status = client_print_json(result);
    json_decref(result);
    return status;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct client_options o = {.socket = NULL};
    struct cli_args args;
    struct errbuf eb;
    const char *value;
    json_t *torrents = NULL, *each;
    bool data = false, yes = false;
    size_t i;
    int id, got, fd, status = CLI_OK;

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
    fd = client_connect(&o, &eb);
    if (fd < 0)
        return cli_fail("%s", eb.text);
    if (client_torrents(fd, &args, &torrents, &eb) != 0)
        status = cli_fail("%s", eb.text);
    json_array_foreach(torrents, i, each)
        if (remove_one(fd, &o, json_string_value(each), data) != CLI_OK)
            status = CLI_FAILED;
    json_decref(torrents);
    close(fd);
    return status;
}

const struct cli_command cli_rm = {
    .name = "rm",
    .usage = "[--data] [options] TORRENT… | all",
    .summary = "remove a torrent from the daemon",
    .details = "Stops torrents and forgets them. Their files stay, unless --data is given.\n"
               "'all' is every torrent, and needs --yes.",
    .example = "  sprat rm --data 4d753474429d81",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
