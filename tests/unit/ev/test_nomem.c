/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each allocation of the loop and of the modules above it fails once: the error is reported, and no
 * memory leaks (sanitizer builds check that). libevent's and libcurl's own allocations don't fail.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "common/ev/dgram.h"
#include "common/ev/fetch.h"
#include "common/ev/listener.h"
#include "common/ev/resolve.h"
#include "common/ev/stream.h"
#include "common/ev/url.h"
#include "common/sys/addr.h"
#include "tests/unit/codec/failing_alloc.h"

/* One of everything. */
struct all {
    struct loop *loop;
    struct loop_timer *timer;
    struct loop_waker *waker;
    struct loop_task *task;
    struct loop_fd *fd;
    struct listener *listener;
    struct dgram *dgram;
    struct stream *stream;
    struct resolver *resolver;
    struct fetcher *fetcher;
};

static void
on_nothing(void *ctx)
{
    (void)ctx;
}

static void
on_ready(void *ctx, unsigned what)
{
    (void)ctx;
    (void)what;
}

static void
on_resolved(void *ctx, int err, const struct endpoint *addrs, size_t count)
{
    (void)ctx;
    (void)err;
    (void)addrs;
    (void)count;
}

static void
on_fetched(void *ctx, const struct fetch_result *res)
{
    (void)ctx;
    (void)res;
}

static bool
build_sockets(struct all *a)
{
    struct listener_handler lh = {.ctx = a};
    struct dgram_handler dh = {.ctx = a};
    struct stream_handler sh = {.ctx = a};
    struct endpoint at;
    struct errbuf eb;

    cr_assert_eq(addr_parse("127.0.0.1:0", &at), 0);
    return listener_new(a->loop, &at, &lh, &a->listener, &eb) == 0 &&
           dgram_new(a->loop, &at, 4, 100, &dh, &a->dgram, &eb) == 0 &&
           stream_connect(a->loop, listener_addr(a->listener), NULL, &sh, &a->stream) == 0;
}

static bool
build(struct all *a)
{
    struct fetch_request req = {.url = "http://127.0.0.1:9/", .body_max = 10};
    struct errbuf eb;
    struct url url;

    memset(a, 0, sizeof(*a));
    return loop_new(&a->loop, &eb) == 0 &&
           (a->timer = loop_timer_new(a->loop, on_nothing, a)) != NULL &&
           (a->waker = loop_waker_new(a->loop, on_nothing, a)) != NULL &&
           (a->task = loop_task_new(a->loop, on_nothing, a)) != NULL &&
           (a->fd = loop_fd_new(a->loop, 0, on_ready, a)) != NULL && build_sockets(a) &&
           (a->resolver = resolver_new(a->loop)) != NULL &&
           resolve_start(a->resolver, "127.0.0.1", 1, on_resolved, a) != NULL &&
           (a->fetcher = fetcher_new(a->loop, "test", NULL)) != NULL &&
           fetch_start(a->fetcher, &req, on_fetched, a) != NULL && url_parse(req.url, &url) == 0;
}

static void
tear_down(struct all *a)
{
    fetcher_free(a->fetcher);
    resolver_free(a->resolver);
    stream_free(a->stream);
    dgram_free(a->dgram);
    listener_free(a->listener);
    loop_fd_free(a->fd);
    loop_task_free(a->task);
    loop_waker_free(a->waker);
    loop_timer_free(a->timer);
    loop_free(a->loop);
}

Test(nomem, everything_on_the_loop)
{
    unsigned n = 0;
    bool failed;

    do {
        struct all a;
        bool built;

        failing_alloc_after(n++);
        built = build(&a);
        failed = failing_alloc_end();
        cr_expect_eq(built, !failed, "allocation %u", n);
        tear_down(&a);
    } while (failed);
    cr_expect_gt(n, 15u);
}
