/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A world in which it is known what clients really moved: clients announce over several streams,
 * announces are lost, repeated and late, trackers are killed, and what they noted reaches the
 * accounts in any order. It judges whether the theorem of session.h holds. Ledgers and sessions are
 * the real ones; the accounts are an array.
 */
#ifndef TESTS_UNIT_TRACKER_TRUTH_H
#define TESTS_UNIT_TRACKER_TRUTH_H

#include "tracker/core/session.h"

enum {
    TRUTH_CLIENTS_MAX = 6,
    TRUTH_TRACKERS_MAX = 6,
    TRUTH_SAID_MAX = 96,      /* announces of one client */
    TRUTH_SEGMENTS_MAX = 12,  /* of one client */
    TRUTH_BATCHES_MAX = 128,  /* of one tracker */
    TRUTH_ARRIVALS_MAX = 512, /* in one batch */
    TRUTH_GAP_S = 3600,
};

/* One announce as its client made it. */
struct truth_said {
    int64_t made_s;
    uint64_t counters[LEDGER_WAYS];
    enum tracker_event event;
    unsigned segment;
};

struct truth_arrival {
    unsigned client, said;
    int64_t unix_s;
};

struct truth_client {
    struct truth_said said[TRUTH_SAID_MAX];
    unsigned count;
    struct truth_arrival stored[4 * TRUTH_SAID_MAX]; /* the announces that the accounts have */
    unsigned stored_count;
    struct session session;
    uint64_t credited[LEDGER_WAYS];
    bool lossy; /* a ledger merged entries of the client that should be apart */
};

struct truth_batch {
    struct ledger_page page;
    struct truth_arrival arrivals[TRUTH_ARRIVALS_MAX];
    unsigned count;
};

struct truth_tracker {
    struct ledger ledger;
    int64_t run;
    struct truth_batch *now;
    struct truth_batch *queue[TRUTH_BATCHES_MAX];
    unsigned first, end;
};

struct truth {
    struct truth_client clients[TRUTH_CLIENTS_MAX];
    unsigned nclients, ntrackers;
    struct truth_tracker trackers[TRUTH_TRACKERS_MAX];
    const char *name;
    uint64_t number; /* of the case, for messages */
};

struct truth *truth_new(unsigned nclients, unsigned ntrackers, const char *name, uint64_t number);
void truth_free(struct truth *t);

/* The client makes an announce; returns which. */
unsigned truth_say(struct truth *t, unsigned client, struct truth_said what);

/* A copy of it arrives at a tracker. Arrivals at one tracker come in the order of time. */
void truth_arrive(struct truth *t, unsigned client, unsigned said, unsigned tracker,
                  int64_t unix_s);

/* The tracker's ledger becomes a batch; its oldest batch comes into the accounts; it is killed, and
 * all that did not come into the accounts is lost. */
void truth_flush(struct truth *t, unsigned tracker);
bool truth_deliver(struct truth *t, unsigned tracker); /* false: there is none */
void truth_kill(struct truth *t, unsigned tracker);

/* After all batches: asserts the second half of the theorem for each client to which it applies;
 * returns for how many. The first half is asserted all the time. */
unsigned truth_judge(struct truth *t);

#endif
