/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The progress line at every width, and the plain one.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "peer/cli/progress.h"
#include "peer/cli/text.h"

static const struct progress half = {
    .name = "debian-12.iso",
    .phase = "",
    .done = 50 << 20,
    .total = 100 << 20,
    .transfer = true,
    .down_rate = 1 << 20,
    .up_rate = 300 << 10,
    .peers = 12,
    .eta_s = 50,
};

Test(progress, at_80_columns)
{
    char line[PROGRESS_LINE_MAX];

    cr_expect_str_eq(progress_line(&half, 80, false, line),
                     "debian-12.i…  [====>   ]   50.0%  D   1.0M/s  U 300.0K/s   12 peers"
                     "  ETA 50s    ");
}

/* A note replaces the bar and the rates. */
Test(progress, a_note_takes_the_place_of_what_is_zero)
{
    struct progress p = half;
    char line[PROGRESS_LINE_MAX];

    p.down_rate = p.up_rate = p.peers = 0;
    p.note = "this torrent names no tracker; give --peer or -t";
    cr_expect_str_eq(progress_line(&p, 80, true, line),
                     "debian-12.iso  50.0%  this torrent names no tracker; give --peer or -t");
    cr_expect_str_eq(progress_line(&p, 40, true, line),
                     "debian-12…  50.0%  this torrent names n…");
    cr_expect_str_eq(progress_line(&p, 12, true, line), "50.0%");
    p.note = "alpha:7777: the tracker refused the connection, next try in 58 s";
    cr_expect_str_eq(progress_line(&p, 70, true, line),
                     "debian-12.iso  50.0%  alpha:7777: the tracker refus…, next try in 58 s");
    cr_expect_str_eq(progress_line(&p, 40, true, line), "debian-12…  50.0%  alpha:7777: the trac…");
    for (unsigned columns = 1; columns < 120; columns++)
        cr_expect_leq(text_width(progress_line(&p, columns, true, line)), columns);
    p.note = "this torrent names no tracker; give --peer or -t";
    cr_expect_str_eq(progress_plain(&p, line),
                     "debian-12.iso: 50.0% (50.0 MiB of 100.0 MiB), down 0 B/s, up 0 B/s, 0 peers: "
                     "this torrent names no tracker; give --peer or -t");
    for (unsigned columns = 1; columns < 120; columns++)
        cr_expect_leq(text_width(progress_line(&p, columns, true, line)), columns);
}

Test(progress, never_wider_than_asked)
{
    static const char *const names[] = {"", "x", "ファイルファイルファイルファイルファイル",
                                        ("a name that is longer than any line has room for, indeed "
                                         "so long that it would fill two lines on most terminals")};
    static const char *const phases[] = {"", "checking", "paused: no space left on device"};
    char line[PROGRESS_LINE_MAX];

    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
        for (size_t ph = 0; ph < sizeof(phases) / sizeof(phases[0]); ph++)
            for (unsigned columns = 1; columns < 250; columns++) {
                struct progress p = half;

                p.name = names[n];
                p.phase = phases[ph];
                progress_line(&p, columns, columns % 2 == 0, line);
                cr_expect_leq(text_width(line), columns, "%u: %s", columns, line);
            }
}

Test(progress, percent_stays_to_the_last)
{
    char line[PROGRESS_LINE_MAX];

    for (unsigned columns = 5; columns < 200; columns++)
        cr_expect_not_null(strstr(progress_line(&half, columns, true, line), "50.0%"), "%u: %s",
                           columns, line);
}

Test(progress, all_fields_and_a_bar_from_76_columns_on)
{
    char line[PROGRESS_LINE_MAX];

    for (unsigned columns = 76; columns < 200; columns++) {
        progress_line(&half, columns, false, line);
        cr_expect(strstr(line, "12 peers") != NULL && strstr(line, "ETA 50s") != NULL &&
                      strstr(line, "1.0M/s") != NULL && strstr(line, "300.0K/s") != NULL &&
                      strstr(line, "=>") != NULL,
                  "%u: %s", columns, line);
    }
}

Test(progress, a_narrow_one_loses_the_bar_first)
{
    struct progress p = half;
    char line[PROGRESS_LINE_MAX];

    progress_line(&p, 39, true, line);
    cr_expect_str_eq(line, "debian-…  50.0%  ↓1.0M/s  12 peers  50s");
    for (unsigned columns = 39; columns < 76; columns++) {
        progress_line(&p, columns, false, line);
        cr_expect(strstr(line, "1.0M/s") != NULL && strstr(line, "12 peers") != NULL &&
                      strstr(line, "50s") != NULL,
                  "%u: %s", columns, line);
    }
}

Test(progress, hostile_names_do_no_harm)
{
    struct progress p = half;
    char line[PROGRESS_LINE_MAX], marks[4096];

    p.name = "\033]0;title\007\n\xff";
    progress_line(&p, 100, false, line);
    cr_expect_null(strpbrk(line, "\033\007\n\xff"));
    /* A letter with two thousand accents is one column wide and still has to fit. */
    for (size_t i = 0; i + 2 < sizeof(marks); i += 2)
        memcpy(marks + i, "\xcc\x81", 3);
    p.name = marks;
    progress_line(&p, PROGRESS_COLUMNS_MAX, false, line);
    cr_expect_lt(strlen(line), sizeof(line));
    cr_expect_not_null(strstr(line, "50.0%"));
    cr_expect_not_null(strstr(progress_plain(&p, line), "50.0%"));
}

Test(progress, seeding_shows_no_download)
{
    struct progress p = half;
    char line[PROGRESS_LINE_MAX];

    p.done = p.total;
    p.phase = "seeding";
    progress_line(&p, 100, false, line);
    cr_expect_null(strstr(line, "ETA"));
    cr_expect_null(strstr(line, "1.0M/s"));
    cr_expect_not_null(strstr(line, "seeding  100.0%"));
}

Test(progress, plain)
{
    char line[PROGRESS_LINE_MAX];
    struct progress p = half;

    cr_expect_str_eq(
        progress_plain(&p, line),
        "debian-12.iso: 50.0% (50.0 MiB of 100.0 MiB), down 1.0 MiB/s, up 300.0 KiB/s, "
        "12 peers, 50s left");
    p.eta_s = -1;
    p.peers = 1;
    cr_expect_str_eq(
        progress_plain(&p, line),
        "debian-12.iso: 50.0% (50.0 MiB of 100.0 MiB), down 1.0 MiB/s, up 300.0 KiB/s, "
        "1 peer");
    p.transfer = false;
    p.phase = "checking";
    cr_expect_str_eq(progress_plain(&p, line),
                     "debian-12.iso: checking, 50.0% (50.0 MiB of 100.0 MiB)");
}

Test(progress, hashing_has_a_rate)
{
    struct progress p = {
        .name = "disk.img", .phase = "hashing", .done = 1 << 30, .total = 3ull << 30};
    char line[PROGRESS_LINE_MAX];

    cr_expect_str_eq(progress_plain(&p, line), "disk.img: hashing, 33.3% (1.0 GiB of 3.0 GiB)");
    p.work_rate = 512 << 20;
    cr_expect_str_eq(progress_plain(&p, line),
                     "disk.img: hashing, 33.3% (1.0 GiB of 3.0 GiB), 512.0 MiB/s, 4s left");
    cr_expect_not_null(strstr(progress_line(&p, 80, true, line), "  33.3%   512.0M/s  ETA 4s"));
    for (unsigned columns = 1; columns < 120; columns++)
        cr_expect_leq(text_width(progress_line(&p, columns, true, line)), columns);
}
