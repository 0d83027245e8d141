/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The messages of ut_metadata (BEP 9), by which peers send each other the info dictionary of a
 * torrent in blocks of 16 KiB. Each is a bencoded dictionary; DATA has the block behind it:
 *
 *   REQUEST  {"msg_type": 0, "piece": BLOCK}
 *   DATA     {"msg_type": 1, "piece": BLOCK, "total_size": BYTES} and the block
 *   REJECT   {"msg_type": 2, "piece": BLOCK}
 *
 * The codec knows no peer and no torrent, so it does not check whether a block exists.
 */
#ifndef PEER_CORE_METAMSG_H
#define PEER_CORE_METAMSG_H

#include <stddef.h>
#include <stdint.h>

#include "common/ds/buf.h"

enum {
    METAMSG_BLOCK_LEN = 16384,           /* bytes of a block, the last one excepted */
    METAMSG_INFO_MAX = 32 * 1024 * 1024, /* longest info dictionary that is exchanged, bytes */
    METAMSG_HEAD_MAX = 128,              /* bytes of the longest dictionary that is read */
    METAMSG_SIZE_MAX = METAMSG_HEAD_MAX + METAMSG_BLOCK_LEN,
};

enum metamsg_kind {
    METAMSG_REQUEST = 0,
    METAMSG_DATA = 1,
    METAMSG_REJECT = 2,
    METAMSG_UNKNOWN, /* a type that BEP 9 does not have: to be ignored */
};

struct metamsg {
    enum metamsg_kind kind;
    uint32_t block;
    int64_t total_size;  /* DATA: -1 if absent */
    const uint8_t *data; /* DATA: |len| bytes of the input */
    size_t len;
};

/* The number of blocks of an info dictionary of |size| bytes, and the bytes of one of them. */
static inline uint32_t
metamsg_blocks(uint32_t size)
{
    return (size + METAMSG_BLOCK_LEN - 1) / METAMSG_BLOCK_LEN;
}

static inline uint32_t
metamsg_block_len(uint32_t size, uint32_t block)
{
    uint32_t rest = size - block * METAMSG_BLOCK_LEN;

    return rest < METAMSG_BLOCK_LEN ? rest : METAMSG_BLOCK_LEN;
}

/* Appends the payload of a message. Returns out->err. metamsg_put_data() appends block |block| of
 * the |size| bytes at |info|. */
int metamsg_put_request(struct buf *out, uint32_t block);
int metamsg_put_reject(struct buf *out, uint32_t block);
int metamsg_put_data(struct buf *out, uint32_t block, const uint8_t *info, uint32_t size);

/* Parses the payload of a message. SPRAT_E_PROTOCOL if it does not begin with a short dictionary
 * that has a type, or if a message of BEP 9 has no block number; SPRAT_E_NOMEM. */
int metamsg_read(struct metamsg *m, const uint8_t *payload, size_t len);

#endif
