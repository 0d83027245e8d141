/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The status line for the service manager.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "peer/daemon/unitstatus.h"

static void
expect(const struct unitstatus_sums *sums, const char *want)
{
    char text[UNITSTATUS_TEXT_MAX];

    cr_expect_str_eq(unitstatus_text(sums, text), want, "got %s", text);
}

Test(unitstatus, counts_and_rates)
{
    expect(&(struct unitstatus_sums){.waiting = 0}, "0 torrents; 0 B/s down, 0 B/s up");
    expect(&(struct unitstatus_sums){.count[TORRENT_SEEDING] = 1, .up_rate = 3 << 20},
           "1 torrent: 1 seeding; 0 B/s down, 3.0 MiB/s up");
    expect(&(struct unitstatus_sums){.count = {[TORRENT_SEEDING] = 2, [TORRENT_DOWNLOADING] = 1}},
           "3 torrents: 1 downloading, 2 seeding; 0 B/s down, 0 B/s up");
}

Test(unitstatus, what_waits)
{
    struct unitstatus_sums sums = {
        .count[TORRENT_ERROR] = 2, .waiting = 1, .first = "album: paused by a full disk"};

    expect(&sums, "2 torrents: 2 error; 0 B/s down, 0 B/s up; 1 waits: album: paused by a full "
                  "disk");
    sums.waiting = 2;
    expect(&sums, "2 torrents: 2 error; 0 B/s down, 0 B/s up; 2 wait: for instance album: paused "
                  "by a full disk");
}

/* The service manager would read a second line as another variable. */
Test(unitstatus, is_one_line)
{
    struct unitstatus_sums sums = {.waiting = 1, .first = "album\nREADY=1: no peers"};
    char text[UNITSTATUS_TEXT_MAX];

    expect(&sums, "0 torrents; 0 B/s down, 0 B/s up; 1 waits: album\\nREADY=1: no peers");
    memset(sums.first, '\n', sizeof(sums.first) - 1);
    cr_expect_lt(strlen(unitstatus_text(&sums, text)), sizeof(text));
    cr_expect_null(strchr(text, '\n'));
}
