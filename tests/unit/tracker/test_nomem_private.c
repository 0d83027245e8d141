/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A private tracker when memory is out: each allocation of a busy life fails once, in one run each.
 * Whoever can't be noted is refused, nobody is let in who may not, and what was noted before stays.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/codec/failing_alloc.h"
#include "tracker/net/members.h"

enum { USERS = 90, ANNOUNCES = 300 };

static const uint64_t seed[2] = {1, 2};
static const struct members_config config = {.entries_max = 100000,
                                             .gap_max_s = 100,
                                             .silence_s = 100,
                                             .unix_offset_us = INT64_C(5000000000)};
static const struct mono now = {1000000};

/* Rows as they come from the registry, until one can't be taken. */
static int
fill(struct access *a)
{
    int err = 0;

    for (uint32_t i = 1; i <= USERS && err == 0; i++) {
        struct access_user u = {.id = i, .enabled = true, .can_leech = true, .slots = 3};
        struct access_passkey k = {.key = {(uint8_t)i}, .user = i};
        struct access_torrent t = {.id = i, .removed = i % 10 == 0 ? "gone" : NULL};
        uint8_t hash[20] = {(uint8_t)i};

        err = access_put_user(a, &u);
        if (err == 0)
            err = access_put_passkey(a, &k);
        if (err == 0)
            err = access_put_torrent(a, &t);
        if (err == 0)
            err = access_put_hash(a, hash, i);
    }
    return err == 0 ? access_put_client(a, "-XX", ACCESS_CLIENT_DENY) : err;
}

static enum access_refusal
announce(struct tracker_gate *gate, int n)
{
    struct passkey_request r = {.form = PASSKEY_GIVEN, .key = {(uint8_t)(n % 100)}};
    struct tracker_announce a = {
        .info_hash = {(uint8_t)(n % 95)}, .peer_id = {(uint8_t)n, (uint8_t)(n >> 8)}, .left = 1};
    struct gate_pass p;
    enum access_refusal no;

    gate_pass_init(&p, &r, a.info_hash);
    no = gate_admit(gate, &r, &a, now, &p);
    if (no == ACCESS_GRANTED)
        no = gate_open(gate, &a, now, &p);
    if (no == ACCESS_GRANTED)
        no = gate_note(gate, &a, &p, 0, now);
    gate_close(gate, &p);
    return no;
}

/* Returns how many announces were granted, which is how many are noted. */
static uint64_t
live(struct members *m)
{
    struct members_visit v;
    struct tracker_gate gate;
    uint64_t granted = 0;

    members_visit_init(&v, m);
    gate = members_gate(&v);
    for (int n = 0; n < ANNOUNCES; n++) {
        enum access_refusal no = announce(&gate, n);

        granted += no == ACCESS_GRANTED;
        if (n % 100 == 0 || n % 100 > USERS)
            cr_assert_eq(no, ACCESS_UNKNOWN_PASSKEY);
    }
    gate.leave(gate.ctx);
    return granted;
}

Test(nomem_private, each_allocation_fails_once)
{
    bool failed = true;
    unsigned n;

    for (n = 0; failed; n++) {
        struct members *m;
        uint64_t granted = 0;

        failing_alloc_after(n);
        m = members_new(seed, &config);
        if (m != NULL) {
            bool full = fill(members_lock(m)) == 0;

            members_unlock(m);
            if (full)
                granted = live(m);
            failed = failing_alloc_end();
            cr_assert_eq(members_waiting(m), granted);
            cr_assert_eq(fill(members_lock(m)), 0, "what failed can be done again");
            members_unlock(m);
            granted = live(m);
            cr_assert_gt(granted, 100);
            cr_assert_leq(granted, members_waiting(m));
        } else {
            failed = failing_alloc_end();
        }
        members_free(m);
    }
    cr_assert_gt(n, 40);
}
