/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The gate with its tables behind it, and several threads at it.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "tracker/net/members.h"

static const uint64_t seed[2] = {1, 2};
static const struct members_config config = {.entries_max = 100000,
                                             .gap_max_s = 100,
                                             .silence_s = 100,
                                             .unix_offset_us = INT64_C(5000000000)};
static const struct mono now = {1000000};

enum { USERS = 40, ANNOUNCES = 20000, THREADS = 4 };

static struct members *
make(void)
{
    struct members *m = members_new(seed, &config);
    struct access *a = members_lock(m);

    for (uint32_t i = 1; i <= USERS; i++) {
        struct access_user u = {.id = i, .enabled = true, .can_leech = true, .slots = i % 2};
        struct access_passkey k = {.key = {(uint8_t)i}, .user = i};

        cr_assert_eq(access_put_user(a, &u), 0);
        cr_assert_eq(access_put_passkey(a, &k), 0);
    }
    for (uint32_t i = 1; i <= 3; i++) {
        struct access_torrent t = {.id = i};
        uint8_t hash[20] = {(uint8_t)i};

        cr_assert_eq(access_put_torrent(a, &t), 0);
        cr_assert_eq(access_put_hash(a, hash, i), 0);
    }
    members_unlock(m);
    return m;
}

static enum access_refusal
pass_at(struct tracker_gate *gate, uint8_t user, uint8_t torrent, uint8_t peer, uint64_t left,
        int64_t after_s)
{
    struct mono at = mono_add_ms(now, 1000 * after_s);
    struct passkey_request r = {.form = PASSKEY_GIVEN, .key = {user}};
    struct tracker_announce a = {.info_hash = {torrent}, .peer_id = {peer}, .left = left};
    struct gate_pass p;
    enum access_refusal no;

    gate_pass_init(&p, &r, a.info_hash);
    no = gate_admit(gate, &r, &a, at, &p);
    if (no == ACCESS_GRANTED)
        no = gate_open(gate, &a, at, &p);
    if (no == ACCESS_GRANTED)
        no = gate_note(gate, &a, &p, 0, at);
    gate_close(gate, &p);
    return no;
}

static enum access_refusal
pass(struct tracker_gate *gate, uint8_t user, uint8_t torrent, uint8_t peer, uint64_t left)
{
    return pass_at(gate, user, torrent, peer, left, 0);
}

/* SIGHUP with another interval: a torrent that is silent for the new time is leeched no more. */
Test(members, times_change_while_it_runs)
{
    struct members *m = make();
    struct members_visit v;
    struct tracker_gate gate;
    uint8_t one_slot = 1;

    members_visit_init(&v, m);
    gate = members_gate(&v);
    cr_assert_eq(pass_at(&gate, one_slot, 1, 1, 9, 0), ACCESS_GRANTED);
    cr_assert_eq(pass_at(&gate, one_slot, 2, 1, 9, 101), ACCESS_GRANTED, "100 s of silence");
    members_set_times(m, 1000, 2000);
    cr_assert_eq(members_gap_max_s(m), 1000);
    cr_assert_eq(members_silence_s(m), 2000);
    cr_assert_eq(pass_at(&gate, one_slot, 3, 1, 9, 1102), ACCESS_SLOTS);
    members_set_times(m, 20, 40);
    cr_assert_eq(pass_at(&gate, one_slot, 3, 1, 9, 1102), ACCESS_GRANTED);
    gate.leave(gate.ctx);
    members_free(m);
}

/* An announce beyond the user's rate leaves no session and no entry in the ledger. */
Test(members, a_user_has_a_rate)
{
    struct members *m = make();
    struct members_visit v;
    struct tracker_gate gate;

    members_set_quota(m, 100, 100, 60);
    members_visit_init(&v, m);
    gate = members_gate(&v);
    for (uint8_t n = 0; n < 60; n++)
        cr_assert_eq(pass(&gate, 2, 1, n % 3, 5), ACCESS_GRANTED);
    cr_assert_eq(pass(&gate, 2, 1, 77, 5), ACCESS_RATE);
    cr_assert_eq(pass(&gate, 2, 9, 77, 5), ACCESS_NOT_REGISTERED, "it is not charged");
    cr_assert_eq(pass(&gate, 2 + MEMBERS_STRIPES, 1, 77, 5), ACCESS_GRANTED, "another user");
    cr_assert_eq(pass_at(&gate, 2, 1, 1, 5, 1), ACCESS_GRANTED);
    cr_assert_eq(pass_at(&gate, 2, 1, 1, 5, 1), ACCESS_RATE);
    gate.leave(gate.ctx);
    cr_assert_eq(members_waiting(m), 3 + 1);
    members_free(m);
}

static enum access_refusal
admit(const struct tracker_gate *gate, bool again)
{
    struct passkey_request r = {.form = PASSKEY_GIVEN, .key = {2}};
    struct tracker_announce a = {.info_hash = {1}, .peer_id = {1}, .left = 1};
    struct gate_pass p;
    enum access_refusal no;

    gate_pass_init(&p, &r, a.info_hash);
    p.again = again;
    no = gate_admit(gate, &r, &a, now, &p);
    if (no == ACCESS_GRANTED)
        no = gate_open(gate, &a, now, &p);
    gate_close(gate, &p);
    return no;
}

/* An announce that waits for Redis is admitted each time that it comes again. */
Test(members, an_announce_that_waits_counts_once)
{
    struct members *m = make();
    struct members_visit v;
    struct tracker_gate gate;

    members_set_quota(m, 100, 100, 1);
    members_visit_init(&v, m);
    gate = members_gate(&v);
    cr_assert_eq(admit(&gate, false), ACCESS_GRANTED);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(admit(&gate, true), ACCESS_GRANTED);
    cr_assert_eq(admit(&gate, false), ACCESS_RATE);
    gate.leave(gate.ctx);
    members_free(m);
}

Test(members, an_announce_passes_and_is_noted)
{
    struct ledger_page page = {.count = 0};
    struct members *m = make();
    struct members_visit v;
    struct tracker_gate gate;

    members_visit_init(&v, m);
    gate = members_gate(&v);
    cr_assert_eq(pass(&gate, 2, 1, 1, 5), ACCESS_GRANTED);
    cr_assert_eq(pass(&gate, 99, 1, 1, 5), ACCESS_UNKNOWN_PASSKEY);
    cr_assert_eq(pass(&gate, 2, 9, 1, 5), ACCESS_NOT_REGISTERED);
    cr_assert_eq(pass(&gate, 1, 1, 1, 5), ACCESS_GRANTED);
    cr_assert_eq(pass(&gate, 1, 2, 1, 5), ACCESS_SLOTS);
    cr_assert_eq(pass(&gate, 1, 1, 1, 0), ACCESS_GRANTED);
    cr_assert_eq(pass(&gate, 1, 2, 1, 5), ACCESS_GRANTED);
    gate.leave(gate.ctx);
    gate.leave(gate.ctx);
    cr_assert_eq(members_waiting(m), 3);
    members_swap(m, 2, &page);
    cr_assert_eq(page.count, 1);
    cr_assert_eq(page.entries[0].last_s, 5001);
    ledger_page_fini(&page);
    members_free(m);
    members_free(NULL);
}

struct worker {
    struct members *members;
    pthread_t thread;
    uint8_t number;
};

static void *
work(void *arg)
{
    struct worker *w = arg;
    struct members_visit v;
    struct tracker_gate gate;

    members_visit_init(&v, w->members);
    gate = members_gate(&v);
    for (int i = 0; i < ANNOUNCES; i++) {
        cr_assert_eq(pass(&gate, (uint8_t)(2 + 2 * (i % 19)), (uint8_t)(1 + i % 3), w->number, 5),
                     ACCESS_GRANTED);
        if (i % 8 == 0)
            gate.leave(gate.ctx);
    }
    gate.leave(gate.ctx);
    return NULL;
}

/* Announces go on while a writer changes the table and a flush takes entries. */
Test(members, threads_share_it)
{
    struct worker workers[THREADS];
    struct ledger_page page = {.count = 0};
    struct members *m = make();
    uint64_t taken = 0;

    for (uint8_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.members = m, .number = i};
        cr_assert_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 300; i++) {
        struct access_torrent t = {.id = 4 + (uint32_t)i};

        cr_assert_eq(access_put_torrent(members_lock(m), &t), 0);
        members_unlock(m);
        members_swap(m, (unsigned)i % MEMBERS_STRIPES, &page);
        taken += page.count;
        ledger_page_clear(&page);
    }
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_join(workers[i].thread, NULL), 0);
    cr_assert_geq(taken + members_waiting(m), 19 * 3 * THREADS);
    ledger_page_fini(&page);
    members_free(m);
}

static void
on_full(void *ctx)
{
    ++*(int *)ctx;
}

Test(members, who_makes_it_half_full_says_so_once)
{
    struct members_config small = config;
    struct ledger_page page = {.count = 0};
    struct members_visit v;
    struct tracker_gate gate;
    struct members *m;
    int told = 0;

    small.entries_max = 16 * 20 - 1;
    m = members_new(seed, &small);
    members_on_full(m, on_full, &told);
    members_visit_init(&v, m);
    gate = members_gate(&v);
    for (uint8_t peer = 0; peer < 15; peer++) {
        struct tracker_announce a = {.peer_id = {peer}};
        struct gate_pass p = {.grant = {.user = 1, .torrent = 1}};

        cr_assert_eq(gate_open(&gate, &a, now, &p), ACCESS_GRANTED);
        cr_assert_eq(gate_note(&gate, &a, &p, 0, now), ACCESS_GRANTED);
        cr_assert_not_null(p.books, "until they are closed");
        gate_close(&gate, &p);
        gate_close(&gate, &p);
    }
    cr_assert_eq(told, 1);
    members_swap(m, 1, &page);
    cr_assert_eq(page.count, 15);
    ledger_page_fini(&page);
    members_free(m);
}
