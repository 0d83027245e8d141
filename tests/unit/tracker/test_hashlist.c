/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists of info-hashes: what their text may be, what is on them, and what the tracker makes of it.
 */
#include "tracker/core/hashlist.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/base/hex.h"
#include "common/base/rng.h"
#include "tracker/core/tracker.h"

static struct hashlist *
parse(const char *text)
{
    struct hashlist *l = NULL;
    struct errbuf eb = {""};

    cr_assert_eq(hashlist_parse(text, strlen(text), &l, &eb), 0, "%s", eb.text);
    return l;
}

#define HASH_A "0123456789abcdef0123456789abcdef01234567"
#define HASH_B "fffffffffffffffffffffffffffffffffffffffe"
#define LONG_C "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e"

static bool
has(const struct hashlist *l, const char *hex)
{
    uint8_t hash[TRACKER_HASH_LEN];

    for (int i = 0; i < TRACKER_HASH_LEN; i++)
        hash[i] = (uint8_t)(hex_digit_value(hex[2 * i]) << 4 | hex_digit_value(hex[2 * i + 1]));
    return hashlist_has(l, hash);
}

Test(hashlist, what_its_text_may_be)
{
    struct hashlist *l =
        parse("# ours\n" HASH_A " a remark\r\n\n \t" LONG_C "\r\n" HASH_A "\n" HASH_B);

    cr_assert_eq(hashlist_count(l), 3);
    cr_assert(has(l, HASH_A) && has(l, HASH_B) && has(l, LONG_C));
    cr_assert_not(has(l, "0123456789abcdef0123456789abcdef01234568"));
    hashlist_free(l);
}

Test(hashlist, an_empty_one_has_nothing)
{
    struct hashlist *l = parse("");

    cr_assert_eq(hashlist_count(l), 0);
    cr_assert_not(has(l, HASH_A));
    hashlist_free(l);
}

Test(hashlist, a_bad_line_is_named)
{
    static const char *const bad[] = {"\n0123\n", "\n" HASH_A "0\n", "\n" HASH_A ",\n",
                                      "\nhello " HASH_A, "\n" LONG_C "0"};
    struct hashlist *l;
    struct errbuf eb;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(hashlist_parse(bad[i], strlen(bad[i]), &l, &eb), SPRAT_E_SYNTAX, "%zu", i);
        cr_assert_not_null(strstr(eb.text, "line 2:"), "%s", eb.text);
    }
}

Test(hashlist, finds_all_of_many_and_nothing_else)
{
    enum { COUNT = 5000 };
    size_t len = 0;
    char *text = malloc(COUNT * 41 + 1);
    uint8_t hash[TRACKER_HASH_LEN];
    struct hashlist *l;
    struct rng rng;

    rng_init(&rng, 5);
    for (int i = 0; i < COUNT; i++) {
        rng_fill(&rng, hash, sizeof(hash));
        hex_encode(hash, sizeof(hash), text + len);
        text[len + 40] = '\n';
        len += 41;
    }
    text[len] = '\0';
    l = parse(text);
    cr_assert_eq(hashlist_count(l), COUNT);
    for (int i = 0; i < COUNT; i++)
        cr_assert(has(l, text + 41 * i));
    for (int i = 0; i < COUNT; i++) {
        rng_fill(&rng, hash, sizeof(hash));
        cr_assert_not(hashlist_has(l, hash));
    }
    hashlist_free(l);
    free(text);
}

static const char *
announce(struct tracker *t, uint8_t first, int32_t *retry)
{
    uint8_t v4[SELECT_WANT_MAX * 6];
    struct tracker_announce a = {.numwant = -1, .port = 1, .info_hash = {first}};
    struct tracker_answer ans = {.v4 = v4, .max4 = SELECT_WANT_MAX};
    struct endpoint from = {.family = IP_V4, .ip = {127, 0, 0, 1}};

    tracker_on_announce(t, &a, &from, &ans, (struct mono){1000000});
    *retry = ans.retry_in_min;
    return ans.failure;
}

Test(hashlist, decides_what_is_served)
{
    struct hashlist *l = parse("0100000000000000000000000000000000000000");
    struct tracker_scrape entry = {.info_hash = {1}};
    struct tracker_seed seed = {{1, 2}, 3};
    struct tracker_config config;
    struct tracker *t;
    int32_t retry;

    tracker_config_init(&config);
    t = tracker_new(&config, &seed);
    tracker_set_list(t, TRACKER_ALLOW, l);
    cr_assert_null(announce(t, 1, &retry));
    cr_assert_str_eq(announce(t, 2, &retry), "this tracker does not serve this torrent");
    cr_assert_gt(retry, 0, "the operator may add the torrent to the list");
    tracker_on_scrape(t, &entry, (struct mono){1});
    cr_assert_eq(entry.complete, 1);
    tracker_set_list(t, TRACKER_DENY, l);
    cr_assert_not_null(announce(t, 1, &retry));
    cr_assert_eq(retry, TRACKER_RETRY_NEVER);
    cr_assert_null(announce(t, 2, &retry));
    tracker_on_scrape(t, &entry, (struct mono){1});
    cr_assert_eq(entry.complete, 0, "what is not served is not told of either");
    tracker_set_list(t, TRACKER_OPEN, NULL);
    cr_assert_null(announce(t, 1, &retry));
    tracker_free(t);
    hashlist_free(l);
}
