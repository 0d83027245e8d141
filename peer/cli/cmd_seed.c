/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat seed: seeds content that is on disk in the foreground. The torrent is given as a file, or
 * is made from a path first.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/hex.h"
#include "common/base/parse.h"
#include "common/sys/file.h"
#include "common/sys/paths.h"
#include "config.h"
#include "peer/cli/command.h"
#include "peer/cli/hashing.h"
#include "peer/cli/making.h"
#include "peer/cli/output.h"
#include "peer/cli/contentdir.h"
#include "peer/cli/screen.h"
#include "peer/cli/torrentfile.h"
#include "peer/cli/transfer.h"
#include "peer/store/create.h"
#include "peer/store/gather.h"

enum { UNTIL_MAX = 1000000 };
enum { OPT_OUTPUT = 1, OPT_FORCE, OPT_SUPER_SEED, OPT_NAME, OPT_UNTIL };

static const struct option_spec options[] = {
    {OPT_OUTPUT, 'o', "output", "FILE",
     "with PATH: write the torrent file here; '-' is standard output (default: a "
     "file in the state directory)"},
    {OPT_FORCE, 'f', "force", NULL, "with PATH: replace an existing torrent file"},
    {OPT_NAME, 0, "name", "NAME",
     "with several PATHs: the name of the folder that receivers get (default: the first "
     "path's name and the number of the others)"},
    {OPT_UNTIL, 0, "until", "COUNT",
     "end with status 0 when this many receivers have become complete (default: never)"},
    {OPT_SUPER_SEED, 0, "super-seed", NULL,
     "offer each peer different pieces until one full copy is out (BEP 16)"},
    TRANSFER_ROWS,
    CLI_HELP_ROW,
};

struct seed {
    struct transfer_options transfer;
    const char *output_path; /* NULL: a file in the state directory */
    const char *name;        /* NULL: not given */
    bool force;
    struct output output;
    bool super_seed;
    struct screen screen;
    struct hashing hashing;
};

static int
seed_torrent(const struct cli_command *self, struct seed *s, const char *torrent, const char *path)
{
    struct torrent_add add = {.seed = SEED_FOREVER, .seed_only = true, .super_seed = s->super_seed};
    struct errbuf eb;
    char *dir;
    int status;

    if (torrentfile_load(torrent, &add.mi, &eb) != 0)
        return cli_fail("%s", eb.text);
    if (contentdir_find(add.mi, path, &dir, &eb) != 0) {
        metainfo_free(add.mi);
        return cli_fail("%s", eb.text);
    }
    add.save_dir = dir;
    status = transfer_run(self, &s->transfer, &add, NULL, &s->screen);
    free(dir);
    return status;
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

/* What is to be seeded: one path, or a directory of links to several. */
struct content {
    const char *path;
    bool links;
    char *gathered; /* NULL, or |path|, which is to be freed */
};

static int
content_find(const struct seed *s, const struct cli_args *args, struct content *c,
             struct errbuf *eb)
{
    char *state;
    int err;

    *c = (struct content){.path = args->operands[0]};
    if (args->operand_count == 1)
        return 0;
    state = transfer_state_dir(&s->transfer, eb);
    if (state == NULL)
        return SPRAT_E_NOENT;
    err = gather_make(state, s->name, args->operands, args->operand_count, &c->gathered, eb);
    free(state);
    c->path = c->gathered;
    c->links = true;
    return err;
}

/* Makes the torrent of |c| and writes its file |*kept|. |*dir| is the directory of the content. */
static int
make_torrent(struct seed *s, const struct content *c, struct metainfo **mi, char **dir, char **kept,
             struct errbuf *eb)
{
    struct create_options opt = {.path = c->path,
                                 .links = c->links,
                                 .format = METAINFO_HYBRID,
                                 .created_by = PACKAGE_STRING,
                                 .progress = hashing_on_progress,
                                 .notice = hashing_on_notice,
                                 .user = &s->hashing};
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
seed_content(const struct cli_command *self, struct seed *s, const struct content *c)
{
    struct torrent_add add = {
        .seed = SEED_FOREVER, .seed_only = true, .trusted = true, .super_seed = s->super_seed};
    struct errbuf eb = {""};
    char *dir = NULL, *kept = NULL;
    int status = CLI_FAILED;

    hashing_init(&s->hashing, &s->screen, c->links ? strrchr(c->gathered, '/') + 1 : c->path);
    making_warn_trackers(&s->screen, &s->transfer.trackers);
    if (make_torrent(s, c, &add.mi, &dir, &kept, &eb) != 0) {
        cli_fail("%s", eb.text[0] != '\0' ? eb.text : "out of memory");
        metainfo_free(add.mi);
    } else {
        add.save_dir = dir;
        if (making_format_note(add.mi, false) != NULL)
            screen_say(&s->screen, "note: %s", making_format_note(add.mi, false));
        s->transfer.trackers.count = 0; /* the torrent lists them now */
        status = transfer_run(self, &s->transfer, &add, kept, &s->screen);
    }
    free(kept);
    free(dir);
    return status;
}

static int
seed_paths(const struct cli_command *self, struct seed *s, const struct cli_args *args)
{
    struct content content;
    struct errbuf eb = {""};
    int status;

    if (s->output_path != NULL && output_init(&s->output, s->output_path, s->force, &eb) != 0)
        return cli_fail("%s", eb.text);
    screen_init(&s->screen, s->transfer.json);
    if (content_find(s, args, &content, &eb) != 0)
        return cli_fail("%s", eb.text);
    status = seed_content(self, s, &content);
    free(content.gathered);
    return status;
}

/* Whether the first operand is a torrent file, and not content: it is no file that could be
 * content, or can be parsed, or, as the first of two, has the name of one. */
static bool
is_torrent_file(const char *path, size_t operands)
{
    size_t len = strlen(path);
    bool named = operands == 2 && len > 8 && strcmp(path + len - 8, ".torrent") == 0;
    struct metainfo *mi;
    struct stat st;

    if (strcmp(path, "-") == 0)
        return true;
    if (stat(path, &st) != 0)
        return named;
    if (S_ISDIR(st.st_mode))
        return false;
    if (named || !S_ISREG(st.st_mode))
        return true;
    if (torrentfile_load(path, &mi, NULL) != 0)
        return false;
    metainfo_free(mi);
    return true;
}

static int
store_until(struct seed *s, const char *value, struct errbuf *eb)
{
    if (parse_u64(value, 1, UNTIL_MAX, &s->transfer.until) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "--until needs a number from 1 to %d, not '%s'",
                          UNTIL_MAX, value);
    return 0;
}

static int
store_option(struct seed *s, int id, const char *value, struct errbuf *eb)
{
    switch (id) {
    case OPT_OUTPUT: s->output_path = value; return 0;
    case OPT_FORCE: s->force = true; return 0;
    case OPT_SUPER_SEED: s->super_seed = true; return 0;
    case OPT_NAME: s->name = value; return 0;
    case OPT_UNTIL: return store_until(s, value, eb);
    }
    return transfer_option(&s->transfer, id, value, eb);
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
    while ((got = cli_next(&args, &id, &value, 1, CLI_OPERANDS_MAX)) > 0)
        if (store_option(&s, id, value, &eb) != 0)
            return cli_usage(self, "%s", eb.text);
    if (got < 0)
        return args.status;
    if (s.name != NULL && args.operand_count < 2)
        return cli_usage(self, "--name needs several paths: one path has its own name");
    if (!is_torrent_file(args.operands[0], args.operand_count))
        return seed_paths(self, &s, &args);
    if (args.operand_count != 2)
        return cli_usage(self, "%s is a torrent file: name the directory of its content too%s",
                         args.operands[0], args.operand_count > 2 ? ", and nothing else" : "");
    if (s.output_path != NULL || s.force)
        return cli_usage(self, "-o and -f can't be given with FILE.torrent");
    if (s.name != NULL)
        return cli_usage(self, "--name can't be given with FILE.torrent");
    screen_init(&s.screen, s.transfer.json);
    return seed_torrent(self, &s, args.operands[0], args.operands[1]);
}

const struct cli_command cli_seed = {
    .name = "seed",
    .usage = "[options] PATH… | FILE.torrent DIR",
    .summary = "seed content that is on disk, and print a link to it",
    .details =
        "Makes one hybrid torrent of all PATHs, saves it in a file, seeds it until it is stopped, "
        "and prints a link by which 'sprat get' fetches it on other machines. With FILE.torrent, "
        "seeds its content in DIR. Data that the state database does not list as verified is "
        "hashed first. With '-o -', the torrent file goes to standard output and all other output "
        "to standard error.",
    .example = "  sprat seed ~/music/album\n"
               "  sprat seed --until 3 disk.img notes.txt ~/photos\n"
               "  sprat seed album.torrent ~/music",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
