/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Scenario files and their quantities: what is read, and what is refused with a line number.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/quantity.h"
#include "tests/sim/scenario.h"

Test(scenario, quantities)
{
    uint64_t bytes;
    uint32_t count;
    int64_t us;

    cr_assert(quantity_bytes("64KiB", &bytes) && bytes == 65536);
    cr_assert(quantity_bytes("7", &bytes) && bytes == 7);
    cr_assert(quantity_us("3min", &us) && us == 180000000);
    cr_assert(quantity_us("20ms", &us) && us == 20000);
    cr_assert(quantity_permille("30%", &count) && count == 300);
    cr_assert(quantity_permille("1.25", &count) && count == 1250);
    cr_assert(quantity_permille("0.5%", &count) && count == 5);
    cr_assert_not(quantity_us("20", &us), "a time has a unit");
    cr_assert_not(quantity_bytes("1TiB", &bytes));
    cr_assert_not(quantity_bytes("99999999999999999999", &bytes));
    cr_assert_not(quantity_bytes("9999999999999999GiB", &bytes), "it overflows");
    cr_assert_not(quantity_count("-1", &count));
    cr_assert_not(quantity_count("4294967296", &count));
    cr_assert_not(quantity_permille("1.2345", &count));
}

static int
parse(const char *text, struct scenario *sc, char *why)
{
    struct errbuf eb = {{0}};
    int err = scenario_parse(sc, text, strlen(text), &eb);

    strcpy(why, eb.text);
    return err;
}

Test(scenario, lines)
{
    struct scenario *sc = calloc(1, sizeof(*sc));
    char why[ERRBUF_SIZE];

    cr_assert_eq(parse("about Two  words # and a comment\n\n"
                       "torrent format=hybrid size=1MiB piece=32KiB files=3 layers=none\n"
                       "peers a count=2 have=all nat hostile=lie,mute join=1s..3s\n"
                       "peers b have=25% stay=2s speaks=v1\n"
                       "tracker none\n"
                       "dht hosts=5 hostile=2 loss=100\n"
                       "at copies=2 leave a\n"
                       "every 5s crash b count=1 for=2s until=1min\n"
                       "expect copies a <= 1.5\n",
                       sc, why),
                 0, "%s", why);
    cr_assert_str_eq(sc->about, "Two words");
    cr_assert(sc->torrent.no_layers && sc->torrent.format == METAINFO_HYBRID);
    cr_assert_eq(sc->group_count, 2);
    cr_assert(sc->groups[0].spec.line.nat);
    cr_assert_eq(sc->groups[0].spec.mischief, MISCHIEF_LIE | MISCHIEF_MUTE);
    cr_assert_eq(sc->groups[0].join_span_us, 2000000);
    cr_assert_eq(sc->groups[1].spec.have_permille, 250);
    cr_assert_eq(sc->actions[0].copies, 2);
    cr_assert_eq(sc->actions[1].group, 1);
    cr_assert_eq(sc->actions[1].until_us, 60000000);
    cr_assert_eq(sc->expects[0].bound, 1500);
    cr_assert(sc->tracking.none && sc->dht.on);
    cr_assert_eq(sc->dht.hosts, 5);
    cr_assert_eq(sc->dht.hostile, 2);
    free(sc);
}

Test(scenario, senseless_lines_are_named)
{
    static const char *const bad[] = {
        "dance\n",
        "\nnet jitter=5\n",
        "peers a\npeers b hostile=rude\n",
        "peers a\nat 5s crash b\n",
        "peers a\nat 5s\n",
        "peers a\nevery 0s crash a\n",
        "peers a\nexpect copies a >= 2\n",
        "peers a join=3s..1s\n",
        "limit soon\n",
        "at 5s bootstrap-down\n",
        "dht hosts=2 hostile=3\n",
        "dht hosts=100000\n",
        "dht jitter=1min\ndht jitter=2min\n",
        "torrent size=4GiB piece=5GiB\n",
    };
    struct scenario *sc = calloc(1, sizeof(*sc));
    char why[ERRBUF_SIZE];

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cr_assert_eq(parse(bad[i], sc, why), SPRAT_E_SYNTAX, "%s", bad[i]);
        cr_assert_eq(strncmp(why, "line ", 5), 0, "%s", why);
    }
    free(sc);
}

Test(scenario, too_much_of_everything)
{
    struct scenario *sc = calloc(1, sizeof(*sc));
    char *text = calloc(1, SCENARIO_SIZE_MAX + 2), *at = text;
    struct errbuf eb;

    for (int i = 0; i <= SCENARIO_GROUPS_MAX; i++)
        at += sprintf(at, "peers g%d\n", i);
    cr_assert_eq(scenario_parse(sc, text, strlen(text), &eb), SPRAT_E_SYNTAX);
    memset(text, 'x', SCENARIO_SIZE_MAX + 1);
    cr_assert_eq(scenario_parse(sc, text, SCENARIO_SIZE_MAX + 1, &eb), SPRAT_E_TOOBIG);
    cr_assert_eq(scenario_parse(sc, "ab\0cd", 5, &eb), SPRAT_E_TOOBIG);
    free(text);
    free(sc);
}
