/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A task of the end's loop reports that the end is readable or writable, after each change.
 */
#include "tests/unit/net/mempair.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

struct memlink {
    struct link link; /* first */
    struct mempair *pair;
    int side;
    struct loop_task *task; /* NULL while it is detached */
    unsigned wanted;
    struct buf in; /* on its way to this end */
};

static struct memlink *
mem_of(struct link *l)
{
    return (struct memlink *)(void *)l;
}

static struct memlink *
other(const struct memlink *m)
{
    return m->pair->ends[1 - m->side];
}

static bool
can_read(const struct memlink *m)
{
    return buf_len(&m->in) > 0 || other(m) == NULL;
}

static bool
can_write(const struct memlink *m)
{
    return other(m) == NULL || buf_len(&other(m)->in) < m->pair->room;
}

static void
look(struct memlink *m)
{
    if (m != NULL && m->task != NULL &&
        (((m->wanted & LOOP_READ) != 0 && can_read(m)) ||
         ((m->wanted & LOOP_WRITE) != 0 && can_write(m))))
        loop_task_ask(m->task);
}

/* Makes at most one call per round, because the callback may free the link. */
static void
on_task(void *ctx)
{
    struct memlink *m = ctx;
    const struct link_handler *h = &m->link.handler;

    look(m);
    if ((m->wanted & LOOP_WRITE) != 0 && can_write(m))
        h->on_writable(h->ctx);
    else if ((m->wanted & LOOP_READ) != 0 && can_read(m))
        h->on_readable(h->ctx);
}

static int64_t
mem_readv(struct link *l, const struct iovec *iov, int count)
{
    struct memlink *m = mem_of(l);
    size_t done = 0;

    if (buf_len(&m->in) == 0)
        return other(m) == NULL ? SPRAT_E_CLOSED : SPRAT_E_AGAIN;
    for (int i = 0; i < count && buf_len(&m->in) > 0 && done < m->pair->read_max; i++) {
        size_t part = iov[i].iov_len < buf_len(&m->in) ? iov[i].iov_len : buf_len(&m->in);

        if (part > m->pair->read_max - done)
            part = m->pair->read_max - done;
        memcpy(iov[i].iov_base, buf_data(&m->in), part);
        buf_consume(&m->in, part);
        done += part;
    }
    look(m);
    look(other(m));
    return done > 0 ? (int64_t)done : SPRAT_E_AGAIN;
}

static int64_t
mem_writev(struct link *l, const struct iovec *iov, int count)
{
    struct memlink *m = mem_of(l), *to = other(m);
    size_t done = 0;

    if (to == NULL)
        return SPRAT_E_CLOSED;
    for (int i = 0; i < count && can_write(m); i++) {
        size_t room = m->pair->room - buf_len(&to->in);
        size_t part = iov[i].iov_len < room ? iov[i].iov_len : room;

        cr_assert_eq(buf_put(&to->in, iov[i].iov_base, part), 0);
        done += part;
    }
    look(to);
    return done > 0 ? (int64_t)done : SPRAT_E_AGAIN;
}

static int
mem_want(struct link *l, unsigned what)
{
    mem_of(l)->wanted = what;
    look(mem_of(l));
    return 0;
}

static size_t
mem_unsent(const struct link *l)
{
    const struct memlink *m = (const struct memlink *)(const void *)l;

    return other(m) != NULL ? buf_len(&other(m)->in) : 0;
}

static void
mem_local(const struct link *l, struct endpoint *e)
{
    (void)l;
    *e = (struct endpoint){.family = IP_NONE};
}

static void
mem_free(struct link *l)
{
    struct memlink *m = mem_of(l);
    struct memlink *left = other(m);

    m->pair->ends[m->side] = NULL;
    m->pair->freed[m->side] = true;
    loop_task_free(m->task);
    buf_fini(&m->in);
    link_fini(l);
    free(m);
    look(left);
}

static void
mem_part(struct link *l, struct farewells *f)
{
    (void)f; /* written bytes are at the other end already */
    mem_of(l)->pair->parted[mem_of(l)->side] = true;
    mem_free(l);
}

static void
mem_detach(struct link *l)
{
    struct memlink *m = mem_of(l);

    m->pair->detached++;
    loop_task_free(m->task);
    m->task = NULL;
    m->wanted = 0;
}

static int
mem_attach(struct link *l, struct loop *loop)
{
    struct memlink *m = mem_of(l);

    m->pair->attached++;
    m->task = loop_task_new(loop, on_task, m);
    return m->task != NULL ? 0 : SPRAT_E_NOMEM;
}

/* A class without sendfile and cork. */
static const struct link_class mem_class = {
    .readv = mem_readv,
    .writev = mem_writev,
    .want = mem_want,
    .unsent = mem_unsent,
    .local = mem_local,
    .part = mem_part,
    .detach = mem_detach,
    .attach = mem_attach,
    .free = mem_free,
};

static struct link *
end_new(struct mempair *pair, int side, struct loop *loop)
{
    struct memlink *m = calloc(1, sizeof(*m));

    cr_assert_not_null(m);
    link_init(&m->link, &mem_class, loop);
    m->pair = pair;
    m->side = side;
    buf_init(&m->in, 1 << 24);
    m->task = loop_task_new(loop, on_task, m);
    cr_assert_not_null(m->task);
    pair->ends[side] = m;
    return &m->link;
}

void
mempair_make(struct mempair *m, struct loop *a, struct loop *b, struct link *ends[2])
{
    *m = (struct mempair){.read_max = SIZE_MAX, .room = 1 << 20};
    ends[0] = end_new(m, 0, a);
    ends[1] = end_new(m, 1, b);
}
