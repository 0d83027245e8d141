/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bencode encoder: its output, the decoder's agreement, sticky errors, and the assertions that
 * keep it canonical.
 */
#include "common/codec/bencode.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "common/base/err.h"

Test(bencode_writer, writes_canonical_form)
{
    static const char expected[] = "d0:i0e1:ai-5e1:bl4:spam0:lee2:bbd1:xi1ee1:c3:\0\1\2e";
    const struct bencode_limits limits = {.depth_max = 8, .size_max = 1000, .items_max = 100};
    struct bencode_writer w;
    struct bencode b;
    struct buf out;

    buf_init(&out, 1000);
    bencode_writer_init(&w, &out);
    bencode_begin_dict(&w);
    bencode_put_key(&w, "");
    bencode_put_int(&w, 0);
    bencode_put_key(&w, "a");
    bencode_put_int(&w, -5);
    bencode_put_key(&w, "b");
    bencode_begin_list(&w);
    bencode_put_cstr(&w, "spam");
    bencode_put_cstr(&w, "");
    bencode_begin_list(&w);
    bencode_end(&w);
    bencode_end(&w);
    bencode_put_key(&w, "bb");
    bencode_put_raw(&w, "d1:xi1ee", 8);
    bencode_put_key_bytes(&w, "c", 1);
    bencode_put_string(&w, "\0\1\2", 3);
    bencode_end(&w);
    cr_assert_eq(out.err, 0);
    cr_assert_eq(buf_len(&out), sizeof(expected) - 1);
    cr_assert_arr_eq(buf_data(&out), expected, sizeof(expected) - 1);
    cr_assert_eq(bencode_decode(&b, buf_data(&out), buf_len(&out), BENCODE_STRICT, &limits), 0);
    bencode_fini(&b);
    buf_fini(&out);
}

Test(bencode_writer, extreme_integers)
{
    struct bencode_writer w;
    struct buf out;

    buf_init(&out, 1000);
    bencode_writer_init(&w, &out);
    bencode_put_int(&w, INT64_MIN);
    bencode_put_int(&w, INT64_MAX);
    cr_assert_str_eq(buf_str(&out), "i-9223372036854775808ei9223372036854775807e");
    buf_fini(&out);
}

Test(bencode_writer, an_error_is_sticky_and_harmless)
{
    struct bencode_writer w;
    struct buf out;

    buf_init(&out, 8);
    bencode_writer_init(&w, &out);
    bencode_begin_dict(&w);
    bencode_put_key(&w, "key");
    bencode_put_cstr(&w, "too long for it");
    bencode_put_key(&w, "l");
    bencode_begin_list(&w);
    bencode_end(&w);
    bencode_put_key(&w, "m");
    bencode_put_int(&w, 1);
    bencode_end(&w);
    cr_assert_eq(out.err, SPRAT_E_TOOBIG);
    buf_fini(&out);
}

static void
write_keys(const char *first, const char *second)
{
    struct bencode_writer w;
    struct buf out;

    buf_init(&out, 100);
    bencode_writer_init(&w, &out);
    bencode_begin_dict(&w);
    bencode_put_key(&w, first);
    bencode_put_int(&w, 1);
    bencode_put_key(&w, second);
    bencode_put_int(&w, 1);
    bencode_end(&w);
    buf_fini(&out);
}

Test(bencode_writer, keys_out_of_order_are_our_bug, .signal = SIGABRT)
{
    write_keys("b", "a");
}

Test(bencode_writer, a_double_key_is_our_bug, .signal = SIGABRT)
{
    write_keys("a", "a");
}

Test(bencode_writer, a_prefix_goes_first)
{
    write_keys("a", "aa");
}

Test(bencode_writer, a_value_without_a_key_is_our_bug, .signal = SIGABRT)
{
    struct bencode_writer w;
    struct buf out;

    buf_init(&out, 100);
    bencode_writer_init(&w, &out);
    bencode_begin_dict(&w);
    bencode_put_int(&w, 1);
}

Test(bencode_writer, a_key_without_a_value_is_our_bug, .signal = SIGABRT)
{
    struct bencode_writer w;
    struct buf out;

    buf_init(&out, 100);
    bencode_writer_init(&w, &out);
    bencode_begin_dict(&w);
    bencode_put_key(&w, "a");
    bencode_end(&w);
}
