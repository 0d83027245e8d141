/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The info-hashes of a torrent, and the choice between them on the wire and on disk.
 */
#include "common/codec/identity.h"

#include <string.h>

bool
identity_equal(const struct identity *a, const struct identity *b)
{
    return a->has_v1 == b->has_v1 && a->has_v2 == b->has_v2 &&
           memcmp(a->v1, b->v1, sizeof(a->v1)) == 0 && memcmp(a->v2, b->v2, sizeof(a->v2)) == 0;
}

const uint8_t *
identity_wire_hash(const struct identity *id, bool v2)
{
    return id->has_v2 && (v2 || !id->has_v1) ? id->v2 : id->v1;
}

bool
identity_has_wire_hash(const struct identity *id, bool v2, const uint8_t hash[WIRE_HASH_LEN])
{
    return (v2 ? id->has_v2 : id->has_v1) && memcmp(v2 ? id->v2 : id->v1, hash, WIRE_HASH_LEN) == 0;
}

const uint8_t *
identity_key(const struct identity *id, size_t *len)
{
    *len = id->has_v2 ? sizeof(id->v2) : sizeof(id->v1);
    return id->has_v2 ? id->v2 : id->v1;
}
