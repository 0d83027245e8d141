/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The HTTP load: a window of connections, each with one request under way, or several in a row
 * (pipelining), kept alive or made anew for each request.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/load.h"
#include "common/codec/tracker_query.h"
#include "common/ds/buf.h"
#include "common/sys/addr.h"

enum {
    EVENTS = 256,
    PIPELINE_MAX = 32,
    REQUEST_MAX = 1024,
    REPLY_MAX = 16384, /* compact answers are a few hundred bytes */
};

struct conn {
    int fd;
    uint32_t source;
    bool connecting;
    uint32_t asked; /* requests under way */
    int64_t sent_us[PIPELINE_MAX];
    uint8_t in[REPLY_MAX];
    size_t in_len;
};

struct http_load {
    const struct load_config *config;
    struct load_result *result;
    struct load_order order;
    struct conn *conns;
    uint32_t open;
    int epoll;
    char host[ADDR_TEXT_MAX];
    struct buf out;
};

static int
conn_open(struct http_load *h, struct conn *c, struct errbuf *eb)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};

    c->fd = load_socket(h->config, SOCK_STREAM, c->source, eb);
    if (c->fd < 0)
        return c->fd;
    c->connecting = true;
    c->asked = 0;
    c->in_len = 0;
    if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "epoll: %s", strerror(errno));
    h->open++;
    return 0;
}

static void
conn_close(struct http_load *h, struct conn *c)
{
    close(c->fd);
    c->fd = -1;
    h->open--;
    h->result->lost += c->asked;
    c->asked = 0;
}

static void
put_request(struct http_load *h, const struct tracker_announce *a)
{
    char path[LOAD_PATH_MAX + LOAD_PASSKEY_LEN + 2];

    (void)buf_puts(&h->out, "GET ");
    (void)tracker_query_announce_url(&h->out, load_path(h->config, a, path), a);
    (void)buf_puts(&h->out, " HTTP/1.1\r\nHost: ");
    (void)buf_puts(&h->out, h->host);
    (void)buf_puts(&h->out, h->config->keep_alive
                                ? "\r\nUser-Agent: load\r\n\r\n"
                                : "\r\nUser-Agent: load\r\nConnection: close\r\n\r\n");
}

/* Sends requests until the connection has as many under way as it may have. */
static void
conn_ask(struct http_load *h, struct conn *c)
{
    int64_t now_us = load_now_us();
    struct tracker_announce a;

    buf_reset(&h->out);
    while (c->asked < (h->config->keep_alive ? h->config->pipeline : 1) &&
           load_next(&h->order, now_us, c->source, &a)) {
        put_request(h, &a);
        c->sent_us[c->asked++] = now_us;
        h->result->sent++;
    }
    if (buf_len(&h->out) > 0 && send(c->fd, buf_data(&h->out), buf_len(&h->out), MSG_NOSIGNAL) < 0)
        conn_close(h, c);
}

/* Returns the length of the first complete response in |c->in|, 0 if there is none. All trackers
 * that are measured send a Content-Length, or close the connection. */
static size_t
response_len(const struct conn *c, bool closed)
{
    const char *head = (const char *)c->in, *end, *field;
    size_t head_len, body = 0;

    end = memmem(head, c->in_len, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    head_len = (size_t)(end - head) + 4;
    field = memmem(head, head_len, "ontent-Length:", 14);
    if (field == NULL)
        field = memmem(head, head_len, "ontent-length:", 14);
    if (field == NULL)
        return closed ? c->in_len : 0;
    for (field += 14; *field == ' ' || (*field >= '0' && *field <= '9'); field++)
        if (*field != ' ')
            body = body * 10 + (size_t)(*field - '0');
    return head_len + body <= c->in_len ? head_len + body : 0;
}

static void
on_response(struct http_load *h, struct conn *c, size_t len, int64_t now_us)
{
    struct load_result *r = h->result;

    r->answered++;
    r->bytes_in += len;
    if (memmem(c->in, len, "failure reason", 14) != NULL || memmem(c->in, len, " 200 ", 5) == NULL)
        r->failed++;
    latency_add(&r->latency, now_us - c->sent_us[0]);
    memmove(c->sent_us, c->sent_us + 1, (c->asked - 1) * sizeof(c->sent_us[0]));
    c->asked--;
    memmove(c->in, c->in + len, c->in_len - len);
    c->in_len -= len;
}

/* Reads all there is; false when the connection ended. */
static bool
conn_read(struct http_load *h, struct conn *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);
        int64_t now_us;
        size_t len;

        if (n < 0)
            return errno == EAGAIN;
        c->in_len += (size_t)n;
        now_us = load_now_us();
        while (c->asked > 0 && (len = response_len(c, n == 0)) > 0)
            on_response(h, c, len, now_us);
        if (n == 0 || c->in_len == sizeof(c->in))
            return false;
    }
}

static int
on_event(struct http_load *h, struct conn *c, uint32_t events, struct errbuf *eb)
{
    if (c->connecting && (events & EPOLLOUT) != 0) {
        c->connecting = false;
        conn_ask(h, c);
    }
    if (c->fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        if (!conn_read(h, c) || (!h->config->keep_alive && !c->connecting && c->asked == 0))
            conn_close(h, c);
        else if (!c->connecting && h->config->keep_alive && c->asked == 0)
            conn_ask(h, c);
    }
    if (c->fd < 0 && !load_over(&h->order, load_now_us()))
        return conn_open(h, c, eb);
    return 0;
}

static int
run(struct http_load *h, struct errbuf *eb)
{
    struct epoll_event events[EVENTS];
    int64_t give_up_us;

    while (!load_over(&h->order, load_now_us())) {
        int n = epoll_wait(h->epoll, events, EVENTS, 10);

        for (int i = 0; i < n; i++) {
            int err = on_event(h, events[i].data.ptr, events[i].events, eb);

            if (err != 0)
                return err;
        }
    }
    h->result->seconds = (double)(load_now_us() - h->order.begin_us) / 1e6;
    /* Answers that are still under way may arrive, but not within the measured time. */
    give_up_us = load_now_us() + LOAD_LOST_MS * 1000;
    for (uint32_t i = 0; i < h->config->window; i++) {
        struct conn *c = &h->conns[i];

        while (c->fd >= 0 && c->asked > 0 && !c->connecting && load_now_us() < give_up_us &&
               conn_read(h, c))
            usleep(1000);
    }
    return 0;
}

int
load_http(const struct load_config *c, struct load_result *r, struct errbuf *eb)
{
    struct http_load h = {.config = c, .result = r, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    int err = 0;

    buf_init(&h.out, (size_t)REQUEST_MAX * PIPELINE_MAX);
    addr_format(&c->target, h.host);
    h.conns = calloc(c->window, sizeof(*h.conns));
    if (h.conns == NULL || h.epoll < 0)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    for (uint32_t i = 0; i < c->window; i++) {
        h.conns[i].fd = -1;
        h.conns[i].source = i % c->sources;
    }
    load_order_init(&h.order, c);
    for (uint32_t i = 0; i < c->window && err == 0; i++)
        err = conn_open(&h, &h.conns[i], eb);
    if (err == 0)
        err = run(&h, eb);
    for (uint32_t i = 0; i < c->window; i++)
        if (h.conns[i].fd >= 0)
            conn_close(&h, &h.conns[i]);
    close(h.epoll);
    buf_fini(&h.out);
    free(h.conns);
    return err;
}
