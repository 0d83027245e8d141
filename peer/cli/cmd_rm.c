/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat rm: tells spratd to forget torrents, and only when asked to, to delete their files.
 */
#include <unistd.h>

#include "peer/cli/client.h"
#include "peer/cli/command.h"

enum { OPT_DATA = 1 };

static const struct option_spec options[] = {
    {OPT_DATA, 0, "data", NULL, "delete the downloaded files too"},
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
    bool data = false;
    int id, got, fd, status = CLI_OK;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 1, CLI_OPERANDS_MAX)) > 0) {
        if (id == OPT_DATA)
            data = true;
        client_option(&o, id, value);
    }
    if (got < 0)
        return args.status;
    fd = client_connect(&o, &eb);
    if (fd < 0)
        return cli_fail("%s", eb.text);
    for (size_t i = 0; i < args.operand_count; i++)
        if (remove_one(fd, &o, args.operands[i], data) != CLI_OK)
            status = CLI_FAILED;
    close(fd);
    return status;
}

const struct cli_command cli_rm = {
    .name = "rm",
    .usage = "[options] TORRENT…",
    .summary = "remove a torrent from the daemon",
    .details = "Stops torrents and forgets them. Their files stay, unless --data is given.",
    .example = "  sprat rm --data 4d753474429d81",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
