/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The reader of KRPC messages. The tokens of the bencode decoder are on the stack, so that a
 * datagram costs no allocation.
 */
#include "common/codec/krpc.h"

#include <string.h>

#include "common/base/err.h"
#include "common/codec/bencode.h"
#include "common/codec/compact.h"

enum {
    DEPTH_MAX = 16,  /* the deepest field of ours has depth 3; "put" carries anything */
    ITEMS_MAX = 384, /* KRPC_READ_MAX bytes have room for 256 values */
};

static const char *const METHODS[] = {
#define X(name, text) text,
    KRPC_METHOD_TABLE(X)
#undef X
};

const char *
krpc_method_text(enum krpc_method m)
{
    return m < KRPC_UNKNOWN ? METHODS[m] : "unknown";
}

static struct krpc_bytes
read_string(struct bencode_item dict, const char *key)
{
    struct krpc_bytes s = {0};

    (void)bencode_string(bencode_get(dict, key), &s.data, &s.len);
    return s;
}

/* The string if it has |len| bytes, else NULL. */
static const uint8_t *
read_fixed(struct bencode_item dict, const char *key, size_t len)
{
    struct krpc_bytes s = read_string(dict, key);

    return s.len == len ? s.data : NULL;
}

/* The whole entries of |step| bytes in a string. */
static struct krpc_bytes
read_entries(struct bencode_item dict, const char *key, size_t step)
{
    struct krpc_bytes s = read_string(dict, key);

    s.len -= s.len % step;
    return s;
}

static int64_t
read_int(struct bencode_item dict, const char *key, int64_t otherwise)
{
    int64_t value;

    return bencode_int(bencode_get(dict, key), &value) ? value : otherwise;
}

static bool
read_flag(struct bencode_item dict, const char *key)
{
    return read_int(dict, key, 0) != 0;
}

static void
read_ip(struct endpoint *ip, struct bencode_item root)
{
    uint8_t compact[COMPACT_V6_LEN] = {0};
    struct krpc_bytes s = read_string(root, "ip");

    /* Some clients leave the port out. */
    if (s.len != 4 && s.len != COMPACT_V4_LEN && s.len != 16 && s.len != COMPACT_V6_LEN)
        return;
    memcpy(compact, s.data, s.len);
    compact_get(ip, compact, s.len <= COMPACT_V4_LEN ? IP_V4 : IP_V6);
}

static enum krpc_method
read_method(struct bencode_item root)
{
    struct bencode_item q = bencode_get(root, "q");
    enum krpc_method m = 0;

    while (m < KRPC_UNKNOWN && !bencode_string_equal(q, METHODS[m]))
        m++;
    return m;
}

static const uint8_t *
read_target(struct bencode_item a, enum krpc_method method)
{
    const uint8_t *target = NULL;

    if (method != KRPC_GET_PEERS && method != KRPC_ANNOUNCE_PEER)
        target = read_fixed(a, "target", KRPC_ID_LEN);
    if (target == NULL && method != KRPC_FIND_NODE && method != KRPC_SAMPLE_INFOHASHES)
        target = read_fixed(a, "info_hash", KRPC_ID_LEN);
    return target;
}

static unsigned
read_want(struct bencode_item a)
{
    struct bencode_item list = bencode_get_type(a, "want", BENCODE_LIST);
    unsigned want = 0;

    for (struct bencode_item e = bencode_first(list); bencode_exists(e);
         e = bencode_next(list, e)) {
        want |= bencode_string_equal(e, "n4") ? KRPC_WANT_N4 : 0;
        want |= bencode_string_equal(e, "n6") ? KRPC_WANT_N6 : 0;
    }
    return want;
}

static void
read_query(struct krpc_message *m, struct bencode_item root)
{
    struct bencode_item a = bencode_get(root, "a");
    int64_t port = read_int(a, "port", 0);

    m->id = read_fixed(a, "id", KRPC_ID_LEN);
    m->query.method = read_method(root);
    m->query.target = read_target(a, m->query.method);
    m->query.token = read_string(a, "token");
    m->query.want = read_want(a);
    m->query.port = port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
    m->query.implied_port = read_flag(a, "implied_port");
    m->query.seed = read_flag(a, "seed");
    m->query.noseed = read_flag(a, "noseed");
    m->query.scrape = read_flag(a, "scrape");
    m->query.read_only = read_int(root, "ro", 0) == 1;
}

/* The content of a list of strings; of a single string in place of the list, that string. */
static struct krpc_bytes
read_values(struct bencode_item r)
{
    struct bencode_item values = bencode_get(r, "values");
    struct krpc_bytes s = {0};

    if (bencode_is(values, BENCODE_LIST)) {
        s.data = bencode_raw(values, &s.len) + 1;
        s.len -= 2;
    } else if (bencode_is(values, BENCODE_STRING)) {
        s.data = bencode_raw(values, &s.len);
    }
    return s;
}

static void
read_response(struct krpc_message *m, struct bencode_item root)
{
    struct bencode_item r = bencode_get(root, "r");

    m->id = read_fixed(r, "id", KRPC_ID_LEN);
    m->response.nodes = read_entries(r, "nodes", KRPC_NODE_V4_LEN);
    m->response.nodes6 = read_entries(r, "nodes6", KRPC_NODE_V6_LEN);
    m->response.token = read_string(r, "token");
    m->response.values = read_values(r);
    m->response.samples = read_entries(r, "samples", KRPC_ID_LEN);
    m->response.bloom_seeds = read_fixed(r, "BFsd", KRPC_BLOOM_LEN);
    m->response.bloom_peers = read_fixed(r, "BFpe", KRPC_BLOOM_LEN);
    m->response.interval = read_int(r, "interval", -1);
    m->response.num = read_int(r, "num", -1);
}

static void
read_error(struct krpc_message *m, struct bencode_item root)
{
    struct bencode_item e = bencode_get_type(root, "e", BENCODE_LIST);
    struct bencode_item code = bencode_first(e), text = bencode_next(e, code);

    (void)bencode_int(code, &m->error.code);
    (void)bencode_string(text, &m->error.text.data, &m->error.text.len);
}

static int
read_root(struct krpc_message *m, struct bencode_item root)
{
    struct bencode_item y = bencode_get(root, "y");

    m->tid = read_string(root, "t");
    if (m->tid.data == NULL)
        return SPRAT_E_PROTOCOL;
    m->version = read_string(root, "v");
    read_ip(&m->ip, root);
    if (bencode_string_equal(y, "q")) {
        m->kind = KRPC_QUERY;
        read_query(m, root);
    } else if (bencode_string_equal(y, "r")) {
        m->kind = KRPC_RESPONSE;
        read_response(m, root);
    } else if (bencode_string_equal(y, "e")) {
        m->kind = KRPC_ERROR;
        read_error(m, root);
    } else {
        return SPRAT_E_PROTOCOL;
    }
    return 0;
}

int
krpc_decode(struct krpc_message *m, const uint8_t *data, size_t len)
{
    static const struct bencode_limits limits = {
        .depth_max = DEPTH_MAX, .size_max = KRPC_READ_MAX, .items_max = ITEMS_MAX};
    struct bencode_token tokens[ITEMS_MAX];
    struct bencode tree;

    *m = (struct krpc_message){.kind = KRPC_QUERY};
    if (bencode_decode_into(&tree, tokens, data, len, BENCODE_LENIENT, &limits) != 0)
        return SPRAT_E_PROTOCOL;
    return read_root(m, bencode_root(&tree));
}

void
krpc_node_get(struct krpc_node *node, const struct krpc_bytes *nodes, enum ip_family family,
              size_t i)
{
    node->id = nodes->data + i * krpc_node_len(family);
    compact_get(&node->addr, node->id + KRPC_ID_LEN, family);
}

void
krpc_values_init(struct krpc_values *v, const struct krpc_bytes *values, enum ip_family family)
{
    *v = (struct krpc_values){.list = *values, .family = family, .only = true};
}

/* The family of the endpoints in a string of |len| bytes; IP_NONE if there are none. */
static enum ip_family
family_of_string(const struct krpc_values *v, size_t len, bool only)
{
    if (len == COMPACT_V6_LEN)
        return only ? v->family : IP_V6;
    if (len == COMPACT_V4_LEN)
        return IP_V4;
    return len % compact_len(v->family) == 0 ? v->family : IP_NONE;
}

/* Takes the next string of the list. False at its end, or at an item that is no string. */
static bool
next_string(struct krpc_values *v)
{
    bool first = v->only;
    size_t at = 0, len = 0;

    for (; at < v->list.len && v->list.data[at] >= '0' && v->list.data[at] <= '9'; at++)
        len = len * 10 + (v->list.data[at] - '0');
    /* krpc_decode() has checked the lengths of strings. An item of another type ends the walk. */
    if (at == 0 || at == v->list.len || v->list.data[at] != ':' || len > v->list.len - at - 1)
        return false;
    v->entry = (struct krpc_bytes){v->list.data + at + 1, len};
    v->list.data += at + 1 + len;
    v->list.len -= at + 1 + len;
    v->only = false;
    v->in_entry = family_of_string(v, len, first && v->list.len == 0);
    if (v->in_entry == IP_NONE)
        v->entry.len = 0;
    return true;
}

bool
krpc_values_next(struct krpc_values *v, struct endpoint *addr)
{
    for (;;) {
        while (v->entry.len > 0) {
            size_t step = compact_len(v->in_entry);
            size_t n = compact_get_list(addr, 1, v->entry.data, step, v->in_entry);

            v->entry.data += step;
            v->entry.len -= step;
            if (n == 1)
                return true;
        }
        if (!next_string(v))
            return false;
    }
}
