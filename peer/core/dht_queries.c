/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of queries. The round trip is estimated as in TCP (RFC 6298), from all nodes together:
 * most nodes of a lookup are asked only once.
 */
#include "peer/core/dht_queries.h"

#include <string.h>

#include "common/base/bytes.h"
#include "common/ds/siphash.h"

enum { QUERY = 1000 }; /* one query, in the unit of the allowance */

static const struct allowance_terms send_terms = {DHT_QUERIES_RATE * QUERY,
                                                  DHT_QUERIES_BURST *QUERY};

void
dht_queries_init(struct dht_queries *q, const uint64_t key[2])
{
    memset(q, 0, sizeof(*q));
    memcpy(q->key, key, sizeof(q->key));
    q->due = MONO_NEVER;
}

void
dht_queries_clear(struct dht_queries *q)
{
    memset(q->all, 0, sizeof(q->all));
    q->line_count = 0;
    q->count = 0;
    q->due = MONO_NEVER;
}

/* Drops queries that were removed while they stood in line. */
static void
trim_line(struct dht_queries *q)
{
    while (q->line_count > 0 && q->all[q->line[q->line_at]].state != DHT_QUERY_UNSENT) {
        q->line_at = (uint16_t)((q->line_at + 1) % DHT_QUERIES_MAX);
        q->line_count--;
    }
}

/* The places are used in turn, so that an answer that comes very late meets no new query. */
static struct dht_query *
free_place(struct dht_queries *q)
{
    struct dht_query *query;

    trim_line(q);
    if (q->count == DHT_QUERIES_MAX || q->line_count == DHT_QUERIES_MAX)
        return NULL;
    do {
        query = &q->all[q->turn];
        q->turn = (uint16_t)((q->turn + 1) % DHT_QUERIES_MAX);
    } while (query->state != DHT_QUERY_FREE);
    return query;
}

struct dht_query *
dht_queries_add(struct dht_queries *q, enum dht_query_kind kind, const struct endpoint *to,
                const uint8_t *id)
{
    struct dht_query *query = free_place(q);

    if (query == NULL)
        return NULL;
    q->numbers++;
    *query =
        (struct dht_query){.to = *to,
                           .state = DHT_QUERY_UNSENT,
                           .kind = (uint8_t)kind,
                           .lookup = DHT_NO_LOOKUP,
                           .number = (uint32_t)siphash24(q->key, &q->numbers, sizeof(q->numbers))};
    if (id != NULL)
        memcpy(query->id, id, DHT_ID_LEN);
    q->line[(q->line_at + q->line_count++) % DHT_QUERIES_MAX] = (uint16_t)(query - q->all);
    q->count++;
    return query;
}

static int64_t
late_us(const struct dht_queries *q)
{
    int64_t us = q->srtt_us + 4 * q->rttvar_us;

    if (q->srtt_us == 0)
        return DHT_LATE_FIRST_MS * 1000;
    if (us < DHT_LATE_MIN_MS * 1000)
        return DHT_LATE_MIN_MS * 1000;
    return us < DHT_LATE_MAX_MS * 1000 ? us : DHT_LATE_MAX_MS * 1000;
}

struct dht_query *
dht_queries_send(struct dht_queries *q, struct mono now)
{
    struct dht_query *query;

    trim_line(q);
    if (q->line_count == 0)
        return NULL;
    if (!allowance_take(&q->rate, QUERY, send_terms, now)) {
        q->resume = mono_add_ms(now, 1000 / DHT_QUERIES_RATE);
        return NULL;
    }
    query = &q->all[q->line[q->line_at]];
    q->line_at = (uint16_t)((q->line_at + 1) % DHT_QUERIES_MAX);
    q->line_count--;
    query->state = DHT_QUERY_SENT;
    if (query->resent == 0)
        query->sent = now;
    query->due = mono_add_us(now, late_us(q));
    q->due = mono_min(q->due, query->due);
    return query;
}

void
dht_queries_resend(struct dht_queries *q, struct dht_query *query)
{
    if (query->resent == DHT_RESENDS_MAX || q->line_count == DHT_QUERIES_MAX)
        return;
    query->resent++;
    query->state = DHT_QUERY_UNSENT;
    q->line[(q->line_at + q->line_count++) % DHT_QUERIES_MAX] = (uint16_t)(query - q->all);
}

void
dht_queries_tid(const struct dht_queries *q, const struct dht_query *query,
                uint8_t tid[DHT_TID_LEN])
{
    size_t place = (size_t)(query - q->all);

    tid[0] = (uint8_t)place;
    put_u32be(tid + 1, query->number << 1 | (uint32_t)(place >> 8));
}

struct dht_query *
dht_queries_find(struct dht_queries *q, const uint8_t *tid, size_t len)
{
    struct dht_query *query;
    uint32_t word;

    if (len != DHT_TID_LEN)
        return NULL;
    word = get_u32be(tid + 1);
    query = &q->all[(size_t)(word & 1) << 8 | tid[0]];
    if (query->state < DHT_QUERY_SENT || (query->number << 1 | (word & 1)) != word)
        return NULL;
    return query;
}

bool
dht_queries_pending(const struct dht_queries *q, const struct endpoint *to)
{
    for (unsigned i = 0; i < DHT_QUERIES_MAX; i++)
        if (q->all[i].state != DHT_QUERY_FREE && endpoint_equal(&q->all[i].to, to))
            return true;
    return false;
}

void
dht_queries_answered(struct dht_queries *q, const struct dht_query *query, struct mono now)
{
    int64_t rtt = mono_diff_us(now, query->sent), off;

    if (query->resent > 0)
        return;
    if (rtt < 1)
        rtt = 1;
    if (q->srtt_us == 0) {
        q->srtt_us = rtt;
        q->rttvar_us = rtt / 2;
        return;
    }
    off = rtt > q->srtt_us ? rtt - q->srtt_us : q->srtt_us - rtt;
    q->rttvar_us += (off - q->rttvar_us) / 4;
    q->srtt_us += (rtt - q->srtt_us) / 8;
    if (q->srtt_us < 1)
        q->srtt_us = 1;
}

void
dht_queries_remove(struct dht_queries *q, struct dht_query *query)
{
    query->state = DHT_QUERY_FREE;
    q->count--;
}

void
dht_queries_forget_lookup(struct dht_queries *q, uint8_t lookup)
{
    for (unsigned i = 0; i < DHT_QUERIES_MAX; i++) {
        struct dht_query *query = &q->all[i];

        if (query->state == DHT_QUERY_FREE || query->lookup != lookup)
            continue;
        query->lookup = DHT_NO_LOOKUP;
        if (query->state == DHT_QUERY_UNSENT)
            dht_queries_remove(q, query);
    }
}

void
dht_queries_forget_announces(struct dht_queries *q, const uint8_t info_hash[DHT_ID_LEN])
{
    for (unsigned i = 0; i < DHT_QUERIES_MAX; i++) {
        struct dht_query *query = &q->all[i];

        if (query->state == DHT_QUERY_UNSENT && query->kind == DHT_ASK_ANNOUNCE &&
            dht_id_equal(query->target, info_hash))
            dht_queries_remove(q, query);
    }
}

/* Sets |q->due| to the earliest time at which a query is due. */
static void
set_due(struct dht_queries *q)
{
    q->due = MONO_NEVER;
    for (unsigned i = 0; q->count > 0 && i < DHT_QUERIES_MAX; i++)
        if (q->all[i].state >= DHT_QUERY_SENT)
            q->due = mono_min(q->due, q->all[i].due);
}

struct dht_query *
dht_queries_due(struct dht_queries *q, struct mono now)
{
    if (!mono_due(q->due, now))
        return NULL;
    for (unsigned i = 0; i < DHT_QUERIES_MAX; i++) {
        struct dht_query *query = &q->all[i];

        if (query->state < DHT_QUERY_SENT || !mono_due(query->due, now))
            continue;
        if (query->state == DHT_QUERY_SENT) {
            query->state = DHT_QUERY_LATE;
            query->due = mono_add_ms(query->sent, DHT_EXPIRE_MS);
        } else {
            dht_queries_remove(q, query);
        }
        return query;
    }
    set_due(q);
    return NULL;
}

struct mono
dht_queries_expiry(const struct dht_queries *q)
{
    return q->line_count > 0 ? mono_min(q->due, q->resume) : q->due;
}
