/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One allocation after another fails while an engine is opened, a torrent is added, and data
 * arrives: the error is reported or has no effect, and no memory leaks (sanitizer builds check
 * that).
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "common/sys/addr.h"
#include "common/sys/clock.h"
#include "peer/torrent/torrent_store.h"
#include "tests/unit/codec/failing_alloc.h"
#include "tests/unit/engine/rig.h"

static void
on_event(void *ctx, struct torrent *t, const struct torrent_event *ev)
{
    (void)ctx;
    (void)t;
    (void)ev;
}

/* Opens an engine beside the rig's and adds the torrent. False if memory was out; checks that the
 * error says so. */
static bool
open_and_add(struct rig *r, struct engine **s, bool *added)
{
    struct engine_handler h = {NULL, on_event};
    struct engine_config cfg = {.program = "nomem", .listen_count = 1};
    struct torrent_add add = {.seed = SEED_FOREVER};
    struct errbuf eb = {""};
    struct torrent *t;
    char state[128];
    int err;

    snprintf(state, sizeof(state), "%s/state5", r->dir);
    cfg.state_dir = state;
    cr_assert_eq(addr_parse("127.0.0.15:0", &cfg.listen[0]), 0);
    *added = false;
    err = engine_new(r->loop, &cfg, &h, s, &eb);
    if (err != 0) {
        *s = NULL;
        cr_expect_str_neq(eb.text, "");
        return false;
    }
    err = metainfo_parse(r->raw, r->raw_len, &add.mi, &eb);
    if (err != 0)
        return false;
    add.save_dir = rig_path(r, 5, "");
    err = engine_add(*s, &add, &t, &eb);
    *added = err == 0;
    if (err != 0) {
        cr_expect_str_neq(eb.text, "");
        metainfo_free(add.mi);
    }
    return err == 0;
}

Test(nomem, opening_and_adding, .timeout = 120)
{
    struct rig r;
    unsigned n = 0;
    bool failed;

    rig_init(&r, METAINFO_HYBRID, 100000, true);
    do {
        struct engine *s;
        bool ok, added;

        failing_alloc_after(n++);
        ok = open_and_add(&r, &s, &added);
        failed = failing_alloc_end();
        cr_expect(ok || failed, "allocation %u", n);
        engine_free(s);
    } while (failed);
    cr_expect_gt(n, 50u);
    rig_fini(&r);
}

static bool
one_complete(struct rig *r)
{
    return r->s[1].events[TORRENT_EVENT_COMPLETE] > 0;
}

static bool
zero_checked(struct rig *r)
{
    return r->s[0].events[TORRENT_EVENT_CHECKED] > 0;
}

/* In the middle of a transfer one allocation of any part fails. The transfer may then stop until a
 * peer's timeout, which is too long to wait for here. */
Test(nomem, transferring, .timeout = 120)
{
    for (unsigned n = 0; n < 300; n += 7) {
        struct rig r;
        const char *peer;
        struct mono end;

        rig_init(&r, METAINFO_HYBRID, 200000, true);
        rig_open(&r, 0);
        rig_add(&r, 0, (struct torrent_add){.seed_only = true, .seed = SEED_FOREVER});
        rig_run(&r, 5000, zero_checked);
        peer = rig_addr(&r, 0);
        rig_open(&r, 1);
        rig_add(&r, 1, (struct torrent_add){.seed = SEED_FOREVER, .peers = &peer, .peer_count = 1});
        failing_alloc_after(n);
        end = mono_add_ms(clock_mono(), 300);
        while (!one_complete(&r) && mono_before(clock_mono(), end))
            rig_run(&r, 20, NULL);
        failing_alloc_end();
        if (one_complete(&r))
            cr_expect(rig_same(&r, 1));
        rig_fini(&r);
    }
}

static void
note_error(void *user, int err, const char *why)
{
    int *noted = user;

    (void)why;
    *noted = err;
}

static int
error_when_stored(struct rig *r)
{
    enum { WAITS = 1 }; /* no code of an error */
    int noted = WAITS;

    torrent_when_stored(r->s[0].torrent, note_error, &noted);
    while (noted == WAITS)
        rig_run(r, 20, NULL);
    return noted;
}

/* A change that can't begin has one reporter: torrent_when_stored() for a command that is in effect
 * all the same, and the caller for all others. */
Test(nomem, a_refused_change_is_reported_once, .timeout = 120)
{
    const struct state_update u = {.set_status = true, .status = STATE_RUNNING};
    struct rig r;
    int unused;

    rig_init(&r, METAINFO_HYBRID, 100000, true);
    rig_open(&r, 0);
    rig_add(&r, 0, (struct torrent_add){.seed_only = true, .seed = SEED_FOREVER});
    rig_run(&r, 5000, zero_checked);
    cr_expect_eq(error_when_stored(&r), 0);
    failing_alloc_after(0);
    cr_expect_eq(torrent_store(r.s[0].torrent, &u, note_error, &unused), SPRAT_E_NOMEM);
    cr_expect(failing_alloc_end());
    cr_expect_eq(error_when_stored(&r), 0, "the caller has reported the error");
    failing_alloc_after(0);
    torrent_pause(r.s[0].torrent);
    cr_expect(failing_alloc_end());
    cr_expect_eq(error_when_stored(&r), SPRAT_E_NOMEM);
    cr_expect_eq(error_when_stored(&r), 0);
    rig_fini(&r);
}
