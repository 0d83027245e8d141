/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a torrent file says beside its content (BEP 5, 12, 19, 27): read where it makes sense, left
 * out where it does not, never a reason to refuse the file.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/codec/torrent_text.h"

Test(metainfo_about, nothing_is_there)
{
    struct metainfo *mi = text_load(text_around("", "", ""));

    cr_assert_eq(mi->tier_count + mi->web_seed_count + mi->node_count, 0);
    cr_assert_null(mi->comment);
    cr_assert_null(mi->created_by);
    cr_assert_null(mi->source);
    cr_assert_eq(mi->creation_date, 0);
    cr_assert_not(mi->is_private);
    metainfo_free(mi);
}

Test(metainfo_about, one_tracker)
{
    struct metainfo *mi = text_load(text_around("8:announce12: http://a/b ", "", ""));

    cr_assert_eq(mi->tier_count, 1);
    cr_assert_eq(mi->tiers[0].count, 1);
    cr_assert_str_eq(mi->tiers[0].urls[0], "http://a/b");
    metainfo_free(mi);
}

Test(metainfo_about, tiers)
{
    struct metainfo *mi = text_load(text_around("8:announce8:http://x"
                                                "13:announce-listll8:http://a7:udp://bel8:http://ae"
                                                "lel4:junkeli1e8:http://ce1:xi5ee",
                                                "", ""));

    /* The list wins over "announce"; doubles, junk and the tiers left empty by it are gone. */
    cr_assert_eq(mi->tier_count, 2);
    cr_assert_eq(mi->tiers[0].count, 2);
    cr_assert_str_eq(mi->tiers[0].urls[0], "http://a");
    cr_assert_str_eq(mi->tiers[0].urls[1], "udp://b");
    cr_assert_eq(mi->tiers[1].count, 1);
    cr_assert_str_eq(mi->tiers[1].urls[0], "http://c");
    metainfo_free(mi);
}

Test(metainfo_about, a_list_of_nothing_falls_back_to_announce)
{
    static const char *const lists[] = {"le", "llee", "ll4:junkee", "i1e", "de", "3:abc"};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        char before[200];
        struct metainfo *mi;

        snprintf(before, sizeof(before), "8:announce8:http://x13:announce-list%s", lists[i]);
        mi = text_load(text_around(before, "", ""));
        cr_assert_eq(mi->tier_count, 1, "%s", lists[i]);
        cr_assert_str_eq(mi->tiers[0].urls[0], "http://x");
        metainfo_free(mi);
    }
}

Test(metainfo_about, trackers_are_bounded)
{
    char before[40000] = "13:announce-listl";
    struct metainfo *mi;
    size_t count = 0;

    for (int i = 0; i < METAINFO_TRACKERS_MAX + 50; i++)
        snprintf(before + strlen(before), 40, "l12:http://a%04de", i);
    strcat(before, "e");
    mi = text_load(text_around(before, "", ""));
    for (size_t i = 0; i < mi->tier_count; i++)
        count += mi->tiers[i].count;
    cr_assert_eq(count, METAINFO_TRACKERS_MAX);
    metainfo_free(mi);
}

Test(metainfo_about, web_seeds)
{
    struct metainfo *mi = text_load(text_around("", "", "8:url-list8:http://w"));

    cr_assert_eq(mi->web_seed_count, 1);
    cr_assert_str_eq(mi->web_seeds[0], "http://w");
    metainfo_free(mi);
    mi = text_load(text_around("", "", "8:url-listl8:http://w0:i5e12:http://w/a b8:http://we"));
    cr_assert_eq(mi->web_seed_count, 2);
    cr_assert_str_eq(mi->web_seeds[1], "http://w/a%20b");
    metainfo_free(mi);
    mi = text_load(text_around("", "", "8:url-list0:"));
    cr_assert_eq(mi->web_seed_count, 0);
    metainfo_free(mi);
}

Test(metainfo_about, nodes)
{
    struct metainfo *mi =
        text_load(text_around("", "",
                              "5:nodesll9:127.0.0.1i6881eel3:::1i1eel1:ai0eel1:ai65536ee"
                              "l3:a bi1eel0:i1eeli1ei1eel1:aelei5ee"));

    cr_assert_eq(mi->node_count, 2);
    cr_assert_str_eq(mi->nodes[0].host, "127.0.0.1");
    cr_assert_eq(mi->nodes[0].port, 6881);
    cr_assert_str_eq(mi->nodes[1].host, "::1");
    metainfo_free(mi);
}

Test(metainfo_about, texts)
{
    struct metainfo *mi = text_load(text_around("7:comment5:a\x1b[1m10:created by2:me"
                                                "13:creation datei1234567890e",
                                                "7:privatei1e6:source4:club", ""));

    cr_assert_str_eq(mi->comment, "a_[1m", "no terminal is harmed");
    cr_assert_str_eq(mi->created_by, "me");
    cr_assert_str_eq(mi->source, "club");
    cr_assert_eq(mi->creation_date, 1234567890);
    cr_assert(mi->is_private);
    metainfo_free(mi);
}

Test(metainfo_about, the_utf8_spelling_wins)
{
    struct metainfo *mi = text_load(text_around("7:comment1:\xe9"
                                                "13:comment.utf-82:\xc3\xa9",
                                                "", ""));

    cr_assert_str_eq(mi->comment, "\xc3\xa9");
    metainfo_free(mi);
}

Test(metainfo_about, wrong_types_are_left_out)
{
    struct metainfo *mi =
        text_load(text_around("8:announcei1e7:commentle10:created byde"
                              "13:creation date1:x",
                              "7:private1:16:sourcei1e", "5:nodes1:x8:url-listi1e"));

    cr_assert_eq(mi->tier_count + mi->web_seed_count + mi->node_count, 0);
    cr_assert_null(mi->comment);
    cr_assert_null(mi->created_by);
    cr_assert_null(mi->source);
    cr_assert_eq(mi->creation_date, 0);
    cr_assert_not(mi->is_private);
    metainfo_free(mi);
    mi = text_load(text_around("13:creation datei-5e", "7:privatei0e", ""));
    cr_assert_eq(mi->creation_date, 0);
    cr_assert_not(mi->is_private);
    metainfo_free(mi);
}
