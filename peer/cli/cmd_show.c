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
#include "peer/cli/fetchlink.h"
#include "peer/cli/torrentfile.h"

enum {
    OPT_JSON = 1,
    OPT_LINK,
    OPT_PEER,
    OPT_TRACKER,
    OPT_PRIVATE,
    OPT_NO_DHT,
    OPT_DHT,
    OPT_NO_LSD,
    OPT_GIVE_UP
};

static const struct option_spec options[] = {
    {OPT_JSON, 0, "json", NULL, "print one JSON object"},
    {OPT_LINK, 0, "link", NULL, "print what the magnet link itself says, and ask no peer"},
    {OPT_PEER, 0, "peer", "HOST:PORT", "ask this peer for the metadata too; repeatable"},
    {OPT_TRACKER, 't', "tracker", "URL", "ask this tracker for peers too; repeatable"},
    {OPT_PRIVATE, 0, "private", NULL,
     "ask only trackers for peers, because the torrent may be private"},
    {OPT_NO_DHT, 0, "no-dht", NULL,
     "do not use the DHT (default: it is used, unless $SPRAT_DHT is no)"},
    {OPT_DHT, 0, "dht-bootstrap", "HOST:PORT",
     "ask this host for nodes of the DHT (default: two public hosts); repeatable"},
    {OPT_NO_LSD, 0, "no-lsd", NULL,
     "do not search the local network (default: it is searched, unless $SPRAT_LSD is no)"},
    {OPT_GIVE_UP, 0, "give-up-after", "TIME",
     "end with status 4 after this time without progress, as in 90s, 10m or 2h (default: 60s)"},
    CLI_HELP_ROW,
};

struct show {
    bool json, link, trackers_only;
    struct cli_list peers;
    struct transfer_options transfer;
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
print_metainfo(void *user, const struct metainfo *mi)
{
    const struct show *s = user;

    if (s->json)
        return print_json(describe_json(mi));
    describe_text(mi);
    return CLI_OK;
}

static int
print_link(const struct show *s, const struct magnet *m)
{
    if (s->json)
        return print_json(describe_magnet_json(m));
    describe_magnet_text(m);
    return CLI_OK;
}

static int
show_magnet(const struct cli_command *self, struct show *s, const char *text)
{
    struct torrent_link link;
    struct errbuf eb;
    int status;

    if (torrent_link_init(&link, text, &eb) != 0)
        return cli_fail("%s", eb.text);
    s->transfer.on_metainfo = print_metainfo;
    s->transfer.user = s;
    if (s->link)
        status = print_link(s, link.magnet);
    else if (fetchlink_has_source(&link, &s->transfer, &s->peers, s->trackers_only))
        status = fetchlink_run(self, &s->transfer, &link, &s->peers, s->trackers_only);
    else
        status = cli_fail("the link names no tracker and no peer, and neither the DHT nor the "
                          "local network is searched: give --peer or -t, or --link to see only "
                          "what the link says");
    torrent_link_fini(&link);
    return status;
}

static int
show_torrent(struct show *s, const char *path)
{
    struct errbuf eb;
    struct metainfo *mi;
    int status;

    if (torrentfile_load(path, &mi, &eb) != 0)
        return cli_fail("%s", eb.text);
    status = print_metainfo(s, mi);
    metainfo_free(mi);
    return status;
}

static int
store_option(struct show *s, int id, const char *value, struct errbuf *eb)
{
    switch (id) {
    case OPT_JSON: s->json = true; return 0;
    case OPT_LINK: s->link = true; return 0;
    case OPT_PRIVATE: s->trackers_only = true; return 0;
    case OPT_TRACKER: return transfer_option(&s->transfer, TRANSFER_OPT_TRACKER, value, eb);
    case OPT_NO_DHT: return transfer_option(&s->transfer, TRANSFER_OPT_NO_DHT, value, eb);
    case OPT_NO_LSD: return transfer_option(&s->transfer, TRANSFER_OPT_NO_LSD, value, eb);
    case OPT_DHT: return transfer_option(&s->transfer, TRANSFER_OPT_DHT_BOOTSTRAP, value, eb);
    case OPT_GIVE_UP: return transfer_option(&s->transfer, TRANSFER_OPT_GIVE_UP, value, eb);
    case OPT_PEER:
        if (!cli_is_peer(value))
            return errbuf_set(eb, SPRAT_E_INVAL, "--peer needs HOST:PORT, not '%s'", value);
        return cli_list_add(&s->peers, "--peer", value, eb);
    }
    return 0;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct show s = {.transfer.give_up_s = FETCHLINK_GIVE_UP_S};
    struct cli_args args;
    struct errbuf eb;
    const char *value;
    int id, got;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 1, 1)) > 0)
        if (store_option(&s, id, value, &eb) != 0)
            return cli_usage(self, "%s", eb.text);
    if (got < 0)
        return args.status;
    return torrentfile_is_magnet(args.operands[0]) ? show_magnet(self, &s, args.operands[0])
                                                   : show_torrent(&s, args.operands[0]);
}

const struct cli_command cli_show = {
    .name = "show",
    .usage = "[options] FILE.torrent|MAGNET",
    .summary = "print the contents of a torrent file or a magnet link",
    .details =
        "Reads a torrent file ('-' is standard input), checks it as every other command does, "
        "and prints its contents. Of a magnet link, the metadata is fetched from peers and "
        "printed; nothing is stored.",
    .example = "  sprat show --json album.torrent | jq .total_size",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
