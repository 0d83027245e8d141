/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the payload of a ut_metadata message. A message that is understood encodes back to one of
 * the same meaning, and a block lies within the payload.
 */
#include <string.h>

#include "common/base/assert.h"
#include "peer/core/metamsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_back(const struct metamsg *m, const struct buf *out)
{
    struct metamsg again;

    ASSERT(metamsg_read(&again, buf_data(out), buf_len(out)) == 0);
    ASSERT(again.kind == m->kind && again.block == m->block);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct metamsg m;
    struct buf out;

    if (metamsg_read(&m, data, size) != 0)
        return 0;
    buf_init(&out, METAMSG_SIZE_MAX);
    if (m.kind == METAMSG_DATA) {
        ASSERT(m.data >= data && m.len <= size && m.data + m.len == data + size);
    } else if (m.kind == METAMSG_REQUEST) {
        ASSERT(metamsg_put_request(&out, m.block) == 0);
        read_back(&m, &out);
    } else if (m.kind == METAMSG_REJECT) {
        ASSERT(metamsg_put_reject(&out, m.block) == 0);
        read_back(&m, &out);
    }
    buf_fini(&out);
    return 0;
}
