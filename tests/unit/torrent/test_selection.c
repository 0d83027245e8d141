/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Patterns that name files of a torrent.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "peer/torrent/selection.h"

static struct metainfo_file files[] = {
    {.path = "album/cover.jpg"},
    {.path = "album/one/a.flac"},
    {.path = "album/one/b.flac"},
    {.path = "album/two/a.flac"},
};

/* The selection after |pattern| as a string of digits. */
static const char *
pick(const char *pattern)
{
    static char text[5];
    struct metainfo mi = {.name = "album", .files = files, .file_count = 4};
    uint8_t selection[4] = {0};
    struct errbuf eb;

    if (selection_set(&mi, pattern, FILE_NORMAL, selection, &eb) != 0)
        return "none";
    for (int i = 0; i < 4; i++)
        text[i] = (char)('0' + selection[i]);
    return text;
}

Test(selection, patterns_name_paths_folders_and_names)
{
    cr_expect_str_eq(pick("cover.jpg"), "1000");
    cr_expect_str_eq(pick("album/cover.jpg"), "1000");
    cr_expect_str_eq(pick("one"), "0110");
    cr_expect_str_eq(pick("one/"), "0110");
    cr_expect_str_eq(pick("album/two"), "0001");
    cr_expect_str_eq(pick("a.flac"), "0101");
    cr_expect_str_eq(pick("*.flac"), "0111");
    cr_expect_str_eq(pick("one/?.flac"), "0110");
    cr_expect_str_eq(pick("*"), "1111");
    cr_expect_str_eq(pick("album"), "1111");
    cr_expect_str_eq(pick("on"), "none");
    cr_expect_str_eq(pick(""), "none");
    cr_expect_str_eq(pick("/"), "none");
}

Test(selection, a_long_pattern_is_refused)
{
    char pattern[1000];

    memset(pattern, '*', sizeof(pattern));
    pattern[sizeof(pattern) - 1] = '\0';
    cr_expect_str_eq(pick(pattern), "none");
    cr_expect_str_eq(pick("*******"), "none");
}
