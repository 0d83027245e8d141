/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The only writers of a torrent's life (lifecycle.h). Each asserts that its transition is legal,
 * and marks the torrent dirty, so that torrent_do_steps() does the next step soon. The modules of
 * this folder report by these calls what they did, and none of them calls torrent_do_steps().
 */
#ifndef PEER_TORRENT_TORRENT_LIFE_H
#define PEER_TORRENT_TORRENT_LIFE_H

#include "peer/torrent/torrent_impl.h"

/* The life of a new torrent: IDLE, with the goal that the user's options give. The torrent is not
 * marked dirty, because it is not yet its engine's. */
void torrent_life_init(struct torrent *t);
/* The same for a complete seed that spratd loads: JOB_LOOK is under way, and unless the user paused
 * the torrent, it rests afterwards. */
void torrent_life_init_at_rest(struct torrent *t);

void torrent_set_phase(struct torrent *t, enum torrent_phase phase);
void torrent_set_goal(struct torrent *t, enum torrent_goal goal);
void torrent_set_completion(struct torrent *t, enum torrent_completion completion);
/* A job begins, and none is under way; |job|, which is under way, ends. */
void torrent_begin_job(struct torrent *t, enum torrent_job job);
void torrent_end_job(struct torrent *t, enum torrent_job job);

/* The next |step|, of this kind only, waits |ms| for the retry timer. */
void torrent_hold(struct torrent *t, enum torrent_step step, int64_t ms);

/* The goal that the user's wish alone gives: RUN or PAUSE. */
enum torrent_goal torrent_goal_of_user(const struct torrent *t);
/* The files are closed, and the torrent is loaded again. No effect if it is not loaded, or ends. */
void torrent_reload(struct torrent *t);

/* The torrent is to stop. */
void torrent_stop(struct torrent *t);

/* The torrent is to stop, and perhaps to be removed; and the latter only. */
bool torrent_is_ending(const struct torrent *t);
bool torrent_is_being_removed(const struct torrent *t);
/* The torrent rests, or is about to. */
bool torrent_is_resting(const struct torrent *t);
/* The core runs. */
bool torrent_is_running(const struct torrent *t);
/* The files are open and may be read and written. */
bool torrent_has_files_open(const struct torrent *t);

#endif
