/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Encodes and decodes the messages of ut_metadata. Only the head of a payload is decoded as
 * bencode, because the bytes of a block can look like anything.
 */
#include "peer/core/metamsg.h"

#include "common/base/err.h"
#include "common/codec/bencode.h"

enum {
    DEPTH_MAX = 4,
    ITEMS_MAX = 32,
};

static void
begin(struct bencode_writer *w, struct buf *out, enum metamsg_kind kind, uint32_t block)
{
    bencode_writer_init(w, out);
    bencode_begin_dict(w);
    bencode_put_key(w, "msg_type");
    bencode_put_int(w, kind);
    bencode_put_key(w, "piece");
    bencode_put_int(w, block);
}

static int
put_short(struct buf *out, enum metamsg_kind kind, uint32_t block)
{
    struct bencode_writer w;

    begin(&w, out, kind, block);
    bencode_end(&w);
    return out->err;
}

int
metamsg_put_request(struct buf *out, uint32_t block)
{
    return put_short(out, METAMSG_REQUEST, block);
}

int
metamsg_put_reject(struct buf *out, uint32_t block)
{
    return put_short(out, METAMSG_REJECT, block);
}

int
metamsg_put_data(struct buf *out, uint32_t block, const uint8_t *info, uint32_t size)
{
    struct bencode_writer w;

    begin(&w, out, METAMSG_DATA, block);
    bencode_put_key(&w, "total_size");
    bencode_put_int(&w, size);
    bencode_end(&w);
    return buf_put(out, info + (size_t)block * METAMSG_BLOCK_LEN, metamsg_block_len(size, block));
}

/* The number of the block; SPRAT_E_PROTOCOL if it is missing or no number of a block. */
static int
read_block(struct metamsg *m, struct bencode_item dict)
{
    int64_t n;

    if (!bencode_int(bencode_get(dict, "piece"), &n) || n < 0 || n > UINT32_MAX)
        return SPRAT_E_PROTOCOL;
    m->block = (uint32_t)n;
    return 0;
}

static int
read_dict(struct metamsg *m, struct bencode_item dict)
{
    int64_t type;

    *m = (struct metamsg){.kind = METAMSG_UNKNOWN, .total_size = -1};
    if (!bencode_int(bencode_get(dict, "msg_type"), &type))
        return SPRAT_E_PROTOCOL;
    if (type < METAMSG_REQUEST || type > METAMSG_REJECT)
        return 0;
    m->kind = (enum metamsg_kind)type;
    if (m->kind == METAMSG_DATA)
        (void)bencode_int(bencode_get(dict, "total_size"), &m->total_size);
    return read_block(m, dict);
}

int
metamsg_read(struct metamsg *m, const uint8_t *payload, size_t len)
{
    static const struct bencode_limits limits = {
        .depth_max = DEPTH_MAX, .size_max = METAMSG_HEAD_MAX, .items_max = ITEMS_MAX};
    struct bencode tree;
    int err = bencode_decode(&tree, payload, len < METAMSG_HEAD_MAX ? len : METAMSG_HEAD_MAX,
                             BENCODE_LENIENT, &limits);

    if (err != 0)
        return err == SPRAT_E_NOMEM ? err : SPRAT_E_PROTOCOL;
    err = read_dict(m, bencode_root(&tree));
    if (err == 0 && m->kind == METAMSG_DATA) {
        m->data = payload + tree.used;
        m->len = len - tree.used;
    }
    bencode_fini(&tree);
    return err;
}
