/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The phases of a torrent's life, and the steps from "all pieces are verified" to "all is on the
 * disk for good", with the transitions that are legal. torrent_set_phase() and
 * torrent_set_completion() are the only writers of the two states, and assert that a transition is
 * in the tables here.
 *
 *   IDLE -> CHECKING -> IDLE -> READY <-> RUNNING -> STOPPING -> SAVING -> CLOSING -> STOPPED
 *
 * A reload goes from READY or RUNNING by SAVING and CLOSING back to IDLE. A seed that no peer wants
 * anything of goes from RUNNING by CLOSING to RESTING, and from there to IDLE when it is woken.
 * After spratd has started, a seed goes from CHECKING to RESTING if its files look as before.
 */
#ifndef PEER_TORRENT_PHASE_H
#define PEER_TORRENT_PHASE_H

#include <stdbool.h>

enum torrent_phase {
    PHASE_IDLE,     /* nothing is known of the disk: it was not looked at, or that failed */
    PHASE_RESTING,  /* all is there; no core, storage, metainfo and lock until it is wanted */
    PHASE_CHECKING, /* resume.h, or the look at the start of spratd, is at work */
    PHASE_READY,    /* |have| is known; the core has not been started, or is paused */
    PHASE_RUNNING,
    PHASE_STOPPING, /* the trackers are told */
    PHASE_SAVING,   /* the last commit */
    PHASE_CLOSING,  /* the storage finishes its jobs */
    PHASE_STOPPED,
};

enum torrent_completion {
    COMPLETION_NONE,
    COMPLETION_WANTED,
    COMPLETION_FINISHING, /* empty files and links are made */
    COMPLETION_FINISHED,
    COMPLETION_FLUSHING, /* synced and committed */
    COMPLETION_FLUSHED,
    COMPLETION_MOVING,    /* its files are brought into another directory too */
    COMPLETION_SWITCHING, /* the database learns that the new directory counts */
    COMPLETION_CLEANING,  /* the files are removed from the old directory */
    COMPLETION_DONE,
};

enum { PHASE_COUNT = PHASE_STOPPED + 1, COMPLETION_COUNT = COMPLETION_DONE + 1 };

/* Whether |to| may follow |from|. Every phase may be followed by STOPPED, which is how a torrent
 * ends that is dropped as by a crash; every step of completion by NONE, when the storage is closed.
 */
bool phase_may_follow(enum torrent_phase from, enum torrent_phase to);
bool completion_may_follow(enum torrent_completion from, enum torrent_completion to);

#endif
