/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The peers of an answer are written directly into its packet.
 */
#include "tracker/core/udp_service.h"

#include <string.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/codec/compact.h"

_Static_assert(TRACKER_UDP_SCRAPE_HEAD + TRACKER_UDP_SCRAPE_STEP * TRACKER_UDP_SCRAPE_MAX <=
                   UDP_SERVICE_REPLY_MAX,
               "the reply to a full scrape must fit");

void
udp_service_init(struct udp_service *u, const struct tracker_doors *doors,
                 const uint8_t secret[MAC_KEY_LEN])
{
    *u = (struct udp_service){.doors = *doors};
    connid_init(&u->ids, secret);
}

void
udp_service_set_gate(struct udp_service *u, const struct tracker_gate *gate)
{
    u->gate = *gate;
}

void
udp_service_set_clock(struct udp_service *u, int64_t offset_s)
{
    u->clock_offset_s = offset_s;
}

void
udp_service_set_secret(struct udp_service *u, const uint8_t secret[MAC_KEY_LEN], struct mono now)
{
    connid_set_secret(&u->ids, secret, mono_add_ms(now, u->clock_offset_s * 1000));
}

/* Writes an error packet of at most |max| bytes. */
static size_t
put_error(struct udp_service *u, uint8_t *reply, size_t max, uint32_t transaction, const char *text)
{
    tally_add(&u->errors, 1);
    return tracker_udp_put_error(reply, max, transaction, text);
}

static size_t
silence(struct udp_service *u)
{
    tally_add(&u->ignored, 1);
    return 0;
}

static size_t
come_again(struct udp_service *u, enum service_turn turn)
{
    tally_add(&u->parked, turn == TURN_FIRST);
    return UDP_SERVICE_WAIT;
}

/* How many peers of |family| fit into an announce reply. */
static uint32_t
peers_max(uint8_t family)
{
    size_t room = family == IP_V4 ? TRACKER_UDP_REPLY_MAX_V4 : TRACKER_UDP_REPLY_MAX_V6;
    size_t n = (room - TRACKER_UDP_ANNOUNCE_HEAD) / compact_len((enum ip_family)family);

    return n < SELECT_WANT_MAX ? (uint32_t)n : SELECT_WANT_MAX;
}

static size_t
put_refusal(struct udp_service *u, uint8_t *reply, uint32_t transaction, enum access_refusal no,
            const struct gate_pass *p)
{
    char text[TRACKER_TEXT_MAX + 1];

    tally_add(&u->denied, 1);
    return put_error(u, reply, UDP_SERVICE_REPLY_MAX, transaction, gate_reason(no, p, text));
}

/* What udp_service_prefetch() has stored about the announce in |packet|, or NULL. Packets arrive
 * here in the order of their batch, but some may be missing. */
static struct udp_service_ahead *
find_ahead(struct udp_service *u, const uint8_t *packet)
{
    for (size_t i = u->ahead_at; i < u->nahead; i++) {
        if (u->ahead[i].packet == packet) {
            u->ahead_at = i + 1;
            return &u->ahead[i];
        }
    }
    return NULL;
}

/* Returns |ahead| if it has the passkey already, else |own| after parsing the request. */
static struct udp_service_ahead *
read_passkey(const struct tracker_udp_request *q, struct udp_service_ahead *ahead,
             struct udp_service_ahead *own)
{
    if (ahead != NULL && ahead->pass.looked_ahead)
        return ahead;
    passkey_parse_url(&own->request, q->url_data, strlen(q->url_data));
    gate_pass_init(&own->pass, &own->request, q->announce.info_hash);
    return own;
}

/* The announce in |packet| comes to the tracker some announces later. */
static void
plan_one(struct udp_service *u, struct tracker *t, size_t i)
{
    const uint8_t *packet = u->ahead[i].packet;
    uint32_t event = get_u32be(packet + TRACKER_UDP_EVENT_AT);
    struct tracker_wish wish = {
        .numwant = (int32_t)get_u32be(packet + TRACKER_UDP_NUMWANT_AT),
        .max = peers_max(u->asks[i].family),
        .seeds = get_u64be(packet + TRACKER_UDP_LEFT_AT) == 0 || event == TRACKER_EVENT_COMPLETED,
        .paused = event == TRACKER_EVENT_PAUSED,
    };

    tracker_plan(t, &u->asks[i], &wish, &u->plans[i % UDP_SERVICE_PLANS]);
}

/* Gives the answer to announce |at| what is known of it, and plans the draws of the next ones. */
static void
use_ahead(struct udp_service *u, struct tracker *t, size_t at, struct tracker_answer *ans)
{
    if (u->nplanned < at)
        u->nplanned = at;
    for (; u->nplanned < at + UDP_SERVICE_PLANS && u->nplanned < u->nahead; u->nplanned++)
        plan_one(u, t, u->nplanned);
    ans->ask = &u->asks[at];
    ans->plan = &u->plans[at % UDP_SERVICE_PLANS];
}

static bool
announce_must_wait(struct tracker *t, const struct tracker_announce *a, enum service_turn turn,
                   struct mono now)
{
    return turn != TURN_LAST && a->event != TRACKER_EVENT_STOPPED &&
           tracker_must_wait(t, a->info_hash, true, now);
}

/* Only an admitted announce may wait. When it is tried again it is admitted again, which counts
 * nothing twice. */
static size_t
answer_announce(struct udp_service *u, const uint8_t *packet, const struct tracker_udp_request *q,
                const struct endpoint *from, enum service_turn turn, uint8_t *reply,
                struct mono now)
{
    uint8_t *peers = reply + TRACKER_UDP_ANNOUNCE_HEAD;
    bool v4 = from->family == IP_V4;
    struct tracker_answer ans = {
        .v4 = v4 ? peers : NULL,
        .v6 = v4 ? NULL : peers,
        .max4 = v4 ? peers_max(IP_V4) : 0,
        .max6 = v4 ? 0 : peers_max(IP_V6),
    };
    enum access_refusal no = ACCESS_GRANTED;
    struct udp_service_ahead own, *ahead = find_ahead(u, packet), *h = NULL;
    struct tracker_reply r;
    struct tracker *t;
    if (u->gate.ctx != NULL) {
        h = read_passkey(q, ahead, &own);
        h->pass.again = turn != TURN_FIRST;
        no = gate_admit(&u->gate, &h->request, &q->announce, now, &h->pass);
    }
    if (no != ACCESS_GRANTED)
        return put_refusal(u, reply, q->transaction, no, &h->pass);
    t = tracker_doors_enter(&u->doors, q->announce.info_hash);
    if (h != NULL)
        no = gate_open(&u->gate, &q->announce, now, &h->pass);
    if (no != ACCESS_GRANTED)
        return put_refusal(u, reply, q->transaction, no, &h->pass);
    if (announce_must_wait(t, &q->announce, turn, now)) {
        if (h != NULL)
            gate_close(&u->gate, &h->pass);
        return come_again(u, turn);
    }
    if (h != NULL)
        gate_fill_answer(&u->gate, &h->pass, &ans);
    if (ahead != NULL)
        use_ahead(u, t, (size_t)(ahead - u->ahead), &ans);
    tracker_on_announce(t, &q->announce, from, &ans, now);
    if (h != NULL && ans.failure == NULL)
        no = gate_note(&u->gate, &q->announce, &h->pass, ans.leechers_age_s, now);
    if (h != NULL)
        gate_close(&u->gate, &h->pass);
    if (no != ACCESS_GRANTED)
        return put_refusal(u, reply, q->transaction, no, &h->pass);
    if (ans.failure != NULL)
        return put_error(u, reply, UDP_SERVICE_REPLY_MAX, q->transaction, ans.failure);
    r.interval_s = ans.interval_s;
    r.complete = ans.complete;
    r.incomplete = ans.incomplete;
    tracker_udp_put_announce_head(reply, q->transaction, &r);
    return TRACKER_UDP_ANNOUNCE_HEAD + (size_t)ans.n4 * COMPACT_V4_LEN +
           (size_t)ans.n6 * COMPACT_V6_LEN;
}

/* Whether any of the torrents must be fetched first; begins the fetches of all. */
static bool
scrape_must_wait(struct udp_service *u, const struct tracker_udp_request *q, struct mono now)
{
    bool wait = false;

    for (size_t i = 0; i < q->nhashes; i++) {
        const uint8_t *hash = q->hashes + i * TRACKER_HASH_LEN;

        wait |= tracker_must_wait(tracker_doors_enter(&u->doors, hash), hash, false, now);
    }
    return wait;
}

static size_t
answer_scrape(struct udp_service *u, const struct tracker_udp_request *q, enum service_turn turn,
              uint8_t *reply, struct mono now)
{
    struct tracker_scrape entries[TRACKER_UDP_SCRAPE_MAX];

    if (u->gate.ctx != NULL) {
        tally_add(&u->denied, 1);
        return put_error(u, reply, UDP_SERVICE_REPLY_MAX, q->transaction,
                         "this tracker is private: a scrape over UDP can't show a passkey");
    }
    if (turn != TURN_LAST && scrape_must_wait(u, q, now))
        return come_again(u, turn);
    for (size_t i = 0; i < q->nhashes; i++) {
        memcpy(entries[i].info_hash, q->hashes + i * TRACKER_HASH_LEN, TRACKER_HASH_LEN);
        tracker_on_scrape(tracker_doors_enter(&u->doors, entries[i].info_hash), &entries[i], now);
    }
    return tracker_udp_put_scrape_reply(reply, q->transaction, entries, q->nhashes);
}

/* Stores what a packet's prefetches need. The info-hash of an announce is after the 16 bytes that
 * every request begins with. */
static void
put_ahead(struct udp_service *u, const struct udp_service_packet *p)
{
    struct udp_service_ahead *h = &u->ahead[u->nahead];
    struct swarms_ask *ask = &u->asks[u->nahead++];
    struct endpoint listens = *p->from;

    listens.port = get_u16be(p->data + TRACKER_UDP_PORT_AT);
    ask->at.info_hash = p->data + TRACKER_UDP_CONNECT_LEN;
    ask->family = listens.family;
    compact_put(ask->key, &listens);
    h->packet = p->data;
    h->url = tracker_udp_peek_url(p->data, p->len, &h->url_len);
    h->pass.looked_ahead = false;
}

/* Prefetches what the gate will read for the announces of a batch. */
static void
look_ahead(struct udp_service *u)
{
    size_t i;

    u->gate.enter(u->gate.ctx);
    for (i = 0; i < u->nahead; i++) {
        struct udp_service_ahead *h = &u->ahead[i];

        if (h->url == NULL)
            continue;
        passkey_parse_url(&h->request, h->url, h->url_len);
        gate_pass_init(&h->pass, &h->request, u->asks[i].at.info_hash);
        gate_look_ahead(&u->gate, &h->pass);
    }
    for (i = 0; i < u->nahead; i++)
        if (u->ahead[i].pass.looked_ahead)
            gate_look_closer(&u->gate, &u->ahead[i].pass);
    for (i = 0; i < u->nahead; i++)
        if (u->ahead[i].pass.looked_ahead)
            gate_look_into_books(&u->gate, &u->ahead[i].pass,
                                 u->ahead[i].packet + TRACKER_UDP_PEER_ID_AT);
}

/* Only the shard of the first announce is entered, since the kernel delivers packets of one shard
 * to a worker. The gate comes before it, since locks are always taken in the same order. */
void
udp_service_prefetch(struct udp_service *u, const struct udp_service_packet *packets, size_t n)
{
    u->nahead = u->ahead_at = u->nplanned = 0;
    for (size_t i = 0; i < n; i++)
        if (tracker_udp_is_announce(packets[i].data, packets[i].len))
            put_ahead(u, &packets[i]);
    if (u->nahead == 0)
        return;
    if (u->gate.ctx != NULL)
        look_ahead(u);
    tracker_prefetch(tracker_doors_enter(&u->doors, u->asks[0].at.info_hash), u->asks, u->nahead);
}

/* The error text for a malformed request with a valid connection id. */
static const char *
parse_reason(int err)
{
    if (err == SPRAT_E_TRUNCATED)
        return "the request is too short";
    if (err == SPRAT_E_TOOBIG)
        return "the URL data is too long";
    return "the request is malformed";
}

static bool
may_ask(struct udp_service *u, const struct tracker_udp_request *q, const struct endpoint *from,
        struct mono now)
{
    uint32_t cost = q->action == TRACKER_UDP_ANNOUNCE ? 1 : tracker_scrape_cost(q->nhashes);

    return u->doors.may_ask(u->doors.ctx, from, cost, now);
}

size_t
udp_service_answer(struct udp_service *u, const uint8_t *packet, size_t len,
                   const struct endpoint *from, enum service_turn turn,
                   uint8_t reply[UDP_SERVICE_REPLY_MAX], struct mono now)
{
    struct mono clock = mono_add_ms(now, u->clock_offset_s * 1000);
    struct tracker_udp_request q;
    int err = tracker_udp_parse_request(&q, packet, len);
    bool is_request = len >= TRACKER_UDP_CONNECT_LEN && q.action != TRACKER_UDP_ERROR;

    if (!is_request || (q.action == TRACKER_UDP_CONNECT && err != 0))
        return silence(u);
    if (q.action == TRACKER_UDP_CONNECT)
        return tracker_udp_put_connect_reply(reply, q.transaction,
                                             connid_make(&u->ids, from, clock));
    if (!connid_check(&u->ids, q.connection, from, clock))
        return put_error(u, reply, len < UDP_SERVICE_REPLY_MAX ? len : UDP_SERVICE_REPLY_MAX,
                         q.transaction, "connection id is not valid");
    if (err != 0)
        return put_error(u, reply, UDP_SERVICE_REPLY_MAX, q.transaction, parse_reason(err));
    if (turn == TURN_FIRST && !may_ask(u, &q, from, now)) {
        tally_add(&u->throttled, 1);
        return put_error(u, reply, UDP_SERVICE_REPLY_MAX, q.transaction, TRACKER_TOO_OFTEN);
    }
    if (q.action == TRACKER_UDP_ANNOUNCE)
        return answer_announce(u, packet, &q, from, turn, reply, now);
    return answer_scrape(u, &q, turn, reply, now);
}

void
udp_service_leave(struct udp_service *u)
{
    u->doors.leave(u->doors.ctx);
    u->nahead = 0;
    if (u->gate.ctx != NULL)
        u->gate.leave(u->gate.ctx);
}
