/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The listeners of a process: the sockets of the first loop, which listens for all, and the choice
 * of their port. engine_listen.c handles accepted connections.
 */
#include <stdio.h>

#include "common/base/assert.h"
#include "peer/engine/fixedport.h"
#include "peer/engine/engine_impl.h"

/* An address that the user named is used for TCP even if another program has the same number for
 * UDP. */
static int
listen_udp(struct engine *s, const struct endpoint *at, bool fixed, struct errbuf *eb)
{
    struct errbuf why;
    int err = udpdoor_open(s->process->doors.udp, at, &why);

    if (err == 0)
        return 0;
    if (err == SPRAT_E_NOMEM || (err == SPRAT_E_BUSY && !fixed))
        return errbuf_set(eb, err, "%s", why.text);
    log_info(&s->process->shared.log, "%s; clients that try uTP first connect some seconds later",
             why.text);
    return 0;
}

/* Listens at one address, for TCP and UDP. |fixed|: the user named the address. */
static int
listen_at(struct engine *s, const struct endpoint *at, bool fixed, struct errbuf *eb)
{
    struct process_doors *l = &s->process->doors;
    struct source *to = &s->process->shared.source;
    struct listener_handler h = {.ctx = s, .on_accept = engine_on_accept};
    struct endpoint *source = at->family == IP_V4 ? &to->v4 : &to->v6;
    int err = listener_new(s->env.loop, at, &h, &l->listeners[l->count], eb);

    if (err == 0) {
        err = listen_udp(s, listener_addr(l->listeners[l->count]), fixed, eb);
        if (err != 0)
            listener_free(l->listeners[l->count]);
    }
    if (err != 0)
        return err;
    l->addrs[l->count] = *listener_addr(l->listeners[l->count]);
    if (source->family == IP_NONE) {
        *source = *at;
        source->port = 0;
    }
    if (l->count++ == 0)
        s->process->shared.port = l->addrs[0].port;
    return 0;
}

static void
close_sockets(struct process_doors *l)
{
    if (l->udp != NULL)
        udpdoor_close(l->udp);
    for (size_t i = 0; i < l->count; i++) {
        listener_free(l->listeners[i]);
        l->listeners[i] = NULL;
    }
}

/* Closes all sockets, so that another port can be tried. */
static void
start_over(struct process *h)
{
    close_sockets(&h->doors);
    h->doors.count = 0;
    h->shared.source = (struct source){.v4 = {.family = IP_NONE}};
}

/* Opens all addresses of both families at |port|, or at a port that the kernel chooses (0). A
 * missing family is no error. */
static int
listen_at_port(struct engine *s, uint16_t port, struct errbuf *eb)
{
    struct process_doors *l = &s->process->doors;
    struct endpoint at = {.family = IP_V4, .port = port};
    int err4 = listen_at(s, &at, false, eb), err6;

    if (err4 == SPRAT_E_BUSY || err4 == SPRAT_E_ACCESS)
        return err4;
    at.family = IP_V6;
    if (err4 == 0)
        at.port = l->addrs[0].port;
    err6 = listen_at(s, &at, false, err4 == 0 ? NULL : eb);
    if (err6 == SPRAT_E_BUSY) {
        start_over(s->process);
        return errbuf_set(eb, err6, "cannot listen on [::]:%u: the port is in use",
                          (unsigned)at.port);
    }
    return l->count > 0 ? 0 : err4;
}

static void
note_other_port(struct process_doors *l, uint16_t remembered, int err)
{
    snprintf(l->note, sizeof(l->note), "port %u %s; listening on %u this time",
             (unsigned)remembered, err == SPRAT_E_BUSY ? "is in use" : "can't be used",
             (unsigned)l->addrs[0].port);
}

/* The remembered port stays remembered while another program uses it: most likely the port is free
 * at the next start, and a router forwards it. */
static void
remember_port(struct engine *s, const char *state_dir)
{
    struct process_doors *l = &s->process->doors;
    struct errbuf eb;

    if (fixedport_write(state_dir, l->addrs[0].port, &eb) != 0)
        log_warn(&s->process->shared.log, "the port %u is not remembered for the next start: %s",
                 (unsigned)l->addrs[0].port, eb.text);
}

static int
listen_anywhere(struct engine *s, const char *state_dir, struct errbuf *eb)
{
    struct process_doors *l = &s->process->doors;
    uint16_t remembered = fixedport_read(state_dir), port;
    int err = 0, first_err = 0;

    for (unsigned n = 0; l->count == 0 && fixedport_candidate(n, remembered, &port); n++) {
        err = listen_at_port(s, port, eb);
        if (n == 0)
            first_err = err;
    }
    if (l->count == 0)
        return err;
    if (remembered == 0)
        remember_port(s, state_dir);
    else if (l->addrs[0].port != remembered)
        note_other_port(l, remembered, first_err);
    return 0;
}

int
engine_listen_all(struct engine *s, const struct engine_config *cfg, struct errbuf *eb)
{
    int err = 0;

    s->process->doors.udp = udpdoor_new(s->env.loop);
    if (s->process->doors.udp == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    if (cfg->listen_count == 0)
        return listen_anywhere(s, cfg->state_dir, eb);
    if (cfg->listen_count > ENGINE_LISTEN_MAX)
        return errbuf_set(eb, SPRAT_E_LIMIT, "at most %d addresses can be listened on",
                          ENGINE_LISTEN_MAX);
    for (size_t i = 0; i < cfg->listen_count && err == 0; i++)
        err = listen_at(s, &cfg->listen[i], true, eb);
    return err;
}

void
engine_close_doors(struct engine *s)
{
    struct process_doors *l = &s->process->doors;

    if (s->env.index != 0)
        return;
    close_sockets(l);
    udpdoor_free(l->udp);
    l->udp = NULL;
}

size_t
engine_listen(const struct engine *s, const struct endpoint **addrs)
{
    *addrs = s->process->doors.addrs;
    return s->process->doors.count;
}

const char *
engine_listen_note(const struct engine *s)
{
    return s->process->doors.note;
}

void
engine_udp_counts(const struct engine *s, struct udpdoor_counts *counts)
{
    udpdoor_get_counts(s->process->doors.udp, counts);
}
