/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A connection is closed while the other side still sends: all bytes that were sent before must
 * arrive.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer/net/farewell.h"

struct talk {
    struct loop *loop;
    struct loop_timer *poll;
    int theirs;      /* their end: they talk on, and read now and then */
    size_t received;
    bool reset, ended, over;
};

static void
on_over(void *ctx)
{
    struct talk *t = ctx;

    t->over = true;
    loop_stop(t->loop);
}

/* The other side sends some bytes, and reads a few. */
static void
on_poll(void *ctx)
{
    struct talk *t = ctx;
    static char chunk[65536] = "more";
    ssize_t n;

    (void)send(t->theirs, chunk, 4096, MSG_NOSIGNAL | MSG_DONTWAIT);
    n = recv(t->theirs, chunk, sizeof(chunk), MSG_DONTWAIT);
    if (n > 0)
        t->received += (size_t)n;
    t->ended = n == 0;
    t->reset = t->reset || (n < 0 && errno != EAGAIN);
    if (t->ended || t->reset)
        close(t->theirs);
    else
        loop_timer_set(t->poll, mono_add_us(loop_now(t->loop), 200));
}

static int
connect_pair(int *ours)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    int l = socket(AF_INET, SOCK_STREAM, 0), theirs = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(bind(l, (struct sockaddr *)&a, len), 0);
    cr_assert_eq(listen(l, 1), 0);
    cr_assert_eq(getsockname(l, (struct sockaddr *)&a, &len), 0);
    cr_assert_eq(connect(theirs, (struct sockaddr *)&a, len), 0);
    *ours = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    cr_assert_geq(*ours, 0);
    close(l);
    return theirs;
}

Test(farewell, what_was_sent_arrives, .timeout = 20)
{
    static uint8_t bytes[65536];
    struct stream_handler none = {.ctx = NULL};
    struct talk t = {0};
    struct farewells *f;
    struct stream *s;
    struct errbuf eb;
    struct iovec iov = {bytes, sizeof(bytes)};
    size_t sent = 0;
    int64_t n;
    int ours;

    cr_assert_eq(loop_new(&t.loop, &eb), 0);
    t.theirs = connect_pair(&ours);
    cr_assert_eq(stream_new(t.loop, ours, &none, &s), 0);
    while ((n = stream_writev(s, &iov, 1)) > 0)
        sent += (size_t)n;
    cr_assert_eq(n, SPRAT_E_AGAIN);
    cr_assert_eq(send(t.theirs, bytes, 1000, 0), 1000, "something that is never read");
    f = farewells_new(t.loop, on_over, &t);
    cr_assert(farewells_done(f));
    farewell(f, s);
    cr_assert_not(farewells_done(f));
    t.poll = loop_timer_new(t.loop, on_poll, &t);
    loop_timer_set(t.poll, loop_now(t.loop));
    cr_assert_eq(loop_run(t.loop), 0);
    cr_assert(t.over && t.ended && !t.reset);
    cr_assert_eq(t.received, sent);
    loop_timer_free(t.poll);
    farewells_free(f);
    loop_free(t.loop);
}
