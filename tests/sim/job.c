/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A job is an event with the input that it will become, and what has to be looked at when it is
 * due.
 */
#include "tests/sim/job.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "tests/sim/link.h"
#include "tests/sim/sim.h"

struct job {
    struct event event;
    struct list link;
    struct node *node;
    void (*finish)(struct job *j); /* fills |in|; NULL: it is ready */
    struct swarm_input in;
    uint8_t *owned; /* what |in| points to */
    bool judge;     /* write: nothing is written if it is not |expected| */
    uint8_t expected[32];
    struct sim_announce announce;
    bool again; /* the event is posted once more: the answer is on its way back */
};

static void
job_free(struct job *j)
{
    event_cancel(&j->node->sim->engine, &j->event);
    list_remove(&j->link);
    free(j->owned);
    free(j);
}

static void
on_due(struct event *e)
{
    struct job *j = LIST_ENTRY(e, struct job, event);

    if (j->finish != NULL)
        j->finish(j);
    if (j->again) {
        j->again = false;
        return;
    }
    if (j->in.type == SWARM_IN_WRITTEN)
        j->node->count.writes--;
    list_remove(&j->link);
    node_feed(j->node, &j->in);
    job_free(j);
}

static struct job *
job_new(struct node *n, enum swarm_input_type type, void (*finish)(struct job *), struct mono at)
{
    struct job *j = sim_alloc(1, sizeof(*j));

    event_init(&j->event, on_due);
    list_init(&j->link);
    list_push_back(&n->jobs, &j->link);
    j->node = n;
    j->finish = finish;
    j->in.type = type;
    event_post(&n->sim->engine, &j->event, at);
    return j;
}

void
jobs_drop(struct node *n)
{
    struct list *l;

    while ((l = list_pop_front(&n->jobs)) != NULL) {
        struct job *j = LIST_ENTRY(l, struct job, link);

        if (j->in.type == SWARM_IN_WRITTEN)
            block_drop(j->in.u.written.block);
        job_free(j);
    }
    n->count.writes = 0;
}

void
jobs_drop_reads(struct node *n, slot_id peer)
{
    LIST_EACH_SAFE (it, &n->jobs) {
        struct job *j = LIST_ENTRY(it, struct job, link);

        if (j->in.type == SWARM_IN_READ_FAILED && j->in.peer == peer)
            job_free(j);
    }
}

/* --- disk --- */

static void
finish_write(struct job *j)
{
    struct swarm_input *in = &j->in;
    uint32_t piece = in->u.written.piece, block = in->u.written.begin / BLOCK_LEN;
    uint8_t tag = in->u.written.block->data[0];

    content_leaf(piece, block, tag, in->u.written.leaf);
    if (j->judge && memcmp(in->u.written.leaf, j->expected, sizeof(j->expected)) != 0)
        in->u.written.err = SPRAT_E_HASH;
    else
        in->u.written.err = vdisk_write(&j->node->disk, piece, block, tag);
}

void
job_write(struct node *n, const struct swarm_effect *fx)
{
    struct block *b = fx->u.write.block;
    struct job *j = job_new(n, SWARM_IN_WRITTEN, finish_write,
                            vdisk_work(&n->disk, b->len, n->sim->engine.now));

    n->count.writes++;
    j->in.u.written.piece = fx->u.write.piece;
    j->in.u.written.begin = fx->u.write.begin;
    j->in.u.written.block = b;
    j->judge = fx->u.write.judge;
    memcpy(j->expected, fx->u.write.expected, sizeof(j->expected));
}

static bool
read_fails(struct node *n)
{
    return n->disk.spec.read_errors > 0 &&
           rng_below(&n->sim->rng, 1000000) < n->disk.spec.read_errors;
}

static void
finish_verify(struct job *j)
{
    struct node *n = j->node;

    if (read_fails(n))
        j->in.u.verified.err = SPRAT_E_IO;
    else if (n->disk.spec.rots || !vdisk_good(&n->disk, j->in.u.verified.piece))
        j->in.u.verified.err = SPRAT_E_HASH;
}

void
job_verify(struct node *n, uint32_t piece)
{
    /* What was written just now is still in the page cache. */
    struct job *j =
        job_new(n, SWARM_IN_VERIFIED, finish_verify, vdisk_work(&n->disk, 0, n->sim->engine.now));

    j->in.u.verified.piece = piece;
}

static void
finish_leaves(struct job *j)
{
    struct node *n = j->node;
    uint32_t piece = j->in.u.leaves.piece, count = j->in.u.leaves.count;

    j->in.u.leaves.leaves = j->owned;
    for (uint32_t b = 0; b < count; b++) {
        uint8_t tag = vdisk_tag(&n->disk, piece, b);

        if (tag == BLOCK_ABSENT)
            j->in.u.leaves.err = SPRAT_E_SHORT;
        content_leaf(piece, b, tag, j->owned + (size_t)b * 32);
    }
}

void
job_leaves(struct node *n, uint32_t piece)
{
    struct job *j = job_new(
        n, SWARM_IN_LEAVES, finish_leaves,
        vdisk_work(&n->disk, geometry_data(&n->sim->content->geo, piece), n->sim->engine.now));

    j->in.u.leaves.piece = piece;
    j->in.u.leaves.count = geometry_blocks(&n->sim->content->geo, piece);
    j->owned = sim_alloc(j->in.u.leaves.count + 1, 32);
}

static void
finish_read_failed(struct job *j)
{
    unsigned side;
    struct link *l = link_find(j->node, j->in.peer, &side);

    if (l != NULL)
        l->talk[side].failing--;
}

void
job_read_failed(struct node *n, const struct swarm_effect *fx)
{
    struct job *j = job_new(n, SWARM_IN_READ_FAILED, finish_read_failed,
                            mono_add_us(n->sim->engine.now, n->disk.spec.latency_us));

    j->in.peer = fx->peer;
    j->in.u.read_failed.piece = fx->u.range.piece;
    j->in.u.read_failed.begin = fx->u.range.begin;
    j->in.u.read_failed.length = fx->u.range.length;
    j->in.u.read_failed.err = SPRAT_E_IO;
}

/* --- announces --- */

/* The request has reached the tracker, or its place. */
static void
finish_announce(struct job *j)
{
    struct sim *s = j->node->sim;
    struct endpoint *peers = sim_alloc(SIM_TRACKER_PEERS_MAX, sizeof(*peers));

    j->finish = NULL;
    j->again = true;
    j->owned = (uint8_t *)peers;
    j->in.u.announced.addrs = peers;
    if (s->tracker_down || j->node->side != 0) {
        j->in.u.announced.result.err = SPRAT_E_TIMEOUT;
        event_post_us(&s->engine, &j->event, s->tracking.timeout_us);
        return;
    }
    j->in.u.announced.count = sim_tracker_announce(s->tracker, &j->announce,
                                                   &j->in.u.announced.result, peers, s->engine.now);
    event_post_us(&s->engine, &j->event, s->tracking.latency_us);
}

void
job_announce(struct node *n, const struct swarm_effect *fx)
{
    struct job *j = job_new(n, SWARM_IN_ANNOUNCED, finish_announce,
                            mono_add_us(n->sim->engine.now, n->sim->tracking.latency_us));

    j->in.u.announced.job = fx->u.announce.job.id;
    j->announce = (struct sim_announce){
        .info_hash = fx->u.announce.info_hash,
        .peer_id = n->peer_id,
        .from = n->addr,
        .event = fx->u.announce.job.event,
        .uploaded = fx->u.announce.uploaded,
        .downloaded = fx->u.announce.downloaded,
        .left = fx->u.announce.left,
        .key = n->index + 1,
        .numwant = fx->u.announce.numwant,
    };
}
