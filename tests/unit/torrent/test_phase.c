/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Every transition of a torrent's life: the tables as a matrix, and what must hold of any such
 * table.
 */
#include "peer/torrent/phase.h"

#include <criterion/criterion.h>

typedef bool (*may_follow_fn)(int from, int to);

static bool
phase_may(int from, int to)
{
    return phase_may_follow((enum torrent_phase)from, (enum torrent_phase)to);
}

static bool
step_may(int from, int to)
{
    return completion_may_follow((enum torrent_completion)from, (enum torrent_completion)to);
}

/* A bit for each state that can be reached from |from|. */
static unsigned
reach(may_follow_fn may, int count, int from)
{
    unsigned seen = 0, next = 1u << from;

    while (next != 0) {
        int at = __builtin_ctz(next);

        next &= next - 1;
        seen |= 1u << at;
        for (int to = 0; to < count; to++)
            if (may(at, to) && (seen & 1u << to) == 0)
                next |= 1u << to;
    }
    return seen;
}

static void
expect_matrix(may_follow_fn may, int count, const char *const *rows)
{
    for (int from = 0; from < count; from++)
        for (int to = 0; to < count; to++)
            cr_expect_eq(may(from, to), rows[from][to] == 'x', "%d -> %d", from, to);
}

/* Columns in the order of the enum, as the rows. */
Test(phase, the_matrix)
{
    static const char *const rows[PHASE_COUNT] = {
        [PHASE_IDLE] = "..xx..x.x",   [PHASE_RESTING] = "x....x..x", [PHASE_CHECKING] = "xx......x",
        [PHASE_READY] = "x...xxx.x",  [PHASE_RUNNING] = "...x.xxxx", [PHASE_STOPPING] = "......x.x",
        [PHASE_SAVING] = ".......xx", [PHASE_CLOSING] = "xx......x", [PHASE_STOPPED] = "x......xx",
    };

    expect_matrix(phase_may, PHASE_COUNT, rows);
}

Test(phase, the_steps_of_completion)
{
    static const char *const rows[COMPLETION_COUNT] = {
        [COMPLETION_NONE] = "xx........",      [COMPLETION_WANTED] = "x.x......x",
        [COMPLETION_FINISHING] = "xx.x......", [COMPLETION_FINISHED] = "x...x.....",
        [COMPLETION_FLUSHING] = "x..x.x....",  [COMPLETION_FLUSHED] = "x.....x.xx",
        [COMPLETION_MOVING] = "x....x.x..",    [COMPLETION_SWITCHING] = "x....x....",
        [COMPLETION_CLEANING] = "x....x....",  [COMPLETION_DONE] = "x.........",
    };

    expect_matrix(step_may, COMPLETION_COUNT, rows);
}

Test(phase, every_phase_is_reached_and_ends)
{
    cr_expect_eq(reach(phase_may, PHASE_COUNT, PHASE_IDLE), (1u << PHASE_COUNT) - 1);
    for (int p = 0; p < PHASE_COUNT; p++)
        cr_expect(phase_may(p, PHASE_STOPPED), "%d", p);
    cr_expect_eq(reach(step_may, COMPLETION_COUNT, COMPLETION_NONE), (1u << COMPLETION_COUNT) - 1);
    for (int s = 0; s < COMPLETION_COUNT; s++)
        cr_expect(step_may(s, COMPLETION_NONE), "%d", s);
}

/* Nothing is fetched or served before the files were looked at, and nothing counts as complete on
 * the disk that was not flushed. */
Test(phase, nothing_runs_unchecked_and_nothing_is_done_unflushed)
{
    for (int p = 0; p < PHASE_COUNT; p++)
        cr_expect(!phase_may(p, PHASE_RUNNING) || p == PHASE_READY, "%d", p);
    for (int s = 0; s < COMPLETION_COUNT; s++) {
        cr_expect(!step_may(s, COMPLETION_FLUSHED) || s >= COMPLETION_FLUSHING, "%d", s);
        cr_expect(!step_may(s, COMPLETION_DONE) || s == COMPLETION_FLUSHED ||
                      s == COMPLETION_WANTED, /* a seed that never writes */
                  "%d", s);
    }
}
