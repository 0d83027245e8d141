/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of DHT nodes: which are taken, and how often they are looked up. The names are addresses,
 * which need no look-up outside of this process.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "common/sys/clock.h"
#include "peer/engine/dhtnames.h"

enum { RUN_MS = 50 };

static struct loop *loop;
static struct loop_timer *timer;
static struct resolver *resolver;
static struct log quiet;
static struct dhtnames *names;
static unsigned found[2]; /* addresses, of bootstrap names and of torrents */

static void
on_addr(void *ctx, enum dht_source source, const struct endpoint *addr)
{
    (void)ctx;
    cr_expect_eq(addr->family, IP_V4);
    found[source == DHT_FROM_TORRENT]++;
}

static void
on_timer(void *ctx)
{
    (void)ctx;
    loop_stop(loop);
}

/* Runs the loop for a moment: all look-ups end. */
static void
run(void)
{
    found[0] = found[1] = 0;
    loop_timer_set(timer, mono_add_ms(clock_mono(), RUN_MS));
    loop_run(loop);
}

static void
begin(void)
{
    struct dhtnames_config cfg = {.on_addr = on_addr, .log = &quiet};
    struct errbuf eb;

    cr_assert_eq(loop_new(&loop, &eb), 0);
    timer = loop_timer_new(loop, on_timer, NULL);
    resolver = resolver_new(loop);
    cfg.loop = loop;
    cfg.resolver = resolver;
    names = dhtnames_new(&cfg);
    cr_assert_not_null(names);
}

static void
end(void)
{
    dhtnames_free(names);
    resolver_free(resolver);
    loop_timer_free(timer);
    loop_free(loop);
}

static void
hint(unsigned i)
{
    char host[32];

    snprintf(host, sizeof(host), "192.0.2.%u", i % 256);
    dhtnames_hint(names, host, (uint16_t)(6881 + i / 256));
}

TestSuite(dhtnames, .init = begin, .fini = end);

Test(dhtnames, bootstrap_names_are_asked_when_needed_and_hints_at_once_too)
{
    dhtnames_add(names, "192.0.2.1:6881");
    dhtnames_add(names, "not a name");
    hint(2);
    run();
    cr_expect(found[0] == 0 && found[1] == 1);
    dhtnames_ask(names);
    run();
    cr_expect(found[0] == 1 && found[1] == 1);
}

Test(dhtnames, a_known_name_is_no_hint)
{
    dhtnames_add(names, "192.0.2.1:6881");
    hint(1);
    hint(2);
    hint(2);
    dhtnames_hint(names, "192.0.2.3", 0);
    run();
    cr_expect_eq(found[1], 1);
}

Test(dhtnames, the_newest_hints_are_kept)
{
    for (unsigned i = 0; i < DHTNAMES_HINTS_MAX; i++)
        hint(i);
    run();
    cr_expect_eq(found[1], (unsigned)DHTNAMES_HINTS_MAX);
    for (unsigned i = 0; i < 2 * DHTNAMES_HINTS_MAX; i++)
        hint(1000 + i); /* the first half is replaced before it was looked up */
    run();
    cr_expect(found[1] >= DHTNAMES_HINTS_MAX &&
              found[1] <= DHTNAMES_HINTS_MAX + DHTNAMES_HINTS_AT_A_TIME);
    dhtnames_ask(names);
    run();
    cr_expect_eq(found[1], (unsigned)DHTNAMES_HINTS_MAX);
}

Test(dhtnames, an_hour_has_its_number_of_hints)
{
    for (unsigned i = 0; i < DHTNAMES_HINTS_HOUR; i++)
        hint(i);
    run();
    for (unsigned i = 0; i < 100; i++)
        hint(DHTNAMES_HINTS_HOUR + i);
    run();
    cr_expect_eq(found[1], 0u);
    dhtnames_ask(names);
    run();
    cr_expect_eq(found[1], (unsigned)DHTNAMES_HINTS_MAX, "what is kept is asked again");
}

Test(dhtnames, look_ups_end_with_their_names)
{
    dhtnames_add(names, "192.0.2.1:6881");
    hint(2);
    dhtnames_ask(names);
    /* end() drops both look-ups */
}
