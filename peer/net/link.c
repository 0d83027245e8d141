/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Leftovers, which all classes of links have alike: they are read before what the class has to
 * read, and a task of the loop reports them, since no socket does.
 */
#include "peer/net/link.h"

#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

static void
on_left(void *ctx)
{
    struct link *l = ctx;

    if ((l->wanted & LOOP_READ) == 0)
        return;
    loop_task_ask(l->again); /* before the call, which may free the link */
    l->handler.on_readable(l->handler.ctx);
}

static int
watch_left(struct link *l)
{
    if (l->again == NULL)
        l->again = loop_task_new(l->loop, on_left, l);
    if (l->again == NULL)
        return SPRAT_E_NOMEM;
    if ((l->wanted & LOOP_READ) != 0)
        loop_task_ask(l->again);
    return 0;
}

static void
unwatch_left(struct link *l)
{
    loop_task_free(l->again);
    l->again = NULL;
}

void
link_init(struct link *l, const struct link_class *class, struct loop *loop)
{
    *l = (struct link){.class = class, .loop = loop};
    buf_init(&l->left, LINK_LEFT_MAX);
}

void
link_fini(struct link *l)
{
    unwatch_left(l);
    buf_fini(&l->left);
}

int
link_put_back(struct link *l, const uint8_t *bytes, size_t len)
{
    struct buf all;

    ASSERT(l->loop != NULL);
    if (len == 0)
        return 0;
    if (watch_left(l) != 0)
        return SPRAT_E_NOMEM;
    buf_init(&all, LINK_LEFT_MAX);
    (void)buf_put(&all, bytes, len);
    if (buf_len(&l->left) > 0)
        (void)buf_put(&all, buf_data(&l->left), buf_len(&l->left));
    if (all.err != 0) {
        int err = all.err;

        buf_fini(&all);
        if (buf_len(&l->left) == 0)
            unwatch_left(l);
        return err;
    }
    buf_fini(&l->left);
    l->left = all;
    return 0;
}

static int64_t
read_left(struct link *l, const struct iovec *iov, int count)
{
    size_t done = 0;

    for (int i = 0; i < count && buf_len(&l->left) > 0; i++) {
        size_t part = iov[i].iov_len < buf_len(&l->left) ? iov[i].iov_len : buf_len(&l->left);

        memcpy(iov[i].iov_base, buf_data(&l->left), part);
        buf_consume(&l->left, part);
        done += part;
    }
    if (buf_len(&l->left) == 0) {
        buf_fini(&l->left);
        buf_init(&l->left, LINK_LEFT_MAX);
        unwatch_left(l);
    }
    return (int64_t)done;
}

int64_t
link_readv(struct link *l, const struct iovec *iov, int count)
{
    return buf_len(&l->left) > 0 ? read_left(l, iov, count) : l->class->readv(l, iov, count);
}

int
link_want(struct link *l, unsigned what)
{
    l->wanted = what;
    if (l->again != NULL && (what & LOOP_READ) != 0)
        loop_task_ask(l->again);
    return l->class->want(l, what);
}

void
link_detach(struct link *l)
{
    unwatch_left(l);
    l->class->detach(l);
    l->loop = NULL;
    l->wanted = 0;
}

int
link_attach(struct link *l, struct loop *loop)
{
    int err;

    ASSERT(l->loop == NULL);
    err = l->class->attach(l, loop);
    if (err != 0)
        return err;
    l->loop = loop;
    return buf_len(&l->left) > 0 ? watch_left(l) : 0;
}

void
link_free(struct link *l)
{
    if (l != NULL)
        l->class->free(l);
}
