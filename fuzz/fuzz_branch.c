/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages of a private fleet, and replies of Redis around them: what is taken is written again as
 * the same bytes, and a table filled from rows answers. The first byte chooses.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "tracker/core/branchwire.h"
#include "tracker/net/redis_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same(const struct buf *out, const uint8_t *data, size_t size)
{
    ASSERT(out->err == 0 && buf_len(out) == size && memcmp(buf_data(out), data, size) == 0);
}

/* A table is an array with the id as index, so ids are small here: otherwise each input would need
 * the memory of the largest tracker. */
enum { IDS = 1 << 16 };

static int
put_small(void *ctx, const struct access_row *row)
{
    if (row->kind == ACCESS_ROW_USER && row->user.id >= IDS)
        return 0;
    if (row->kind == ACCESS_ROW_TORRENT && row->torrent.id >= IDS)
        return 0;
    return access_put(ctx, row);
}

static void
rows(const uint8_t *data, size_t size)
{
    static const uint64_t seed[2] = {1, 2};
    struct access *a = access_new(seed);
    struct access_sink fill = {.ctx = a, .put = put_small};
    struct access_ask ask = {.passkey = data, .info_hash = data};
    struct access_grant g;

    (void)branchwire_read_rows(data, size, &fill);
    if (size >= TRACKER_HASH_LEN) {
        access_look_ahead(a, &ask);
        (void)access_check_user(a, &ask, 0, &g);
        (void)access_find_visible(a, data);
    }
    access_free(a);
}

static void
rows_again(const uint8_t *data, size_t size)
{
    struct buf out;
    struct access_sink to = branchwire_rows_to(&out);

    buf_init(&out, size + 64);
    branchwire_begin_rows(&out);
    if (branchwire_read_rows(data, size, &to) == 0)
        ASSERT(out.err == 0 && buf_len(&out) == size);
    buf_fini(&out);
}

static void
batch(const uint8_t *data, size_t size)
{
    static struct ledger_entry entries[BRANCHWIRE_ENTRIES_MAX];
    struct branchwire_batch b;
    struct buf out;

    if (branchwire_read_batch(data, size, &b, entries) != 0)
        return;
    buf_init(&out, BRANCHWIRE_BLOB_MAX);
    branchwire_begin_batch(&out, &b);
    for (uint32_t i = 0; i < b.count; i++)
        branchwire_put_entry(&out, &entries[i]);
    same(&out, data, size);
    buf_fini(&out);
}

static void
slots(const uint8_t *data, size_t size)
{
    static struct slots_news news[BRANCHWIRE_NEWS_MAX];
    uint32_t count;
    uint64_t run;
    struct buf out;

    if (branchwire_read_slots(data, size, &run, news, &count) != 0)
        return;
    buf_init(&out, BRANCHWIRE_BLOB_MAX);
    branchwire_put_slots(&out, run, news, count);
    ASSERT(out.err == 0 && buf_len(&out) == size);
    buf_fini(&out);
}

static size_t
count_nodes(const struct cluster_reply *r)
{
    size_t n = 1;

    for (size_t i = 0; r->type == CLUSTER_REPLY_ARRAY && i < r->count; i++)
        n += count_nodes(&r->elements[i]);
    return n;
}

static void
tree(const uint8_t *data, size_t size)
{
    struct redis_tree *t = redis_tree_new();
    const struct cluster_reply *r;
    size_t half = size / 2;

    if (redis_tree_feed(t, data, half) == 0 && redis_tree_next(t, &r) >= 0 &&
        redis_tree_feed(t, data + half, size - half) == 0)
        while (redis_tree_next(t, &r) == 1)
            ASSERT(count_nodes(r) <= REDIS_TREE_NODES_MAX);
    redis_tree_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        rows(data + 1, size - 1);
        rows_again(data + 1, size - 1);
        break;
    case 1: batch(data + 1, size - 1); break;
    case 2: slots(data + 1, size - 1); break;
    default: tree(data + 1, size - 1); break;
    }
    return 0;
}
