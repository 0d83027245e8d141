/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat show: prints the contents of a torrent file or a magnet link.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/printable.h"
#include "peer/cli/command.h"
#include "peer/cli/describe.h"
#include "peer/cli/torrentfile.h"

enum { OPT_JSON = 1 };

static const struct option_spec options[] = {
    {OPT_JSON, 0, "json", NULL, "print one JSON object"},
    CLI_HELP_ROW,
};

/* Prints |o| and drops a reference to it. */
static int
print_json(json_t *o)
{
    char *text = o != NULL ? json_dumps(o, JSON_INDENT(2)) : NULL;

    json_decref(o);
    if (text == NULL)
        return cli_fail("out of memory");
    printable_json(stdout, text, strlen(text));
    putchar('\n');
    free(text);
    return CLI_OK;
}

static int
show_magnet(const char *link, bool json)
{
    struct errbuf eb;
    struct magnet *m;
    int status = CLI_OK;

    if (magnet_parse(link, &m, &eb) != 0)
        return cli_fail("magnet link: %s", eb.text);
    if (json)
        status = print_json(describe_magnet_json(m));
    else
        describe_magnet_text(m);
    magnet_free(m);
    return status;
}

static int
show_torrent(const char *path, bool json)
{
    struct errbuf eb;
    struct metainfo *mi;
    int status = CLI_OK;

    if (torrentfile_load(path, &mi, &eb) != 0)
        return cli_fail("%s", eb.text);
    if (json)
        status = print_json(describe_json(mi));
    else
        describe_text(mi);
    metainfo_free(mi);
    return status;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct cli_args args;
    const char *value;
    bool json = false;
    int id, got;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 1, 1)) > 0)
        if (id == OPT_JSON)
            json = true;
    if (got < 0)
        return args.status;
    if (torrentfile_is_magnet(args.operands[0]))
        return show_magnet(args.operands[0], json);
    return show_torrent(args.operands[0], json);
}

const struct cli_command cli_show = {
    .name = "show",
    .usage = "[options] FILE.torrent|MAGNET",
    .summary = "print the contents of a torrent file or a magnet link",
    .details =
        "Reads a torrent file ('-' is standard input) or a magnet link, checks it as every "
        "other command does, and prints its contents.",
    .example = "  sprat show --json album.torrent | jq .total_size",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
