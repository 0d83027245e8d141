/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat get: downloads the content of a torrent in the foreground, and resumes where an earlier run
 * ended.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/sys/paths.h"
#include "peer/cli/command.h"
#include "peer/cli/fetchurl.h"
#include "peer/cli/lingering.h"
#include "peer/cli/torrentfile.h"
#include "peer/cli/screen.h"
#include "peer/cli/transfer.h"
#include "peer/torrent/torrent_link.h"

enum {
    OPT_OUTPUT = 1,
    OPT_PEER,
    OPT_SEED,
    OPT_LINGER,
    OPT_SEQUENTIAL,
    OPT_ONLY,
    OPT_SKIP,
    OPT_ALLOCATE,
    OPT_SUFFIX,
    OPT_MOVE_TO,
    OPT_ADOPT,
    OPT_REFETCH,
    OPT_PRIVATE,
};

static const struct option_spec options[] = {
    {OPT_OUTPUT, 'o', "output", "DIR",
     "save the torrent's file or directory in DIR (default: the current directory)"},
    {OPT_MOVE_TO, 0, "move-to", "DIR", "move the content to DIR when the download is complete"},
    {OPT_ALLOCATE, 0, "allocate", "sparse|full",
     "full: reserve disk space for all wanted files before the download starts (default: "
     "sparse)"},
    {OPT_SUFFIX, 0, "incomplete-suffix", NULL,
     "call each file NAME.incomplete until it is complete, so that other programs do not "
     "open it before"},
    {OPT_PEER, 0, "peer", "HOST:PORT", "connect to this peer too; repeatable"},
    {OPT_SEED, 0, "seed", "none|forever|RATIO",
     "how long to seed after the download: not at all, until stopped, or until RATIO "
     "times the torrent's size has been uploaded (default: none, but see --linger)"},
    {OPT_LINGER, 0, "linger", "TIME",
     "without --seed: after the download, feed peers that still fetch, until this time has "
     "passed since the last upload, as in 90s or 10m; 0: end at once (default: 60s)"},
    {OPT_SEQUENTIAL, 0, "sequential", NULL,
     "download pieces in order, so that the content can be viewed during the download; "
     "slows down the swarm"},
    {OPT_ONLY, 0, "only", "PATTERN",
     "fetch only these files or folders; * and ? are wildcards; repeatable"},
    {OPT_SKIP, 0, "skip", "PATTERN", "do not fetch these files or folders; repeatable"},
    {OPT_REFETCH, 0, "refetch", NULL,
     "download data again that was downloaded before and is missing now"},
    {OPT_ADOPT, 0, "adopt", NULL, "overwrite existing files even if none of their pieces matches"},
    {OPT_PRIVATE, 0, "private", NULL,
     "for a magnet link: ask only trackers for peers, because the torrent may be private"},
    TRANSFER_ROWS,
    CLI_HELP_ROW,
};

struct get {
    struct transfer_options transfer;
    struct cli_list peers, only, skip;
    const char *output;
    const char *move_to;
    bool reserve;
    bool worknames;
    enum seed_policy seed;
    bool seed_given, linger_given;
    double ratio;
    bool sequential;
    bool trackers_only;
    struct torrent_consent consent;
};

static int
store_linger(struct get *g, const char *value, struct errbuf *eb)
{
    uint64_t *seconds = &g->transfer.linger_s;

    g->linger_given = true;
    *seconds = 0;
    if (strcmp(value, "0") != 0 && strcmp(value, "0s") != 0 && parse_seconds(value, seconds) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "--linger needs a time, as in 90s, 10m or 2h, or 0, not '%s'", value);
    return 0;
}

static int
store_seed(struct get *g, const char *value, struct errbuf *eb)
{
    g->seed_given = true;
    if (strcmp(value, "none") == 0)
        g->seed = SEED_NONE;
    else if (strcmp(value, "forever") == 0)
        g->seed = SEED_FOREVER;
    else if (parse_ratio(value, &g->ratio) == 0)
        g->seed = SEED_RATIO;
    else
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "--seed needs none, forever or a ratio like 1.5, not '%s'", value);
    return 0;
}

static int
store_peer(struct get *g, const char *value, struct errbuf *eb)
{
    if (!cli_is_peer(value))
        return errbuf_set(eb, SPRAT_E_INVAL, "--peer needs HOST:PORT, not '%s'", value);
    return cli_list_add(&g->peers, "--peer", value, eb);
}

static int
store_allocate(struct get *g, const char *value, struct errbuf *eb)
{
    g->reserve = strcmp(value, "full") == 0;
    if (!g->reserve && strcmp(value, "sparse") != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "--allocate needs sparse or full, not '%s'", value);
    return 0;
}

static int
store_option(struct get *g, int id, const char *value, struct errbuf *eb)
{
    switch (id) {
    case OPT_OUTPUT: g->output = value; return 0;
    case OPT_PEER: return store_peer(g, value, eb);
    case OPT_MOVE_TO: g->move_to = value; return 0;
    case OPT_ALLOCATE: return store_allocate(g, value, eb);
    case OPT_SUFFIX: g->worknames = true; return 0;
    case OPT_SEED: return store_seed(g, value, eb);
    case OPT_LINGER: return store_linger(g, value, eb);
    case OPT_SEQUENTIAL: g->sequential = true; return 0;
    case OPT_PRIVATE: g->trackers_only = true; return 0;
    case OPT_REFETCH: g->consent.refetch = true; return 0;
    case OPT_ADOPT: g->consent.adopt = true; return 0;
    case OPT_ONLY: return cli_list_add(&g->only, "--only", value, eb);
    case OPT_SKIP: return cli_list_add(&g->skip, "--skip", value, eb);
    }
    return transfer_option(&g->transfer, id, value, eb);
}

/* Returns the files' priorities. Without a selection all files are wanted, even if an earlier run
 * had a selection. */
static uint8_t *
choose(const struct get *g, const struct metainfo *mi, struct errbuf *eb)
{
    uint8_t *selection = malloc(mi->file_count + 1);
    int err = 0;

    if (selection == NULL) {
        errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
        return NULL;
    }
    memset(selection, g->only.count > 0 ? FILE_SKIP : FILE_NORMAL, mi->file_count);
    for (size_t i = 0; i < g->only.count && err == 0; i++)
        err = selection_set(mi, g->only.items[i], FILE_NORMAL, selection, eb);
    for (size_t i = 0; i < g->skip.count && err == 0; i++)
        err = selection_set(mi, g->skip.items[i], FILE_SKIP, selection, eb);
    if (err != 0) {
        free(selection);
        return NULL;
    }
    return selection;
}

/* The places on disk that the options name; the caller frees both. */
static int
find_places(const struct get *g, char **dir, char **move_to, struct errbuf *eb)
{
    int err = path_absolute(g->output, dir, eb);

    return err == 0 && g->move_to != NULL ? path_absolute(g->move_to, move_to, eb) : err;
}

static int
transfer(const struct cli_command *self, const struct get *g, struct torrent_add *add)
{
    struct screen screen;
    struct errbuf eb;
    char *dir = NULL, *move_to = NULL;
    int status;

    if (find_places(g, &dir, &move_to, &eb) != 0) {
        metainfo_free(add->mi);
        status = cli_fail("%s", eb.text);
    } else {
        add->peers = g->peers.items;
        add->peer_count = g->peers.count;
        add->seed = g->seed;
        add->ratio = g->ratio;
        add->sequential = g->sequential;
        add->consent = g->consent;
        add->reserve = g->reserve;
        add->worknames = g->worknames;
        add->save_dir = dir;
        add->move_to = move_to;
        screen_init(&screen, g->transfer.json);
        status = transfer_run(self, &g->transfer, add, NULL, &screen);
    }
    free(dir);
    free(move_to);
    return status;
}

static int
get_torrent(const struct cli_command *self, const struct get *g, const char *path)
{
    struct torrent_add add = {.mi = NULL};
    struct errbuf eb;
    uint8_t *selection;
    int status;

    if ((fetchurl_is_url(path) ? fetchurl_load(path, g->transfer.ca_file, &add.mi, &eb)
                               : torrentfile_load(path, &add.mi, &eb)) != 0)
        return cli_fail("%s", eb.text);
    selection = choose(g, add.mi, &eb);
    if (selection == NULL) {
        metainfo_free(add.mi);
        return cli_fail("%s", eb.text);
    }
    add.selection = selection;
    status = transfer(self, g, &add);
    free(selection);
    return status;
}

static int
get_link(const struct cli_command *self, struct get *g, const char *text)
{
    struct torrent_add add = {.trackers_only = g->trackers_only};
    struct torrent_link link;
    struct errbuf eb;
    int status;

    if (g->only.count + g->skip.count > 0)
        return cli_fail("--only and --skip need the torrent file: a magnet link chooses files by "
                        "their numbers (so=0,2,4-6)");
    if (torrent_link_init(&link, text, &eb) != 0)
        return cli_fail("%s", eb.text);
    torrent_link_fill(&link, &add);
    torrentfile_take_link(&link, &g->transfer.trackers, &g->peers);
    status = transfer(self, g, &add);
    torrent_link_fini(&link);
    return status;
}

/* A download that lingers is a seed until transfer.c ends it. */
static int
settle_linger(struct get *g, struct errbuf *eb)
{
    if (g->linger_given && g->seed_given && g->transfer.linger_s > 0)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "--linger and --seed exclude each other: both say how long to seed");
    if (g->seed_given)
        g->transfer.linger_s = 0;
    if (g->transfer.linger_s > 0)
        g->seed = SEED_FOREVER;
    return 0;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct get g = {.output = ".", .transfer.linger_s = LINGER_DEFAULT_S};
    struct cli_args args;
    struct errbuf eb;
    const char *value;
    int id, got;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 1, 1)) > 0)
        if (store_option(&g, id, value, &eb) != 0)
            return cli_usage(self, "%s", eb.text);
    if (got < 0)
        return args.status;
    if (settle_linger(&g, &eb) != 0)
        return cli_usage(self, "%s", eb.text);
    return torrentfile_is_magnet(args.operands[0]) ? get_link(self, &g, args.operands[0])
                                                   : get_torrent(self, &g, args.operands[0]);
}

const struct cli_command cli_get = {
    .name = "get",
    .usage = "[options] FILE.torrent|URL|MAGNET",
    .summary = "fetch the content of a torrent",
    .details =
        "Fetches the content of the torrent from peers and verifies it. The torrent file may be a "
        "file or an http or https URL. Of a magnet link, the "
        "metadata is fetched first, from the peers that its trackers or the link itself name. "
        "A later run continues "
        "an interrupted download. The exit status is 0 only if everything is downloaded and "
        "verified; it is 130 after Ctrl-C.",
    .example = "  sprat get -o ~/downloads --down-limit 2M --seed 1.5 album.torrent",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
