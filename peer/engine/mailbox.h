/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way into a loop for what other loops bring it: letters, of which a bounded number may wait.
 * No thread waits for a letter to be read. Knows nothing of what the letters are about.
 */
#ifndef PEER_ENGINE_MAILBOX_H
#define PEER_ENGINE_MAILBOX_H

#include "common/ev/loop.h"
#include "peer/store/doneq.h"

struct mailbox;

/* Embedded; |run| is called once on the loop's thread and owns the letter from then on. */
struct letter {
    struct doneq_item item;
    struct mailbox *to;
    void (*run)(struct letter *l);
};

/* At most |letters_max| wait at a time. NULL when memory is out. */
struct mailbox *mailbox_new(struct loop *loop, uint32_t letters_max);

/* When no other thread can write any more: runs what waits. */
void mailbox_drain(struct mailbox *m);
/* It must be drained (asserted). NULL is legal. */
void mailbox_free(struct mailbox *m);

/* From any thread. SPRAT_E_AGAIN when the box is full: the letter stays the caller's. */
int mailbox_post(struct mailbox *m, struct letter *l);

/* The same without the bound, for letters whose number the caller bounds. */
void mailbox_post_own(struct mailbox *m, struct letter *l);

#endif
