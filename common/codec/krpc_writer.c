/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The writer of KRPC messages. Keys are in the order of bencode: the order of the calls is that of
 * the bytes.
 */
#include "common/codec/krpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/codec/compact.h"

/* What is written counts in |len| even when it does not fit. */
struct out {
    uint8_t *at;
    size_t max;
    size_t len;
};

static void
put(struct out *o, const void *data, size_t len)
{
    if (len > 0 && o->len <= o->max && len <= o->max - o->len)
        memcpy(o->at + o->len, data, len);
    o->len += len;
}

static void
put_text(struct out *o, const char *text)
{
    put(o, text, strlen(text));
}

static void
put_number(struct out *o, int64_t n)
{
    char text[24];

    put(o, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, n));
}

static void
put_string(struct out *o, const void *data, size_t len)
{
    put_number(o, (int64_t)len);
    put_text(o, ":");
    put(o, data, len);
}

/* The functions below take a key as it is written, with its length: "2:id". */

static void
put_bytes_field(struct out *o, const char *key, const void *data, size_t len)
{
    if (data == NULL)
        return;
    put_text(o, key);
    put_string(o, data, len);
}

static void
put_field(struct out *o, const char *key, const struct krpc_bytes *field)
{
    put_bytes_field(o, key, field->data, field->len);
}

static void
put_int_field(struct out *o, const char *key, int64_t n)
{
    put_text(o, key);
    put_text(o, "i");
    put_number(o, n);
    put_text(o, "e");
}

static void
put_flag_field(struct out *o, const char *key, bool flag)
{
    if (flag)
        put_int_field(o, key, 1);
}

static const char *
target_key(enum krpc_method m)
{
    switch (m) {
    case KRPC_GET_PEERS:
    case KRPC_ANNOUNCE_PEER: return "9:info_hash";
    case KRPC_FIND_NODE:
    case KRPC_SAMPLE_INFOHASHES: return "6:target";
    case KRPC_PING:
    case KRPC_GET:
    case KRPC_PUT:
    case KRPC_UNKNOWN: break;
    }
    return NULL;
}

static void
put_want(struct out *o, unsigned want)
{
    if (want == 0)
        return;
    put_text(o, "4:wantl");
    if ((want & KRPC_WANT_N4) != 0)
        put_text(o, "2:n4");
    if ((want & KRPC_WANT_N6) != 0)
        put_text(o, "2:n6");
    put_text(o, "e");
}

/* The key of the target is "info_hash" or "target": each has its place in the order. */
static void
put_arguments(struct out *o, const struct krpc_message *m)
{
    const struct krpc_query *q = &m->query;
    const char *key = target_key(q->method);
    bool info_hash = key != NULL && key[0] == '9';

    ASSERT(m->id != NULL && (key != NULL ? q->target != NULL : q->method == KRPC_PING));
    put_text(o, "1:ad");
    put_bytes_field(o, "2:id", m->id, KRPC_ID_LEN);
    put_flag_field(o, "12:implied_port", q->implied_port);
    if (info_hash)
        put_bytes_field(o, key, q->target, KRPC_ID_LEN);
    put_flag_field(o, "6:noseed", q->noseed);
    if (q->port != 0)
        put_int_field(o, "4:port", q->port);
    put_flag_field(o, "6:scrape", q->scrape);
    put_flag_field(o, "4:seed", q->seed);
    if (key != NULL && !info_hash)
        put_bytes_field(o, key, q->target, KRPC_ID_LEN);
    put_field(o, "5:token", &q->token);
    put_want(o, q->want);
    put_text(o, "e");
}

static void
put_results(struct out *o, const struct krpc_message *m)
{
    const struct krpc_response *r = &m->response;

    ASSERT(m->id != NULL);
    put_text(o, "1:rd");
    put_bytes_field(o, "4:BFpe", r->bloom_peers, KRPC_BLOOM_LEN);
    put_bytes_field(o, "4:BFsd", r->bloom_seeds, KRPC_BLOOM_LEN);
    put_bytes_field(o, "2:id", m->id, KRPC_ID_LEN);
    if (r->interval >= 0)
        put_int_field(o, "8:interval", r->interval);
    put_field(o, "5:nodes", &r->nodes);
    put_field(o, "6:nodes6", &r->nodes6);
    if (r->num >= 0)
        put_int_field(o, "3:num", r->num);
    put_field(o, "7:samples", &r->samples);
    put_field(o, "5:token", &r->token);
    if (r->values.data != NULL) {
        put_text(o, "6:valuesl");
        put(o, r->values.data, r->values.len);
        put_text(o, "e");
    }
    put_text(o, "e");
}

static void
put_error(struct out *o, const struct krpc_error *e)
{
    put_text(o, "1:eli");
    put_number(o, e->code);
    put_text(o, "e");
    put_string(o, e->text.data, e->text.len);
    put_text(o, "e");
}

static void
put_ip(struct out *o, const struct endpoint *ip)
{
    uint8_t compact[COMPACT_V6_LEN];

    if (ip->family != IP_NONE)
        put_bytes_field(o, "2:ip", compact, compact_put(compact, ip));
}

static void
put_message(struct out *o, const struct krpc_message *m)
{
    put_text(o, "d");
    if (m->kind == KRPC_QUERY)
        put_arguments(o, m);
    if (m->kind == KRPC_ERROR)
        put_error(o, &m->error);
    put_ip(o, &m->ip);
    if (m->kind == KRPC_QUERY) {
        const char *method = krpc_method_text(m->query.method);

        put_bytes_field(o, "1:q", method, strlen(method));
        put_flag_field(o, "2:ro", m->query.read_only);
    }
    if (m->kind == KRPC_RESPONSE)
        put_results(o, m);
    put_text(o, "1:t");
    put_string(o, m->tid.data, m->tid.len);
    put_field(o, "1:v", &m->version);
    put_text(o, "1:y1:");
    put(o, &"qre"[m->kind], 1);
    put_text(o, "e");
}

size_t
krpc_encode(uint8_t *out, size_t max, const struct krpc_message *m)
{
    struct out o = {.at = out, .max = max};

    put_message(&o, m);
    return o.len <= max ? o.len : 0;
}

size_t
krpc_encoded_len(const struct krpc_message *m)
{
    struct out o = {.max = 0};

    put_message(&o, m);
    return o.len;
}

size_t
krpc_node_put(uint8_t *out, const uint8_t id[KRPC_ID_LEN], const struct endpoint *addr)
{
    memcpy(out, id, KRPC_ID_LEN);
    return KRPC_ID_LEN + compact_put(out + KRPC_ID_LEN, addr);
}

size_t
krpc_value_put(uint8_t *out, const struct endpoint *addr)
{
    bool v4 = addr->family == IP_V4;
    size_t prefix = v4 ? 2 : 3;

    memcpy(out, v4 ? "6:" : "18:", prefix);
    return prefix + compact_put(out + prefix, addr);
}
