/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Intrusive doubly linked lists: a circular list of links embedded in the objects. O(1) insert and
 * remove, no allocation; an object can be on as many lists as it has links.
 */
#ifndef COMMON_DS_LIST_H
#define COMMON_DS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list {
    struct list *next, *prev;
};

/* The object of |type| whose member |member| is the link at |ptr|. */
#define LIST_ENTRY(ptr, type, member) ((type *)((uintptr_t)(ptr)-offsetof(type, member)))

/* Initialises an empty list, or a link that is on no list. */
static inline void
list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
    return l->next == l;
}

/* True for a link that is on a list (the inverse of list_empty(), for links). */
static inline bool
list_linked(const struct list *l)
{
    return l->next != l;
}

static inline void
list_insert_after(struct list *pos, struct list *link)
{
    link->prev = pos;
    link->next = pos->next;
    pos->next->prev = link;
    pos->next = link;
}

static inline void
list_push_front(struct list *head, struct list *link)
{
    list_insert_after(head, link);
}

static inline void
list_push_back(struct list *head, struct list *link)
{
    list_insert_after(head->prev, link);
}

/* Removes the link from its list, if it is on one, and initialises it. */
static inline void
list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* Removes and returns the first link; NULL if the list is empty. */
static inline struct list *
list_pop_front(struct list *head)
{
    struct list *link = head->next;

    if (link == head)
        return NULL;
    list_remove(link);
    return link;
}

/* Moves all links of |from| to the end of |to|. */
static inline void
list_append(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define LIST_EACH(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)

/* As LIST_EACH, but the current link may be removed in the body. */
#define LIST_EACH_SAFE(it, head)                                                                   \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                      \
         it = it##_next, it##_next = it->next)

#endif
