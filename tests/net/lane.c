/* SPDX-License-Identifier: BSD-2-Clause
 *
 * First the queue and the line (rate), then the wire (loss, delay). A lost packet has used the line
 * like any other.
 */
#include "tests/net/lane.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/rng.h"
#include "common/ds/heap.h"
#include "common/ds/list.h"

struct packet {
    struct heap_node due;
    size_t len;
    uint8_t data[];
};

struct lane {
    struct lane_config c;
    struct rng rng;
    struct heap on_way;
    struct mono free_at; /* when the line has sent what it was given */
    struct lane_stats stats;
};

struct lane *
lane_new(const struct lane_config *c, uint64_t seed)
{
    struct lane *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->c = *c;
    rng_init(&l->rng, seed);
    heap_init(&l->on_way);
    return l;
}

static struct packet *
first(const struct lane *l)
{
    struct heap_node *n = heap_first(&l->on_way);

    return n == NULL ? NULL : LIST_ENTRY(n, struct packet, due);
}

void
lane_free(struct lane *l)
{
    struct packet *p;

    if (l == NULL)
        return;
    while ((p = first(l)) != NULL) {
        heap_remove(&l->on_way, &p->due);
        free(p);
    }
    heap_fini(&l->on_way);
    free(l);
}

/* True in |share| of all cases. Draws one number whatever the share, so that one setting does not
 * change what another one does. */
static bool
chance(struct lane *l, double share)
{
    return (double)rng_u32(&l->rng) < share * 4294967296.0;
}

/* Gives the line the packet: when its last byte has left, or MONO_NEVER if the queue is full. */
static struct mono
send_on_line(struct lane *l, size_t len, struct mono now)
{
    struct mono begin = mono_before(l->free_at, now) ? now : l->free_at;

    if (l->c.rate == 0)
        return now;
    if ((uint64_t)mono_diff_us(begin, now) * l->c.rate / 1000000 > l->c.queue_len)
        return MONO_NEVER;
    l->free_at = mono_add_us(begin, (int64_t)(len * 1000000 / l->c.rate));
    return l->free_at;
}

static void
launch(struct lane *l, const void *data, size_t len, struct mono due)
{
    struct packet *p = malloc(sizeof(*p) + len);

    if (p == NULL) {
        l->stats.lost++;
        return;
    }
    heap_node_init(&p->due, l->stats.taken);
    p->len = len;
    memcpy(p->data, data, len);
    if (heap_set(&l->on_way, &p->due, due) != 0) {
        free(p);
        l->stats.lost++;
    }
}

void
lane_put(struct lane *l, const void *data, size_t len, struct mono now)
{
    bool lost = chance(l, l->c.loss), held = chance(l, l->c.reorder);
    struct mono left;

    ASSERT(len <= LANE_PACKET_MAX);
    l->stats.taken++;
    left = send_on_line(l, len, now);
    if (left.us == INT64_MAX || l->on_way.count >= LANE_PACKETS_MAX) {
        l->stats.full++;
    } else if (lost) {
        l->stats.lost++;
    } else {
        l->stats.held += held;
        launch(l, data, len, mono_add_us(left, l->c.delay_us + (held ? l->c.hold_us : 0)));
    }
}

struct mono
lane_next(const struct lane *l)
{
    const struct packet *p = first(l);

    return p == NULL ? MONO_NEVER : p->due.at;
}

size_t
lane_take(struct lane *l, struct mono now, void *dst)
{
    struct packet *p = first(l);
    size_t len;

    if (p == NULL || !mono_due(p->due.at, now))
        return 0;
    heap_remove(&l->on_way, &p->due);
    len = p->len;
    memcpy(dst, p->data, len);
    free(p);
    l->stats.given++;
    return len;
}

const struct lane_stats *
lane_stats(const struct lane *l)
{
    return &l->stats;
}
