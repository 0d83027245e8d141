/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat select: tells spratd which files of a torrent are wanted.
 */
#include <stdio.h>
#include <unistd.h>

#include "peer/cli/client.h"
#include "peer/cli/command.h"

enum { OPT_ONLY = 1, OPT_WANT, OPT_SKIP, OPT_HIGH };

static const struct option_spec options[] = {
    {OPT_ONLY, 0, "only", "PATTERN", "want these files, or files of these folders, and no others"},
    {OPT_WANT, 0, "want", "PATTERN", "want these too"},
    {OPT_SKIP, 0, "skip", "PATTERN", "don't want these any more"},
    {OPT_HIGH, 0, "high", "PATTERN", "want these, and before the others"},
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

static const char *const keys[] = {
    [OPT_ONLY] = "only", [OPT_WANT] = "want", [OPT_SKIP] = "skip", [OPT_HIGH] = "high"};

static void
append(json_t *params, const char *key, const char *pattern)
{
    json_t *list = json_object_get(params, key);

    if (list == NULL) {
        list = json_array();
        json_object_set_new(params, key, list);
    }
    json_array_append_new(list, json_string(pattern));
}

/* |params| is taken. */
static int
send_choice(const struct client_options *o, json_t *params, const char *torrent)
{
    struct errbuf eb;
    json_t *result = NULL;
    int status = CLI_OK, fd = client_connect(o, &eb);

    if (fd < 0) {
        json_decref(params);
        return cli_fail("%s", eb.text);
    }
    json_object_set_new(params, "torrent", json_string(torrent));
    if (client_call(fd, "torrent.select", params, &result, &eb) != 0)
        status = cli_fail("%s", eb.text);
    else if (o->json)
        status = client_print_json(result);
    json_decref(result);
    close(fd);
    return status;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct client_options o = {.socket = NULL};
    json_t *params = json_object();
    struct cli_args args;
    const char *value;
    int id, got, status;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 1, 1)) > 0) {
        if (id >= OPT_ONLY && id <= OPT_HIGH)
            append(params, keys[id], value);
        client_option(&o, id, value);
    }
    if (got == 0 && json_object_size(params) > 0)
        return send_choice(&o, params, args.operands[0]);
    status = got < 0 ? args.status
                     : cli_usage(self, "say which files: --only, --want, --skip or --high");
    json_decref(params);
    return status;
}

const struct cli_command cli_select = {
    .name = "select",
    .usage = "[options] TORRENT",
    .summary = "choose the files of a torrent that are wanted",
    .details =
        "Changes which files of a torrent are fetched, also while it runs. What is there of a "
        "file\n"
        "that is not wanted any more stays. A pattern is a path below the torrent's folder, or a\n"
        "folder's, or a file's name, in which * and ? are wildcards. --only comes first, then\n"
        "--want, --skip and --high; each may be given several times.",
    .example = "  sprat select album --skip '*.flac' --high cover.jpg",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
