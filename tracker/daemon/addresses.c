/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All workers listen at each address. The printed addresses have the real port: tests and scripts
 * that ask for port 0 read it.
 */
#include "tracker/daemon/addresses.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/sys/addr.h"

int
addresses_init(struct addresses *a, const struct settings *s, const struct worker_common *common,
               struct errbuf *eb)
{
    *a = (struct addresses){.settings = s, .common = common};
    return sdnotify_listen_fds(a->passed, &a->passed_count, eb);
}

void
addresses_fini(struct addresses *a)
{
    for (size_t i = 0; i < a->passed_count; i++)
        close(a->passed[i].fd);
}

/* True if the failure to listen at |at| may be ignored: the default addresses contain an IPv6
 * address, and the tracker starts without it on a machine without IPv6. */
static bool
may_do_without(const struct addresses *a, const struct endpoint *at, int err,
               const struct errbuf *eb)
{
    if (!a->settings->listens_by_default || at->family != IP_V6 || err == SPRAT_E_BUSY)
        return false;
    log_warn(a->common->log, "%s", eb->text);
    return true;
}

/* Prints the address on standard output, and also writes it to a JSON log. */
static void
say_listening(const struct addresses *a, const char *protocol, const struct endpoint *at)
{
    char text[ADDR_TEXT_MAX];

    printf("listening %s %s\n", protocol, addr_format(at, text));
    fflush(stdout);
    if (a->settings->log_json)
        log_event(a->common->log, LOG_INFO, "listening", log_text("protocol", protocol),
                  log_text("address", text));
}

typedef int (*listen_fn)(struct worker *, const struct endpoint *, enum port_share,
                         struct endpoint *, struct errbuf *);

/* Makes all workers listen at one address. For port 0 the first worker gets a free port, and the
 * others use the same one. */
static int
listen_together(const struct worker_common *c, listen_fn listen, const struct endpoint *at,
                struct endpoint *real, struct errbuf *eb)
{
    int err = listen(c->workers[0], at, c->nworkers > 1 ? PORT_FIRST : PORT_ALONE, real, eb);

    for (unsigned i = 1; i < c->nworkers && err == 0; i++)
        err = listen(c->workers[i], real, PORT_NEXT, real, eb);
    return err;
}

static listen_fn
listen_fn_of(const char *protocol)
{
    if (strcmp(protocol, "udp") == 0)
        return worker_listen_udp;
    return strcmp(protocol, "https") == 0 ? worker_listen_https : worker_listen_http;
}

static int
listen_at(const struct addresses *a, const char *protocol, const struct endpoint *at,
          struct errbuf *eb)
{
    const struct worker_common *c = a->common;
    bool udp = strcmp(protocol, "udp") == 0;
    struct endpoint real;
    int err = listen_together(c, listen_fn_of(protocol), at, &real, eb);

    if (err != 0)
        return may_do_without(a, at, err, eb) ? 0 : err;
    if (udp && c->nworkers > 1 && !worker_steer_udp(c->workers[0]))
        log_warn(c->log, "the kernel cannot deliver UDP packets to the worker that owns their "
                         "torrent: workers share the torrents");
    say_listening(a, protocol, &real);
    return 0;
}

/* The protocol of a passed socket. For a TCP socket its name decides between HTTP, HTTPS and the
 * operator's address. */
static const char *
protocol_of(const struct sdnotify_fd *f)
{
    if (!f->stream)
        return "udp";
    if (strcmp(f->name, "https") == 0 || strcmp(f->name, "admin") == 0)
        return f->name;
    return "http";
}

/* All workers wait at the same passed socket, so the kernel can't choose among them by torrent. */
static int
listen_passed(const struct addresses *a, const struct sdnotify_fd *f, const char *protocol,
              struct errbuf *eb)
{
    const struct worker_common *c = a->common;
    struct endpoint real;
    int err = 0;

    for (unsigned i = 0; i < c->nworkers && err == 0; i++)
        err = listen_fn_of(protocol)(c->workers[i], &f->at, port_passed(f->fd), &real, eb);
    if (err == 0)
        say_listening(a, protocol, &f->at);
    return err;
}

static int
start_passed(const struct addresses *a, struct errbuf *eb)
{
    const struct settings *s = a->settings;
    const struct {
        const char *protocol;
        const struct listen_list *list;
    } kinds[] = {{"http", &s->http}, {"https", &s->https}, {"udp", &s->udp}, {"admin", &s->admin}};
    size_t counts[4] = {0};
    int err = 0;

    for (size_t i = 0; i < a->passed_count && err == 0; i++) {
        const char *protocol = protocol_of(&a->passed[i]);

        for (size_t k = 0; k < 4; k++)
            if (strcmp(protocol, kinds[k].protocol) == 0 &&
                ++counts[k] + kinds[k].list->count > SETTINGS_LISTEN_MAX)
                return errbuf_set(eb, SPRAT_E_INVAL, "more than %d addresses for %s",
                                  SETTINGS_LISTEN_MAX, protocol);
        if (strcmp(protocol, "https") == 0 && a->common->certs == NULL)
            return errbuf_set(eb, SPRAT_E_INVAL, "a socket for https needs tls-cert");
        if (strcmp(protocol, "admin") != 0)
            err = listen_passed(a, &a->passed[i], protocol, eb);
    }
    return err;
}

int
addresses_listen(const struct addresses *a, struct errbuf *eb)
{
    const struct settings *s = a->settings;
    int err = start_passed(a, eb);

    /* Passed sockets replace the default addresses. */
    if (a->passed_count > 0 && s->listens_by_default)
        return err;
    for (size_t i = 0; i < s->http.count && err == 0; i++)
        err = listen_at(a, "http", &s->http.at[i], eb);
    for (size_t i = 0; i < s->https.count && err == 0; i++)
        err = listen_at(a, "https", &s->https.at[i], eb);
    for (size_t i = 0; i < s->udp.count && err == 0; i++)
        err = listen_at(a, "udp", &s->udp.at[i], eb);
    return err;
}

/* ---- the operator's ---- */

static int
listen_admin(struct addresses *a, struct loop *l, const struct http_handler *handler,
             const struct endpoint *at, enum port_share share, struct errbuf *eb)
{
    char text[ADDR_TEXT_MAX];
    int err = http_front_new(l, at, share, handler, &a->common->http_limits,
                             &a->admin[a->admin_count], eb);

    if (err != 0)
        return err;
    at = http_front_addr(a->admin[a->admin_count++]);
    say_listening(a, "admin", at);
    if (!addr_is_loopback(at))
        log_event(a->common->log, LOG_WARN,
                  "the operator's address is not on loopback: its token travels unencrypted",
                  log_text("address", addr_format(at, text)));
    return 0;
}

int
addresses_listen_admin(struct addresses *a, struct loop *l, const struct http_handler *handler,
                       struct errbuf *eb)
{
    const struct listen_list *list = &a->settings->admin;
    int err = 0;

    for (size_t i = 0; i < a->passed_count && err == 0; i++)
        if (strcmp(protocol_of(&a->passed[i]), "admin") == 0)
            err = listen_admin(a, l, handler, &a->passed[i].at, port_passed(a->passed[i].fd), eb);
    for (size_t i = 0; i < list->count && err == 0; i++)
        err = listen_admin(a, l, handler, &list->at[i], PORT_ALONE, eb);
    return err;
}

void
addresses_leave_admin(struct addresses *a)
{
    for (size_t i = 0; i < a->admin_count; i++)
        http_front_free(a->admin[i]);
    a->admin_count = 0;
}
