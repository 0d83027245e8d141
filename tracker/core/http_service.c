/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Errors in an announce are answered with status 200 and a bencoded failure reason, which clients
 * show to their users; other statuses are for requests that are not to the tracker.
 */
#include "tracker/core/http_service.h"

#include <stdio.h>
#include <string.h>

#include "common/codec/compact.h"
#include "common/codec/http_response.h"
#include "common/codec/tracker_http.h"

/* A peer as a dictionary takes about 100 bytes at most: its address has at most 45. */
_Static_assert(SELECT_WANT_MAX * 128 < HTTP_SERVICE_BODY_MAX, "the longest reply must fit");
_Static_assert(TRACKER_QUERY_SCRAPE_MAX * 128 < HTTP_SERVICE_BODY_MAX, "a full scrape must fit");

/* Buffers for the peers of one reply. */
struct peer_room {
    uint8_t v4[SELECT_WANT_MAX * COMPACT_V4_LEN];
    uint8_t v6[SELECT_WANT_MAX * COMPACT_V6_LEN];
    uint8_t ids4[SELECT_WANT_MAX * TRACKER_PEER_ID_LEN];
    uint8_t ids6[SELECT_WANT_MAX * TRACKER_PEER_ID_LEN];
};

void
http_service_init(struct http_service *h, const struct tracker_doors *doors)
{
    *h = (struct http_service){.doors = *doors};
    buf_init(&h->body, HTTP_SERVICE_BODY_MAX);
}

void
http_service_set_gate(struct http_service *h, const struct tracker_gate *gate)
{
    h->gate = *gate;
}

void
http_service_fini(struct http_service *h)
{
    buf_fini(&h->body);
}

static void
put_failure(struct http_service *h, const char *reason, int32_t retry_in_min)
{
    struct tracker_reply r;

    tally_add(&h->errors, 1);
    tracker_reply_init(&r, NULL, 0);
    snprintf(r.failure, sizeof(r.failure), "%s", reason);
    r.retry_in_min = retry_in_min;
    tracker_http_put_reply(&h->body, &r, NULL, TRACKER_FORM_COMPACT);
}

static void
put_answer(struct http_service *h, const struct tracker_answer *ans, const struct peer_room *room,
           const struct endpoint *from, enum tracker_form form)
{
    struct tracker_peers peers = {
        .v4 = ans->v4,
        .v6 = ans->v6,
        .ids4 = ans->has_ids ? room->ids4 : NULL,
        .ids6 = ans->has_ids ? room->ids6 : NULL,
        .n4 = ans->n4,
        .n6 = ans->n6,
    };
    struct tracker_reply r;

    tracker_reply_init(&r, NULL, 0);
    if (ans->warning != NULL)
        snprintf(r.warning, sizeof(r.warning), "%s", ans->warning);
    r.interval_s = ans->interval_s;
    r.min_interval_s = ans->min_interval_s;
    r.complete = ans->complete;
    r.incomplete = ans->incomplete;
    r.downloaded = ans->downloaded;
    r.external = *from;
    tracker_http_put_reply(&h->body, &r, &peers, form);
}

static void
put_refusal(struct http_service *h, enum access_refusal no, const struct gate_pass *p)
{
    char text[TRACKER_TEXT_MAX + 1];

    tally_add(&h->denied, 1);
    put_failure(h, gate_reason(no, p, text), access_refusal_retry_min(no));
}

static enum access_refusal
admit(struct http_service *h, const struct passkey_request *target,
      const struct tracker_announce *a, enum service_turn turn, struct gate_pass *pass,
      struct mono now)
{
    gate_pass_init(pass, target, a->info_hash);
    pass->again = turn != TURN_FIRST;
    return h->gate.ctx != NULL ? gate_admit(&h->gate, target, a, now, pass) : ACCESS_GRANTED;
}

/* Passes an admitted announce to its tracker, and accounts for it at the gate. */
static enum access_refusal
take_announce(struct http_service *h, struct tracker *t, const struct tracker_announce *a,
              const struct endpoint *from, struct tracker_answer *ans, struct gate_pass *pass,
              struct mono now)
{
    enum access_refusal no = ACCESS_GRANTED;

    tally_add(&h->announces, 1);
    if (h->gate.ctx != NULL)
        gate_fill_answer(&h->gate, pass, ans);
    tracker_on_announce(t, a, from, ans, now);
    if (h->gate.ctx != NULL && ans->failure == NULL)
        no = gate_note(&h->gate, a, pass, ans->leechers_age_s, now);
    return no;
}

/* Whether the request is within the rate limit; if not, the answer becomes a failure. */
static bool
may_ask(struct http_service *h, const struct endpoint *from, uint32_t cost, struct mono now)
{
    if (h->doors.may_ask(h->doors.ctx, from, cost, now))
        return true;
    tally_add(&h->throttled, 1);
    put_failure(h, TRACKER_TOO_OFTEN, TRACKER_TOO_OFTEN_RETRY_MIN);
    return false;
}

static bool
come_again(struct http_service *h, enum service_turn turn)
{
    tally_add(&h->parked, turn == TURN_FIRST);
    return false;
}

/* Whether an admitted announce must wait; refused announces fetch nothing from Redis. A request
 * that is tried again is admitted again, which counts nothing twice. */
static bool
announce_must_wait(struct tracker *t, const struct tracker_announce *a, enum service_turn turn,
                   struct mono now)
{
    return turn != TURN_LAST && a->event != TRACKER_EVENT_STOPPED &&
           tracker_must_wait(t, a->info_hash, true, now);
}

/* Answers an announce that the table of users and torrents admits. Sets |*wait| if it must be tried
 * again. The books are closed, and the tracker is left, in any case. */
static enum access_refusal
ask_tracker(struct http_service *h, const struct tracker_announce *a, const struct endpoint *from,
            enum service_turn turn, struct tracker_answer *ans, struct gate_pass *pass, bool *wait,
            struct mono now)
{
    struct tracker *t = tracker_doors_enter(&h->doors, a->info_hash);
    enum access_refusal no = ACCESS_GRANTED;

    if (h->gate.ctx != NULL)
        no = gate_open(&h->gate, a, now, pass);
    *wait = no == ACCESS_GRANTED && announce_must_wait(t, a, turn, now);
    if (no == ACCESS_GRANTED && !*wait)
        no = take_announce(h, t, a, from, ans, pass, now);
    if (h->gate.ctx != NULL)
        gate_close(&h->gate, pass);
    h->doors.leave(h->doors.ctx);
    return no;
}

/* False if the request must be tried again. */
static bool
answer_announce(struct http_service *h, const struct http_request *req,
                const struct passkey_request *target, const struct endpoint *from,
                enum service_turn turn, struct mono now)
{
    struct peer_room room;
    struct tracker_answer ans = {
        .v4 = room.v4, .v6 = room.v6, .max4 = SELECT_WANT_MAX, .max6 = SELECT_WANT_MAX};
    struct tracker_announce a;
    enum tracker_form form = TRACKER_FORM_COMPACT;
    struct gate_pass pass;
    enum access_refusal no;
    const char *reason;
    bool wait = false;

    if (tracker_query_parse_announce(&a, req->query, req->query_len, &reason) != 0) {
        put_failure(h, reason, TRACKER_RETRY_UNSAID);
        return true;
    }
    if (h->gate.ctx != NULL && a.uncounted != NULL) {
        put_failure(h, a.uncounted, TRACKER_RETRY_UNSAID);
        return true;
    }
    if (!a.compact)
        form = a.no_peer_id ? TRACKER_FORM_DICT_NO_ID : TRACKER_FORM_DICT;
    if (form == TRACKER_FORM_DICT) {
        ans.ids4 = room.ids4;
        ans.ids6 = room.ids6;
    }
    no = admit(h, target, &a, turn, &pass, now);
    if (no == ACCESS_GRANTED)
        no = ask_tracker(h, &a, from, turn, &ans, &pass, &wait, now);
    if (wait)
        return come_again(h, turn);
    if (no != ACCESS_GRANTED)
        put_refusal(h, no, &pass);
    else if (ans.failure != NULL)
        put_failure(h, ans.failure, ans.retry_in_min);
    else
        put_answer(h, &ans, &room, from, form);
    return true;
}

static bool
shows(const struct http_service *h, const uint8_t *hash)
{
    return h->gate.ctx == NULL || gate_shows(&h->gate, hash);
}

static void
fill_scrape(struct http_service *h, struct tracker_scrape *entry, struct mono now)
{
    uint8_t hash[TRACKER_HASH_LEN];

    if (shows(h, entry->info_hash)) {
        tracker_on_scrape(tracker_doors_enter(&h->doors, entry->info_hash), entry, now);
        return;
    }
    memcpy(hash, entry->info_hash, sizeof(hash));
    *entry = (struct tracker_scrape){.complete = 0};
    memcpy(entry->info_hash, hash, sizeof(hash));
}

/* Whether any of the torrents must be fetched first; begins the fetches of all. */
static bool
scrape_must_wait(struct http_service *h, uint8_t (*hashes)[TRACKER_HASH_LEN], size_t n,
                 struct mono now)
{
    bool wait = false;

    for (size_t i = 0; i < n; i++)
        if (shows(h, hashes[i]))
            wait |=
                tracker_must_wait(tracker_doors_enter(&h->doors, hashes[i]), hashes[i], false, now);
    if (wait)
        h->doors.leave(h->doors.ctx);
    return wait;
}

static bool
answer_scrape(struct http_service *h, const struct http_request *req,
              const struct passkey_request *target, const struct endpoint *from,
              enum service_turn turn, struct mono now)
{
    uint8_t hashes[TRACKER_QUERY_SCRAPE_MAX][TRACKER_HASH_LEN];
    struct tracker_scrape entries[TRACKER_QUERY_SCRAPE_MAX];
    enum access_refusal no = ACCESS_GRANTED;
    const char *reason;
    size_t n;

    if (tracker_query_parse_scrape(hashes, TRACKER_QUERY_SCRAPE_MAX, &n, req->query, req->query_len,
                                   &reason) != 0) {
        put_failure(h, reason, TRACKER_RETRY_UNSAID);
        return true;
    }
    if (h->gate.ctx != NULL)
        no = gate_admit_scrape(&h->gate, target, now);
    if (no != ACCESS_GRANTED) {
        put_refusal(h, no, NULL);
        return true;
    }
    /* The request itself has been counted as one already. */
    if (turn == TURN_FIRST && n > TRACKER_SCRAPE_SHARE &&
        !may_ask(h, from, tracker_scrape_cost(n) - 1, now))
        return true;
    if (turn != TURN_LAST && scrape_must_wait(h, hashes, n, now))
        return come_again(h, turn);
    for (size_t i = 0; i < n; i++)
        memcpy(entries[i].info_hash, hashes[i], TRACKER_HASH_LEN);
    n = tracker_http_sort_scrape(entries, n);
    for (size_t i = 0; i < n; i++)
        fill_scrape(h, &entries[i], now);
    h->doors.leave(h->doors.ctx);
    tracker_http_put_scrape(&h->body, entries, n);
    return true;
}

static void
put_response(struct http_service *h, const struct http_request *req, struct buf *out, int status,
             bool keep_alive)
{
    http_response_put_head(out, status, "text/plain", buf_len(&h->body), keep_alive);
    if (req->method != HTTP_HEAD)
        buf_put(out, buf_data(&h->body), buf_len(&h->body));
}

/* Requests to an open tracker must have no folder before the target. */
static enum request_target
read_target(const struct http_service *h, const struct http_request *req,
            struct passkey_request *target)
{
    bool gated = h->gate.ctx != NULL;

    passkey_parse_request(target, req->path, req->path_len, req->query, gated ? req->query_len : 0);
    return gated || !target->in_path ? target->target : TARGET_OTHER;
}

/* Returns the status, or 0 if the request must be tried again. */
static int
put_body(struct http_service *h, const struct http_request *req, const struct endpoint *from,
         enum service_turn turn, struct mono now)
{
    struct passkey_request target;
    enum request_target what = read_target(h, req, &target);
    bool answered;

    if (what == TARGET_OTHER) {
        tally_add(&h->errors, 1);
        buf_puts(&h->body, "This is a BitTorrent tracker: it answers /announce and /scrape.\n");
        return 404;
    }
    if (turn == TURN_FIRST && !may_ask(h, from, 1, now))
        return 200;
    if (what == TARGET_ANNOUNCE)
        answered = answer_announce(h, req, &target, from, turn, now);
    else
        answered = answer_scrape(h, req, &target, from, turn, now);
    if (h->gate.ctx != NULL)
        h->gate.leave(h->gate.ctx);
    return answered ? 200 : 0;
}

bool
http_service_answer(struct http_service *h, const struct http_request *req,
                    const struct endpoint *from, enum service_turn turn, struct buf *out,
                    struct mono now)
{
    int status;

    buf_reset(&h->body);
    status = put_body(h, req, from, turn, now);
    if (status == 0)
        return false;
    if (h->body.err != 0) {
        buf_reset(&h->body);
        status = 503;
    }
    put_response(h, req, out, status, req->keep_alive);
    return true;
}

void
http_service_refuse(struct http_service *h, const struct http_request *req, struct buf *out)
{
    tally_add(&h->errors, 1);
    buf_reset(&h->body);
    buf_printf(&h->body, "%s\n", http_status_text(req->status));
    put_response(h, req, out, req->status, false);
}
