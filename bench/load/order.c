/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who asks when. Everything about a peer follows from its number and the seed.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/load.h"
#include "common/base/bytes.h"
#include "common/sys/addr.h"

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014): numbers in, well mixed numbers out. */
static uint64_t
mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

int64_t
load_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void
load_info_hash(const struct load_config *c, uint64_t torrent, uint8_t hash[TRACKER_HASH_LEN])
{
    uint64_t from = mix(torrent ^ (c->seed << 32));

    for (unsigned at = 0; at < TRACKER_HASH_LEN; at += 4)
        put_u32be(hash + at, (uint32_t)mix(from + at));
}

void
load_announce(const struct load_config *c, uint64_t i, struct tracker_announce *a)
{
    uint64_t who;

    i += c->first;
    who = mix(c->seed ^ i);
    *a = (struct tracker_announce){
        .port = (uint16_t)(1024 + who % 64000),
        .left = (who >> 32) % 4 == 0 ? 0 : 1000000,
        .key = (uint32_t)who | 1,
        .numwant = c->numwant,
        .compact = true,
        .uploaded = (who >> 8) & 0xffffff,
    };
    load_info_hash(c, mix(who) % c->torrents, a->info_hash);
    memcpy(a->peer_id, "-LD0001-", 8);
    put_u64be(a->peer_id + 8, who);
    put_u32be(a->peer_id + 16, (uint32_t)i);
}

const char *
load_path(const struct load_config *c, const struct tracker_announce *a,
          char out[LOAD_PATH_MAX + LOAD_PASSKEY_LEN + 2])
{
    size_t len = strnlen(c->path, LOAD_PATH_MAX);

    if (c->passkeys == NULL)
        return c->path;
    out[0] = '/';
    memcpy(out + 1, c->passkeys + (a->key >> 1) % c->npasskeys * LOAD_PASSKEY_LEN,
           LOAD_PASSKEY_LEN);
    memcpy(out + 1 + LOAD_PASSKEY_LEN, c->path, len);
    out[1 + LOAD_PASSKEY_LEN + len] = '\0';
    return out;
}

void
load_order_init(struct load_order *o, const struct load_config *c)
{
    *o = (struct load_order){.config = c, .begin_us = load_now_us(), .end_us = INT64_MAX};
    rng_init(&o->rng, c->seed + c->first);
    if (c->seconds > 0)
        o->end_us = o->begin_us + (int64_t)(c->seconds * 1e6);
}

bool
load_over(const struct load_order *o, int64_t now_us)
{
    const struct load_config *c = o->config;

    return now_us >= o->end_us || (c->count > 0 && o->sent >= c->count) ||
           (c->fill && o->sent >= c->peers);
}

bool
load_next(struct load_order *o, int64_t now_us, uint32_t source, struct tracker_announce *a)
{
    const struct load_config *c = o->config;
    uint64_t i;

    if (load_over(o, now_us))
        return false;
    /* A peer belongs to one source: its address is part of what the tracker knows of it. */
    if (c->fill) {
        i = o->filled[source] * c->sources + source;
        if (i >= c->peers)
            return false;
        o->filled[source]++;
    } else {
        i = rng_u64(&o->rng) % (c->peers / c->sources + 1) * c->sources + source;
    }
    load_announce(c, i, a);
    if (c->fill)
        a->event = TRACKER_EVENT_STARTED;
    else if (c->stop_percent > 0 && rng_below(&o->rng, 100) < c->stop_percent)
        a->event = TRACKER_EVENT_STOPPED;
    o->sent++;
    return true;
}

/* Binds to 127.1.0.1, 127.1.0.2, … if the target is on loopback; else the kernel chooses the
 * address. */
static int
bind_source(int fd, const struct load_config *c, uint32_t source)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int on = 1;

    if (c->target.family != IP_V4 || !addr_is_loopback(&c->target))
        return 0;
    at.sin_addr.s_addr = htonl(0x7f010001u + source);
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(fd, (struct sockaddr *)&at, sizeof(at));
}

int
load_socket(const struct load_config *c, int type, uint32_t source, struct errbuf *eb)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(&c->target, &ss);
    int size = 4 << 20;
    int fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "socket: %s", strerror(errno));
    if (type == SOCK_DGRAM)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (bind_source(fd, c, source) != 0 ||
        (connect(fd, (struct sockaddr *)&ss, len) != 0 && errno != EINPROGRESS)) {
        int err = errno;

        close(fd);
        return errbuf_set(eb, sprat_err_from_errno(err), "connect: %s", strerror(err));
    }
    return fd;
}
