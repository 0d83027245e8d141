/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The candidates for the word that is being typed, with tables and usage lines of the test's own.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/complete.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { ID_ALL = 1, ID_OUT, ID_ORDER, ID_SEED, ID_DIR };

static const struct option_spec specs[] = {
    {ID_ALL, 'a', "all", NULL, "everything"},
    {ID_OUT, 'o', "output", "FILE", "write there"},
    {ID_ORDER, 0, "order", "up|down", "which way"},
    {ID_SEED, 's', "seed", "none|RATIO", "how long"},
    {ID_DIR, 0, "dir", "DIR", "go there"},
};

static void
offer_name(void *ctx, FILE *f, const char *what, const char *typed)
{
    (void)ctx;
    fprintf(f, "<%s %s>\n", what, typed);
}

static void
expect(const char *usage, int argc, const char *const *argv, const char *want)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    complete_arguments(f, &(struct complete_args){.argc = argc,
                                                  .argv = argv,
                                                  .specs = specs,
                                                  .count = COUNT(specs),
                                                  .usage = usage,
                                                  .names = offer_name});
    fclose(f);
    cr_expect_str_eq(text, want, "usage %s, last word '%s': got\n%s", usage, argv[argc - 1], text);
    free(text);
}

#define EXPECT(usage, want, ...)                                                                   \
    expect(usage, (int)COUNT(((const char *const[]){__VA_ARGS__})),                                \
           (const char *const[]){__VA_ARGS__}, want)

Test(complete, options)
{
    EXPECT(NULL,
           "words\n--all\teverything\n--output\twrite there\n--order\twhich way\n--seed\thow long\n"
           "--dir\tgo there\n",
           "-");
    EXPECT(NULL, "words\n--output\twrite there\n--order\twhich way\n", "--o");
    EXPECT(NULL, "words\n", "--x");
    EXPECT(NULL, "words\n", "--", "-");
}

Test(complete, values)
{
    EXPECT(NULL, "words\nup\ndown\n", "--order", "");
    EXPECT(NULL, "words\ndown\n", "--order", "d");
    EXPECT(NULL, "words\n--order=down\n", "--order=d");
    EXPECT(NULL, "words\nnone\n", "-as", "");
    EXPECT(NULL, "files\n", "-o", "");
    EXPECT(NULL, "files\n", "--output=x");
    EXPECT(NULL, "directories\n", "--dir", "-");
    EXPECT(NULL, "words\n", "--all=");
    EXPECT(NULL, "words\n", "--unknown=");
}

Test(complete, operands)
{
    EXPECT("[options] PATH", "files\n<PATH >\n", "");
    EXPECT("[options] PATH", "words\n", "x", "");
    EXPECT("[options] DIR | FILE.torrent up", "torrents\n<DIR >\n<FILE.torrent >\n", "--all", "");
    EXPECT("[options] DIR | FILE.torrent up", "words\nup\n", "x", "-o", "y", "");
    EXPECT("[options] [NAME] [DIR]", "directories\n<DIR >\n", "x", "");
    EXPECT("NAME… | all", "words\nall\n<NAME >\n", "");
    EXPECT("NAME… | all", "words\n<NAME x>\n", "a", "b", "x");
    EXPECT("--order ORDER NAME|other [options]", "words\nother\n<NAME o>\n", "-o", "x", "o");
    EXPECT("[options] -- NAME", "words\n<NAME ->\n", "--", "-");
}

Test(complete, wrong_words_are_passed_over)
{
    EXPECT("NAME up", "words\nup\n", "--unknown", "-xyz", "--all=1", "a", "");
    EXPECT("NAME up", "words\n<NAME >\n", "--order", "--all", "");
}

Test(complete, words)
{
    static const struct complete_word words[] = {
        {"one", "the first"}, {"only", NULL}, {"two", "x"}};
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    complete_words(f, "on", words, COUNT(words));
    fclose(f);
    cr_expect_str_eq(text, "words\none\tthe first\nonly\n");
    free(text);
}
