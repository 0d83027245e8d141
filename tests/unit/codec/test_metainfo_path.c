/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Paths from strangers: what a name becomes, that none leaves its torrent, that none is there
 * twice, and where symlinks lead.
 */
#include "common/codec/metainfo_path.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ds/buf.h"
#include "tests/unit/codec/torrent_text.h"

static void
expect_name(const char *in, size_t len, const char *expected)
{
    char out[METAINFO_NAME_MAX + 1];
    size_t n = metainfo_name_clean((const uint8_t *)in, len, out);

    cr_assert_str_eq(out, expected, "\"%s\"", in);
    cr_assert_eq(n, strlen(expected));
}
#define EXPECT_NAME(in, expected) expect_name(in, sizeof(in) - 1, expected)

Test(metainfo_path, names)
{
    EXPECT_NAME("plain.txt", "plain.txt");
    EXPECT_NAME("", "");
    EXPECT_NAME(".", "");
    EXPECT_NAME("..", "");
    EXPECT_NAME("...", "...");
    EXPECT_NAME(".hidden", ".hidden");
    EXPECT_NAME("/", "");
    EXPECT_NAME("/etc/passwd", "etcpasswd");
    EXPECT_NAME("../..", "....");
    EXPECT_NAME("./", "");
    EXPECT_NAME("./.", "");
    EXPECT_NAME("\\", "");
    EXPECT_NAME("\\\\", "");
    EXPECT_NAME("a\\x2db", "a\\x2db");
    EXPECT_NAME("con", "con");
    EXPECT_NAME("a:b*?", "a:b*?");
    EXPECT_NAME(" a ", " a ");
}

Test(metainfo_path, names_with_controls_and_no_text)
{
    EXPECT_NAME("a\0b", "ab");
    EXPECT_NAME(".\0.", "");
    EXPECT_NAME("a\nb\x1b[1m\x7f", "a_b_[1m\x7f");
    EXPECT_NAME("caf\xe9", "caf_");
    EXPECT_NAME("\xff\xfe", "__");
    EXPECT_NAME("\xc0\xae\xc0\xae", "____");
    EXPECT_NAME("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
                "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
}

Test(metainfo_path, what_is_only_odd_is_kept)
{
    EXPECT_NAME("it\xc3\xa2\xc2\x80\xc2\x99s.mp3", "it\xc3\xa2\xc2\x80\xc2\x99s.mp3");
    EXPECT_NAME("a\xc2\x85z", "a\xc2\x85z");
    EXPECT_NAME("exe\xe2\x80\xae" "gpj", "exe\xe2\x80\xae" "gpj");
    EXPECT_NAME("\xe2\x80\x8e\xe2\x81\xa8x\xe2\x81\xa9", "\xe2\x80\x8e\xe2\x81\xa8x\xe2\x81\xa9");
    EXPECT_NAME("\xe2\x80\xae..", "\xe2\x80\xae..");
}

Test(metainfo_path, names_that_are_too_long)
{
    char in[600], out[METAINFO_NAME_MAX + 1];

    memset(in, 'x', sizeof(in));
    for (size_t len = 240; len <= METAINFO_NAME_MAX; len++)
        cr_assert_eq(metainfo_name_clean((uint8_t *)in, len, out), len);
    cr_assert_eq(metainfo_name_clean((uint8_t *)in, METAINFO_NAME_MAX + 1, out), 240);
    memcpy(in + 595, ".jpeg", 5);
    cr_assert_eq(metainfo_name_clean((uint8_t *)in, 600, out), 245);
    cr_assert_str_eq(out + 239, "x.jpeg");
    /* The longest extension, and one that is too long. */
    in[595] = 'x';
    in[591] = '.';
    cr_assert_eq(metainfo_name_clean((uint8_t *)in, 600, out), 249);
    in[591] = 'x';
    in[590] = '.';
    cr_assert_eq(metainfo_name_clean((uint8_t *)in, 600, out), 240);
    cr_assert_null(strchr(out, '.'));
}

Test(metainfo_path, no_character_is_cut)
{
    char in[600], out[METAINFO_NAME_MAX + 1];

    for (size_t i = 0; i + 3 <= sizeof(in); i += 3)
        memcpy(in + i, "\xe2\x82\xac", 3);
    for (size_t shift = 0; shift < 3; shift++) {
        /* Up to two bytes of a character become '_' each; 80 whole ones reach the 240th byte. */
        size_t n = metainfo_name_clean((uint8_t *)in + 3 - shift, 300 + shift, out);

        cr_assert_eq(n, 240 + shift, "shift %zu: %zu", shift, n);
    }
    memcpy(in + 297, ".md", 3);
    cr_assert_eq(metainfo_name_clean((uint8_t *)in + 2, 298, out), 1 + 80 * 3 + 3);
    cr_assert_str_eq(out + 1 + 80 * 3, ".md");
}

Test(metainfo_path, joining)
{
    static struct metainfo_path p;

    metainfo_path_init(&p);
    cr_assert(metainfo_path_add(&p, (const uint8_t *)"a", 1));
    cr_assert_not(metainfo_path_add(&p, (const uint8_t *)"..", 2));
    cr_assert(metainfo_path_add(&p, (const uint8_t *)"b/c", 3));
    cr_assert_str_eq(p.text, "a/bc");
    metainfo_path_cut(&p, 1);
    metainfo_path_add_clean(&p, "d");
    cr_assert_str_eq(p.text, "a/d");
    for (int i = 0; i < METAINFO_PATH_MAX; i++)
        metainfo_path_add_clean(&p, "xyz");
    cr_assert(p.too_long);
    cr_assert_leq(p.len, METAINFO_PATH_MAX);
    cr_assert_eq(strlen(p.text), p.len);
}

/* Loads a v1 torrent of these files and compares their paths, one a line. */
static void
expect_paths(const char *files, const char *expected)
{
    struct metainfo *mi = text_load(text_v1(files, 1));
    char paths[4000] = "";

    for (size_t i = 0; i < mi->file_count; i++) {
        strcat(paths, mi->files[i].path);
        if (mi->files[i].symlink != NULL)
            strcat(strcat(paths, " -> "), mi->files[i].symlink);
        strcat(paths, "\n");
    }
    cr_assert_str_eq(paths, expected);
    metainfo_free(mi);
}

#define FILE_AT(path)       "d6:lengthi1e4:pathl" path "ee"
#define LINK_AT(path, to)   "d4:attr1:l6:lengthi1e4:pathl" path "e12:symlink pathl" to "ee"

Test(metainfo_path, none_leaves_its_torrent)
{
    expect_paths(FILE_AT("2:..2:..3:etc6:passwd"), "t/etc/passwd\n");
    expect_paths(FILE_AT("4:/etc6:passwd"), "t/etc/passwd\n");
    expect_paths(FILE_AT("1:/1:/3:bar"), "t/bar\n");
    expect_paths(FILE_AT("1:.0:1:a"), "t/a\n");
    expect_paths(FILE_AT("2:..") FILE_AT("1:.") FILE_AT("0:"), "t/_\nt/_.1\nt/_.2\n");
    expect_paths(FILE_AT("6:../../1:x"), "t/..../x\n");
}

Test(metainfo_path, none_is_there_twice)
{
    expect_paths(FILE_AT("5:a.txt") FILE_AT("5:a.txt") FILE_AT("7:a.1.txt") FILE_AT("5:a.txt"),
                 "t/a.txt\nt/a.1.txt\nt/a.1.1.txt\nt/a.2.txt\n");
    expect_paths(FILE_AT("7:.bashrc") FILE_AT("7:.bashrc"), "t/.bashrc\nt/.bashrc.1\n");
    expect_paths(FILE_AT("3:d.e1:f") FILE_AT("3:d.e1:f"), "t/d.e/f\nt/d.e/f.1\n");
    expect_paths(FILE_AT("2:a/") FILE_AT("1:a"), "t/a\nt/a.1\n");
    expect_paths(FILE_AT("1:A") FILE_AT("1:a"), "t/A\nt/a\n");
}

Test(metainfo_path, no_file_is_where_a_directory_is)
{
    expect_paths(FILE_AT("1:a") FILE_AT("1:a1:b"), "t/a.1\nt/a/b\n");
    expect_paths(FILE_AT("1:a1:b") FILE_AT("1:a"), "t/a/b\nt/a.1\n");
    expect_paths(FILE_AT("1:a1:b1:c") FILE_AT("1:a1:b") FILE_AT("3:a.1"),
                 "t/a/b/c\nt/a/b.1\nt/a.1\n");
    /* Of a name that is taken already the next is tried. */
    expect_paths(FILE_AT("1:a1:b") FILE_AT("3:a.11:c") FILE_AT("1:a"), "t/a/b\nt/a.1/c\nt/a.2\n");
}

Test(metainfo_path, pads_may_share_a_path)
{
    expect_paths("d4:attr1:p6:lengthi2e4:pathl4:.pad1:2ee" FILE_AT("1:a")
                 "d4:attr1:p6:lengthi2e4:pathl4:.pad1:2ee" FILE_AT("4:.pad"),
                 "t/.pad/2\nt/a\nt/.pad/2\nt/.pad\n");
}

Test(metainfo_path, links_lead_to_what_is_in_the_torrent)
{
    expect_paths(FILE_AT("1:d1:f") LINK_AT("1:l", "1:d1:f"), "t/d/f\nt/l -> t/d/f\n");
    expect_paths(LINK_AT("1:l", "1:d") FILE_AT("1:d1:f"), "t/l -> t/d\nt/d/f\n");
    /* A frame of links, as in macOS: they are followed to where they end. */
    expect_paths(FILE_AT("1:v1:a3:lib") LINK_AT("1:v3:cur", "1:v1:a")
                 LINK_AT("3:lib", "1:v3:cur3:lib"),
                 "t/v/a/lib\nt/v/cur -> t/v/a\nt/lib -> t/v/a/lib\n");
}

Test(metainfo_path, links_that_lead_elsewhere_lead_to_themselves)
{
    expect_paths(FILE_AT("1:f") LINK_AT("1:l", "2:..3:etc6:passwd"), "t/f\nt/l -> t/l\n");
    expect_paths(FILE_AT("1:f") LINK_AT("1:l", "4:/etc"), "t/f\nt/l -> t/l\n");
    expect_paths(FILE_AT("1:f") LINK_AT("1:l", "1:x"), "t/f\nt/l -> t/l\n");
    expect_paths(FILE_AT("1:f") LINK_AT("1:l", "1:f1:x"), "t/f\nt/l -> t/l\n");
    expect_paths(FILE_AT("1:f") LINK_AT("1:l", "1:l"), "t/f\nt/l -> t/l\n");
    expect_paths(FILE_AT("1:f") LINK_AT("1:l", "1:m") LINK_AT("1:m", "1:l"),
                 "t/f\nt/l -> t/l\nt/m -> t/m\n");
    expect_paths(FILE_AT("1:f") LINK_AT("1:l", "1:l1:x"), "t/f\nt/l -> t/l\n");
}

Test(metainfo_path, no_path_goes_through_a_link)
{
    expect_paths(FILE_AT("1:d1:f") LINK_AT("1:l", "1:d") FILE_AT("1:l1:x"),
                 "t/d/f\nt/l.1 -> t/d\nt/l/x\n");
    expect_paths(LINK_AT("1:l", "2:..3:etc") FILE_AT("1:l6:passwd"),
                 "t/l.1 -> t/l.1\nt/l/passwd\n");
}

Test(metainfo_path, a_link_without_a_target_is_an_empty_file)
{
    struct metainfo *mi =
        text_load(text_v1(FILE_AT("1:f") "d4:attr1:l6:lengthi99e4:pathl1:lee", 1));

    cr_assert_eq(mi->files[1].attr, 0);
    cr_assert_eq(mi->files[1].length, 0);
    metainfo_free(mi);
    text_refuse(text_v1(FILE_AT("1:f") "d4:attr1:l4:pathl1:le12:symlink pathli1eee", 1),
                SPRAT_E_TYPE, "symlink path of file 1");
    text_refuse(text_v1(FILE_AT("1:f") "d4:attr2:lp4:pathl1:le12:symlink pathl1:fee", 1),
                SPRAT_E_MISMATCH, "pad and a symlink");
}

Test(metainfo_path, a_path_that_is_too_long)
{
    char files[10000] = "d6:lengthi1e4:pathl";

    for (int i = 0; i < 1000; i++)
        strcat(files, "4:abcd");
    strcat(files, "ee");
    text_refuse(text_v1(files, 1), SPRAT_E_TOOBIG, "longer than 4000");
}

/* Builds a v1 torrent of |n| files that all have the bencoded |path|. */
static struct buf
same_paths(unsigned n, const char *path)
{
    struct buf out;
    size_t pieces = 1 + (n - 1) / 16384;

    buf_init(&out, METAINFO_SIZE_MAX);
    buf_puts(&out, "d4:infod5:filesl");
    for (unsigned i = 0; i < n; i++)
        buf_printf(&out, "d6:lengthi1e4:pathl%see", path);
    buf_printf(&out, "e4:name1:t12:piece lengthi16384e6:pieces%zu:", pieces * 20);
    for (size_t i = 0; i < pieces * 20; i++)
        buf_puts(&out, "h");
    buf_puts(&out, "ee");
    return out;
}

Test(metainfo_path, many_files_of_one_name_are_renamed_up_to_a_limit)
{
    struct buf some = same_paths(1000, "1:a"), many = same_paths(20000, "1:a");
    struct metainfo *mi = NULL;
    struct errbuf eb = {0};

    cr_assert_eq(metainfo_parse(buf_data(&some), buf_len(&some), &mi, &eb), 0, "%s", eb.text);
    cr_assert_str_eq(mi->files[999].path, "t/a.999");
    metainfo_free(mi);
    cr_assert_eq(metainfo_parse(buf_data(&many), buf_len(&many), &mi, &eb), SPRAT_E_UNSAFE);
    cr_assert_not_null(strstr(eb.text, "share one path"));
    buf_fini(&some);
    buf_fini(&many);
}

/* Two files of one name that fills 255 bytes, in one directory:
 * returns what the second is called. */
static const char *
second_of(const char *name, struct metainfo **mi)
{
    char path[300];
    struct buf b;
    struct errbuf eb = {0};

    snprintf(path, sizeof(path), "%zu:%s", strlen(name), name);
    b = same_paths(2, path);
    cr_assert_eq(metainfo_parse(buf_data(&b), buf_len(&b), mi, &eb), 0, "%s", eb.text);
    buf_fini(&b);
    cr_assert_str_eq((*mi)->files[0].path + 2, name);
    return (*mi)->files[1].path + 2;
}

Test(metainfo_path, what_makes_a_name_unique_fits_into_it)
{
    char name[METAINFO_NAME_MAX + 1], want[METAINFO_NAME_MAX + 1];
    struct metainfo *mi;

    memset(name, 'x', sizeof(name));
    strcpy(name + 251, ".mkv");
    memset(want, 'x', sizeof(want));
    strcpy(want + 249, ".1.mkv");
    cr_expect_str_eq(second_of(name, &mi), want);
    metainfo_free(mi);

    for (size_t i = 0; i < 255; i += 3)
        memcpy(name + i, "\xe2\x82\xac", 3);
    memcpy(want, name, 252);
    strcpy(want + 252, ".1");
    cr_expect_str_eq(second_of(name, &mi), want);
    metainfo_free(mi);

    /* All extension, and no stem to cut. */
    memset(name, 'y', 255);
    name[1] = '.';
    memcpy(want, name, 253);
    strcpy(want + 253, ".1");
    cr_expect_str_eq(second_of(name, &mi), want);
    metainfo_free(mi);
}
