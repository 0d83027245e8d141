/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A node's life, and the way between its core and the world.
 */
#include "tests/sim/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "tests/sim/check.h"
#include "tests/sim/job.h"
#include "tests/sim/link.h"
#include "tests/sim/mischief.h"
#include "tests/sim/nodedht.h"
#include "tests/sim/sim.h"

enum { PORT = DHTNET_PORT, NET_PLAIN = 10, NET_DHT = DHTNET_RESERVED };

static void on_tick(struct event *e);
static void on_commit(struct event *e);

/* Some of the pieces, chosen by the run's seed. */
static void
give_pieces(struct node *n)
{
    uint32_t pieces = n->sim->content->geo.piece_count;

    for (uint32_t i = 0; i < pieces; i++)
        if (rng_below(&n->sim->rng, 1000) < n->spec.have_permille &&
            !(n->spec.lacks_last && i + 1 == pieces))
            vdisk_put(&n->disk, i);
}

struct endpoint
node_addr(unsigned index, bool dht)
{
    uint8_t low = (uint8_t)index, mid = (uint8_t)(index >> 8), high = (uint8_t)(index >> 16);
    struct endpoint plain = {.ip = {NET_PLAIN, high, mid, low}, .port = PORT, .family = IP_V4};
    struct endpoint spread = {.ip = {NET_DHT, low, mid, high}, .port = PORT, .family = IP_V4};

    return dht ? spread : plain;
}

unsigned
node_number(const struct endpoint *addr)
{
    const uint8_t *ip = addr->ip;

    return ip[0] == NET_DHT ? (unsigned)ip[3] << 16 | (unsigned)ip[2] << 8 | ip[1]
                            : (unsigned)ip[1] << 16 | (unsigned)ip[2] << 8 | ip[3];
}

struct node *
node_new(struct sim *s, unsigned index, const struct node_spec *spec)
{
    struct node *n = sim_alloc(1, sizeof(*n));
    char id[PEER_ID_LEN + 1];

    n->sim = s;
    n->index = index;
    n->spec = *spec;
    if (n->spec.peers_max == 0)
        n->spec.peers_max = 50;
    n->addr = node_addr(index, s->dht != NULL);
    if (s->dht != NULL)
        n->dht = nodedht_new(n);
    /* The ids' order is not the nodes' order. */
    snprintf(id, sizeof(id), "-SM0001-%08x%04x", (unsigned)rng_u32(&s->rng), index & 0xffff);
    memcpy(n->peer_id, id, PEER_ID_LEN);
    event_init(&n->tick, on_tick);
    event_init(&n->commit, on_commit);
    event_init(&n->prank, mischief_prank);
    uplink_init(n);
    lan_init(n);
    n->by_slot = sim_alloc(node_slots(n), sizeof(*n->by_slot));
    list_init(&n->jobs);
    vdisk_init(&n->disk, s->content, &spec->disk);
    n->complete_at = n->met_at = MONO_NEVER;
    give_pieces(n);
    n->began_whole = bitfield_full(&n->disk.done);
    return n;
}

/* What is true of any end of a core. */
static void
put_out(struct node *n)
{
    struct engine *g = &n->sim->engine;
    struct swarm_stats st;

    if (n->swarm == NULL)
        return;
    swarm_get_stats(n->swarm, &st, g->now);
    n->count.wasted += st.wasted;
    event_cancel(g, &n->tick);
    event_cancel(g, &n->commit);
    event_cancel(g, &n->prank);
    lan_leave(n);
    swarm_free(n->swarm);
    n->swarm = NULL;
    if (n->dht != NULL)
        nodedht_leave(n->dht);
    n->stopped = n->paused = n->syncing = n->disk_stuck = false;
    n->seeds_met_count = 0;
}

void
node_free(struct node *n)
{
    if (n == NULL)
        return;
    jobs_drop(n);
    put_out(n);
    nodedht_free(n->dht);
    free(n->seeds_met);
    vdisk_fini(&n->disk);
    free(n->by_slot);
    free(n);
}

static void
put_layers(struct node *n)
{
    const struct content *c = n->sim->content;

    for (size_t i = 0; i < c->mi->file_count; i++)
        if (c->layers[i] != NULL && c->mi->files[i].layer == NULL)
            ASSERT(swarm_put_layer(n->swarm, i, c->layers[i],
                                   (size_t)c->mi->files[i].piece_count * 32) == 0);
}

static void
feed_start(struct node *n)
{
    struct swarm_input in = {.type = SWARM_IN_START};
    struct bitfield all;

    in.u.start.have = &n->disk.committed;
    if ((n->spec.mischief & MISCHIEF_LIE) == 0) {
        node_feed(n, &in);
        return;
    }
    ASSERT(bitfield_init(&all, n->sim->content->geo.piece_count) == 0);
    bitfield_set_all(&all);
    in.u.start.have = &all;
    node_feed(n, &in);
    bitfield_fini(&all);
}

void
node_join(struct node *n)
{
    static const char *const trackers[] = {"http://tracker.invalid/announce"};
    struct sim *s = n->sim;
    struct swarm_config cfg = {.client = "Simulated 1",
                               .listen_port = PORT,
                               .announce_key = n->index + 1,
                               .peers_max = n->spec.peers_max,
                               .upload_slots = n->spec.upload_slots,
                               .sequential = n->spec.sequential,
                               .super_seed = n->spec.super_seed,
                               .no_pex = n->spec.no_pex,
                               .up = n->spec.share != NULL ? &n->spec.share->up : &n->up,
                               .down = n->spec.share != NULL ? &n->spec.share->down : &n->down,
                               .trackers = trackers,
                               .tracker_count = s->tracking.none ? 0 : 1,
                               .dht_port = n->dht != NULL ? PORT : 0};

    ASSERT(n->swarm == NULL);
    check_disk(n);
    if (n->state == NODE_DARK)
        links_wake(n);
    memcpy(cfg.peer_id, n->peer_id, PEER_ID_LEN);
    rate_bucket_init(&n->up, 0, s->engine.now);
    rate_bucket_init(&n->down, 0, s->engine.now);
    n->swarm = swarm_new(s->content->mi, &cfg, rng_u64(&s->rng), s->engine.now);
    ASSERT(n->swarm != NULL);
    n->count.core_up = n->count.core_down = 0;
    n->count.over_up = n->count.over_down = 0;
    n->count.half_open = n->count.idle_ticks = 0;
    if (n->count.lives++ == 0)
        n->joined_at = s->engine.now;
    n->state = NODE_UP;
    if (node_began_whole(n) || n->knows_layers)
        put_layers(n);
    if (n->dht != NULL)
        nodedht_join(n->dht);
    node_set_limits(n, n->spec.up_limit, n->spec.down_limit);
    feed_start(n);
    lan_join(n);
    if (n->spec.mischief != 0)
        mischief_begin(n);
}

void
node_leave(struct node *n)
{
    struct swarm_input in = {.type = SWARM_IN_STOP};

    if (n->state != NODE_UP)
        return;
    n->state = NODE_LEAVING;
    node_feed(n, &in);
}

/* The core said STOPPED: what is done gets its last sync, and nothing may be left. */
static void
finish_leaving(struct node *n)
{
    struct vdisk *d = &n->disk;

    for (uint32_t i = 0; i < node_slots(n); i++)
        if (n->by_slot[i] != NULL)
            sim_fail(n->sim, "n%u stopped with a peer", n->index);
    if (!list_empty(&n->jobs)) {
        sim_fail(n->sim, "n%u stopped with work under way", n->index);
        jobs_drop(n);
    }
    vdisk_sync_end(d);
    if (vdisk_sync_begin(d))
        vdisk_sync_end(d);
    put_out(n);
    n->state = NODE_AWAY;
}

void
node_crash(struct node *n, bool dark)
{
    bool was_seed = bitfield_full(&n->disk.done);

    if (!node_running(n))
        return;
    n->count.crashes++;
    jobs_drop(n);
    put_out(n);
    n->state = dark ? NODE_DARK : NODE_DOWN;
    n->dark_since = n->sim->engine.now;
    links_crash(n, dark);
    vdisk_crash(&n->disk, &n->sim->rng);
    n->lost_some = n->lost_some || (was_seed && !bitfield_full(&n->disk.done));
    check_disk(n);
}

void
node_pause(struct node *n, bool pause)
{
    struct swarm_input in = {.type = pause ? SWARM_IN_PAUSE : SWARM_IN_START};

    if (n->state != NODE_UP)
        return;
    n->disk_stuck = n->disk_stuck && pause;
    n->paused = pause;
    node_feed(n, &in);
}

void
node_set_side(struct node *n, unsigned side)
{
    n->side = side;
    if (n->dht != NULL)
        nodedht_set_side(n->dht, side);
}

void
node_set_limits(struct node *n, uint64_t up, uint64_t down)
{
    struct swarm_input in = {.type = SWARM_IN_LIMITS, .u.limits = {up, down}};

    n->spec.up_limit = up;
    n->spec.down_limit = down;
    if (node_running(n))
        node_feed(n, &in);
}

void
node_free_disk(struct node *n)
{
    struct swarm_input in = {.type = SWARM_IN_START};

    n->disk.spec.room = 0;
    n->disk_stuck = false;
    if (n->state == NODE_UP)
        node_feed(n, &in);
}

void
node_meet_seed(struct node *n, unsigned index)
{
    for (unsigned i = 0; i < n->seeds_met_count; i++)
        if (n->seeds_met[i] == index)
            return;
    if (n->seeds_met_count == n->seeds_met_cap) {
        n->seeds_met_cap = n->seeds_met_cap > 0 ? 2 * n->seeds_met_cap : 8;
        n->seeds_met = realloc(n->seeds_met, n->seeds_met_cap * sizeof(*n->seeds_met));
        ASSERT(n->seeds_met != NULL);
    }
    n->seeds_met[n->seeds_met_count++] = index;
}

/* --- time --- */

static void
on_tick(struct event *e)
{
    struct swarm_input in = {.type = SWARM_IN_TICK};

    node_feed(LIST_ENTRY(e, struct node, tick), &in);
}

static void
on_commit(struct event *e)
{
    struct node *n = LIST_ENTRY(e, struct node, commit);
    struct vdisk *d = &n->disk;

    if (n->syncing)
        vdisk_sync_end(d);
    n->syncing = !n->syncing && vdisk_sync_begin(d);
    if (n->syncing)
        event_post_us(&n->sim->engine, e, d->spec.sync_us);
    else if (d->staged.count > 0)
        event_post_us(&n->sim->engine, e, d->spec.group_us);
}

/* --- effects --- */

static void
do_send(struct node *n, const struct swarm_effect *fx, const struct wire_msg *msg, uint8_t tag)
{
    unsigned side;
    struct link *l = link_find(n, fx->peer, &side);
    struct packet *p;

    if (l == NULL)
        return; /* check_effect() has seen it */
    p = packet_new(n->sim, msg, tag);
    if (fx->type == SWARM_FX_SEND_PIECE)
        p->allowed -= fx->u.range.length - fx->u.range.allowed;
    if (n->spec.mischief == 0 || mischief_twist(n, p)) {
        link_send(l, side, p);
        return;
    }
    packet_drop(n->sim, p);
}

static void
do_send_piece(struct node *n, const struct swarm_effect *fx)
{
    struct wire_msg msg = {.type = WIRE_PIECE,
                           .piece = fx->u.range.piece,
                           .begin = fx->u.range.begin,
                           .length = fx->u.range.length};
    uint8_t tag = vdisk_tag(&n->disk, msg.piece, msg.begin / BLOCK_LEN);
    bool lies = (n->spec.mischief & (MISCHIEF_CORRUPT | MISCHIEF_MUTE)) != 0;
    unsigned side;
    struct link *l = link_find(n, fx->peer, &side);

    if ((tag == BLOCK_ABSENT && !lies) ||
        (n->disk.spec.read_errors > 0 &&
         rng_below(&n->sim->rng, 1000000) < n->disk.spec.read_errors)) {
        if (l != NULL)
            l->talk[side].failing++;
        job_read_failed(n, fx);
        return;
    }
    if (l != NULL && l->talk[side].owed > 0)
        l->talk[side].owed--;
    do_send(n, fx, &msg, tag);
}

static void
do_allow(struct node *n, const struct swarm_effect *fx)
{
    unsigned side;
    struct link *l = link_find(n, fx->peer, &side);

    if (l != NULL)
        link_allow(l, side, fx->u.range.piece, fx->u.range.begin, fx->u.range.allowed);
}

static void
do_done(struct node *n, uint32_t piece)
{
    vdisk_done(&n->disk, piece);
    if (!event_posted(&n->commit))
        event_post_us(&n->sim->engine, &n->commit, n->disk.spec.group_us);
}

static void
do_notice(struct node *n, const struct swarm_effect *fx)
{
    n->count.notices[fx->u.notice.what]++;
    switch (fx->u.notice.what) {
    case SWARM_NOTICE_COMPLETE: n->complete_at = n->sim->engine.now; break;
    case SWARM_NOTICE_STOPPED: n->stopped = true; break;
    case SWARM_NOTICE_DISK_ERROR: n->disk_stuck = true; break;
    case SWARM_NOTICE_LAYERS: n->knows_layers = true; break;
    case SWARM_NOTICE_METADATA: UNREACHABLE(); /* no node runs metafetch */
    case SWARM_NOTICE_BANNED:
    case SWARM_NOTICE_UNREACHED:
    case SWARM_NOTICE_PIECE_FAILED:
    case SWARM_NOTICE_MISMATCH: break;
    }
}

static void
do_close(struct node *n, const struct swarm_effect *fx)
{
    unsigned side;
    struct link *l = link_find(n, fx->peer, &side);

    if (l != NULL)
        link_close(l, side, fx->u.close.err);
}

static void
do_connect(struct node *n, const struct swarm_effect *fx)
{
    ASSERT(fx->u.connect.via == SWARM_VIA_TCP && fx->u.connect.protection == SWARM_PROTECTION_NO);
    link_dial(n, fx->peer, &fx->u.connect.addr);
}

static void
carry_out(struct node *n, const struct swarm_effect *fx)
{
    switch (fx->type) {
    case SWARM_FX_CONNECT: do_connect(n, fx); break;
    case SWARM_FX_ACCEPT: link_accept(n, fx->u.accept.token, fx->peer); break;
    case SWARM_FX_REFUSE: link_refuse(n, fx->u.accept.token, fx->u.accept.err); break;
    case SWARM_FX_CLOSE: do_close(n, fx); break;
    case SWARM_FX_SEND: do_send(n, fx, &fx->u.msg, BLOCK_GOOD); break;
    case SWARM_FX_SEND_PIECE: do_send_piece(n, fx); break;
    case SWARM_FX_ALLOW: do_allow(n, fx); break;
    case SWARM_FX_WRITE: job_write(n, fx); break;
    case SWARM_FX_VERIFY: job_verify(n, fx->u.range.piece); break;
    case SWARM_FX_LEAVES: job_leaves(n, fx->u.range.piece); break;
    case SWARM_FX_PIECE_DONE: do_done(n, fx->u.range.piece); break;
    case SWARM_FX_ANNOUNCE: job_announce(n, fx); break;
    case SWARM_FX_NODE:
        if (n->dht != NULL)
            nodedht_add(n->dht, &fx->u.node);
        break;
    case SWARM_FX_NOTICE: do_notice(n, fx); break;
    }
}

void
node_feed(struct node *n, const struct swarm_input *in)
{
    struct sim *s = n->sim;
    struct swarm_effect fx;

    ASSERT(!s->feeding && n->swarm != NULL);
    s->feeding = true;
    s->inputs++;
    trace_input(&s->trace, s->engine.now, n->index, in);
    if (swarm_handle(n->swarm, in, s->engine.now) != 0)
        sim_fail(s, "n%u is out of memory", n->index);
    while (swarm_next(n->swarm, &fx) == 1) {
        trace_effect(&s->trace, s->engine.now, n->index, &fx);
        check_effect(n, &fx);
        carry_out(n, &fx);
    }
    check_step(n, in);
    event_post(&s->engine, &n->tick, swarm_expiry(n->swarm));
    s->feeding = false;
    if (n->met_at.us == INT64_MAX && swarm_peers_up(n->swarm) > 0)
        n->met_at = s->engine.now;
    if (n->dht != NULL)
        nodedht_update(n->dht);
    if (n->stopped)
        finish_leaving(n);
}
