/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One lock for the table of users and torrents, and one for each stripe of ledgers and slots.
 */
#include "tracker/net/members.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/prefetch.h"
#include "common/sys/lock.h"

enum {
    STEP_US = 500000, /* a smaller difference of the two clocks is jitter or slewing, not a step */
};

struct members {
    struct rwlock lock;
    struct access *access;
    uint64_t seed[2];
    void (*full)(void *ctx);
    void *full_ctx;
    _Atomic bool full_told;
    _Atomic int64_t unix_offset_us;
    _Atomic uint32_t gap_max_s, silence_s;
    _Atomic int64_t back_us; /* total by which the wall clock was set back */
    struct stripe {
        _Alignas(CACHE_LINE) struct lock lock;
        struct gate_books books;
    } stripes[MEMBERS_STRIPES];
};

struct members *
members_new(const uint64_t seed[2], const struct members_config *config)
{
    struct members *m = aligned_alloc(CACHE_LINE, sizeof(*m));
    struct quota_limits quota = {
        .user_max = config->user_sessions_max,
        .torrent_max = config->torrent_sessions_max,
        .silence_s = config->silence_s,
    };
    uint32_t max = config->entries_max / MEMBERS_STRIPES + 1;

    if (m == NULL)
        return NULL;
    *m = (struct members){.access = access_new(seed), .seed = {seed[0], seed[1]}};
    if (m->access == NULL) {
        free(m);
        return NULL;
    }
    atomic_store(&m->unix_offset_us, config->unix_offset_us);
    atomic_store(&m->gap_max_s, config->gap_max_s);
    atomic_store(&m->silence_s, config->silence_s);
    rwlock_init(&m->lock);
    for (int i = 0; i < MEMBERS_STRIPES; i++) {
        lock_init(&m->stripes[i].lock);
        ledger_init(&m->stripes[i].books.ledger, seed,
                    max < LEDGER_ENTRIES_MAX ? max : LEDGER_ENTRIES_MAX, config->gap_max_s);
        slots_init(&m->stripes[i].books.slots, seed, config->silence_s);
        quota_init(&m->stripes[i].books.quota, seed, &quota);
        userrate_init(&m->stripes[i].books.rate, MEMBERS_STRIPES, config->user_rate);
    }
    return m;
}

void
members_free(struct members *m)
{
    if (m == NULL)
        return;
    for (int i = 0; i < MEMBERS_STRIPES; i++) {
        ledger_fini(&m->stripes[i].books.ledger);
        slots_fini(&m->stripes[i].books.slots);
        quota_fini(&m->stripes[i].books.quota);
        userrate_fini(&m->stripes[i].books.rate);
        lock_fini(&m->stripes[i].lock);
    }
    access_free(m->access);
    rwlock_fini(&m->lock);
    free(m);
}

void
members_on_full(struct members *m, void (*full)(void *ctx), void *ctx)
{
    m->full = full;
    m->full_ctx = ctx;
}

void
members_set_unix_offset(struct members *m, int64_t offset_us)
{
    int64_t back_us = atomic_exchange(&m->unix_offset_us, offset_us) - offset_us;

    if (back_us > STEP_US)
        atomic_fetch_add(&m->back_us, back_us);
}

uint32_t
members_back_s(const struct members *m)
{
    int64_t back_s = (atomic_load(&m->back_us) + 999999) / 1000000;

    return back_s > UINT32_MAX ? UINT32_MAX : (uint32_t)back_s;
}

void
members_set_times(struct members *m, uint32_t gap_max_s, uint32_t silence_s)
{
    atomic_store(&m->gap_max_s, gap_max_s);
    atomic_store(&m->silence_s, silence_s);
    for (unsigned i = 0; i < MEMBERS_STRIPES; i++) {
        struct stripe *s = &m->stripes[i];

        lock_take(&s->lock);
        s->books.ledger.gap_max_s = gap_max_s;
        s->books.slots.timeout_s = silence_s;
        s->books.quota.limits.silence_s = silence_s;
        lock_drop(&s->lock);
    }
}

void
members_set_quota(struct members *m, uint32_t user_max, uint32_t torrent_max, uint32_t user_rate)
{
    for (unsigned i = 0; i < MEMBERS_STRIPES; i++) {
        struct stripe *s = &m->stripes[i];

        lock_take(&s->lock);
        s->books.quota.limits.user_max = user_max;
        s->books.quota.limits.torrent_max = torrent_max;
        s->books.rate.per_minute = user_rate;
        lock_drop(&s->lock);
    }
}

uint32_t
members_gap_max_s(const struct members *m)
{
    return atomic_load(&m->gap_max_s);
}

uint32_t
members_silence_s(const struct members *m)
{
    return atomic_load(&m->silence_s);
}

struct access *
members_lock(struct members *m)
{
    rwlock_write(&m->lock);
    return m->access;
}

void
members_unlock(struct members *m)
{
    rwlock_drop(&m->lock);
}

/* ---- rows ---- */

static int
put_row(void *ctx, const struct access_row *row)
{
    int err = access_put(members_lock(ctx), row);

    members_unlock(ctx);
    return err;
}

struct access_sink
members_sink(struct members *m)
{
    return (struct access_sink){.ctx = m, .put = put_row};
}

struct access *
members_new_table(const struct members *m)
{
    return access_new(m->seed);
}

void
members_replace(struct members *m, struct access *table)
{
    struct access *old = members_lock(m);

    m->access = table;
    members_unlock(m);
    access_free(old);
}

void
members_await_table(struct members *m)
{
    access_set_loading(members_lock(m), true);
    members_unlock(m);
}

/* ---- stripes ---- */

/* User ids are consecutive, so their low bits distribute users evenly. */
static unsigned
stripe_of(uint32_t user)
{
    return user % MEMBERS_STRIPES;
}

static struct stripe *
lock_stripe(struct members *m, unsigned i)
{
    lock_take(&m->stripes[i].lock);
    return &m->stripes[i];
}

static void
unlock_stripe(struct stripe *s)
{
    lock_drop(&s->lock);
}

void
members_swap(struct members *m, unsigned i, struct ledger_page *page)
{
    struct stripe *s = lock_stripe(m, i);

    ledger_swap(&s->books.ledger, page);
    unlock_stripe(s);
    atomic_store(&m->full_told, false);
}

int
members_share_slots(struct members *m)
{
    int err = 0;

    for (unsigned i = 0; i < MEMBERS_STRIPES && err == 0; i++) {
        struct stripe *s = lock_stripe(m, i);

        err = slots_keep_news(&s->books.slots);
        unlock_stripe(s);
    }
    return err;
}

uint32_t
members_take_slots(struct members *m, unsigned i, struct slots_news *out, uint32_t max)
{
    struct stripe *s = lock_stripe(m, i);
    uint32_t n = slots_take_news(&s->books.slots, out, max);

    unlock_stripe(s);
    return n;
}

void
members_hear_slots(struct members *m, const struct slots_news *n)
{
    struct stripe *s = lock_stripe(m, stripe_of(n->user));

    slots_hear(&s->books.slots, n);
    unlock_stripe(s);
}

uint64_t
members_waiting(struct members *m)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < MEMBERS_STRIPES; i++) {
        struct stripe *s = lock_stripe(m, i);

        n += s->books.ledger.page.count;
        unlock_stripe(s);
    }
    return n;
}

void
members_counts(struct members *m, struct access_counts *out)
{
    rwlock_read(&m->lock);
    access_counts(m->access, out);
    members_unlock(m);
}

/* ---- visits ---- */

static const struct access *
enter(void *ctx)
{
    struct members_visit *v = ctx;

    if (!v->inside)
        rwlock_read(&v->members->lock);
    v->inside = true;
    return v->members->access;
}

static void
leave(void *ctx)
{
    struct members_visit *v = ctx;

    if (v->inside)
        members_unlock(v->members);
    v->inside = false;
}

static struct gate_books *
open_books(void *ctx, uint32_t user)
{
    struct members_visit *v = ctx;

    return &lock_stripe(v->members, stripe_of(user))->books;
}

static void
close_books(void *ctx, uint32_t user)
{
    struct members_visit *v = ctx;
    struct members *m = v->members;
    struct stripe *s = &m->stripes[stripe_of(user)];
    bool half_full = ledger_is_half_full(&s->books.ledger);

    unlock_stripe(s);
    if (half_full && m->full != NULL && !atomic_exchange(&m->full_told, true))
        m->full(m->full_ctx);
}

static int64_t
unix_s(void *ctx, struct mono now)
{
    const struct members_visit *v = ctx;

    return (now.us + atomic_load_explicit(&v->members->unix_offset_us, memory_order_relaxed)) /
           1000000;
}

void
members_visit_init(struct members_visit *v, struct members *m)
{
    *v = (struct members_visit){.members = m};
}

struct tracker_gate
members_gate(struct members_visit *v)
{
    return (struct tracker_gate){
        .ctx = v,
        .enter = enter,
        .leave = leave,
        .open_books = open_books,
        .close_books = close_books,
        .unix_s = unix_s,
    };
}
