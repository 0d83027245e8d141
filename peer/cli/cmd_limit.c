/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat limit: sets and tells the rate limits of spratd and of its torrents.
 */
#include <stdio.h>
#include <unistd.h>

#include "peer/cli/client.h"
#include "peer/cli/command.h"
#include "peer/cli/text.h"

enum { OPT_UP = 1, OPT_DOWN };

static const struct option_spec options[] = {
    {OPT_UP, 'u', "up", "RATE", "send at most that many bytes a second, as in 500K or 2M, or none"},
    {OPT_DOWN, 'd', "down", "RATE", "receive at most that many bytes a second, or none"},
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

static void
print_limits(const char *whose, const json_t *limits)
{
    char up[TEXT_NUMBER_MAX], down[TEXT_NUMBER_MAX], safe[200];
    int64_t u = client_int(limits, "up_limit"), d = client_int(limits, "down_limit");

    text_fit(safe, sizeof(safe), whose, 40);
    printf("%s: up %s, down %s\n", safe, u > 0 ? text_rate((uint64_t)u, up) : "without limit",
           d > 0 ? text_rate((uint64_t)d, down) : "without limit");
}

/* |torrent| NULL: the daemon's own. */
static int
limit_one(int fd, const struct client_options *o, json_t *rates, const char *torrent)
{
    struct errbuf eb;
    json_t *result = NULL, *params = json_copy(rates);
    int status = CLI_OK;

    if (torrent != NULL)
        json_object_set_new(params, "torrent", json_string(torrent));
    if (client_call(fd, torrent != NULL ? "torrent.limits" : "daemon.limits", params, &result,
                    &eb) != 0)
        return cli_fail("%s", eb.text);
    if (o->json)
        status = client_print_json(result);
    else
        print_limits(torrent != NULL ? torrent : "all together", result);
    json_decref(result);
    return status;
}

static int
limit_all(const struct client_options *o, json_t *rates, const struct cli_args *args)
{
    struct errbuf eb;
    int status = CLI_OK, fd = client_connect(o, &eb);

    if (fd < 0)
        return cli_fail("%s", eb.text);
    if (args->operand_count == 0)
        status = limit_one(fd, o, rates, NULL);
    for (size_t i = 0; i < args->operand_count; i++)
        if (limit_one(fd, o, rates, args->operands[i]) != CLI_OK)
            status = CLI_FAILED;
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
    else
        status = got < 0 ? args.status : limit_all(&o, rates, &args);
    json_decref(rates);
    return status;
}

const struct cli_command cli_limit = {
    .name = "limit",
    .usage = "[options] [TORRENT…]",
    .summary = "limit the rates of the daemon or of a torrent",
    .details =
        "Sets the limits of torrents, or without TORRENT the one that all of them share, and\n"
        "tells what they are now. A torrent keeps to its own and to the shared one, and its own\n"
        "is remembered; the shared one is, when the daemon is started again, as spratd.conf says.",
    .example = "  sprat limit --up 2M --down none\n  sprat limit --up 100K debian-12.iso",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
