/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each allocation of the core's leaf modules fails once: it is told, or the result is as good as
 * ever, what was known before still is, and nothing is leaked (which the sanitizer builds see).
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/err.h"
#include "peer/core/dht.h"
#include "peer/core/extmsg.h"
#include "peer/core/lsd.h"
#include "peer/core/wire.h"
#include "tests/unit/codec/failing_alloc.h"
#include "tests/unit/core/side.h"

enum { K = 1024, MANY = 1000 };

static const struct torrent_file files[] = {{600 * 16 * K, 1}, {3 * 16 * K, 2}, {5, 3}};

Test(nomem, blocks)
{
    struct block_pool *pool;
    struct block *b;

    failing_alloc_after(0);
    cr_assert_null(block_pool_new(4));
    cr_assert(failing_alloc_end());
    pool = block_pool_new(4);
    failing_alloc_after(0);
    cr_assert_null(block_take(pool));
    cr_assert(failing_alloc_end());
    cr_assert_eq(block_pool_used(pool), 0);
    b = block_take(pool);
    cr_assert_not_null(b);
    block_drop(b);
    failing_alloc_after(0);
    b = block_take(pool);
    cr_assert_not_null(b, "a spare one needs no memory");
    failing_alloc_end();
    block_drop(b);
    block_pool_free(pool);
}

/* Feeds |stream|, and says how it ended: the messages that came, or the error. */
static int
receive(struct block_pool *pool, const struct buf *stream)
{
    struct wire_rx rx;
    struct wire_msg msg;
    int64_t took = 1;
    int n = 0, count = 0;

    wire_rx_init(&rx, pool, 0);
    for (size_t at = 0; at < buf_len(stream) && took > 0; at += (size_t)took) {
        took = wire_rx_push(&rx, buf_data(stream) + at, buf_len(stream) - at);
        if (took < 0)
            n = (int)took;
        while (n >= 0 && (n = wire_rx_next(&rx, &msg)) == 1) {
            count++;
            block_drop(msg.block);
        }
    }
    wire_rx_fini(&rx);
    return n < 0 ? n : count;
}

Test(nomem, the_wire)
{
    static uint8_t bytes[3 * BLOCK_LEN];
    struct wire_msg bits = {.type = WIRE_BITFIELD, .data = bytes, .len = 5000};
    struct wire_msg piece = {.type = WIRE_PIECE, .length = BLOCK_LEN};
    bool failed = true;
    struct buf stream;

    buf_init(&stream, 1 << 20);
    cr_assert_eq(wire_encode(&stream, &bits), 0);
    cr_assert_eq(wire_encode(&stream, &piece), 0);
    cr_assert_eq(buf_put(&stream, bytes, BLOCK_LEN), 0);
    for (unsigned n = 0; failed; n++) {
        struct block_pool *pool = block_pool_new(2);
        int got;

        failing_alloc_after(n);
        got = receive(pool, &stream);
        failed = failing_alloc_end();
        /* Without a block it stops reading, as when the pool is exhausted. */
        cr_assert(got == 2 || (failed && (got == SPRAT_E_NOMEM || got == 1)), "%u: %d", n, got);
        cr_assert_eq(block_pool_used(pool), 0);
        block_pool_free(pool);
        cr_assert_lt(n, MANY);
    }
    buf_fini(&stream);
}

Test(nomem, extended_handshakes)
{
    static const char text[] = "d1:md11:lt_donthavei7ee1:pi6881e1:v5:Spratee";
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        struct ext_handshake hs = {.reqq = 250};
        int err;

        failing_alloc_after(n);
        err = extmsg_read_handshake(&hs, (const uint8_t *)text, sizeof(text) - 1);
        failed = failing_alloc_end();
        cr_assert(err == 0 || (failed && err == SPRAT_E_NOMEM), "%u: %d", n, err);
        cr_assert_eq(hs.port, err == 0 ? 6881 : 0);
        cr_assert_lt(n, MANY);
    }
}

Test(nomem, geometry)
{
    struct metainfo *mi = torrent_make(16 * K, files, 3, TORRENT_HYBRID);
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        struct geometry g;
        int err;

        failing_alloc_after(n);
        err = geometry_init(&g, mi);
        failed = failing_alloc_end();
        cr_assert_eq(err, failed ? SPRAT_E_NOMEM : 0);
        geometry_fini(&g);
    }
    metainfo_free(mi);
}

Test(nomem, making_a_hash_tree)
{
    struct metainfo *mi = torrent_make(16 * K, files, 3, TORRENT_NO_LAYERS);
    bool failed = true;
    struct geometry g;

    cr_assert_eq(geometry_init(&g, mi), 0);
    for (unsigned n = 0; failed; n++) {
        struct hashtree *tree;

        failing_alloc_after(n);
        tree = hashtree_new(&g);
        failed = failing_alloc_end();
        cr_assert_eq(tree == NULL, failed);
        hashtree_free(tree);
        cr_assert_lt(n, MANY);
    }
    geometry_fini(&g);
    metainfo_free(mi);
}

/* A layer of one request, from |from| to |to|. */
static int
exchange(struct side *to, struct side *from, struct buf *out)
{
    struct wire_hash_request req;
    uint32_t piece;
    int err;

    cr_assert(hashtree_want_layer(to->tree, &req));
    buf_reset(out);
    err = side_serve(from, files, &req, out);
    if (err == 0)
        err = hashtree_on_hashes(to->tree, &req, buf_data(out), buf_len(out) / 32, &piece);
    if (err != 0)
        hashtree_forget(to->tree, &req);
    return err;
}

Test(nomem, exchanging_layers)
{
    struct side to, from;
    struct wire_hash_request req;
    struct buf out;

    side_init(&from, 16 * K, files, 3, 0);
    side_init(&to, 16 * K, files, 3, TORRENT_NO_LAYERS);
    /* Every request comes through in the end, however often memory fails on the way. */
    for (unsigned done = 0, n = 0; done < 3;) {
        bool failed;
        int err;

        buf_init(&out, 1 << 20);
        failing_alloc_after(n);
        err = exchange(&to, &from, &out);
        failed = failing_alloc_end();
        cr_assert(err == 0 || (failed && err == SPRAT_E_NOMEM), "%u: %d", n, err);
        cr_assert_eq(hashtree_complete(to.tree), err == 0 && done == 2);
        done += err == 0;
        n = err == 0 ? 0 : n + 1;
        buf_fini(&out);
        cr_assert_lt(n, MANY);
    }
    cr_assert_not(hashtree_want_layer(to.tree, &req));
    side_fini(&from);
    side_fini(&to);
}

Test(nomem, leaves)
{
    static const struct torrent_file file = {4 * 64 * K, 1};
    struct side s;
    uint8_t *leaves, leaf[32];
    uint32_t n;

    side_init(&s, 64 * K, &file, 1, 0);
    n = side_leaves(&s, &file, 2, &leaves);
    failing_alloc_after(0);
    cr_assert_eq(hashtree_check(s.tree, 2, leaves, n), 0, "right is right without a cache");
    cr_assert(failing_alloc_end());
    cr_assert_not(hashtree_leaf(s.tree, 2, 0, leaf));
    failing_alloc_after(1);
    cr_assert_eq(hashtree_check(s.tree, 2, leaves, n), 0);
    cr_assert(failing_alloc_end());
    cr_assert_not(hashtree_leaf(s.tree, 2, 0, leaf));
    cr_assert_eq(hashtree_check(s.tree, 2, leaves, n), 0);
    cr_assert(hashtree_leaf(s.tree, 2, 0, leaf));
    free(leaves);
    side_fini(&s);
}

Test(nomem, dht)
{
    struct dht_input in = {.type = DHT_IN_SEARCH, .u.search = {.id = 1, .hungry = true}};
    struct dht_config cfg = {.family = IP_V4};
    struct mono now = {1};
    struct dht_stats st;
    struct dht *d;
    unsigned n = 0;

    do {
        failing_alloc_after(n++);
        d = dht_new(&cfg, now);
        cr_assert_eq(d == NULL, failing_alloc_end());
    } while (d == NULL);
    cr_assert_geq(n, 3);
    for (n = 0;; n++) {
        failing_alloc_after(n);
        int err = dht_handle(d, &in, now);

        if (!failing_alloc_end())
            break;
        cr_assert_eq(err, SPRAT_E_NOMEM);
        dht_get_stats(d, &st, now);
        cr_assert_eq(st.searches, 0);
    }
    cr_assert_geq(n, 3);
    in.u.search.hungry = false;
    failing_alloc_after(0);
    cr_assert_eq(dht_handle(d, &in, now), SPRAT_E_NOMEM, "the heap of the other searches");
    cr_assert(failing_alloc_end());
    cr_assert_eq(dht_handle(d, &in, now), 0);
    dht_free(d);
}

Test(nomem, local_discovery)
{
    static const uint8_t hash[LSD_HASH_LEN] = {1};
    static const uint64_t key[2] = {1, 2};
    struct mono now = {1};
    struct lsd_stats st;
    struct lsd *l;
    unsigned n;

    failing_alloc_after(0);
    cr_assert_null(lsd_new(key, 1));
    cr_assert(failing_alloc_end());
    l = lsd_new(key, 1);
    for (n = 0;; n++) {
        failing_alloc_after(n);
        int err = lsd_announce(l, hash, 1, true, now);

        if (!failing_alloc_end())
            break;
        cr_assert_eq(err, SPRAT_E_NOMEM);
        lsd_get_stats(l, &st);
        cr_assert_eq(st.torrents, 0);
    }
    cr_assert_geq(n, 2);
    lsd_free(l);
}
