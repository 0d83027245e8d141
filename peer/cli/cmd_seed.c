/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat seed: seeds content that is on disk in the foreground. The torrent is given as a file, or
 * is made from a path first.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/hex.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/paths.h"
#include "config.h"
#include "peer/cli/command.h"
#include "peer/cli/describe.h"
#include "peer/cli/torrentfile.h"
#include "peer/cli/making.h"
#include "peer/cli/output.h"
#include "peer/cli/contentdir.h"
#include "peer/cli/screen.h"
#include "peer/cli/transfer.h"
#include "peer/store/create.h"

enum { OPT_OUTPUT = 1, OPT_FORCE, OPT_SUPER_SEED };

static const struct option_spec options[] = {
    {OPT_OUTPUT, 'o', "output", "FILE",
     "with PATH alone: write the torrent file here; '-' is standard output (default: a "
     "file in the state directory)"},
    {OPT_FORCE, 'f', "force", NULL, "with PATH alone: replace an existing torrent file"},
    {OPT_SUPER_SEED, 0, "super-seed", NULL,
     "offer each peer different pieces until one full copy is out (BEP 16)"},
    TRANSFER_ROWS,
    CLI_HELP_ROW,
};

struct seed {
    struct transfer_options transfer;
    const char *output_path; /* NULL: a file in the state directory */
    bool force;
    struct output output;
    bool super_seed;
    struct screen screen;
    const char *shown; /* the name in the progress line while hashing */
};

static bool
looks_like_torrent(const char *path)
{
    size_t len = strlen(path);

    return strcmp(path, "-") == 0 || (len > 8 && strcmp(path + len - 8, ".torrent") == 0);
}

static int
seed_torrent(const struct cli_command *self, struct seed *s, const char *torrent, const char *path)
{
    struct torrent_add add = {.seed = SEED_FOREVER, .seed_only = true, .super_seed = s->super_seed};
    struct errbuf eb;
    char *dir;
    int status;

    if (torrentfile_load(torrent, &add.mi, &eb) != 0)
        return cli_fail(
            "%s%s", eb.text,
            looks_like_torrent(torrent)
                ? ""
                : "; the first of two arguments must be a torrent file, and the second the "
                  "place of its content: to seed two paths, run 'sprat seed' for each");
    if (contentdir_find(add.mi, path, &dir, &eb) != 0) {
        metainfo_free(add.mi);
        return cli_fail("%s", eb.text);
    }
    add.save_dir = dir;
    status = transfer_run(self, &s->transfer, &add, NULL, NULL, &s->screen);
    free(dir);
    return status;
}

static bool
on_progress(void *user, uint64_t done, uint64_t total)
{
    struct seed *s = user;
    struct progress p = {.name = s->shown, .phase = "hashing", .done = done, .total = total};

    if (s->screen.mode == SCREEN_TTY)
        screen_progress(&s->screen, &p, clock_mono());
    return true;
}

static void
on_notice(void *user, const char *text)
{
    struct seed *s = user;

    screen_warn(&s->screen, "%s", text);
}

/* Returns STATE/torrents/HASH.torrent, to be freed, and makes the directory if it is missing. */
static char *
path_in_state(const struct transfer_options *o, const struct metainfo *mi, struct errbuf *eb)
{
    char *state = transfer_state_dir(o, eb), *dir = NULL, *path = NULL;
    char hex[HEX_SIZE(20)], name[64];

    if (state != NULL)
        dir = path_join(state, "torrents");
    if (dir != NULL && file_make_dirs(dir, 0700, eb) == 0) {
        hex_encode(identity_wire_hash(&mi->id, !mi->id.has_v1), 20, hex);
        snprintf(name, sizeof(name), "%s.torrent", hex);
        path = path_join(dir, name);
    }
    free(dir);
    free(state);
    return path;
}

/* Writes the torrent file to -o's path, or without -o into the state directory. |*kept| is its
 * path, to be freed. */
static int
keep_torrent(struct seed *s, const struct metainfo *mi, const struct buf *b, char **kept,
             struct errbuf *eb)
{
    if (s->output_path != NULL) {
        *kept = strdup(output_name(&s->output));
        return *kept == NULL ? SPRAT_E_NOMEM
                             : output_write(&s->output, buf_data(b), buf_len(b), eb);
    }
    *kept = path_in_state(&s->transfer, mi, eb);
    return *kept == NULL ? SPRAT_E_NOENT
                         : file_write(*kept, buf_data(b), buf_len(b), 0644, FILE_REPLACE, eb);
}

/* Makes the torrent of |path| and writes its file |*kept|. |*dir| is the directory of the content.
 */
static int
make_torrent(struct seed *s, const char *path, struct metainfo **mi, char **dir, char **kept,
             struct errbuf *eb)
{
    struct create_options opt = {.path = path,
                                 .format = METAINFO_HYBRID,
                                 .created_by = PACKAGE_STRING,
                                 .progress = on_progress,
                                 .notice = on_notice,
                                 .user = s};
    struct metainfo_tier tiers[CLI_LIST_MAX];
    struct buf b;
    int err;

    for (size_t i = 0; i < s->transfer.trackers.count; i++)
        tiers[i] = (struct metainfo_tier){.urls = &s->transfer.trackers.items[i], .count = 1};
    opt.output = s->output_path != NULL ? s->output.path : NULL;
    opt.tiers = tiers;
    opt.tier_count = s->transfer.trackers.count;
    buf_init(&b, METAINFO_SIZE_MAX);
    err = create_run(&opt, &b, dir, eb);
    screen_clear(&s->screen);
    if (err == 0)
        err = metainfo_parse(buf_data(&b), buf_len(&b), mi, eb);
    if (err == 0) {
        err = keep_torrent(s, *mi, &b, kept, eb);
    }
    buf_fini(&b);
    return err;
}

static int
seed_path(const struct cli_command *self, struct seed *s, const char *path)
{
    struct torrent_add add = {
        .seed = SEED_FOREVER, .seed_only = true, .trusted = true, .super_seed = s->super_seed};
    struct errbuf eb = {""};
    char *dir = NULL, *kept = NULL, *magnet = NULL;
    int status = CLI_FAILED;

    s->shown = path;
    making_warn_trackers(&s->screen, &s->transfer.trackers);
    if (make_torrent(s, path, &add.mi, &dir, &kept, &eb) != 0) {
        cli_fail("%s", eb.text[0] != '\0' ? eb.text : "out of memory");
        metainfo_free(add.mi);
    } else {
        add.save_dir = dir;
        magnet = describe_magnet_of(add.mi);
        if (making_format_note(add.mi, false) != NULL)
            screen_say(&s->screen, "note: %s", making_format_note(add.mi, false));
        s->transfer.trackers.count = 0; /* the torrent lists them now */
        status = transfer_run(self, &s->transfer, &add, magnet, kept, &s->screen);
    }
    free(magnet);
    free(kept);
    free(dir);
    return status;
}

/* Whether |path| is a torrent file; as the only operand, that is most likely a missing DIR. */
static bool
is_torrent_file(const char *path)
{
    size_t len = strlen(path);
    struct metainfo *mi;
    struct stat st;

    if (len < 8 || strcmp(path + len - 8, ".torrent") != 0 || stat(path, &st) != 0 ||
        !S_ISREG(st.st_mode) || torrentfile_load(path, &mi, NULL) != 0)
        return false;
    metainfo_free(mi);
    return true;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct seed s = {.output_path = NULL};
    struct cli_args args;
    struct errbuf eb;
    const char *value;
    int id, got;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 1, 2)) > 0) {
        if (id == OPT_OUTPUT)
            s.output_path = value;
        else if (id == OPT_FORCE)
            s.force = true;
        else if (id == OPT_SUPER_SEED)
            s.super_seed = true;
        else if (transfer_option(&s.transfer, id, value, &eb) != 0)
            return cli_usage(self, "%s", eb.text);
    }
    if (got < 0)
        return args.status;
    if (args.operand_count == 2) {
        if (s.output_path != NULL || s.force)
            return cli_usage(self, "-o and -f can't be given with FILE.torrent");
        screen_init(&s.screen, s.transfer.json);
        return seed_torrent(self, &s, args.operands[0], args.operands[1]);
    }
    if (is_torrent_file(args.operands[0]))
        return cli_usage(self, "%s is a torrent file: name the directory of its content too",
                         args.operands[0]);
    if (s.output_path != NULL && output_init(&s.output, s.output_path, s.force, &eb) != 0)
        return cli_fail("%s", eb.text);
    screen_init(&s.screen, s.transfer.json);
    return seed_path(self, &s, args.operands[0]);
}

const struct cli_command cli_seed = {
    .name = "seed",
    .usage = "[options] FILE.torrent DIR | PATH",
    .summary = "seed content that is on disk",
    .details =
        "Seeds the content of FILE.torrent in DIR until it is stopped. With PATH alone, "
        "creates a hybrid torrent of PATH first, saves it in a file, and prints the path of "
        "that file. Data that the state database does not list as verified is hashed first. "
        "With '-o -', the torrent file goes to standard output and all other output to "
        "standard error.",
    .example = "  sprat seed album.torrent ~/music\n"
               "  sprat seed -t http://tracker.example:6969/announce ~/music/album",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
