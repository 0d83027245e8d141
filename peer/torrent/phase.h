/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The phases of a torrent's life, and the steps from "all pieces are verified" to "all is on the
 * disk for good", with the transitions that are legal. torrent_set_phase() and
 * torrent_set_completion() are the only writers of the two states, and assert that a transition is
 * in the tables here.
 *
 *   IDLE -> CHECKING -> IDLE -> READY <-> RUNNING -> STOPPING -> SAVING -> CLOSING -> STOPPED
 *
 * A reload goes from READY or RUNNING by SAVING and CLOSING back to IDLE. A seed with which no peer
 * wants to exchange anything goes from RUNNING by CLOSING to RESTING, and from there to IDLE when a
 * peer or the user needs it. After spratd has started, a seed goes from CHECKING to RESTING if its
 * files are unchanged.
 */
#ifndef PEER_TORRENT_PHASE_H
#define PEER_TORRENT_PHASE_H

#include <stdbool.h>

enum torrent_phase {
    PHASE_IDLE,     /* the files were not looked at, or the look failed */
    PHASE_RESTING,  /* a complete seed without core, storage, metainfo and lock */
    PHASE_CHECKING, /* resume.h, or the look at the files when spratd starts, runs */
    PHASE_READY,    /* |have| is known; the core has not been started, or is paused */
    PHASE_RUNNING,
    PHASE_STOPPING, /* the announces with event "stopped" are under way */
    PHASE_SAVING,   /* the last commit is under way */
    PHASE_CLOSING,  /* the storage finishes its jobs and closes */
    PHASE_STOPPED,
};

enum torrent_completion {
    COMPLETION_NONE,
    COMPLETION_WANTED,
    COMPLETION_FINISHING, /* the storage makes empty files and links */
    COMPLETION_FINISHED,
    COMPLETION_FLUSHING, /* the files are being synced and committed */
    COMPLETION_FLUSHED,
    COMPLETION_MOVING,    /* the files are being copied to another directory too */
    COMPLETION_SWITCHING, /* the state database is being told that the new directory counts */
    COMPLETION_CLEANING,  /* the files are being removed from the old directory */
    COMPLETION_DONE,
};

enum { PHASE_COUNT = PHASE_STOPPED + 1, COMPLETION_COUNT = COMPLETION_DONE + 1 };

/* Whether the state |to| may follow the state |from|. STOPPED may follow every phase: a torrent
 * that is dropped as by a crash ends so. NONE may follow every step of completion: the storage
 * closes. */
bool phase_may_follow(enum torrent_phase from, enum torrent_phase to);
bool completion_may_follow(enum torrent_completion from, enum torrent_completion to);

#endif
