/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Changes of the database end in the order in which they began, so a waiter only has to remember
 * how many changes had begun when it was added.
 */
#include "peer/torrent/torrent_store.h"

#include <stdlib.h>

#include "peer/torrent/torrent_impl.h"

struct change {
    struct torrent *t;
    torrent_stored_fn fn;
    void *user;
};

struct waiter {
    struct list link;
    uint64_t after; /* how many changes must have ended */
    int err;
    struct errbuf why;
    torrent_stored_fn fn;
    void *user;
};

static void
note_error(struct waiter *w, int err, const char *why)
{
    if (w->err == 0)
        w->err = errbuf_set(&w->why, err, "%s", why);
}

static void
tell_waiters(struct torrent *t)
{
    LIST_EACH_SAFE (it, &t->stores.waiters) {
        struct waiter *w = LIST_ENTRY(it, struct waiter, link);

        if (w->after > t->stores.ended)
            break;
        list_remove(&w->link);
        w->fn(w->user, w->err, w->err != 0 ? w->why.text : "");
        free(w);
    }
}

static void
on_stored(void *user, int err, const char *why)
{
    struct change *c = user;
    struct torrent *t = c->t;

    t->stores.ended++;
    if (c->fn != NULL)
        c->fn(c->user, err, why);
    else if (err != 0)
        LIST_EACH (it, &t->stores.waiters)
            note_error(LIST_ENTRY(it, struct waiter, link), err, why);
    free(c);
    tell_waiters(t);
    torrent_mark_dirty(t);
}

int
torrent_store(struct torrent *t, const struct state_update *u, torrent_stored_fn fn, void *user)
{
    struct change *c = malloc(sizeof(*c));
    int err;

    if (c == NULL)
        return SPRAT_E_NOMEM;
    *c = (struct change){.t = t, .fn = fn, .user = user};
    err = state_apply_async(t->env->shared->state, t->id, u, t->env->doneq, on_stored, c);
    if (err != 0) {
        free(c);
        return err;
    }
    t->stores.begun++;
    return 0;
}

void
torrent_store_for_command(struct torrent *t, const struct state_update *u)
{
    int err = torrent_store(t, u, NULL, NULL);

    if (err != 0)
        t->stores.refused = err;
}

void
torrent_when_stored(struct torrent *t, torrent_stored_fn fn, void *user)
{
    int err = t->stores.refused;
    struct waiter *w = malloc(sizeof(*w));

    t->stores.refused = 0;
    if (w == NULL && err == 0)
        err = SPRAT_E_NOMEM;
    if (err != 0 || torrent_has_stored(t)) {
        free(w);
        fn(user, err, err != 0 ? sprat_strerror(err) : "");
        return;
    }
    *w = (struct waiter){.after = t->stores.begun, .fn = fn, .user = user};
    list_init(&w->link);
    list_push_back(&t->stores.waiters, &w->link);
}

bool
torrent_has_stored(const struct torrent *t)
{
    return t->stores.begun == t->stores.ended;
}
