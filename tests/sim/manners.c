/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The books, and what must not stand in them.
 */
#include "tests/sim/manners.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/assert.h"
#include "peer/core/pipeline.h"
#include "tests/sim/link.h"
#include "tests/sim/sim.h"

enum {
    SLACK_MS = 2500, /* housekeeping comes once a second */
    ASKED_CAP_MIN = 16,
};

#define FAIL(n, ...) sim_fail((n)->sim, __VA_ARGS__)

void
manners_begin(struct manners *m, struct mono now)
{
    m->said = m->heard = m->since_wanted = m->since_choke = now;
}

void
manners_fini(struct manners *m)
{
    free(m->asked);
    m->asked = NULL;
    m->count = m->cap = 0;
}

/* --- requests --- */

static void
ask(struct manners *m, const struct wire_msg *msg, struct mono now)
{
    if (m->count == m->cap) {
        m->cap = m->cap > 0 ? 2 * m->cap : ASKED_CAP_MIN;
        m->asked = realloc(m->asked, m->cap * sizeof(*m->asked));
        ASSERT(m->asked != NULL);
    }
    m->asked[m->count++] = (struct asked){msg->piece, msg->begin, now};
}

/* Answers come in the order of the requests, nearly: the search is short. */
static bool
settle(struct manners *m, const struct wire_msg *msg)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->asked[i].piece != msg->piece || m->asked[i].begin != msg->begin)
            continue;
        m->count--;
        for (; i < m->count; i++)
            m->asked[i] = m->asked[i + 1];
        return true;
    }
    return false;
}

static bool
is_whole_block(const struct node *n, const struct wire_msg *msg)
{
    const struct geometry *g = &n->sim->content->geo;

    return msg->piece < g->piece_count && msg->begin / BLOCK_LEN < geometry_blocks(g, msg->piece) &&
           msg->length == geometry_block_len(g, msg->piece, msg->begin / BLOCK_LEN);
}

/* --- words --- */

void
manners_said(struct node *n, struct manners *m, const struct wire_msg *msg)
{
    struct mono now = n->sim->engine.now;

    m->said = now;
    if (msg == NULL)
        return;
    if (msg->type == WIRE_REQUEST)
        ask(m, msg, now);
    if (msg->type == WIRE_CANCEL && !settle(m, msg))
        FAIL(n, "n%u cancels a request that it did not make", n->index);
    if (msg->type == WIRE_CHOKE || msg->type == WIRE_UNCHOKE)
        m->since_choke = now;
}

void
manners_heard(struct node *n, struct manners *m, const struct wire_msg *msg)
{
    struct mono now = n->sim->engine.now;

    m->heard = now;
    if (msg->type == WIRE_INTERESTED || msg->type == WIRE_NOT_INTERESTED) {
        bool wanted = msg->type == WIRE_INTERESTED;

        if (wanted != m->wanted)
            m->since_wanted = now;
        m->wanted = wanted;
    }
    if (msg->type == WIRE_REJECT || (msg->type == WIRE_PIECE && is_whole_block(n, msg)))
        settle(m, msg);
    if (msg->type == WIRE_EXTENDED && msg->ext_id == 0)
        m->named = true;
}

/* --- connections --- */

/* Both ends must come to keep the same one. After a partition they need not: what it held up was
 * silence for the end that sent it, and is news for the other one. */
void
manners_twin(struct node *n, struct link *l)
{
    unsigned side = l->end[0] == n ? 0 : 1;
    const struct node *other = l->end[1 - side];
    struct mono now = n->sim->engine.now, healed = n->sim->healed_at;
    bool closed = false;

    l->twin[side] = true;
    if (!node_honest(other) || !node_running(other) ||
        (healed.us != 0 && mono_diff_ms(now, healed) < CROWD_TWIN_SILENT_MS))
        return;
    for (uint32_t i = 0; i < node_slots(n); i++) {
        const struct link *k = n->by_slot[i];

        if (k == NULL || k == l || (k->end[0] != other && k->end[1] != other))
            continue;
        if (!k->twin[k->end[0] == other ? 0 : 1])
            return;
        closed = true;
    }
    if (closed)
        FAIL(n, "n%u and n%u both close the connection that the other one keeps", n->index,
             other->index);
}

/* Is |n| connected to the node at |to|, and does it know that? */
static bool
knows_as_connected(const struct node *n, const struct endpoint *to)
{
    for (uint32_t i = 0; i < node_slots(n); i++) {
        const struct link *k = n->by_slot[i];

        if (k == NULL || k->nowhere || k->phase != LINK_UP)
            continue;
        if (k->end[0] == n && endpoint_equal(&k->end[1]->addr, to))
            return true;
        if (k->end[1] == n && k->talk[1].manners.named && endpoint_equal(&k->end[0]->addr, to))
            return true;
    }
    return false;
}

void
manners_dial(struct node *n, const struct endpoint *to)
{
    if (!endpoint_equal(&n->addr, to) && knows_as_connected(n, to))
        FAIL(n, "n%u dials a peer to which it is connected", n->index);
    for (unsigned i = 0; i < n->seeds_met_count; i++) {
        const struct node *other = n->sim->nodes[n->seeds_met[i]];

        /* Who lost something was no seed for a while. */
        if (endpoint_equal(&other->addr, to) && !other->lost_some && bitfield_full(&n->disk.done) &&
            bitfield_full(&other->disk.done))
            FAIL(n, "n%u is a seed and dials n%u, which it knows for one", n->index, other->index);
    }
}

/* --- the audit --- */

static bool
is_over(struct mono since, struct mono now, int64_t limit_ms)
{
    return mono_diff_ms(now, since) > limit_ms + SLACK_MS;
}

static void
audit_requests(struct node *n, const struct manners *m, const struct swarm_peer_stats *ps)
{
    if (m->count != ps->requests_out)
        FAIL(n, "n%u has %" PRIu32 " requests out, and knows of %" PRIu32, n->index, m->count,
             ps->requests_out);
    if (m->count > 0 && is_over(m->asked[0].at, n->sim->engine.now, PIPELINE_TIMEOUT_MAX_MS))
        FAIL(n, "n%u waits too long for piece %" PRIu32 ":%" PRIu32, n->index, m->asked[0].piece,
             m->asked[0].begin);
    for (uint32_t i = 0; i < m->count; i++)
        if (bitfield_get(&n->disk.done, m->asked[i].piece))
            FAIL(n, "n%u lets others send it piece %" PRIu32 ", which it has", n->index,
                 m->asked[i].piece);
}

void
manners_audit(struct node *n, const struct link *l, const struct manners *m,
              const struct swarm_peer_stats *ps)
{
    struct mono now = n->sim->engine.now;
    const struct node *other = l->end[l->end[0] == n && l->open[0] && l->peer[0] == ps->peer];

    audit_requests(n, m, ps);
    if (is_over(m->said, now, SWARM_KEEPALIVE_MS))
        FAIL(n, "n%u says nothing to n%u for too long", n->index, other->index);
    if (is_over(m->heard, now, SWARM_IDLE_MS))
        FAIL(n, "n%u keeps n%u, which is silent", n->index, other->index);
    if (!ps->am_choking && !m->wanted && is_over(m->since_wanted, now, 0) &&
        is_over(m->since_choke, now, 0))
        FAIL(n, "n%u holds a slot for n%u, which wants nothing", n->index, other->index);
}
