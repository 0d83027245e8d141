/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The life of a torrent as tables: four states, the transitions of each that are legal, and the
 * next step that leads from the phase to the goal.
 *
 *   phase        what the torrent is now
 *   job          the one piece of work that is under way, or none
 *   goal         what the torrent is to become
 *   completion   how much of "all wanted pieces are verified" is on the disk for good
 *
 *   IDLE -> READY <-> RUNNING -> STOPPING -> SAVING -> CLOSING -> STOPPED
 *
 * A reload goes from READY or RUNNING by SAVING and CLOSING back to IDLE. A seed with which no peer
 * wants to exchange anything goes from RUNNING by RETIRING to RESTING, and from there to IDLE when
 * a peer or the user needs it. After spratd has started, a seed goes from IDLE to RESTING if its
 * files are unchanged.
 *
 * This module has no memory: torrent_life.h has the writers, which assert that a transition is
 * legal, and torrent_steps.h carries out the steps.
 */
#ifndef PEER_TORRENT_LIFECYCLE_H
#define PEER_TORRENT_LIFECYCLE_H

#include <stdbool.h>

enum torrent_phase {
    PHASE_IDLE, /* it is not known which pieces are on disk, or, without the metainfo, which pieces
                   there are */
    PHASE_RESTING,  /* a complete seed without core, storage, metainfo and lock */
    PHASE_READY,    /* the verified pieces are known; the core has not been started, or is paused */
    PHASE_RUNNING,  /* the core runs */
    PHASE_RETIRING, /* the storage closes, then the torrent rests */
    PHASE_STOPPING, /* the announces with event "stopped" are under way */
    PHASE_SAVING,   /* what is under way ends, then the last commit is made */
    PHASE_CLOSING,  /* the storage closes */
    PHASE_STOPPED,
};

enum torrent_job {
    JOB_NONE,
    JOB_LOOK,    /* spratd has started: are the files unchanged since it last ran? */
    JOB_CHECK,   /* resume.h finds out which pieces are on disk */
    JOB_GATHER,  /* data of files that are wanted after all leaves the part file */
    JOB_PREPARE, /* before a download: can its directory be written to, has its disk space? */
    JOB_PEEK,    /* another program changed files: are they back? */
    JOB_MEASURE, /* the disk is full: how much space is needed and free? */
    JOB_FINISH,  /* the storage makes empty files and links */
    JOB_FLUSH,   /* the files are synced and committed */
    JOB_MOVE,    /* the files are copied to another directory */
    JOB_SWITCH,  /* the state database is told that the new directory counts */
    JOB_CLEAN,   /* the files are removed from the old directory */
    JOB_SAVE,    /* the last commit */
    JOB_UNMOVE,  /* a torrent that is removed: copies of an unfinished move are removed */
    JOB_ERASE,   /* a torrent that is removed: its files are deleted */
    JOB_CLOSE,   /* the storage closes */
    JOB_FORGET,  /* a torrent that is removed: the state database forgets it */
};

enum torrent_goal {
    GOAL_RUN,
    GOAL_PAUSE,
    GOAL_REST,
    GOAL_RELOAD, /* the files are closed and checked again; then RUN or PAUSE */
    GOAL_STOP,   /* this and the later ones: the torrent ends */
    GOAL_REMOVE,
    GOAL_ERASE, /* REMOVE, and before it the files are deleted */
};

enum torrent_completion {
    COMPLETION_NONE,
    COMPLETION_WANTED,   /* all wanted pieces are verified */
    COMPLETION_FINISHED, /* empty files and links exist too */
    COMPLETION_FLUSHED,  /* all is synced and committed */
    COMPLETION_DONE,     /* and all is in the directory where it is to stay */
};

/* The work that brings the torrent nearer to its goal. */
enum torrent_step {
    STEP_NONE,     /* the goal is reached, or the job that is under way has to end first */
    STEP_LOAD,     /* IDLE: check the files */
    STEP_CANCEL,   /* end the check soon */
    STEP_WAKE,     /* RESTING -> IDLE */
    STEP_ANNOUNCE, /* RESTING: the announces that are due */
    STEP_START,    /* READY -> RUNNING, after JOB_PREPARE where something is missing */
    STEP_COMPLETE, /* RUNNING: the next step of completion */
    STEP_PAUSE,    /* RUNNING -> READY */
    STEP_RETIRE,   /* RUNNING -> RETIRING */
    STEP_UNLOAD,   /* READY, RUNNING -> SAVING, without announces */
    STEP_LEAVE,    /* READY, RUNNING, RESTING -> STOPPING: announce "stopped" */
    STEP_LEFT,     /* STOPPING -> SAVING, when the announces are answered */
    STEP_SHUT,     /* IDLE -> SAVING */
    STEP_SAVE,     /* SAVING -> CLOSING */
    STEP_CLOSE,    /* CLOSING -> IDLE or STOPPED, RETIRING -> RESTING */
    STEP_REVIVE,   /* STOPPED -> IDLE */
};

enum {
    PHASE_COUNT = PHASE_STOPPED + 1,
    JOB_COUNT = JOB_FORGET + 1,
    GOAL_COUNT = GOAL_ERASE + 1,
    COMPLETION_COUNT = COMPLETION_DONE + 1,
    STEP_COUNT = STEP_REVIVE + 1,
};

/* Whether the state |to| may follow the state |from|. STOPPED may follow every phase: a torrent
 * that is dropped as by a crash ends so. COMPLETION_NONE may follow every completion: the storage
 * closes. */
bool phase_may_follow(enum torrent_phase from, enum torrent_phase to);
bool goal_may_follow(enum torrent_goal from, enum torrent_goal to);
bool completion_may_follow(enum torrent_completion from, enum torrent_completion to);

/* Whether |job| may begin in |phase|; and whether it may be under way in |phase|, where it may have
 * begun in an earlier phase. Every phase may be without a job. */
bool job_may_begin(enum torrent_phase phase, enum torrent_job job);
bool job_may_be(enum torrent_phase phase, enum torrent_job job);

/* The step that leads from |phase| to |goal| while |job| is under way. */
enum torrent_step lifecycle_next(enum torrent_phase phase, enum torrent_job job,
                                 enum torrent_goal goal);

/* The phase in which a torrent is whose storage was closed in |phase|, CLOSING or RETIRING. */
enum torrent_phase lifecycle_closed(enum torrent_phase phase, enum torrent_goal goal);

#endif
