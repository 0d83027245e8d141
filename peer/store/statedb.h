/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of struct state, shared by the modules that make it up: state.c (opening, locks,
 * rows), stateapply.c (one transaction of changes), statewish.c, statequeue.c (the thread). Not for
 * others.
 */
#ifndef PEER_STORE_STATEDB_H
#define PEER_STORE_STATEDB_H

#include <pthread.h>

#include "common/ds/list.h"
#include "common/sys/db.h"
#include "peer/store/state.h"

struct state {
    char *dir;
    char *program;
    pthread_mutex_t db_lock; /* one user of |db| at a time: the thread, or a blocking call */
    struct db *db;
    pthread_mutex_t queue_lock;
    pthread_cond_t queue_filled;
    struct list queue; /* of struct state_job */
    uint32_t queued;
    bool stopping;
    bool has_thread; /* started with the first asynchronous update */
    pthread_t thread;
};

/* Applies |u| within a transaction that is open. */
int state_apply_parts(struct db *db, int64_t id, const struct state_update *u, struct errbuf *eb);

/* Ends the thread when its queue is empty. */
void state_queue_stop(struct state *st);

/* An endpoint as the database keeps it: family, address, port. */
enum { STATE_ADDR_LEN = 19 };
void state_addr_pack(const struct endpoint *e, uint8_t out[STATE_ADDR_LEN]);
/* False for bytes that are none. */
bool state_addr_unpack(const uint8_t *bytes, size_t len, struct endpoint *e);

#endif
