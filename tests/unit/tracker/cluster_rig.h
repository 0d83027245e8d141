/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A tracker of a cluster, in virtual time, and a Redis that is played by hand, which has one
 * torrent.
 */
#ifndef TESTS_UNIT_TRACKER_CLUSTER_RIG_H
#define TESTS_UNIT_TRACKER_CLUSTER_RIG_H

#include "tracker/core/cluster.h"
#include "tracker/core/tracker.h"

enum { RIG_UNIX = 1700000000 };

struct rig {
    struct tracker *t;
    struct cluster *c;
    struct mono now;
    struct cluster_command cmd;
    struct errbuf eb;
    uint8_t v4[SELECT_WANT_MAX * 6];
    struct tracker_answer ans;
    struct turn_seen {
        size_t commands, still, added, removed, expired, drawn, sized, trimmed, scripts;
        size_t asked, begun, kept;                   /* of changes */
        char script[CLUSTER_COMMAND_EVENTS_MAX + 1]; /* what happened, a character each */
        uint64_t least;                              /* completions that there were */
    } seen;
    uint8_t changes[4096]; /* that Redis has of the torrent */
    size_t changes_len;
    uint64_t changes_count; /* those of other trackers */
};

/* What Redis has of the torrent: |leeches| at 10.0.0.1, ports from 2000 on, seen |age_s| ago. */
struct stored {
    uint32_t leeches;
    int64_t age_s;
    uint32_t completed;
};

extern const uint8_t rig_hash[TRACKER_HASH_LEN];
extern const char rig_secret_a[], rig_secret_b[]; /* what two Redis have beside the swarms */

/* A tracker that is in a cluster; and one that has said hello to a Redis with |rig_secret_a|. */
struct rig *rig_new(void);
struct rig *rig_ready(void);
void rig_pass_ms(struct rig *r, int64_t ms);

/* ---- by hand ---- */

/* The next command is |cmd| then. */
bool rig_next(struct rig *r);
bool rig_arg_is(const struct rig *r, size_t i, const char *text);

/* As cluster_on_reply(). */
int rig_reply(struct rig *r, const struct cluster_reply *reply);
int rig_reply_text(struct rig *r, enum cluster_reply_type type, const void *text, size_t len);
int rig_reply_error(struct rig *r, const char *text);

/* The hello, to a Redis that has |secret|. */
void rig_say_hello(struct rig *r, const char *secret);

/* ---- played ---- */

/* Notes in |seen| what the command says, and answers it. */
int rig_play(struct rig *r, const struct stored *s);

/* Plays Redis as long as there are commands; returns how many there were. */
size_t rig_play_all(struct rig *r, struct stored s);

/* Another tracker's peer |n| (10.0.0.1, port 1000 + |n|), which was seen |age_s| ago, changes. */
void rig_change(struct rig *r, enum cluster_change_what what, int n, bool seed, int64_t age_s);

/* ---- peers ---- */

/* Peer |n|; |ans| is what it is answered. */
void rig_announce(struct rig *r, int n, uint64_t left, enum tracker_event event);
bool rig_must_wait(struct rig *r);

#endif
