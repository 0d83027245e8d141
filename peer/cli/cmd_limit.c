/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat limit: sets and prints the rate limits of spratd and of its torrents.
 */
#include <stdio.h>
#include <unistd.h>

#include "peer/cli/client.h"
#include "peer/cli/command.h"
#include "peer/cli/text.h"

enum { OPT_UP = 1, OPT_DOWN };

static const struct option_spec options[] = {
    {OPT_UP, 'u', "up", "RATE",
     "upload at most this many bytes per second, as in 500K or 2M; none removes the "
     "limit"},
    {OPT_DOWN, 'd', "down", "RATE", "download at most this many bytes per second"},
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

/* Prints the limits of one torrent; limits without a name are those of all torrents together. */
static int
print_limits(const json_t *limits)
{
    char up[TEXT_NUMBER_MAX], down[TEXT_NUMBER_MAX], safe[200];
    int64_t u = client_int(limits, "up_limit"), d = client_int(limits, "down_limit");
    const char *name = client_text(limits, "name");

    text_fit(safe, sizeof(safe), name[0] != '\0' ? name : "all torrents together", 40);
    printf("%s: up %s, down %s\n", safe, u > 0 ? text_rate((uint64_t)u, up) : "without limit",
           d > 0 ? text_rate((uint64_t)d, down) : "without limit");
    return CLI_OK;
}

static int
limit_daemon(const struct client_options *o, const json_t *rates)
{
    struct errbuf eb;
    int status, fd = client_connect(o, &eb);

    if (fd < 0)
        return cli_fail("%s", eb.text);
    status = client_show(fd, o, "daemon.limits", json_deep_copy(rates), print_limits);
    close(fd);
    return status;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct client_options o = {.socket = NULL};
    json_t *rates = json_object();
    struct cli_args args;
    struct errbuf eb;
    const char *value;
    int id, got, err = 0, status;

    cli_args_init(&args, self, argc, argv);
    while (err == 0 && (got = cli_next(&args, &id, &value, 0, CLI_OPERANDS_MAX)) > 0) {
        if (id == OPT_UP)
            err = client_put_rate(rates, "up_limit", "--up", value, &eb);
        else if (id == OPT_DOWN)
            err = client_put_rate(rates, "down_limit", "--down", value, &eb);
        client_option(&o, id, value);
    }
    if (err != 0)
        status = cli_usage(self, "%s", eb.text);
    else if (got < 0)
        status = args.status;
    else if (args.operand_count == 0)
        status = limit_daemon(&o, rates);
    else
        status = client_show_each(&o, &args, "torrent.limits", rates, print_limits);
    json_decref(rates);
    return status;
}

const struct cli_command cli_limit = {
    .name = "limit",
    .usage = "[options] [TORRENT… | all]",
    .summary = "limit the rates of the daemon or of a torrent",
    .details =
        "Sets the rate limits of torrents, or without TORRENT the limits that all torrents "
        "share, and prints them. If no rate is given, it only prints them. A torrent keeps "
        "its own limits and the shared ones. Its own limits stay in effect when the daemon is "
        "restarted; the shared ones are then again those of spratd.conf. Name a torrent by "
        "its v1 or v2 info-hash, by the first digits of it (six or more), or by its name. "
        "'all' means every torrent of the daemon.",
    .example = "  sprat limit --up 2M --down none\n  sprat limit --up 100K debian-12.iso",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
