/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The messages of ut_metadata: the vectors of BEP 9, and nonsense.
 */
#include "peer/core/metamsg.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/base/err.h"

static int
read_text(struct metamsg *m, const char *text)
{
    return metamsg_read(m, (const uint8_t *)text, strlen(text));
}

Test(metamsg, vectors_of_bep_9)
{
    struct metamsg m;

    cr_assert_eq(read_text(&m, "d8:msg_typei0e5:piecei0ee"), 0);
    cr_assert_eq(m.kind, METAMSG_REQUEST);
    cr_assert_eq(m.block, 0u);
    cr_assert_eq(read_text(&m, "d8:msg_typei1e5:piecei0e10:total_sizei34256eexxxxxxxx"), 0);
    cr_assert_eq(m.kind, METAMSG_DATA);
    cr_assert_eq(m.total_size, 34256);
    cr_assert_eq(m.len, 8u);
    cr_assert_eq(memcmp(m.data, "xxxxxxxx", 8), 0);
    cr_assert_eq(read_text(&m, "d8:msg_typei2e5:piecei7ee"), 0);
    cr_assert_eq(m.kind, METAMSG_REJECT);
    cr_assert_eq(m.block, 7u);
}

Test(metamsg, what_we_write)
{
    static uint8_t info[METAMSG_BLOCK_LEN + 5];
    struct metamsg m;
    struct buf out;

    memset(info + METAMSG_BLOCK_LEN, 'i', 5); /* looks like bencode behind the head */
    buf_init(&out, METAMSG_SIZE_MAX);
    cr_assert_eq(metamsg_put_request(&out, 3), 0);
    cr_assert_str_eq(buf_str(&out), "d8:msg_typei0e5:piecei3ee");
    buf_reset(&out);
    cr_assert_eq(metamsg_put_reject(&out, 4), 0);
    cr_assert_str_eq(buf_str(&out), "d8:msg_typei2e5:piecei4ee");
    for (uint32_t i = 0; i < 2; i++) {
        buf_reset(&out);
        cr_assert_eq(metamsg_put_data(&out, i, info, sizeof(info)), 0);
        cr_assert_eq(metamsg_read(&m, buf_data(&out), buf_len(&out)), 0);
        cr_assert_eq(m.kind, METAMSG_DATA);
        cr_assert_eq(m.block, i);
        cr_assert_eq(m.total_size, (int64_t)sizeof(info));
        cr_assert_eq(m.len, i == 0 ? METAMSG_BLOCK_LEN : 5u);
        cr_assert_eq(memcmp(m.data, info + (size_t)i * METAMSG_BLOCK_LEN, m.len), 0);
    }
    buf_fini(&out);
}

Test(metamsg, blocks)
{
    cr_assert_eq(metamsg_blocks(1), 1u);
    cr_assert_eq(metamsg_blocks(METAMSG_BLOCK_LEN), 1u);
    cr_assert_eq(metamsg_blocks(METAMSG_BLOCK_LEN + 1), 2u);
    cr_assert_eq(metamsg_blocks(METAMSG_INFO_MAX), 2048u);
    cr_assert_eq(metamsg_block_len(METAMSG_BLOCK_LEN, 0), (uint32_t)METAMSG_BLOCK_LEN);
    cr_assert_eq(metamsg_block_len(METAMSG_BLOCK_LEN + 1, 1), 1u);
    cr_assert_eq(metamsg_block_len(METAMSG_INFO_MAX, 2047), (uint32_t)METAMSG_BLOCK_LEN);
}

/* BEP 9: an unknown type must be ignored. Other keys may come with every message. */
Test(metamsg, what_is_unknown)
{
    struct metamsg m;

    cr_assert_eq(read_text(&m, "d8:msg_typei3e5:piecei0ee"), 0);
    cr_assert_eq(m.kind, METAMSG_UNKNOWN);
    cr_assert_eq(read_text(&m, "d8:msg_typei-1ee"), 0);
    cr_assert_eq(m.kind, METAMSG_UNKNOWN);
    cr_assert_eq(read_text(&m, "d1:ai5e8:msg_typei0e5:piecei1e10:total_sizei4e1:zlee"), 0);
    cr_assert_eq(m.kind, METAMSG_REQUEST);
    cr_assert_eq(read_text(&m, "d8:msg_typei1e5:piecei0eexy"), 0);
    cr_assert_eq(m.total_size, -1);
    cr_assert_eq(m.len, 2u);
}

Test(metamsg, nonsense)
{
    static const char *const texts[] = {
        "",
        "i0e",
        "le",
        "de",
        "d8:msg_type",
        "d5:piecei0ee",
        "d8:msg_type1:05:piecei0ee",
        "d8:msg_typei0ee",
        "d8:msg_typei0e5:piecei-1ee",
        "d8:msg_typei0e5:piecei4294967296ee",
        "d8:msg_typei0e5:piece1:0e",
        "d8:msg_typei1e10:total_sizei5eexxxxx",
        "d1:allllleeeee8:msg_typei0e5:piecei0ee",
    };
    struct metamsg m;
    char longest[METAMSG_HEAD_MAX + 64];

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        cr_expect_eq(read_text(&m, texts[i]), SPRAT_E_PROTOCOL, "%s", texts[i]);
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, "d1:a120:", 8);
    memcpy(longest + 128, "8:msg_typei0e5:piecei0ee", 25);
    cr_expect_eq(read_text(&m, longest), SPRAT_E_PROTOCOL);
}
