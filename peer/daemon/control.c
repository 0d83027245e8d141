/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Non-blocking reading and writing per client. Back-pressure: the server reads nothing from a
 * client that does not read its answers. When all places are in use, a new client replaces the
 * client that was silent longest.
 */
#include "peer/daemon/control.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/magic.h"
#include "common/ds/list.h"
#include "common/rpc/frame.h"

#define CONTROL_MAGIC UINT32_C(0x6c747263)
#define CLIENT_MAGIC  UINT32_C(0x6e696c63)

struct control {
    uint32_t magic;
    struct loop *loop;
    struct unixsock *sock;
    struct loop_fd *watch;
    struct loop_task *again; /* continues with clients that have unserved messages */
    const struct rpc_method *methods;
    size_t method_count;
    void *ctx;
    bool quiet;          /* no message is served any more */
    struct list clients; /* the client that has been silent longest comes first */
    unsigned count;
};

struct client {
    uint32_t magic;
    struct control *control;
    struct list link;
    int fd;
    struct loop_fd *watch;
    struct rpc_frame in;
    struct buf out;
    struct rpc_call *call; /* the message being answered; the next is not served meanwhile */
    bool serving;          /* serve() is running: on_answer() must not call client_step() */
    bool failed;           /* more than CONTROL_OUT_MAX bytes of answers wait */
    bool more;             /* messages may wait in |in| */
    bool eof;              /* the client has closed its sending side */
};

static void
client_free(struct client *cl)
{
    MAGIC_CHECK(cl, CLIENT_MAGIC);
    if (cl->call != NULL)
        rpc_abandon(cl->call);
    list_remove(&cl->link);
    cl->control->count--;
    loop_fd_free(cl->watch);
    close(cl->fd);
    rpc_frame_fini(&cl->in);
    buf_fini(&cl->out);
    MAGIC_CLEAR(cl);
    free(cl);
}

/* Writes waiting answers, as much as the socket accepts. Returns 0 or an error. */
static int
flush(struct client *cl)
{
    while (buf_len(&cl->out) > 0) {
        ssize_t n = send(cl->fd, buf_data(&cl->out), buf_len(&cl->out), MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : SPRAT_E_CLOSED;
        buf_consume(&cl->out, (size_t)n);
    }
    return 0;
}

static void client_step(struct client *cl);

/* Queues the answer to a message. Called within serve(), or later by a method that had to wait. */
static void
on_answer(void *ctx, char *line, size_t len)
{
    struct client *cl = ctx;

    MAGIC_CHECK(cl, CLIENT_MAGIC);
    cl->call = NULL;
    if (line != NULL && buf_put(&cl->out, line, len) < 0)
        cl->failed = true;
    free(line);
    if (!cl->serving)
        client_step(cl);
}

/* Serves received messages: CONTROL_TURN_MAX at most, one after the other, and none while too many
 * bytes of answers wait. */
static int
serve(struct client *cl)
{
    const struct control *c = cl->control;
    const char *text;
    size_t len;
    int got = 0;

    cl->more = false;
    if (c->quiet)
        return 0;
    for (int i = 0; buf_len(&cl->out) < CONTROL_OUT_PAUSE; i++) {
        if (i == CONTROL_TURN_MAX || cl->call != NULL) {
            cl->more = true;
            return 0;
        }
        got = rpc_frame_next(&cl->in, &text, &len);
        if (got <= 0)
            return got;
        cl->serving = true;
        cl->call = rpc_serve(c->methods, c->method_count, c->ctx, text, len, on_answer, cl);
        cl->serving = false;
    }
    cl->more = true;
    return 0;
}

/* Moves a client on after any change: serves messages, writes answers, and sets what the loop waits
 * for. Frees the client after an error, or when it has closed and has all its answers. */
static void
client_step(struct client *cl)
{
    unsigned want = 0;
    int err = serve(cl);

    if (cl->failed)
        err = SPRAT_E_LIMIT;
    if (err == 0)
        err = flush(cl);
    if (err == 0 && buf_len(&cl->out) > 0)
        want |= LOOP_WRITE;
    if (err == 0 && !cl->eof && !cl->more && !rpc_frame_full(&cl->in))
        want |= LOOP_READ;
    if (err == 0 && cl->more && cl->call == NULL && buf_len(&cl->out) < CONTROL_OUT_PAUSE)
        loop_task_ask(cl->control->again);
    if (err == 0)
        err = loop_fd_want(cl->watch, want);
    if (err != 0 || (cl->eof && !cl->more && buf_len(&cl->out) == 0))
        client_free(cl);
}

static int
client_read(struct client *cl)
{
    char chunk[16384];
    ssize_t n = read(cl->fd, chunk, sizeof(chunk));

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : SPRAT_E_CLOSED;
    if (n == 0) {
        cl->eof = true;
        return 0;
    }
    list_remove(&cl->link);
    list_push_back(&cl->control->clients, &cl->link);
    return rpc_frame_feed(&cl->in, chunk, (size_t)n);
}

static void
on_client(void *ctx, unsigned what)
{
    struct client *cl = ctx;

    MAGIC_CHECK(cl, CLIENT_MAGIC);
    if ((what & LOOP_READ) && client_read(cl) != 0)
        client_free(cl);
    else
        client_step(cl);
}

/* Continues with clients that have unserved messages. Between the calls, the loop serves others. */
static void
on_again(void *ctx)
{
    struct control *c = ctx;

    MAGIC_CHECK(c, CONTROL_MAGIC);
    LIST_EACH_SAFE (it, &c->clients) {
        struct client *cl = LIST_ENTRY(it, struct client, link);

        if (cl->more && cl->call == NULL)
            client_step(cl);
    }
}

static void
add_client(struct control *c, int fd)
{
    struct client *cl = calloc(1, sizeof(*cl));

    if (cl == NULL || (cl->watch = loop_fd_new(c->loop, fd, on_client, cl)) == NULL) {
        free(cl);
        close(fd);
        return;
    }
    if (c->count == CONTROL_CLIENTS_MAX)
        client_free(LIST_ENTRY(c->clients.next, struct client, link));
    MAGIC_SET(cl, CLIENT_MAGIC);
    cl->control = c;
    cl->fd = fd;
    rpc_frame_init(&cl->in);
    buf_init(&cl->out, CONTROL_OUT_MAX);
    list_push_back(&c->clients, &cl->link);
    c->count++;
    if (loop_fd_want(cl->watch, LOOP_READ) != 0)
        client_free(cl);
}

static void
on_connection(void *ctx, unsigned what)
{
    struct control *c = ctx;
    int fd = 0;

    (void)what;
    MAGIC_CHECK(c, CONTROL_MAGIC);
    for (int i = 0; i < CONTROL_ACCEPT_MAX && (fd >= 0 || fd == SPRAT_E_ACCESS); i++) {
        fd = unixsock_accept(c->sock);
        if (fd >= 0)
            add_client(c, fd);
    }
    if (fd == SPRAT_E_LIMIT && c->count > 0) /* no descriptor is left: close a client */
        client_free(LIST_ENTRY(c->clients.next, struct client, link));
}

struct control *
control_new(struct loop *loop, struct unixsock *sock, const struct rpc_method *methods,
            size_t method_count, void *ctx)
{
    struct control *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    MAGIC_SET(c, CONTROL_MAGIC);
    c->loop = loop;
    c->methods = methods;
    c->method_count = method_count;
    c->ctx = ctx;
    list_init(&c->clients);
    c->again = loop_task_new(loop, on_again, c);
    c->watch = loop_fd_new(loop, unixsock_fd(sock), on_connection, c);
    if (c->again == NULL || c->watch == NULL || loop_fd_want(c->watch, LOOP_READ) != 0) {
        control_free(c);
        return NULL;
    }
    c->sock = sock;
    return c;
}

void
control_quiet(struct control *c)
{
    if (c == NULL)
        return;
    c->quiet = true;
    LIST_EACH (it, &c->clients) {
        struct client *cl = LIST_ENTRY(it, struct client, link);

        if (cl->call != NULL)
            rpc_abandon(cl->call);
        cl->call = NULL;
    }
}

void
control_free(struct control *c)
{
    if (c == NULL)
        return;
    MAGIC_CHECK(c, CONTROL_MAGIC);
    if (c->watch != NULL)
        loop_fd_free(c->watch);
    unixsock_free(c->sock);
    while (!list_empty(&c->clients))
        client_free(LIST_ENTRY(c->clients.next, struct client, link));
    if (c->again != NULL)
        loop_task_free(c->again);
    MAGIC_CLEAR(c);
    free(c);
}
