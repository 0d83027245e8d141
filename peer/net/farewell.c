/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list of half-closed sockets, each with a timer. Knows nothing of the protocol on them.
 */
#include "peer/net/farewell.h"

#include <stdlib.h>

#include "common/base/magic.h"
#include "common/ds/list.h"

enum { FAREWELL_MAGIC = 0x46415245, SCRATCH_LEN = 16384 };

struct farewells {
    struct loop *loop;
    struct list list;
    unsigned count;
    void (*over)(void *ctx);
    void *ctx;
    uint8_t scratch[SCRATCH_LEN]; /* receives the discarded input */
};

struct parting {
    uint32_t magic;
    struct list link;
    struct farewells *all;
    struct stream *stream;
    struct loop_timer *timer;
};

struct farewells *
farewells_new(struct loop *l, void (*over)(void *ctx), void *ctx)
{
    struct farewells *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    f->loop = l;
    f->over = over;
    f->ctx = ctx;
    list_init(&f->list);
    return f;
}

static void
part(struct parting *p)
{
    list_remove(&p->link);
    p->all->count--;
    loop_timer_free(p->timer);
    stream_free(p->stream);
    MAGIC_CLEAR(p);
    free(p);
}

void
farewells_cut(struct farewells *f)
{
    while (!list_empty(&f->list))
        part(LIST_ENTRY(f->list.next, struct parting, link));
}

void
farewells_free(struct farewells *f)
{
    if (f == NULL)
        return;
    farewells_cut(f);
    free(f);
}

static void
end(struct parting *p)
{
    struct farewells *f = p->all;

    part(p);
    if (f->count == 0)
        f->over(f->ctx);
}

static void
on_timeout(void *ctx)
{
    struct parting *p = ctx;

    MAGIC_CHECK(p, FAREWELL_MAGIC);
    end(p);
}

static void
on_readable(void *ctx)
{
    struct parting *p = ctx;
    struct iovec iov;
    int64_t n;

    MAGIC_CHECK(p, FAREWELL_MAGIC);
    iov = (struct iovec){p->all->scratch, SCRATCH_LEN};
    n = stream_readv(p->stream, &iov, 1);
    if (n < 0 && n != SPRAT_E_AGAIN)
        end(p);
}

void
farewell(struct farewells *f, struct stream *s)
{
    struct stream_handler handler = {.on_readable = on_readable};
    struct parting *p = f->count < FAREWELL_MAX ? calloc(1, sizeof(*p)) : NULL;

    if (p == NULL) {
        stream_free(s);
        return;
    }
    MAGIC_SET(p, FAREWELL_MAGIC);
    p->all = f;
    p->stream = s;
    list_init(&p->link);
    list_push_back(&f->list, &p->link);
    f->count++;
    handler.ctx = p;
    stream_set_handler(s, &handler);
    stream_shutdown(s);
    p->timer = loop_timer_new(f->loop, on_timeout, p);
    if (p->timer == NULL || stream_want(s, LOOP_READ) != 0) {
        part(p);
        return;
    }
    loop_timer_set(p->timer, mono_add_ms(loop_now(f->loop), FAREWELL_MS));
}

bool
farewells_done(const struct farewells *f)
{
    return f->count == 0;
}
