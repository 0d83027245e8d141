/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions for tests: a temporary directory with content and a torrent of it, and any number of
 * sessions on one loop, each on its own 127.0.0.x address.
 */
#ifndef TESTS_UNIT_ENGINE_RIG_H
#define TESTS_UNIT_ENGINE_RIG_H

#include "peer/engine/engine.h"

enum { RIG_SESSIONS_MAX = 6, RIG_EVENTS = TORRENT_EVENT_STOPPED + 1 };

struct rig;

struct rig_session {
    struct rig *rig;
    struct engine *session;
    struct torrent *torrent;
    int events[RIG_EVENTS]; /* how often each came */
    char message[512];      /* of the last one that had a message */
    int last_err;
    bool stopped; /* engine_stop() is through */
};

struct rig {
    char dir[64];
    struct loop *loop;
    struct loop_timer *timer;
    bool late;
    uint8_t *raw; /* the torrent file */
    size_t raw_len;
    struct rig_session s[RIG_SESSIONS_MAX];
    bool (*until)(struct rig *r);
};

/* Makes content of |size| bytes (a directory of two files and an empty one if |multi|) and its
 * torrent. */
void rig_init(struct rig *r, enum metainfo_format format, uint64_t size, bool multi);
void rig_fini(struct rig *r);

/* Opens session |i| at 127.0.0.|i + 10|, state in its own directory. */
void rig_open(struct rig *r, int i);
/* Adds the torrent: the first session has the content, the others begin with nothing. */
void rig_add(struct rig *r, int i, struct torrent_add add);
/* The address of session |i| as "IP:PORT". */
const char *rig_addr(struct rig *r, int i);

/* Runs the loop until |until| holds; fails the test after |ms|. */
void rig_run(struct rig *r, int ms, bool (*until)(struct rig *r));
/* Stops session |i| in order and frees it; or frees it as it is. */
void rig_stop(struct rig *r, int i);
void rig_crash(struct rig *r, int i);

/* Whether session |i|'s copy is the original, byte by byte. */
bool rig_same(struct rig *r, int i);
/* DIR/state|i|, DIR/copy|i|/…: path of a file of the content in session |i|'s copy. */
const char *rig_path(struct rig *r, int i, const char *file);

#endif
