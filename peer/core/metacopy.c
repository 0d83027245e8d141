/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocks are separate allocations until all are there. The metainfo parser takes a torrent file, so
 * the blocks are joined between "d4:info" and "e", and hashed there.
 */
#include "peer/core/metacopy.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/crypto/sha.h"

static const char head[] = "d4:info";
enum { HEAD_LEN = sizeof(head) - 1, TAIL_LEN = 1 };

int
metacopy_init(struct metacopy *c, uint32_t size, slot_id owner, struct mono now)
{
    uint32_t blocks = metamsg_blocks(size);
    struct metacopy_block *all = calloc(blocks, sizeof(*all));

    ASSERT(size > 0 && size <= METAMSG_INFO_MAX);
    if (all == NULL)
        return SPRAT_E_NOMEM;
    *c =
        (struct metacopy){.size = size, .owner = owner, .blocks = blocks, .all = all, .begun = now};
    return 0;
}

void
metacopy_fini(struct metacopy *c)
{
    for (uint32_t i = 0; i < c->blocks; i++)
        free(c->all[i].data);
    free(c->all);
    *c = (struct metacopy){.size = 0};
}

uint64_t
metacopy_bytes(const struct metacopy *c)
{
    return (uint64_t)c->have * METAMSG_BLOCK_LEN;
}

int
metacopy_put(struct metacopy *c, uint32_t block, const uint8_t *data, uint32_t source)
{
    struct metacopy_block *b = &c->all[block];
    uint32_t len = metamsg_block_len(c->size, block);

    if (b->data != NULL)
        return 0;
    b->data = malloc(len);
    if (b->data == NULL)
        return SPRAT_E_NOMEM;
    memcpy(b->data, data, len);
    b->source = source;
    c->have++;
    return 0;
}

bool
metacopy_has_one_source(const struct metacopy *c, uint32_t *source)
{
    *source = c->all[0].source;
    for (uint32_t i = 1; i < c->blocks; i++)
        if (c->all[i].source != *source)
            return false;
    return true;
}

/* The copy as a torrent file of |*len| bytes; NULL when memory is out. */
static uint8_t *
join(const struct metacopy *c, size_t *len)
{
    uint8_t *raw = malloc(HEAD_LEN + (size_t)c->size + TAIL_LEN), *at = raw;

    if (raw == NULL)
        return NULL;
    memcpy(at, head, HEAD_LEN);
    at += HEAD_LEN;
    for (uint32_t i = 0; i < c->blocks; i++) {
        uint32_t n = metamsg_block_len(c->size, i);

        memcpy(at, c->all[i].data, n);
        at += n;
    }
    *at++ = 'e';
    *len = (size_t)(at - raw);
    return raw;
}

static bool
matches(const uint8_t *info, size_t len, const struct identity *id)
{
    uint8_t v1[SHA1_LEN], v2[SHA256_LEN];

    sha1(info, len, v1);
    sha256(info, len, v2);
    if (id->has_v2)
        return memcmp(v2, id->v2, SHA256_LEN) == 0 &&
               (!id->has_v1 || memcmp(v1, id->v1, SHA1_LEN) == 0);
    return memcmp(v1, id->v1, SHA1_LEN) == 0 || memcmp(v2, id->v1, SHA1_LEN) == 0;
}

int
metacopy_check(const struct metacopy *c, const struct identity *id, struct metainfo **out,
               struct errbuf *eb)
{
    size_t len;
    uint8_t *raw = join(c, &len);
    int err;

    if (raw == NULL)
        return SPRAT_E_NOMEM;
    err = matches(raw + HEAD_LEN, c->size, id) ? metainfo_parse(raw, len, out, eb) : SPRAT_E_HASH;
    free(raw);
    if (err == 0 && (*out)->info_len != c->size) {
        metainfo_free(*out);
        err = errbuf_set(eb, SPRAT_E_SYNTAX, "the info dictionary ends before its last byte");
    }
    return err;
}
