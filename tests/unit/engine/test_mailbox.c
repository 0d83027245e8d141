/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/engine/mailbox.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

enum { WRITERS = 3, EACH = 2000, BOX = 16 };

struct note {
    struct letter letter;
    int writer, number;
};

struct box {
    struct loop *loop;
    struct mailbox *mail;
    int next[WRITERS]; /* the number that must come next from each */
    int count, stop_at;
    pthread_t owner;
    struct note notes[WRITERS][EACH];
};

static struct box box;

static void
open_box(uint32_t max)
{
    struct errbuf eb;

    cr_assert_eq(loop_new(&box.loop, &eb), 0, "%s", eb.text);
    box.mail = mailbox_new(box.loop, max);
    cr_assert_not_null(box.mail);
}

static void
close_box(void)
{
    mailbox_drain(box.mail);
    mailbox_free(box.mail);
    loop_free(box.loop);
}

static void
on_note(struct letter *l)
{
    struct note *n = LIST_ENTRY(l, struct note, letter);

    cr_assert(pthread_equal(pthread_self(), box.owner), "letters are read on the loop's thread");
    cr_assert_eq(n->number, box.next[n->writer], "in the order of writing");
    box.next[n->writer]++;
    if (++box.count == box.stop_at)
        loop_stop(box.loop);
}

static struct note *
note(int writer, int number)
{
    struct note *n = &box.notes[writer][number];

    *n = (struct note){.letter.run = on_note, .writer = writer, .number = number};
    return n;
}

static void *
write_all(void *arg)
{
    int writer = *(int *)arg;

    for (int i = 0; i < EACH; i++)
        while (mailbox_post(box.mail, &note(writer, i)->letter) == SPRAT_E_AGAIN)
            sched_yield();
    return NULL;
}

Test(mailbox, letters_of_many_threads_arrive_in_order)
{
    pthread_t threads[WRITERS];
    int numbers[WRITERS];

    open_box(BOX);
    box.owner = pthread_self();
    box.stop_at = WRITERS * EACH;
    for (int i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, write_all, &numbers[i]), 0);
    }
    cr_expect_eq(loop_run(box.loop), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(box.count, WRITERS * EACH);
    close_box();
}

Test(mailbox, a_full_box_takes_no_more_until_it_was_read)
{
    open_box(2);
    box.owner = pthread_self();
    cr_expect_eq(mailbox_post(box.mail, &note(0, 0)->letter), 0);
    cr_expect_eq(mailbox_post(box.mail, &note(0, 1)->letter), 0);
    cr_expect_eq(mailbox_post(box.mail, &note(0, 2)->letter), SPRAT_E_AGAIN);
    cr_expect_eq(box.count, 0, "nothing is read inside of a call");
    box.stop_at = 2;
    cr_expect_eq(loop_run(box.loop), 0);
    cr_expect_eq(mailbox_post(box.mail, &note(0, 2)->letter), 0);
    close_box();
    cr_expect_eq(box.count, 3, "what waits at the end is read then");
}

Test(mailbox, own_letters_are_not_counted)
{
    open_box(1);
    box.owner = pthread_self();
    cr_expect_eq(mailbox_post(box.mail, &note(0, 0)->letter), 0);
    mailbox_post_own(box.mail, &note(1, 0)->letter);
    mailbox_post_own(box.mail, &note(1, 1)->letter);
    cr_expect_eq(mailbox_post(box.mail, &note(0, 1)->letter), SPRAT_E_AGAIN);
    box.stop_at = 3;
    cr_expect_eq(loop_run(box.loop), 0);
    cr_expect_eq(mailbox_post(box.mail, &note(0, 1)->letter), 0, "the box has been emptied");
    close_box();
}
