/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Seals that hold, and every way in which a message may have been touched.
 */
#include "tracker/core/seal.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/base/err.h"

static const struct seal none, ours = {.set = true, .secret = "ours"},
                               theirs = {.set = true, .secret = "theirs"};

static struct buf
message(const struct seal *s, const char *key, uint64_t number)
{
    struct buf b;

    buf_init(&b, 1000);
    buf_puts(&b, "message");
    cr_assert_eq(seal_put(s, key, number, &b), 0);
    return b;
}

static int
check(const struct seal *s, const char *key, const struct buf *b, uint64_t *last)
{
    size_t len = buf_len(b);
    int err = seal_check(s, key, buf_data(b), &len, last);

    cr_assert_eq(len, err == 0 && s->set ? buf_len(b) - SEAL_LEN : buf_len(b));
    return err;
}

Test(seal, holds_and_breaks)
{
    struct buf b = message(&ours, "stream", 5);
    uint64_t last = 0;

    cr_assert_eq(buf_len(&b), 7 + SEAL_LEN);
    cr_assert_eq(check(&ours, "stream", &b, NULL), 0);
    cr_assert_eq(check(&theirs, "stream", &b, NULL), SPRAT_E_MISMATCH);
    cr_assert_eq(check(&ours, "another", &b, NULL), SPRAT_E_MISMATCH);
    for (size_t i = 0; i < buf_len(&b); i++) {
        buf_data(&b)[i] ^= 1;
        cr_assert_eq(check(&ours, "stream", &b, NULL), SPRAT_E_MISMATCH, "byte %zu", i);
        buf_data(&b)[i] ^= 1;
    }
    for (size_t len = 0; len < buf_len(&b); len++) {
        size_t cut = len;

        cr_assert_eq(seal_check(&ours, "stream", buf_data(&b), &cut, NULL), SPRAT_E_MISMATCH);
    }
    cr_assert_eq(check(&ours, "stream", &b, &last), 0);
    cr_assert_eq(last, 5);
    cr_assert_eq(check(&ours, "stream", &b, &last), SPRAT_E_MISMATCH, "it is repeated");
    last = 4;
    cr_assert_eq(check(&ours, "stream", &b, &last), 0);
    buf_fini(&b);
}

Test(seal, without_a_secret)
{
    struct buf b = message(&none, "stream", 5);

    cr_assert_eq(buf_len(&b), 7);
    cr_assert_eq(check(&none, "stream", &b, NULL), 0);
    cr_assert_eq(check(&ours, "stream", &b, NULL), SPRAT_E_MISMATCH);
    buf_fini(&b);
}

Test(seal, texts)
{
    char text[SEAL_SEALED_TEXT_MAX + 1], copy[sizeof(text)];

    seal_put_text(&none, "key", "123", text);
    cr_assert_str_eq(text, "123");
    cr_assert_eq(seal_check_text(&none, "key", text), 0);
    cr_assert_eq(seal_check_text(&ours, "key", text), SPRAT_E_MISMATCH);
    seal_put_text(&ours, "key", "184467440737095516159999", text);
    strcpy(copy, text);
    cr_assert_eq(seal_check_text(&ours, "key", text), 0);
    cr_assert_str_eq(text, "184467440737095516159999");
    for (size_t i = 0; copy[i] != '\0'; i++) {
        strcpy(text, copy);
        text[i] ^= 1;
        cr_assert_eq(seal_check_text(&ours, "key", text), SPRAT_E_MISMATCH, "%s", text);
    }
    cr_assert_eq(seal_check_text(&theirs, "key", copy), SPRAT_E_MISMATCH);
    cr_assert_eq(seal_check_text(&ours, "other", copy), SPRAT_E_MISMATCH);
    text[0] = '\0';
    cr_assert_eq(seal_check_text(&ours, "key", text), 0, "there is no text");
}
