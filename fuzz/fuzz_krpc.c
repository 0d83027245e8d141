/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the reader and the writer of KRPC: what a message points to is inside the datagram, its
 * nodes and values can be walked, and what is written of it is canonical bencode that reads the
 * same.
 */
#include <stdint.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/codec/bencode.h"
#include "common/codec/krpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_inside(const uint8_t *part, size_t len, const uint8_t *data, size_t size)
{
    if (part != NULL)
        ASSERT(part >= data && part <= data + size && len <= (size_t)(data + size - part));
}

static void
check_field(const struct krpc_bytes *f, const uint8_t *data, size_t size)
{
    ASSERT(f->data != NULL || f->len == 0);
    check_inside(f->data, f->len, data, size);
}

static void
check_fields(const struct krpc_message *m, const uint8_t *data, size_t size)
{
    const struct krpc_response *r = &m->response;
    const struct krpc_bytes *fields[] = {&m->tid,        &m->version, &m->query.token,
                                         &m->error.text, &r->nodes,   &r->nodes6,
                                         &r->token,      &r->values,  &r->samples};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        check_field(fields[i], data, size);
    check_inside(m->id, KRPC_ID_LEN, data, size);
    check_inside(m->query.target, KRPC_ID_LEN, data, size);
    check_inside(r->bloom_seeds, KRPC_BLOOM_LEN, data, size);
    check_inside(r->bloom_peers, KRPC_BLOOM_LEN, data, size);
    ASSERT(r->nodes.len % KRPC_NODE_V4_LEN == 0 && r->nodes6.len % KRPC_NODE_V6_LEN == 0);
    ASSERT(r->samples.len % KRPC_ID_LEN == 0);
}

/* Returns a number that depends on each node and value. */
static uint64_t
walk(const struct krpc_message *m, enum ip_family family)
{
    const struct krpc_bytes *nodes = family == IP_V4 ? &m->response.nodes : &m->response.nodes6;
    struct krpc_values v;
    struct endpoint e;
    uint64_t sum = 0;

    for (size_t i = 0; i < krpc_nodes_count(nodes, family); i++) {
        struct krpc_node node;

        krpc_node_get(&node, nodes, family, i);
        sum = sum * 31 + node.id[19] + node.addr.port;
    }
    krpc_values_init(&v, &m->response.values, family);
    while (krpc_values_next(&v, &e)) {
        ASSERT(e.port != 0 && (e.family == IP_V4 || e.family == IP_V6));
        sum = sum * 31 + e.ip[3] + e.port;
    }
    return sum;
}

static bool
can_be_written(const struct krpc_message *m)
{
    if (m->kind == KRPC_ERROR)
        return true;
    if (m->id == NULL)
        return false;
    if (m->kind == KRPC_RESPONSE || m->query.method == KRPC_PING)
        return true;
    return m->query.method <= KRPC_SAMPLE_INFOHASHES && m->query.target != NULL;
}

/* True if |m| has values that are no list of strings: those would not be written as they are
 * read. */
static bool
has_odd_values(const struct krpc_message *m)
{
    size_t at = 0;

    while (at < m->response.values.len) {
        size_t len = 0;

        for (; m->response.values.data[at] >= '0' && m->response.values.data[at] <= '9'; at++)
            len = len * 10 + (m->response.values.data[at] - '0');
        if (m->response.values.data[at] != ':')
            return true;
        at += 1 + len;
    }
    return false;
}

static void
check_written(const struct krpc_message *m)
{
    static const struct bencode_limits limits = {
        .depth_max = 3, .size_max = 2 * KRPC_READ_MAX, .items_max = 1000};
    uint8_t out[2 * KRPC_READ_MAX], again[2 * KRPC_READ_MAX];
    struct krpc_message back;
    struct bencode tree;
    size_t len = krpc_encode(out, sizeof(out), m);

    ASSERT(len > 0 && len == krpc_encoded_len(m) && krpc_encode(again, len - 1, m) == 0);
    if (m->response.values.data == NULL) {
        ASSERT(bencode_decode(&tree, out, len, BENCODE_STRICT, &limits) == 0);
        bencode_fini(&tree);
    }
    if (len > KRPC_READ_MAX || krpc_decode(&back, out, len) != 0) {
        ASSERT(len > KRPC_READ_MAX || m->response.values.data != NULL);
        return;
    }
    ASSERT(walk(&back, IP_V4) == walk(m, IP_V4) && walk(&back, IP_V6) == walk(m, IP_V6));
    ASSERT(krpc_encode(again, sizeof(again), &back) == len && memcmp(again, out, len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct krpc_message m;

    if (krpc_decode(&m, data, size) != 0)
        return 0;
    check_fields(&m, data, size);
    (void)walk(&m, IP_V4);
    (void)walk(&m, IP_V6);
    if (can_be_written(&m) && !has_odd_values(&m))
        check_written(&m);
    return 0;
}
