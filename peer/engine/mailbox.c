/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A doneq with a waker, and a count of letters in front.
 */
#include "peer/engine/mailbox.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/magic.h"

#define MAILBOX_MAGIC 0x4d41494cu

struct mailbox {
    uint32_t magic;
    struct doneq *queue;
    struct loop_waker *waker;
    uint32_t letters_max;
    atomic_uint letters; /* that wait */
};

static void
on_wake(void *ctx)
{
    struct mailbox *m = ctx;

    MAGIC_CHECK(m, MAILBOX_MAGIC);
    doneq_drain(m->queue);
}

static void
notify(void *ctx)
{
    struct mailbox *m = ctx;

    loop_waker_wake(m->waker);
}

struct mailbox *
mailbox_new(struct loop *loop, uint32_t letters_max)
{
    struct mailbox *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    MAGIC_SET(m, MAILBOX_MAGIC);
    m->letters_max = letters_max;
    m->queue = doneq_new(notify, m);
    m->waker = loop_waker_new(loop, on_wake, m);
    if (m->queue == NULL || m->waker == NULL) {
        mailbox_free(m);
        return NULL;
    }
    return m;
}

void
mailbox_drain(struct mailbox *m)
{
    while (doneq_drain(m->queue) > 0)
        ;
}

void
mailbox_free(struct mailbox *m)
{
    if (m == NULL)
        return;
    MAGIC_CHECK(m, MAILBOX_MAGIC);
    doneq_free(m->queue);
    loop_waker_free(m->waker);
    MAGIC_CLEAR(m);
    free(m);
}

static void
put(struct mailbox *m, struct doneq_item *item)
{
    doneq_expect(m->queue);
    doneq_put(m->queue, item);
}

static void
on_letter(struct doneq_item *item)
{
    struct letter *l = LIST_ENTRY(item, struct letter, item);

    atomic_fetch_sub(&l->to->letters, 1);
    l->run(l);
}

int
mailbox_post(struct mailbox *m, struct letter *l)
{
    MAGIC_CHECK(m, MAILBOX_MAGIC);
    if (atomic_fetch_add(&m->letters, 1) >= m->letters_max) {
        atomic_fetch_sub(&m->letters, 1);
        return SPRAT_E_AGAIN;
    }
    l->to = m;
    l->item.run = on_letter;
    put(m, &l->item);
    return 0;
}

static void
on_own_letter(struct doneq_item *item)
{
    struct letter *l = LIST_ENTRY(item, struct letter, item);

    l->run(l);
}

void
mailbox_post_own(struct mailbox *m, struct letter *l)
{
    MAGIC_CHECK(m, MAILBOX_MAGIC);
    l->to = m;
    l->item.run = on_own_letter;
    put(m, &l->item);
}
