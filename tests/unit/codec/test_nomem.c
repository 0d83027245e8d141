/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each allocation of the formats fails once: the answer is NOMEM with a sentence, or a result as
 * good as ever, and nothing is leaked (which the sanitizer builds see).
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/codec/bencode.h"
#include "common/codec/magnet.h"
#include "common/crypto/sha.h"
#include "tests/unit/codec/failing_alloc.h"
#include "tests/unit/codec/made_torrent.h"

static const struct made_file tree[] = {
    {.path = "a/b/big", .length = 100000},
    {.path = "a/link", .attr = ATTR_SYMLINK, .symlink = "a/b/big"},
    {.path = "c", .length = 70000},
    {.path = "d", .length = 5},
};

static void
made_tree(struct made *m)
{
    static const char *const urls[] = {"http://a/", "udp://b:1"};
    static const struct metainfo_tier tier = {urls, 2};

    made_init(m, METAINFO_HYBRID, "top", true, 16384, tree, 4);
    m->build.tiers = &tier;
    m->build.tier_count = 1;
    m->build.web_seeds = urls;
    m->build.web_seed_count = 1;
    m->build.comment = "comment";
}

Test(nomem, reading_a_torrent)
{
    struct made m;
    struct buf out;
    bool failed = true;

    made_tree(&m);
    buf_init(&out, 100000);
    cr_assert_eq(metainfo_build(&m.build, &out, NULL), 0);
    for (unsigned n = 0; failed; n++) {
        struct metainfo *mi = NULL;
        struct errbuf eb = {0};
        int err;

        failing_alloc_after(n);
        err = metainfo_parse(buf_data(&out), buf_len(&out), &mi, &eb);
        failed = failing_alloc_end();
        cr_assert(err == 0 || (failed && err == SPRAT_E_NOMEM), "%u: %d", n, err);
        if (err == 0)
            metainfo_free(mi);
        else
            cr_assert_str_eq(eb.text, "out of memory");
        cr_assert_lt(n, 1000);
    }
    buf_fini(&out);
    made_fini(&m);
}

Test(nomem, writing_a_torrent)
{
    struct made m;
    bool failed = true;

    made_tree(&m);
    for (unsigned n = 0; failed; n++) {
        struct errbuf eb = {0};
        struct buf out;
        int err;

        buf_init(&out, 100000);
        failing_alloc_after(n);
        err = metainfo_build(&m.build, &out, &eb);
        failed = failing_alloc_end();
        cr_assert(err == 0 || (failed && err == SPRAT_E_NOMEM), "%u: %d", n, err);
        cr_assert(err == 0 || strstr(eb.text, "out of memory") != NULL);
        buf_fini(&out);
        cr_assert_lt(n, 1000);
    }
    made_fini(&m);
}

Test(nomem, reading_a_magnet_link)
{
    static const char text[] = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=x"
                               "&tr=udp://a:1&tr=udp://b:1&ws=http://w/&x.pe=h:1&x.pe=i:1&so=1,3-4";
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        struct magnet *m = NULL;
        struct errbuf eb = {0};
        int err;

        failing_alloc_after(n);
        err = magnet_parse(text, &m, &eb);
        failed = failing_alloc_end();
        cr_assert_eq(err, failed ? SPRAT_E_NOMEM : 0, "%u", n);
        if (err == 0)
            magnet_free(m);
        else
            cr_assert_str_eq(eb.text, "out of memory");
    }
}

Test(nomem, decoding)
{
    static const char text[] = "lllllllllllllllllllllllllllllleeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
    const struct bencode_limits limits = {.depth_max = 40, .size_max = 1000, .items_max = 1000};
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        struct bencode b;
        int err;

        failing_alloc_after(n);
        err = bencode_decode(&b, (const uint8_t *)text, sizeof(text) - 1, BENCODE_STRICT, &limits);
        failed = failing_alloc_end();
        cr_assert_eq(err, failed ? SPRAT_E_NOMEM : 0, "%u", n);
        if (err == 0)
            bencode_fini(&b);
    }
}

Test(nomem, hashing)
{
    struct sha *s;

    failing_alloc_after(0);
    s = sha_new(SHA_1);
    cr_assert(failing_alloc_end());
    cr_assert_null(s);
}
