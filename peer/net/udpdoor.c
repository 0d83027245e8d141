/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads datagrams in batches and sends the answers that the core gives. An answer for which the
 * socket has no room is lost, as the network may lose it.
 */
#include "peer/net/udpdoor.h"

#include <stdlib.h>

#include "common/base/magic.h"
#include "common/crypto/random.h"
#include "common/ev/dgram.h"
#include "peer/core/utpreset.h"

#define UDPDOOR_MAGIC 0x55445044u

struct udpdoor_socket {
    struct udpdoor *door;
    struct dgram *dgram;
};

struct udpdoor {
    uint32_t magic;
    struct loop *loop;
    struct udpdoor_socket sockets[UDPDOOR_SOCKETS_MAX];
    unsigned count;
    struct utpreset utp;
};

struct udpdoor *
udpdoor_new(struct loop *l)
{
    struct udpdoor *u = calloc(1, sizeof(*u));
    uint64_t key[2];

    if (u == NULL)
        return NULL;
    MAGIC_SET(u, UDPDOOR_MAGIC);
    u->loop = l;
    random_bytes(key, sizeof(key));
    utpreset_init(&u->utp, key, loop_now(l));
    return u;
}

void
udpdoor_close(struct udpdoor *u)
{
    while (u->count > 0)
        dgram_free(u->sockets[--u->count].dgram);
}

void
udpdoor_free(struct udpdoor *u)
{
    if (u == NULL)
        return;
    MAGIC_CHECK(u, UDPDOOR_MAGIC);
    udpdoor_close(u);
    MAGIC_CLEAR(u);
    free(u);
}

static void
on_batch(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    struct udpdoor_socket *socket = ctx;
    struct udpdoor *u = socket->door;
    struct dgram_msg answers[UDPDOOR_BATCH];
    uint8_t bytes[UDPDOOR_BATCH][UTPRESET_LEN];
    size_t n = 0;

    MAGIC_CHECK(u, UDPDOOR_MAGIC);
    for (size_t i = 0; i < count; i++) {
        size_t len = utpreset_answer(&u->utp, &msgs[i].peer, msgs[i].data, msgs[i].len, bytes[n],
                                     loop_now(u->loop));

        if (len == 0)
            continue;
        answers[n] = (struct dgram_msg){
            .peer = msgs[i].peer, .local = msgs[i].local, .data = bytes[n], .len = len};
        n++;
    }
    if (n > 0)
        (void)dgram_send(socket->dgram, answers, n);
}

int
udpdoor_open(struct udpdoor *u, const struct endpoint *at, struct errbuf *eb)
{
    struct udpdoor_socket *socket = &u->sockets[u->count];
    struct dgram_handler h = {.ctx = socket, .on_batch = on_batch};
    int err;

    MAGIC_CHECK(u, UDPDOOR_MAGIC);
    if (u->count == UDPDOOR_SOCKETS_MAX)
        return errbuf_set(eb, SPRAT_E_LIMIT, "more than %d UDP sockets", UDPDOOR_SOCKETS_MAX);
    socket->door = u;
    err = dgram_new(u->loop, at, UDPDOOR_BATCH, UTPRESET_SYN_MAX, &h, &socket->dgram, eb);
    if (err == 0)
        u->count++;
    return err;
}

void
udpdoor_get_counts(const struct udpdoor *u, struct udpdoor_counts *counts)
{
    *counts = (struct udpdoor_counts){
        .resets = u->utp.answered, .limited = u->utp.limited, .ignored = u->utp.ignored};
}
