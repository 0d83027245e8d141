/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the reader of announces of local service discovery: what it points to is inside the
 * datagram, and what is written of an announce reads the same. The announce also goes to the core,
 * which has the torrents of its first info-hashes.
 */
#include <stdint.h>
#include <string.h>

#include "common/base/assert.h"
#include "peer/core/lsd.h"
#include "peer/core/pex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_written(const struct lsd_msg *read)
{
    struct lsd_msg m = *read, back;
    uint8_t out[LSD_SENT_MAX];

    if (m.count > LSD_HASHES_SENT)
        m.count = LSD_HASHES_SENT;
    if (m.cookie_len > LSD_COOKIE_MAX)
        m.cookie_len = LSD_COOKIE_MAX;
    ASSERT(lsd_msg_read(&back, out, lsd_msg_write(out, IP_V6, &m)) == 0);
    ASSERT(back.port == m.port && back.count == m.count);
    ASSERT(memcmp(back.hashes, m.hashes, (size_t)m.count * LSD_HASH_LEN) == 0);
}

static void
feed_core(const struct lsd_msg *m, const uint8_t *data, size_t size)
{
    static const uint64_t key[2] = {1, 2};
    const struct endpoint from = {.family = IP_V4, .ip = {10, 0, 0, 2}, .port = 6771};
    struct lsd_link link = {
        .family = IP_V4,
        .port = 6881,
        .network_count = 1,
        .networks = {{.addr = {.family = IP_V4, .ip = {10, 0, 0, 1}}, .bits = 24}}};
    struct lsd *l = lsd_new(key, 3);
    struct mono now = {0};
    uint64_t numbers[LSD_HASHES_READ];
    struct endpoint peer;
    unsigned count;

    if (l == NULL)
        return;
    lsd_link_up(l, 0, &link, now);
    for (unsigned i = 0; i < m->count && i < 4; i++)
        (void)lsd_announce(l, m->hashes[i], i, true, now);
    count = lsd_receive(l, 0, &from, data, size, now, numbers, &peer);
    ASSERT(count <= m->count);
    if (m->cookie_len != 16) /* the core's own cookie has that length */
        ASSERT((count > 0) == (m->count > 0 && m->port >= PEX_PORT_MIN));
    for (unsigned i = 0; i < count; i++)
        ASSERT(numbers[i] < 4 && peer.port == m->port && endpoint_same_host(&peer, &from));
    lsd_free(l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lsd_msg m;

    if (lsd_msg_read(&m, data, size) != 0)
        return 0;
    ASSERT(m.count <= LSD_HASHES_READ);
    if (m.cookie_len > 0)
        ASSERT((const uint8_t *)m.cookie >= data &&
               (const uint8_t *)m.cookie + m.cookie_len <= data + size);
    check_written(&m);
    feed_core(&m, data, size);
    return 0;
}
