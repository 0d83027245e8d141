/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Extended handshakes of ours, of other clients, and with nonsense.
 */
#include "peer/core/extmsg.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "peer/core/metamsg.h"

static int
read_text(struct ext_handshake *hs, const char *text)
{
    return extmsg_read_handshake(hs, (const uint8_t *)text, strlen(text));
}

static struct ext_handshake
fresh(void)
{
    return (struct ext_handshake){.reqq = 250};
}

Test(extmsg, our_handshake)
{
    struct endpoint theirs = {.family = IP_V4, .ip = {127, 0, 0, 9}, .port = 5};
    struct ext_offer offer = {.client = "Sprat 1", .listen_port = 6881, .reqq = 2048,
                              .metadata_size = 20000, .upload_only = true, .theirs = &theirs};
    struct ext_handshake hs = fresh();
    struct buf out;

    buf_init(&out, 1000);
    cr_assert_eq(extmsg_put_handshake(&out, &offer), 0);
    cr_assert_str_eq(buf_str(&out),
                     "d1:md11:lt_donthavei1e11:upload_onlyi2e11:ut_metadatai4e6:ut_pexi3ee"
                     "13:metadata_sizei20000e1:pi6881e4:reqqi2048e"
                     "11:upload_onlyi1e1:v7:Sprat 16:yourip4:\x7f");
    cr_assert_eq(extmsg_read_handshake(&hs, buf_data(&out), buf_len(&out)), 0);
    cr_assert_eq(hs.ids[EXTMSG_DONTHAVE], 1);
    cr_assert_eq(hs.ids[EXTMSG_UPLOAD_ONLY], 2);
    cr_assert_str_eq(hs.client, "Sprat 1");
    cr_assert_eq(hs.port, 6881);
    cr_assert_eq(hs.reqq, 2048);
    cr_assert_eq(hs.ids[EXTMSG_METADATA], 4);
    cr_assert_eq(hs.metadata_size, 20000);
    cr_assert(hs.upload_only);
    cr_assert(endpoint_same_host(&hs.yourip, &theirs));
    cr_assert_eq(hs.yourip.port, 0);
    buf_fini(&out);
}

Test(extmsg, our_shortest_handshake)
{
    struct endpoint nobody = {0};
    struct ext_offer offer = {.client = "x", .reqq = 1, .no_pex = true, .theirs = &nobody};
    struct buf out;

    buf_init(&out, 1000);
    cr_assert_eq(extmsg_put_handshake(&out, &offer), 0);
    cr_assert_str_eq(buf_str(&out), "d1:md11:lt_donthavei1e11:upload_onlyi2e11:ut_metadatai4ee"
                                    "4:reqqi1e1:v1:xe");
    buf_reset(&out);
    offer.theirs = NULL;
    cr_assert_eq(extmsg_put_handshake(&out, &offer), 0);
    buf_fini(&out);
    buf_init(&out, 10);
    cr_assert_eq(extmsg_put_handshake(&out, &offer), SPRAT_E_TOOBIG);
    buf_fini(&out);
}

Test(extmsg, another_clients_handshake)
{
    struct ext_handshake hs = fresh();

    cr_assert_eq(read_text(&hs, "d12:complete_agoi3e1:md11:lt_donthavei7e10:share_modei8e"
                                "11:upload_onlyi3e12:ut_holepunchi4e11:ut_metadatai2e6:ut_pexi1ee"
                                "13:metadata_sizei22528e4:reqqi500e11:upload_onlyi1e"
                                "1:v18:libtorrent/2.0.8.0e"), 0);
    cr_assert_eq(hs.ids[EXTMSG_DONTHAVE], 7);
    cr_assert_eq(hs.ids[EXTMSG_UPLOAD_ONLY], 3);
    cr_assert_eq(hs.ids[EXTMSG_METADATA], 2);
    cr_assert_eq(hs.metadata_size, 22528);
    cr_assert_eq(hs.reqq, 500);
    cr_assert(hs.upload_only);
    cr_assert_eq(hs.port, 0);
    cr_assert_str_eq(hs.client, "libtorrent/2.0.8.0");
    cr_assert_eq(hs.yourip.family, IP_NONE);
}

/* The size is a claim of a stranger: what can't be the size of an info dictionary is none. */
Test(extmsg, metadata_sizes)
{
    static const struct {
        const char *text;
        uint32_t size;
    } rows[] = {
        {"d13:metadata_sizei1ee", 1},
        {"d13:metadata_sizei33554432ee", METAMSG_INFO_MAX},
        {"d13:metadata_sizei33554433ee", 0},
        {"d13:metadata_sizei0ee", 0},
        {"d13:metadata_sizei-1ee", 0},
        {"d13:metadata_sizei1099511627776ee", 0},
        {"d13:metadata_sizei4294967297ee", 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct ext_handshake hs = fresh();

        cr_assert_eq(read_text(&hs, rows[i].text), 0);
        cr_expect_eq(hs.metadata_size, rows[i].size, "%s", rows[i].text);
    }
}

Test(extmsg, a_later_handshake_changes_what_it_names)
{
    struct ext_handshake hs = fresh();

    cr_assert_eq(read_text(&hs, "d1:md11:lt_donthavei7e11:upload_onlyi3ee1:pi99e4:reqqi500e"
                                "11:upload_onlyi1e1:v3:abce"), 0);
    cr_assert_eq(read_text(&hs, "d1:md11:lt_donthavei0eee"), 0);
    cr_assert_eq(hs.ids[EXTMSG_DONTHAVE], 0, "switched off");
    cr_assert_eq(hs.ids[EXTMSG_UPLOAD_ONLY], 3);
    cr_assert_eq(hs.port, 99);
    cr_assert_eq(hs.reqq, 500);
    cr_assert(hs.upload_only);
    cr_assert_str_eq(hs.client, "abc");
    cr_assert_eq(read_text(&hs, "d11:upload_onlyi0ee"), 0);
    cr_assert_not(hs.upload_only);
    cr_assert_eq(read_text(&hs, "de"), 0);
    cr_assert_eq(hs.port, 99);
}

Test(extmsg, fields_of_wrong_type_or_range_are_passed_over)
{
    struct ext_handshake hs = fresh();

    cr_assert_eq(read_text(&hs, "d1:m3:abc1:p2:xx4:reqqle11:upload_only1:11:vi7e6:youripi1ee"), 0);
    cr_assert_eq(read_text(&hs, "d1:md11:lt_donthavei256e11:upload_onlyi-1ee1:pi65536e4:reqqi0ee"),
                 0);
    cr_assert_eq(read_text(&hs, "d1:pi0e4:reqqi-5e6:yourip5:abcdee"), 0);
    cr_assert_eq(hs.ids[EXTMSG_DONTHAVE], 0);
    cr_assert_eq(hs.ids[EXTMSG_UPLOAD_ONLY], 0);
    cr_assert_eq(hs.port, 0);
    cr_assert_eq(hs.reqq, 250);
    cr_assert_not(hs.upload_only);
    cr_assert_str_eq(hs.client, "");
    cr_assert_eq(hs.yourip.family, IP_NONE);
    cr_assert_eq(read_text(&hs, "d13:metadata_size3:123e"), 0);
    cr_assert_eq(hs.metadata_size, 0);
    cr_assert_eq(read_text(&hs, "d4:reqqi9223372036854775807ee"), 0);
    cr_assert_eq(hs.reqq, EXTMSG_REQQ_MAX);
}

Test(extmsg, client_names_are_fit_for_a_terminal)
{
    struct ext_handshake hs = fresh();
    char text[200];

    cr_assert_eq(read_text(&hs, "d1:v17:\xc2\xb5Torrent 3.5\x1b[2Je"), 0);
    cr_assert_str_eq(hs.client, "\xc2\xb5Torrent 3.5?[2J");
    cr_assert_eq(read_text(&hs, "d1:v6:a\xff\xc2\n\x7f" "be"), 0);
    cr_assert_str_eq(hs.client, "a????b");
    /* Cut at 64 bytes, but never within a character. */
    snprintf(text, sizeof(text), "d1:v66:%063d\xe2\x82\xac" "e", 0);
    cr_assert_eq(read_text(&hs, text), 0);
    cr_assert_eq(strlen(hs.client), 63u);
    snprintf(text, sizeof(text), "d1:v70:%070de", 0);
    cr_assert_eq(read_text(&hs, text), 0);
    cr_assert_eq(strlen(hs.client), (size_t)EXTMSG_CLIENT_MAX);
}

Test(extmsg, yourip_of_both_families)
{
    struct ext_handshake hs = fresh();
    static const char v6[] = "d6:yourip16:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" "e";
    static const char mapped[] = "d6:yourip16:\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x01\x02\x03" "e";

    cr_assert_eq(extmsg_read_handshake(&hs, (const uint8_t *)v6, sizeof(v6) - 1), 0);
    cr_assert_eq(hs.yourip.family, IP_V6);
    cr_assert_eq(hs.yourip.ip[15], 1);
    cr_assert_eq(extmsg_read_handshake(&hs, (const uint8_t *)mapped, sizeof(mapped) - 1), 0);
    cr_assert_eq(hs.yourip.family, IP_V4);
    cr_assert_arr_eq(hs.yourip.ip, "\x0a\x01\x02\x03\0\0\0\0", 8);
}

Test(extmsg, malformed_and_oversize_change_nothing)
{
    static uint8_t big[EXTMSG_SIZE_MAX + 1];
    struct ext_handshake hs = fresh(), before = fresh();
    const char *bad[] = {"", "i1e", "le", "4:spam", "d", "d1:p", "d1:pi1e", "d1:pi1", "dd", "x",
                         "d1:ai1e1:b3:xe", "d1:alllllllllleeeeeeeeeee"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(read_text(&hs, bad[i]), SPRAT_E_PROTOCOL, "%s", bad[i]);
    memset(big, 'x', sizeof(big));
    memcpy(big, "d1:a65520:", 10);
    big[sizeof(big) - 1] = 'e';
    cr_assert_eq(extmsg_read_handshake(&hs, big, sizeof(big)), SPRAT_E_PROTOCOL);
    cr_assert_eq(memcmp(&hs, &before, sizeof(hs)), 0);
}

Test(extmsg, kinds)
{
    cr_assert_eq(extmsg_kind_of(1), EXTMSG_DONTHAVE);
    cr_assert_eq(extmsg_kind_of(2), EXTMSG_UPLOAD_ONLY);
    cr_assert_eq(extmsg_kind_of(0), EXTMSG_KINDS);
    cr_assert_eq(extmsg_kind_of(3), EXTMSG_PEX);
    cr_assert_eq(extmsg_kind_of(5), EXTMSG_KINDS);
    cr_assert_eq(extmsg_kind_of(255), EXTMSG_KINDS);
}

Test(extmsg, donthave)
{
    uint32_t piece = 0;

    cr_assert_eq(extmsg_read_donthave((const uint8_t *)"\x01\x02\x03\x04", 4, &piece), 0);
    cr_assert_eq(piece, 0x01020304);
    cr_assert_eq(extmsg_read_donthave((const uint8_t *)"\x01\x02\x03\x04", 3, &piece),
                 SPRAT_E_PROTOCOL);
    cr_assert_eq(extmsg_read_donthave((const uint8_t *)"\x01\x02\x03\x04\x05", 5, &piece),
                 SPRAT_E_PROTOCOL);
}

Test(extmsg, upload_only)
{
    bool value = false;

    cr_assert_eq(extmsg_read_upload_only((const uint8_t *)"\x01", 1, &value), 0);
    cr_assert(value);
    cr_assert_eq(extmsg_read_upload_only((const uint8_t *)"\0", 1, &value), 0);
    cr_assert_not(value);
    cr_assert_eq(extmsg_read_upload_only((const uint8_t *)"i1e", 3, &value), 0);
    cr_assert(value);
    cr_assert_eq(extmsg_read_upload_only((const uint8_t *)"i0e", 3, &value), 0);
    cr_assert_not(value);
    cr_assert_eq(extmsg_read_upload_only((const uint8_t *)"", 0, &value), SPRAT_E_PROTOCOL);
    cr_assert_eq(extmsg_read_upload_only((const uint8_t *)"le", 2, &value), SPRAT_E_PROTOCOL);
    cr_assert_eq(extmsg_read_upload_only((const uint8_t *)"i1e0", 4, &value), SPRAT_E_PROTOCOL);
}
