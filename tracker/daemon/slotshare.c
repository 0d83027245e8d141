/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All trackers append to one Redis stream, and read all of it.
 */
#include "tracker/daemon/slotshare.h"

#include "common/sys/clock.h"

enum { MESSAGES_AT_ONCE = 32 };

void
slotshare_init(struct slotshare *s, struct members *m, const char *name, uint64_t run,
               const struct seal *seal)
{
    s->members = m;
    s->run = run;
    s->seal = *seal;
    s->last = (struct redis_id){"0"};
    branchwire_key(s->key, name, "slots");
    buf_init(&s->message, BRANCHWIRE_BLOB_MAX);
}

void
slotshare_fini(struct slotshare *s)
{
    buf_fini(&s->message);
}

/* News that Redis does not store is lost until the client announces again. */
static int
send_news(struct slotshare *s, struct redis_call *c, struct errbuf *eb)
{
    struct redis_id id;
    int err = 0;

    for (unsigned i = 0; i < MEMBERS_STRIPES && err == 0; i++) {
        uint32_t n = members_take_slots(s->members, i, s->news, BRANCHWIRE_NEWS_MAX);

        if (n == 0)
            continue;
        branchwire_put_slots(&s->message, s->run, s->news, n);
        err = seal_put(&s->seal, s->key, 0, &s->message);
        if (err == 0)
            err = redis_stream_add(c, s->key, SLOTSHARE_KEEP, buf_data(&s->message),
                                   buf_len(&s->message), &id, eb);
    }
    return err;
}

/* Ignores a message that can't be read: it comes from a later version, or from a foreign program. A
 * time in the future, of a tracker whose clock is ahead, becomes now: otherwise no later message
 * could end the slot before that time. */
static int
receive_news(void *ctx, const uint8_t *data, size_t len)
{
    struct slotshare *s = ctx;
    int64_t now = clock_unix(), oldest = now - (int64_t)members_silence_s(s->members);
    uint32_t count;
    uint64_t run;

    if (seal_check(&s->seal, s->key, data, &len, NULL) != 0)
        return 0;
    if (branchwire_read_slots(data, len, &run, s->news, &count) != 0 || run == s->run)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        if ((int64_t)s->news[i].unix_s > now)
            s->news[i].unix_s = (uint32_t)now;
        if ((int64_t)s->news[i].unix_s > oldest)
            members_hear_slots(s->members, &s->news[i]);
    }
    return 0;
}

int
slotshare_round(struct slotshare *s, struct redis_call *c, struct errbuf *eb)
{
    unsigned got = MESSAGES_AT_ONCE;
    int err = send_news(s, c, eb);

    while (err == 0 && got == MESSAGES_AT_ONCE)
        err = redis_stream_read(c, s->key, MESSAGES_AT_ONCE, &s->last, receive_news, s, &got, eb);
    return err;
}
