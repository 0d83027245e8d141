/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat shutdown: ends spratd cleanly, and waits until it is gone.
 */
#include <unistd.h>

#include "peer/cli/client.h"
#include "peer/cli/command.h"

static const struct option_spec options[] = {
    CLIENT_SOCKET_ROW,
    CLI_HELP_ROW,
};

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct client_options o;
    struct cli_args args;
    struct errbuf eb;
    json_t *result = NULL;
    char rest[64];
    int err, fd = client_begin(self, argc, argv, 0, 0, &args, &o);

    if (fd < 0)
        return args.status;
    err = client_call(fd, "daemon.shutdown", NULL, &result, &eb);
    json_decref(result);
    /* spratd closes the connection when all torrents are saved and the state directory is free. */
    while (err == 0 && read(fd, rest, sizeof(rest)) > 0)
        continue;
    close(fd);
    return err == 0 ? CLI_OK : cli_fail("%s", eb.text);
}

const struct cli_command cli_shutdown = {
    .name = "shutdown",
    .usage = "[options]",
    .summary = "stop the daemon",
    .details =
        "Stops spratd: it saves its state and tells the trackers. The command returns when "
        "the daemon has ended.",
    .example = "  sprat shutdown --socket /run/user/1000/sprat/spratd.sock",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
