/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The UDP load: a socket a source, packets in batches, a window of announces in flight on each. The
 * transaction says which slot of the window a reply belongs to, so that nothing is searched.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/load.h"
#include "common/base/bytes.h"
#include "common/codec/tracker_udp.h"

enum {
    BATCH = 64,
    SLOT_BITS = 16,
    CONNECT_TRIES = 20,
    CONNECT_WAIT_MS = 250,
    ID_LIFE_US = 60 * 1000000, /* BEP 15: a client may use an id for one minute */
};

struct slot {
    int64_t sent_us; /* 0: free */
    uint16_t generation;
};

struct source {
    int fd;
    uint64_t id; /* the connection id */
    int64_t id_at_us;
    struct slot *slots;
    uint16_t *free_slots;
    uint32_t window, nfree;
};

struct udp_load {
    const struct load_config *config;
    struct load_result *result;
    struct load_order order;
    struct source sources[LOAD_SOURCES_MAX];
    int64_t swept_us;
    uint8_t out[BATCH][TRACKER_UDP_REQUEST_MAX];
    uint8_t in[BATCH][2048];
};

/* Requests a connection id and waits for it. Repeats the request, since the tracker may be
 * starting.
 */
static int
source_connect(struct source *s, struct errbuf *eb)
{
    uint8_t packet[TRACKER_UDP_REQUEST_MAX], reply[64];
    struct pollfd p = {.fd = s->fd, .events = POLLIN};

    for (int i = 0; i < CONNECT_TRIES; i++) {
        size_t len = tracker_udp_put_connect(packet, 0xffffffff);
        ssize_t got;

        if (send(s->fd, packet, len, 0) < 0 && errno != ECONNREFUSED)
            return errbuf_set(eb, sprat_err_from_errno(errno), "send: %s", strerror(errno));
        while (poll(&p, 1, CONNECT_WAIT_MS) > 0) {
            got = recv(s->fd, reply, sizeof(reply), 0);
            if (got < 0)
                break;
            if (tracker_udp_parse_connect(&s->id, reply, (size_t)got) == 0 &&
                get_u32be(reply + 4) == 0xffffffff) {
                s->id_at_us = load_now_us();
                return 0;
            }
        }
    }
    return errbuf_set(eb, SPRAT_E_TIMEOUT, "the tracker does not answer");
}

static int
source_open(struct udp_load *u, uint32_t i, struct errbuf *eb)
{
    struct source *s = &u->sources[i];

    s->window = u->config->window / u->config->sources;
    if (s->window == 0)
        s->window = 1;
    s->slots = calloc(s->window, sizeof(*s->slots));
    s->free_slots = calloc(s->window, sizeof(*s->free_slots));
    if (s->slots == NULL || s->free_slots == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    for (uint32_t k = 0; k < s->window; k++)
        s->free_slots[s->nfree++] = (uint16_t)k;
    s->fd = load_socket(u->config, SOCK_DGRAM, i, eb);
    return s->fd < 0 ? s->fd : source_connect(s, eb);
}

static void
slot_free(struct source *s, uint32_t slot)
{
    s->slots[slot].sent_us = 0;
    s->slots[slot].generation++;
    s->free_slots[s->nfree++] = (uint16_t)slot;
}

static void
on_reply(struct udp_load *u, struct source *s, const uint8_t *p, size_t len, int64_t now_us)
{
    uint32_t transaction, slot;

    if (len < 8)
        return;
    transaction = get_u32be(p + 4);
    slot = transaction & ((1u << SLOT_BITS) - 1);
    if (transaction == 0xffffffff) { /* a new connection id */
        if (tracker_udp_parse_connect(&s->id, p, len) == 0)
            s->id_at_us = now_us;
        return;
    }
    if (slot >= s->window || s->slots[slot].sent_us == 0 ||
        s->slots[slot].generation != transaction >> SLOT_BITS)
        return;
    u->result->answered++;
    u->result->bytes_in += len;
    if (get_u32be(p) != TRACKER_UDP_ANNOUNCE)
        u->result->failed++;
    else if (len > TRACKER_UDP_ANNOUNCE_HEAD)
        u->result->peers_in += (len - TRACKER_UDP_ANNOUNCE_HEAD) / 6;
    latency_add(&u->result->latency, now_us - s->slots[slot].sent_us);
    slot_free(s, slot);
}

static unsigned
receive(struct udp_load *u, struct source *s)
{
    struct mmsghdr msgs[BATCH];
    struct iovec iov[BATCH];
    int64_t now_us;
    int n;

    memset(msgs, 0, sizeof(msgs));
    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){u->in[i], sizeof(u->in[i])};
        msgs[i].msg_hdr.msg_iov = &iov[i];
        msgs[i].msg_hdr.msg_iovlen = 1;
    }
    n = recvmmsg(s->fd, msgs, BATCH, MSG_DONTWAIT, NULL);
    if (n <= 0)
        return 0;
    now_us = load_now_us();
    for (int i = 0; i < n; i++)
        on_reply(u, s, u->in[i], msgs[i].msg_len, now_us);
    return (unsigned)n;
}

static unsigned
send_some(struct udp_load *u, uint32_t source)
{
    struct source *s = &u->sources[source];
    struct mmsghdr msgs[BATCH];
    struct iovec iov[BATCH];
    char path[LOAD_PATH_MAX + LOAD_PASSKEY_LEN + 2];
    struct tracker_announce a;
    int64_t now_us = load_now_us();
    unsigned n = 0;
    int sent;

    memset(msgs, 0, sizeof(msgs));
    while (n < BATCH && s->nfree > 0 && load_next(&u->order, now_us, source, &a)) {
        uint32_t slot = s->free_slots[--s->nfree];
        uint32_t transaction = (uint32_t)s->slots[slot].generation << SLOT_BITS | slot;

        iov[n].iov_base = u->out[n];
        iov[n].iov_len = tracker_udp_put_announce(u->out[n], s->id, transaction, &a,
                                                  load_path(u->config, &a, path));
        msgs[n].msg_hdr.msg_iov = &iov[n];
        msgs[n].msg_hdr.msg_iovlen = 1;
        s->slots[slot].sent_us = now_us;
        n++;
    }
    if (n == 0)
        return 0;
    u->result->sent += n;
    sent = sendmmsg(s->fd, msgs, n, 0);
    /* A packet that the socket did not accept counts as lost after LOAD_LOST_MS. */
    return sent > 0 ? (unsigned)sent : 1;
}

static void
sweep(struct udp_load *u, int64_t now_us)
{
    uint8_t packet[TRACKER_UDP_REQUEST_MAX];

    u->swept_us = now_us;
    for (uint32_t i = 0; i < u->config->sources; i++) {
        struct source *s = &u->sources[i];

        for (uint32_t k = 0; k < s->window; k++) {
            if (s->slots[k].sent_us != 0 && now_us - s->slots[k].sent_us > LOAD_LOST_MS * 1000) {
                u->result->lost++;
                slot_free(s, k);
            }
        }
        if (now_us - s->id_at_us > ID_LIFE_US / 2)
            (void)send(s->fd, packet, tracker_udp_put_connect(packet, 0xffffffff), 0);
    }
}

static bool
in_flight(const struct udp_load *u)
{
    for (uint32_t i = 0; i < u->config->sources; i++)
        if (u->sources[i].nfree < u->sources[i].window)
            return true;
    return false;
}

static void
run(struct udp_load *u)
{
    struct pollfd polls[LOAD_SOURCES_MAX];
    uint32_t n = u->config->sources;

    for (uint32_t i = 0; i < n; i++)
        polls[i] = (struct pollfd){.fd = u->sources[i].fd, .events = POLLIN};
    while (!load_over(&u->order, load_now_us()) || in_flight(u)) {
        unsigned did = 0;
        int64_t now_us;

        for (uint32_t i = 0; i < n; i++) {
            did += receive(u, &u->sources[i]);
            did += send_some(u, i);
        }
        now_us = load_now_us();
        if (now_us - u->swept_us > 100000)
            sweep(u, now_us);
        if (did == 0)
            (void)poll(polls, n, 10);
    }
    u->result->seconds = (double)(load_now_us() - u->order.begin_us) / 1e6;
}

int
load_udp(const struct load_config *c, struct load_result *r, struct errbuf *eb)
{
    struct udp_load *u = calloc(1, sizeof(*u));
    int err = 0;

    if (u == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    u->config = c;
    u->result = r;
    for (uint32_t i = 0; i < c->sources; i++)
        u->sources[i].fd = -1;
    for (uint32_t i = 0; i < c->sources && err == 0; i++)
        err = source_open(u, i, eb);
    if (err == 0) {
        load_order_init(&u->order, c);
        u->swept_us = u->order.begin_us;
        run(u);
    }
    for (uint32_t i = 0; i < c->sources; i++) {
        if (u->sources[i].fd >= 0)
            close(u->sources[i].fd);
        free(u->sources[i].slots);
        free(u->sources[i].free_slots);
    }
    free(u);
    return err;
}
