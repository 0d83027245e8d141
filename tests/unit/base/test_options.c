/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The syntax of options, the sentences for wrong ones, and the layout of the help.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/options.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

enum { ID_ALL = 1, ID_JSON, ID_OUT, ID_PIECE };

static const struct option_spec specs[] = {
    {ID_ALL, 'a', "all", NULL, "everything"},
    {ID_JSON, 'j', "json", NULL, "one object"},
    {ID_OUT, 'o', "output", "FILE", "write there"},
    {ID_PIECE, 0, "piece-length", "SIZE",
     "bytes of a piece, and so many words that they can't stand on one line of the help text"},
};

static void
expect(struct options *o, int want_id, const char *want_value)
{
    struct errbuf eb = {""};
    int id = -1;
    const char *value = "?";

    cr_assert_eq(options_next(o, &id, &value, &eb), 1, "%s", eb.text);
    cr_expect_eq(id, want_id);
    if (want_value == NULL)
        cr_expect_null(value);
    else
        cr_expect_str_eq(value, want_value);
}

static void
expect_end(struct options *o)
{
    int id;
    const char *value;

    cr_expect_eq(options_next(o, &id, &value, NULL), 0);
    cr_expect_eq(options_next(o, &id, &value, NULL), 0);
}

static void
expect_wrong(const char *const *argv, int argc, const char *sentence)
{
    struct options o;
    struct errbuf eb = {""};
    int id, err;
    const char *value;

    options_init(&o, argc, argv, specs, COUNT(specs));
    while ((err = options_next(&o, &id, &value, &eb)) > 0)
        continue;
    cr_expect_eq(err, SPRAT_E_INVAL);
    cr_expect_str_eq(eb.text, sentence);
}

Test(options, every_form)
{
    const char *const argv[] = {"one", "-o",   "x", "--output=y", "--output", "z",        "-ow",
                                "-aj", "-ajo", "v", "--json",     "-",        "--output="};
    struct options o;

    options_init(&o, COUNT(argv), argv, specs, COUNT(specs));
    expect(&o, OPTION_OPERAND, "one");
    expect(&o, ID_OUT, "x");
    expect(&o, ID_OUT, "y");
    expect(&o, ID_OUT, "z");
    expect(&o, ID_OUT, "w");
    expect(&o, ID_ALL, NULL);
    expect(&o, ID_JSON, NULL);
    expect(&o, ID_ALL, NULL);
    expect(&o, ID_JSON, NULL);
    expect(&o, ID_OUT, "v");
    expect(&o, ID_JSON, NULL);
    expect(&o, OPTION_OPERAND, "-");
    expect(&o, ID_OUT, "");
    expect_end(&o);
}

Test(options, double_dash_ends_them)
{
    const char *const argv[] = {"-a", "--", "-a", "--", "--json"};
    struct options o;

    options_init(&o, COUNT(argv), argv, specs, COUNT(specs));
    expect(&o, ID_ALL, NULL);
    expect(&o, OPTION_OPERAND, "-a");
    expect(&o, OPTION_OPERAND, "--");
    expect(&o, OPTION_OPERAND, "--json");
    expect_end(&o);
}

Test(options, a_value_may_look_like_an_option)
{
    const char *const argv[] = {"-o", "--json", "--output", "--"};
    struct options o;

    options_init(&o, COUNT(argv), argv, specs, COUNT(specs));
    expect(&o, ID_OUT, "--json");
    expect(&o, ID_OUT, "--");
    expect_end(&o);
}

Test(options, nothing_given)
{
    struct options o;

    options_init(&o, 0, NULL, specs, COUNT(specs));
    expect_end(&o);
}

Test(options, wrong_ones)
{
    const char *const near[] = {"--peice-length=1"};
    const char *const far[] = {"--frobnicate"};
    const char *const letter[] = {"-ax"};
    const char *const no_value[] = {"--output"};
    const char *const no_value_short[] = {"-ao"};
    const char *const flag_value[] = {"--json=yes"};

    expect_wrong(near, 1, "unknown option '--peice-length'; did you mean '--piece-length'?");
    expect_wrong(far, 1, "unknown option '--frobnicate'");
    expect_wrong(letter, 1, "unknown option '-x'");
    expect_wrong(no_value, 1, "option '--output' needs a value: FILE");
    expect_wrong(no_value_short, 1, "option '--output' needs a value: FILE");
    expect_wrong(flag_value, 1, "option '--json' takes no value");
}

Test(options, a_very_long_one_is_wrong_too)
{
    char word[5000];
    const char *const argv[] = {word};
    struct options o;
    struct errbuf eb = {""};
    int id;
    const char *value;

    memset(word, 'a', sizeof(word));
    memcpy(word, "--", 2);
    word[sizeof(word) - 1] = '\0';
    options_init(&o, 1, argv, specs, COUNT(specs));
    cr_expect_eq(options_next(&o, &id, &value, &eb), SPRAT_E_INVAL);
    cr_expect(strncmp(eb.text, "unknown option", 14) == 0);
}

Test(options, help_is_wrapped)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    options_print(f, specs, COUNT(specs), 60);
    fclose(f);
    cr_expect(strstr(text, "  -o, --output FILE       write there\n") != NULL, "%s", text);
    cr_expect(strstr(text, "      --piece-length SIZE\n                          bytes") != NULL);
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        cr_expect_leq(end - line, 60, "%.*s", (int)(end - line), line);
    free(text);
}
