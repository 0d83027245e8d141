/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Two tables of bits: a row a state, a bit a state that may follow.
 */
#include "peer/torrent/phase.h"

#define PHASE(p) (1u << PHASE_##p)
#define STEP(s)  (1u << COMPLETION_##s)

static const unsigned phases[PHASE_COUNT] = {
    [PHASE_IDLE] = PHASE(CHECKING) | PHASE(READY) | PHASE(SAVING) | PHASE(STOPPED),
    [PHASE_RESTING] = PHASE(IDLE) | PHASE(STOPPING) | PHASE(STOPPED),
    [PHASE_CHECKING] = PHASE(IDLE) | PHASE(RESTING) | PHASE(STOPPED),
    [PHASE_READY] = PHASE(IDLE) | PHASE(RUNNING) | PHASE(STOPPING) | PHASE(SAVING) | PHASE(STOPPED),
    [PHASE_RUNNING] =
        PHASE(READY) | PHASE(STOPPING) | PHASE(SAVING) | PHASE(CLOSING) | PHASE(STOPPED),
    [PHASE_STOPPING] = PHASE(SAVING) | PHASE(STOPPED),
    [PHASE_SAVING] = PHASE(CLOSING) | PHASE(STOPPED),
    [PHASE_CLOSING] = PHASE(RESTING) | PHASE(IDLE) | PHASE(STOPPED),
    /* Resumed; or removed with its files, for which the storage is opened once more. */
    [PHASE_STOPPED] = PHASE(IDLE) | PHASE(CLOSING) | PHASE(STOPPED),
};

static const unsigned steps[COMPLETION_COUNT] = {
    [COMPLETION_NONE] = STEP(WANTED) | STEP(NONE),
    [COMPLETION_WANTED] = STEP(FINISHING) | STEP(DONE) | STEP(NONE),
    [COMPLETION_FINISHING] = STEP(FINISHED) | STEP(WANTED) | STEP(NONE),
    [COMPLETION_FINISHED] = STEP(FLUSHING) | STEP(NONE),
    [COMPLETION_FLUSHING] = STEP(FLUSHED) | STEP(FINISHED) | STEP(NONE),
    [COMPLETION_FLUSHED] = STEP(MOVING) | STEP(CLEANING) | STEP(DONE) | STEP(NONE),
    [COMPLETION_MOVING] = STEP(SWITCHING) | STEP(FLUSHED) | STEP(NONE),
    [COMPLETION_SWITCHING] = STEP(FLUSHED) | STEP(NONE),
    [COMPLETION_CLEANING] = STEP(FLUSHED) | STEP(NONE),
    [COMPLETION_DONE] = STEP(NONE),
};

bool
phase_may_follow(enum torrent_phase from, enum torrent_phase to)
{
    return (phases[from] & 1u << to) != 0;
}

bool
completion_may_follow(enum torrent_completion from, enum torrent_completion to)
{
    return (steps[from] & 1u << to) != 0;
}
