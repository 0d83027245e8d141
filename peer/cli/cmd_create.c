/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat create: makes a torrent file. peer/store/create.h does the hashing and the encoding; this
 * file reads the options, shows the progress, and writes the torrent file.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/utf8.h"
#include "common/codec/metainfo_path.h"
#include "common/sys/addr.h"
#include "config.h"
#include "peer/cli/command.h"
#include "peer/cli/describe.h"
#include "peer/cli/hashing.h"
#include "peer/cli/making.h"
#include "peer/cli/output.h"
#include "peer/cli/screen.h"
#include "peer/engine/searchdefault.h"
#include "peer/store/create.h"

enum {
    OPT_OUTPUT = 1,
    OPT_FORMAT,
    OPT_PIECE_LENGTH,
    OPT_TRACKER,
    OPT_WEB_SEED,
    OPT_DHT_NODE,
    OPT_PRIVATE,
    OPT_SOURCE,
    OPT_COMMENT,
    OPT_FORCE,
};

static const struct option_spec options[] = {
    {OPT_OUTPUT, 'o', "output", "FILE",
     "write the torrent file here; '-' is standard output (default: NAME.torrent in the "
     "current directory)"},
    {OPT_FORMAT, 0, "format", "v1|v2|hybrid",
     "BitTorrent version of the torrent (default: hybrid; use v1 for Transmission 3.00, "
     "aria2 1.36, rTorrent 0.9.8 and ctorrent)"},
    {OPT_PIECE_LENGTH, 0, "piece-length", "SIZE",
     "piece length in bytes, a power of two from 16K up (default: chosen by the size of "
     "the content)"},
    {OPT_TRACKER, 't', "tracker", "URL",
     "announce to this tracker; repeatable, each URL is a tier of its own"},
    {OPT_WEB_SEED, 'w', "web-seed", "URL",
     "URL of an HTTP server that has the content too; repeatable"},
    {OPT_DHT_NODE, 0, "dht-node", "HOST:PORT",
     "a node of the DHT that clients ask for peers, also if the torrent has no tracker; "
     "repeatable"},
    {OPT_PRIVATE, 0, "private", NULL, "clients get peers only from the trackers"},
    {OPT_SOURCE, 0, "source", "TEXT",
     "name of the site that the torrent is for; changes the info-hash"},
    {OPT_COMMENT, 0, "comment", "TEXT", "a comment"},
    {OPT_FORCE, 'f', "force", NULL, "replace an existing torrent file"},
    CLI_HELP_ROW,
};

struct request {
    struct create_options opt;
    struct cli_list trackers, web_seeds;
    struct metainfo_tier tiers[CLI_LIST_MAX];
    struct metainfo_node nodes[METAINFO_NODES_MAX];
    char hosts[METAINFO_NODES_MAX][METAINFO_NODE_HOST_MAX + 1]; /* of |nodes| */
    const char *output_path; /* NULL: not given */
    bool force;
    struct output output;
    struct screen screen;
    struct hashing hashing;
};

static int
parse_format(const char *value, enum metainfo_format *out, struct errbuf *eb)
{
    static const char *const names[] = {
        [METAINFO_V1] = "v1", [METAINFO_V2] = "v2", [METAINFO_HYBRID] = "hybrid"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i]) == 0) {
            *out = (enum metainfo_format)i;
            return 0;
        }
    }
    return errbuf_set(eb, SPRAT_E_INVAL, "--format must be hybrid, v2 or v1, not '%s'", value);
}

static int
parse_piece_length(const char *value, uint32_t *out, struct errbuf *eb)
{
    uint64_t v;

    if (parse_size(value, &v) != 0 || v < CREATE_PIECE_LEN_MIN || v > METAINFO_PIECE_LEN_MAX ||
        (v & (v - 1)) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "--piece-length must be a power of two from 16K to 512M, not '%s'",
                          value);
    *out = (uint32_t)v;
    return 0;
}

static int
add_url(struct cli_list *l, const char *option, const char *value, bool udp, struct errbuf *eb)
{
    static const char *const schemes[] = {"http://", "https://", "udp://"};

    for (size_t i = 0; i < (udp ? 3u : 2u); i++) {
        size_t n = strlen(schemes[i]);

        if (strncasecmp(value, schemes[i], n) == 0 && value[n] != '\0')
            return cli_list_add(l, option, value, eb);
    }
    return errbuf_set(eb, SPRAT_E_INVAL, "%s needs an http, https%s URL, not '%s'", option,
                      udp ? " or udp" : "", value);
}

static int
add_node(struct request *r, const char *value, struct errbuf *eb)
{
    struct metainfo_node *node = &r->nodes[r->opt.node_count];
    char *host = r->hosts[r->opt.node_count];
    int err = searchdefault_check_dht_name("--dht-node", value, eb);

    if (err != 0)
        return err;
    if (r->opt.node_count == METAINFO_NODES_MAX)
        return errbuf_set(eb, SPRAT_E_LIMIT, "--dht-node can be given %d times at most",
                          METAINFO_NODES_MAX);
    (void)addr_split(value, host, METAINFO_NODE_HOST_MAX + 1, &node->port);
    node->host = host;
    r->opt.node_count++;
    return 0;
}

static int
store_option(struct request *r, int id, const char *value, struct errbuf *eb)
{
    switch (id) {
    case OPT_OUTPUT: r->output_path = value; return 0;
    case OPT_FORMAT: return parse_format(value, &r->opt.format, eb);
    case OPT_PIECE_LENGTH: return parse_piece_length(value, &r->opt.piece_length, eb);
    case OPT_TRACKER: return add_url(&r->trackers, "--tracker", value, true, eb);
    case OPT_WEB_SEED: return add_url(&r->web_seeds, "--web-seed", value, false, eb);
    case OPT_DHT_NODE: return add_node(r, value, eb);
    case OPT_PRIVATE: r->opt.is_private = true; return 0;
    case OPT_SOURCE: r->opt.source = value; return 0;
    case OPT_COMMENT: r->opt.comment = value; return 0;
    case OPT_FORCE: r->force = true; return 0;
    }
    return 0;
}

/* Returns NAME.torrent, to be freed; NAME is cut to the maximum length of a file name. */
static char *
default_output(const char *path, struct errbuf *eb)
{
    static const char suffix[] = ".torrent";
    const size_t room = METAINFO_NAME_MAX - (sizeof(suffix) - 1);
    char *name = create_name(path, eb), *out = NULL;
    size_t len;

    if (name == NULL)
        return NULL;
    len = strlen(name);
    if (len > room)
        len = utf8_whole((const uint8_t *)name, room);
    if (asprintf(&out, "%.*s%s", (int)len, name, suffix) < 0) {
        (void)errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
        out = NULL;
    }
    free(name);
    return out;
}

/* Parses the new torrent as every other program will do, writes it, and prints its description. */
static int
finish(struct request *r, const struct buf *torrent)
{
    struct errbuf eb;
    struct metainfo *mi;

    if (metainfo_parse(buf_data(torrent), buf_len(torrent), &mi, &eb) != 0)
        return cli_fail("%s: %s", r->opt.path, eb.text);
    if (output_write(&r->output, buf_data(torrent), buf_len(torrent), &eb) != 0) {
        metainfo_free(mi);
        return cli_fail("%s", eb.text);
    }
    describe_created(mi, output_name(&r->output), making_format_note(mi, true));
    metainfo_free(mi);
    return CLI_OK;
}

static int
create(struct request *r)
{
    struct errbuf eb;
    struct buf torrent;
    int status;

    making_warn_trackers(&r->screen, &r->trackers);
    buf_init(&torrent, METAINFO_SIZE_MAX);
    if (create_run(&r->opt, &torrent, NULL, &eb) != 0) {
        screen_clear(&r->screen);
        status = cli_fail("%s", eb.text);
    } else {
        screen_clear(&r->screen);
        status = finish(r, &torrent);
    }
    buf_fini(&torrent);
    return status;
}

/* Opens the output before the hashing, so that a bad path is reported now and not hours later. */
static int
open_and_create(struct request *r)
{
    struct errbuf eb;
    char *name = NULL;
    int status;

    if (r->output_path == NULL) {
        r->output_path = name = default_output(r->opt.path, &eb);
        if (name == NULL)
            return cli_fail("%s", eb.text);
    }
    if (output_init(&r->output, r->output_path, r->force, &eb) != 0) {
        free(name);
        return cli_fail("%s", eb.text);
    }
    r->opt.output = r->output.path;
    screen_init(&r->screen, false);
    hashing_init(&r->hashing, &r->screen, r->opt.path);
    if (r->screen.mode == SCREEN_TTY) /* elsewhere, standard output has only the result */
        r->opt.progress = hashing_on_progress;
    status = create(r);
    free(name);
    return status;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct request r = {.opt = {.format = METAINFO_HYBRID, .created_by = PACKAGE_STRING}};
    struct cli_args args;
    struct errbuf eb;
    const char *value;
    int id, got;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 1, 1)) > 0)
        if (store_option(&r, id, value, &eb) != 0)
            return cli_usage(self, "%s", eb.text);
    if (got < 0)
        return args.status;
    if (r.opt.is_private && r.opt.node_count > 0)
        return cli_usage(self, "--private and --dht-node exclude each other: a private torrent "
                               "gets peers from its trackers only");
    for (size_t i = 0; i < r.trackers.count; i++)
        r.tiers[i] = (struct metainfo_tier){.urls = &r.trackers.items[i], .count = 1};
    r.opt.path = args.operands[0];
    r.opt.tiers = r.tiers;
    r.opt.nodes = r.nodes;
    r.opt.tier_count = r.trackers.count;
    r.opt.web_seeds = r.web_seeds.items;
    r.opt.web_seed_count = r.web_seeds.count;
    r.opt.notice = hashing_on_notice;
    r.opt.user = &r.hashing;
    return open_and_create(&r);
}

const struct cli_command cli_create = {
    .name = "create",
    .usage = "[options] PATH",
    .summary = "make a torrent file from a file or a directory",
    .details =
        "Hashes PATH and writes a torrent file. The same content gives the same info-hash on "
        "every machine. If the torrent file is inside PATH, it is left out of the torrent.",
    .example = "  sprat create -t http://tracker.example:6969/announce --comment 'live' album",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
