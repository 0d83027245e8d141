/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What of an input or an effect goes into the hash: all that a core can see or say, but for the
 * bytes of blocks, whose place tells what they are.
 */
#include "tests/sim/trace.h"

#include <inttypes.h>

#include "tests/sim/node.h"

void
trace_init(struct trace *t, FILE *out)
{
    *t = (struct trace){.hash = UINT64_C(0x243f6a8885a308d3), .out = out};
}

static void
mix(struct trace *t, uint64_t v)
{
    t->hash = ((t->hash << 23 | t->hash >> 41) ^ v) * UINT64_C(0x9e3779b97f4a7c15);
}

static void
mix_bytes(struct trace *t, const uint8_t *bytes, size_t len)
{
    mix(t, len);
    for (size_t i = 0; i < len && bytes != NULL; i++)
        mix(t, bytes[i]);
}

static void
mix_msg(struct trace *t, const struct wire_msg *m)
{
    mix(t, (uint64_t)m->type << 32 | m->piece);
    mix(t, (uint64_t)m->begin << 32 | m->length);
    if (m->type == WIRE_BITFIELD || m->type == WIRE_EXTENDED || m->type == WIRE_HASHES)
        mix_bytes(t, m->data, m->len);
    if (m->type == WIRE_HASH_REQUEST || m->type == WIRE_HASHES || m->type == WIRE_HASH_REJECT) {
        mix(t, (uint64_t)m->hashes.base_layer << 32 | m->hashes.index);
        mix(t, (uint64_t)m->hashes.length << 32 | m->hashes.proof_layers);
    }
}

static void
mix_addr(struct trace *t, const struct endpoint *a)
{
    mix_bytes(t, a->ip, sizeof(a->ip));
    mix(t, a->port);
}

static const char *const input_names[] = {
#define X(name) [SWARM_IN_##name] = #name,
    SWARM_INPUT_TABLE(X)
#undef X
};

static const char *const effect_names[] = {
#define X(name) [SWARM_FX_##name] = #name,
    SWARM_EFFECT_TABLE(X)
#undef X
};

static void
print_msg(FILE *out, const struct wire_msg *m)
{
    fprintf(out, " %s %" PRIu32 ":%" PRIu32 "+%" PRIu32, wire_name(m->type), m->piece, m->begin,
            m->length);
    if (m->type == WIRE_HASH_REQUEST || m->type == WIRE_HASHES || m->type == WIRE_HASH_REJECT)
        fprintf(out, " layer %" PRIu32 " %" PRIu32 "+%" PRIu32, m->hashes.base_layer,
                m->hashes.index, m->hashes.length);
}

/* A node's address is its number. */
static void
print_addr(FILE *out, const struct endpoint *a)
{
    fprintf(out, " n%u", node_number(a));
}

static void
print_head(struct trace *t, struct mono now, unsigned node, const char *way, const char *name,
           slot_id peer)
{
    fprintf(t->out, "%10.6f n%u %s %s", (double)now.us / 1e6, node, way, name);
    if (peer != SLOT_NONE)
        fprintf(t->out, " p%" PRIu32, slot_index(peer));
}

static void
mix_input(struct trace *t, const struct swarm_input *in)
{
    switch (in->type) {
    case SWARM_IN_ACCEPTED:
    case SWARM_IN_CONNECTED: mix_addr(t, &in->u.conn.addr); break;
    case SWARM_IN_CLOSED: mix(t, (uint64_t)(int64_t)in->u.closed.err); break;
    case SWARM_IN_MESSAGE: mix_msg(t, &in->u.msg); break;
    case SWARM_IN_SENT: mix(t, (uint64_t)in->u.sent.payload << 32 | in->u.sent.total); break;
    case SWARM_IN_READ_FAILED: mix(t, in->u.read_failed.piece); break;
    case SWARM_IN_WRITTEN:
        mix(t, (uint64_t)in->u.written.piece << 32 | in->u.written.begin);
        mix(t, (uint64_t)(int64_t)in->u.written.err);
        break;
    case SWARM_IN_VERIFIED:
        mix(t, in->u.verified.piece);
        mix(t, (uint64_t)(int64_t)in->u.verified.err);
        break;
    case SWARM_IN_LEAVES: mix(t, in->u.leaves.piece); break;
    case SWARM_IN_LIMITS:
        mix(t, in->u.limits.up);
        mix(t, in->u.limits.down);
        break;
    case SWARM_IN_TRACKER:
        for (const char *c = in->u.tracker.url; *c != '\0'; c++)
            mix(t, (unsigned char)*c);
        break;
    case SWARM_IN_ANNOUNCED:
        mix(t, (uint64_t)(int64_t)in->u.announced.result.err);
        for (size_t i = 0; i < in->u.announced.count; i++)
            mix_addr(t, &in->u.announced.addrs[i]);
        break;
    case SWARM_IN_ANNOUNCING:
    case SWARM_IN_START:
    case SWARM_IN_PAUSE:
    case SWARM_IN_STOP:
    case SWARM_IN_TICK:
    case SWARM_IN_ADDRS:
    case SWARM_IN_BANNED:
    case SWARM_IN_MAKE_ROOM:
    case SWARM_IN_PRIORITY: break;
    }
}

void
trace_input(struct trace *t, struct mono now, unsigned node, const struct swarm_input *in)
{
    mix(t, (uint64_t)now.us);
    mix(t, (uint64_t)node << 32 | in->type);
    mix(t, in->peer);
    mix_input(t, in);
    if (t->out == NULL)
        return;
    print_head(t, now, node, "<", input_names[in->type], in->peer);
    if (in->type == SWARM_IN_MESSAGE)
        print_msg(t->out, &in->u.msg);
    if (in->type == SWARM_IN_ACCEPTED)
        print_addr(t->out, &in->u.conn.addr);
    if (in->type == SWARM_IN_ANNOUNCED)
        for (size_t i = 0; i < in->u.announced.count; i++)
            print_addr(t->out, &in->u.announced.addrs[i]);
    if (in->type == SWARM_IN_CLOSED)
        fprintf(t->out, " %s", sprat_strerror(in->u.closed.err));
    if (in->type == SWARM_IN_WRITTEN)
        fprintf(t->out, " %" PRIu32 ":%" PRIu32 " %d", in->u.written.piece, in->u.written.begin,
                in->u.written.err);
    fputc('\n', t->out);
}

static void
mix_effect(struct trace *t, const struct swarm_effect *fx)
{
    switch (fx->type) {
    case SWARM_FX_CONNECT: mix_addr(t, &fx->u.connect.addr); break;
    case SWARM_FX_ACCEPT:
    case SWARM_FX_REFUSE: mix(t, (uint64_t)(int64_t)fx->u.accept.err); break;
    case SWARM_FX_CLOSE: mix(t, (uint64_t)(int64_t)fx->u.close.err); break;
    case SWARM_FX_SEND: mix_msg(t, &fx->u.msg); break;
    case SWARM_FX_WRITE: mix(t, (uint64_t)fx->u.write.piece << 32 | fx->u.write.begin); break;
    case SWARM_FX_SEND_PIECE:
        mix(t, (uint64_t)fx->u.range.begin << 32 | fx->u.range.length);
        mix(t, fx->u.range.piece);
        mix(t, fx->u.range.allowed);
        break;
    case SWARM_FX_ALLOW: mix(t, fx->u.range.allowed); break;
    case SWARM_FX_VERIFY:
    case SWARM_FX_LEAVES:
    case SWARM_FX_PIECE_DONE: mix(t, fx->u.range.piece); break;
    case SWARM_FX_ANNOUNCE:
        mix(t, (uint64_t)fx->u.announce.job.event << 32 | fx->u.announce.job.id);
        mix(t, fx->u.announce.left);
        break;
    case SWARM_FX_NODE: mix_addr(t, &fx->u.node); break;
    case SWARM_FX_NOTICE: mix(t, (uint64_t)fx->u.notice.what << 32 | fx->u.notice.piece); break;
    }
}

static void
print_effect(FILE *out, const struct swarm_effect *fx)
{
    switch (fx->type) {
    case SWARM_FX_CLOSE: fprintf(out, " %s", sprat_strerror(fx->u.close.err)); break;
    case SWARM_FX_SEND: print_msg(out, &fx->u.msg); break;
    case SWARM_FX_SEND_PIECE:
    case SWARM_FX_ALLOW:
    case SWARM_FX_VERIFY:
    case SWARM_FX_LEAVES:
    case SWARM_FX_PIECE_DONE:
        fprintf(out, " %" PRIu32 ":%" PRIu32, fx->u.range.piece, fx->u.range.begin);
        break;
    case SWARM_FX_WRITE:
        fprintf(out, " %" PRIu32 ":%" PRIu32, fx->u.write.piece, fx->u.write.begin);
        break;
    case SWARM_FX_NODE: print_addr(out, &fx->u.node); break;
    case SWARM_FX_NOTICE: fprintf(out, " %d", (int)fx->u.notice.what); break;
    case SWARM_FX_CONNECT: print_addr(out, &fx->u.connect.addr); break;
    case SWARM_FX_ACCEPT:
    case SWARM_FX_REFUSE:
    case SWARM_FX_ANNOUNCE: break;
    }
    fputc('\n', out);
}

void
trace_effect(struct trace *t, struct mono now, unsigned node, const struct swarm_effect *fx)
{
    mix(t, (uint64_t)node << 32 | fx->type);
    mix(t, fx->peer);
    mix_effect(t, fx);
    if (t->out == NULL)
        return;
    print_head(t, now, node, ">", effect_names[fx->type], fx->peer);
    print_effect(t->out, fx);
}
