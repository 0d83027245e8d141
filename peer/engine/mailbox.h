/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A mailbox brings letters (function calls) from other threads to a loop. A bounded number of
 * letters may wait, and no thread waits for a letter to be read. The mailbox knows nothing of the
 * letters' content.
 */
#ifndef PEER_ENGINE_MAILBOX_H
#define PEER_ENGINE_MAILBOX_H

#include "common/ev/loop.h"
#include "peer/store/doneq.h"

struct mailbox;

/* A letter, embedded; |run| is called once on the loop's thread and owns the letter from then on.
 */
struct letter {
    struct doneq_item item;
    struct mailbox *to;
    void (*run)(struct letter *l);
};

/* At most |letters_max| letters wait at a time. NULL when memory is out. */
struct mailbox *mailbox_new(struct loop *loop, uint32_t letters_max);

/* Runs the waiting letters. Called when no other thread can write any more. */
void mailbox_drain(struct mailbox *m);
/* The mailbox must be drained (asserted). NULL is legal. */
void mailbox_free(struct mailbox *m);

/* Posts a letter, from any thread. SPRAT_E_AGAIN when the box is full: the letter stays the
 * caller's. */
int mailbox_post(struct mailbox *m, struct letter *l);

/* As mailbox_post() but without the bound, for letters whose number the caller bounds. */
void mailbox_post_own(struct mailbox *m, struct letter *l);

#endif
