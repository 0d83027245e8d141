/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Intrusive lists: order, removal from anywhere, walking while removing.
 */
#include "common/ds/list.h"

#include <criterion/criterion.h>
#include <string.h>

struct item {
    char name;
    struct list link;
};

/* The names on the list, in order. */
static const char *
names(struct list *head)
{
    static char text[20];
    size_t n = 0;

    LIST_EACH (l, head)
        text[n++] = LIST_ENTRY(l, struct item, link)->name;
    text[n] = '\0';
    return text;
}

Test(list, push_and_pop)
{
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    struct list head;

    list_init(&head);
    cr_assert(list_empty(&head));
    cr_assert_null(list_pop_front(&head));
    list_push_back(&head, &b.link);
    list_push_back(&head, &c.link);
    list_push_front(&head, &a.link);
    cr_assert_str_eq(names(&head), "abc");
    cr_assert_eq(list_pop_front(&head), &a.link);
    cr_assert_not(list_linked(&a.link));
    cr_assert_str_eq(names(&head), "bc");
    list_insert_after(&b.link, &a.link);
    cr_assert_str_eq(names(&head), "bac");
}

Test(list, remove_from_anywhere_and_twice)
{
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    struct list head;

    list_init(&head);
    list_push_back(&head, &a.link);
    list_push_back(&head, &b.link);
    list_push_back(&head, &c.link);
    list_remove(&b.link);
    cr_assert_str_eq(names(&head), "ac");
    list_remove(&b.link);
    cr_assert_str_eq(names(&head), "ac", "a link that is on no list may be removed");
    list_remove(&a.link);
    list_remove(&c.link);
    cr_assert(list_empty(&head));
}

Test(list, the_current_link_may_be_removed)
{
    struct item items[5];
    struct list head, other;

    list_init(&head);
    list_init(&other);
    for (int i = 0; i < 5; i++) {
        items[i].name = (char)('a' + i);
        list_push_back(&head, &items[i].link);
    }
    LIST_EACH_SAFE (l, &head) {
        struct item *it = LIST_ENTRY(l, struct item, link);

        if (it->name == 'a' || it->name == 'c' || it->name == 'e') {
            list_remove(l);
            list_push_front(&other, l);
        }
    }
    cr_assert_str_eq(names(&head), "bd");
    cr_assert_str_eq(names(&other), "eca");
}

Test(list, append_moves_all)
{
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    struct list head, other;

    list_init(&head);
    list_init(&other);
    list_append(&head, &other);
    cr_assert(list_empty(&head));
    list_push_back(&other, &a.link);
    list_push_back(&other, &b.link);
    list_append(&head, &other);
    cr_assert_str_eq(names(&head), "ab");
    cr_assert(list_empty(&other));
    list_append(&head, &other);
    list_push_back(&other, &c.link);
    list_append(&head, &other);
    cr_assert_str_eq(names(&head), "abc");
    cr_assert_eq(head.prev, &c.link);
    list_remove(&c.link);
    cr_assert_str_eq(names(&head), "ab");
}
