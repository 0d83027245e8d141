/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat verify: compares files on disk with a torrent, and prints for each file what is wrong.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/sys/clock.h"
#include "peer/cli/command.h"
#include "peer/cli/describe.h"
#include "peer/cli/torrentfile.h"
#include "peer/cli/contentdir.h"
#include "peer/cli/screen.h"
#include "peer/cli/text.h"
#include "peer/store/check.h"
#include "peer/store/lookalike.h"

enum { OPT_QUIET = 1 };

static const struct option_spec options[] = {
    {OPT_QUIET, 'q', "quiet", NULL, "print only files that are not complete"},
    CLI_HELP_ROW,
};

struct verify {
    struct screen screen;
    const struct metainfo *mi;
};

static bool
on_progress(void *user, uint32_t done, uint32_t total)
{
    struct verify *v = user;
    struct progress p = {.name = v->mi->name, .phase = "checking"};

    /* check_run() counts pieces; the line shows bytes. */
    p.total = v->mi->total_size;
    p.done = total > 0 ? (uint64_t)((double)done / total * (double)p.total) : 0;
    if (v->screen.mode == SCREEN_TTY)
        screen_progress(&v->screen, &p, clock_mono());
    return true;
}

/* Prints a missing file, with a similar name or the link that was found in its place, if any. */
static void
print_missing(const struct metainfo *mi, size_t file, const char *shown, const char *dir)
{
    struct errbuf why;

    if ((mi->files[file].attr & ATTR_SYMLINK) == 0 && lookalike_find(dir, mi, file, &why))
        printf("%-10s %s (%s)\n", check_file_state_name(CHECK_FILE_MISSING), shown, why.text);
    else
        printf("%-10s %s\n", check_file_state_name(CHECK_FILE_MISSING), shown);
}

/* Prints the state, the path, and the number of wrong pieces. */
static void
print_file(const struct metainfo *mi, size_t file, const struct check_file *r, const char *dir)
{
    char path[METAINFO_PATH_MAX * 4];

    text_fit(path, sizeof(path), mi->files[file].path, METAINFO_PATH_MAX);
    if (r->state == CHECK_FILE_MISSING)
        print_missing(mi, file, path, dir);
    else if (r->bad > 0)
        printf("%-10s %s (%u of %u %s wrong)\n", check_file_state_name(r->state), path, r->bad,
               r->checked, text_noun(r->checked, "piece is", "pieces are"));
    else
        printf("%-10s %s\n", check_file_state_name(r->state), path);
}

/* Prints the files and returns how many are not right. */
static size_t
print_report(const struct metainfo *mi, const struct check_report *report, const char *dir,
             bool quiet)
{
    size_t wrong = 0;

    for (size_t i = 0; i < mi->file_count; i++) {
        bool ok = report->files[i].state == CHECK_FILE_OK;

        if (mi->files[i].attr & ATTR_PAD)
            continue;
        wrong += !ok;
        if (!ok || !quiet)
            print_file(mi, i, &report->files[i], dir);
    }
    return wrong;
}

static int
verify(struct metainfo *mi, const char *torrent, const char *dir, bool quiet)
{
    struct verify v = {.mi = mi};
    struct check_report report = {.err = 0};
    struct errbuf eb = {""};
    char size[TEXT_NUMBER_MAX];
    size_t wrong, files = describe_count_files(mi);
    int err;

    screen_init(&v.screen, false);
    err = check_run(mi, dir, 0, on_progress, &v, &report, &eb);
    screen_clear(&v.screen);
    if (err != 0)
        return cli_fail("%s: %s", torrent, eb.text[0] != '\0' ? eb.text : sprat_strerror(err));
    wrong = print_report(mi, &report, dir, quiet);
    bool whole = bitfield_full(&report.good);
    check_report_fini(&report);
    if (wrong > 0 || !whole)
        return cli_fail("%s: %zu of %zu %s in %s %s missing or wrong", torrent, wrong, files,
                        text_noun(files, "file", "files"), dir, text_noun(files, "is", "are"));
    if (!quiet && files == 1)
        printf("the file is right (%s)\n", text_size(mi->total_size, size));
    else if (!quiet)
        printf("all %zu files are right (%s)\n", files, text_size(mi->total_size, size));
    return CLI_OK;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct cli_args args;
    struct metainfo *mi;
    struct errbuf eb;
    const char *value;
    char *dir;
    bool quiet = false;
    int id, got, status;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 2, 2)) > 0)
        if (id == OPT_QUIET)
            quiet = true;
    if (got < 0)
        return args.status;
    if (torrentfile_load(args.operands[0], &mi, &eb) != 0)
        return cli_fail("%s", eb.text);
    if (contentdir_find(mi, args.operands[1], &dir, &eb) != 0) {
        metainfo_free(mi);
        return cli_fail("%s", eb.text);
    }
    status = verify(mi, args.operands[0], dir, quiet);
    free(dir);
    metainfo_free(mi);
    return status;
}

const struct cli_command cli_verify = {
    .name = "verify",
    .usage = "[options] FILE.torrent DIR",
    .summary = "compare files with a torrent",
    .details =
        "Hashes the content in DIR and prints for each file whether it is complete. DIR is "
        "the directory that contains the torrent's file or directory, or the torrent's "
        "directory itself. The exit status is 0 only if all files are complete.",
    .example = "  sprat verify album.torrent ~/music",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
