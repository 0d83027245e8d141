/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writers append to a buffer with a sticky error. Readers use a cursor, and refuse values that no
 * tracker writes before they pass anything on.
 */
#include "tracker/core/branchwire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/codec/cursor.h"

enum { USER_ENABLED = 1, USER_CAN_LEECH = 2, PASSKEY_REVOKED = 1, TORRENT_HIDDEN = 1 };
enum { TORRENT_REMOVED = 2 };

_Static_assert(ACCESS_REASON_MAX <= UINT8_MAX, "a reason's length is one byte");

/* ---- keys ---- */

void
branchwire_key(char out[BRANCHWIRE_KEY_MAX + 1], const char *name, const char *what)
{
    snprintf(out, BRANCHWIRE_KEY_MAX + 1, "%s{private}%s", name, what);
}

void
branchwire_key_of(char out[BRANCHWIRE_KEY_MAX + 1], const char *name, const char *what,
                  uint64_t run)
{
    snprintf(out, BRANCHWIRE_KEY_MAX + 1, "%s{private}%s:%016" PRIx64, name, what, run);
}

void
branchwire_run(char out[BRANCHWIRE_RUN_LEN + 1], uint64_t run)
{
    snprintf(out, BRANCHWIRE_RUN_LEN + 1, "%016" PRIx64, run);
}

bool
branchwire_read_run(const uint8_t *text, size_t len, uint64_t *run)
{
    *run = 0;
    if (len != BRANCHWIRE_RUN_LEN)
        return false;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = text[i];
        unsigned digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;

        if (digit > 15)
            return false;
        *run = *run << 4 | digit;
    }
    return true;
}

/* ---- rows ---- */

void
branchwire_begin_rows(struct buf *out)
{
    buf_reset(out);
    buf_put_u8(out, BRANCHWIRE_VERSION);
}

static void
put_user(struct buf *out, const struct access_user *u)
{
    buf_put_u8(out, 'u');
    buf_put_u32(out, u->id);
    buf_put_u8(out,
               (uint8_t)((u->enabled ? USER_ENABLED : 0) | (u->can_leech ? USER_CAN_LEECH : 0)));
    buf_put_u32(out, u->slots);
}

static void
put_passkey(struct buf *out, const struct access_passkey *k)
{
    buf_put_u8(out, 'k');
    buf_put(out, k->key, sizeof(k->key));
    buf_put_u32(out, k->user);
    buf_put_u64(out, (uint64_t)k->expires);
    buf_put_u8(out, k->revoked ? PASSKEY_REVOKED : 0);
}

static void
put_short_text(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    buf_put_u8(out, (uint8_t)len);
    buf_put(out, text, len);
}

static void
put_torrent(struct buf *out, const struct access_torrent *t)
{
    buf_put_u8(out, 't');
    buf_put_u32(out, t->id);
    buf_put_u8(out, (uint8_t)((t->hidden ? TORRENT_HIDDEN : 0) |
                              (t->removed != NULL ? TORRENT_REMOVED : 0)));
    put_short_text(out, t->removed != NULL ? t->removed : "");
}

static void
put_hash(struct buf *out, const uint8_t hash[TRACKER_HASH_LEN], uint32_t torrent)
{
    buf_put_u8(out, 'h');
    buf_put(out, hash, TRACKER_HASH_LEN);
    buf_put_u32(out, torrent);
}

static void
put_client(struct buf *out, const char *prefix, enum access_client rule)
{
    buf_put_u8(out, 'c');
    buf_put_u8(out, (uint8_t)(rule - ACCESS_CLIENT_DENY));
    put_short_text(out, prefix);
}

static int
put_row(void *ctx, const struct access_row *row)
{
    struct buf *out = ctx;

    switch (row->kind) {
    case ACCESS_ROW_USER: put_user(out, &row->user); break;
    case ACCESS_ROW_PASSKEY: put_passkey(out, &row->passkey); break;
    case ACCESS_ROW_TORRENT: put_torrent(out, &row->torrent); break;
    case ACCESS_ROW_HASH: put_hash(out, row->hash.bytes, row->hash.torrent); break;
    case ACCESS_ROW_CLIENT: put_client(out, row->client.prefix, row->client.rule); break;
    }
    return out->err;
}

struct access_sink
branchwire_rows_to(struct buf *out)
{
    return (struct access_sink){.ctx = out, .put = put_row};
}

static bool
is_user(uint32_t id)
{
    return id > 0 && id < ACCESS_USERS_MAX;
}

static bool
is_torrent(uint32_t id)
{
    return id > 0 && id < ACCESS_TORRENTS_MAX;
}

static int
read_user(struct cursor *c, struct access_row *row)
{
    struct access_user u = {.id = cursor_u32(c)};
    uint8_t flags = cursor_u8(c);

    u.enabled = (flags & USER_ENABLED) != 0;
    u.can_leech = (flags & USER_CAN_LEECH) != 0;
    u.slots = cursor_u32(c);
    *row = (struct access_row){.kind = ACCESS_ROW_USER, .user = u};
    return is_user(u.id) && u.slots <= ACCESS_SLOTS_MAX ? 0 : SPRAT_E_PROTOCOL;
}

static int
read_passkey(struct cursor *c, struct access_row *row)
{
    struct access_passkey *k = &row->passkey;

    row->kind = ACCESS_ROW_PASSKEY;
    cursor_copy(c, k->key, sizeof(k->key));
    k->user = cursor_u32(c);
    k->expires = (int64_t)cursor_u64(c);
    k->revoked = (cursor_u8(c) & PASSKEY_REVOKED) != 0;
    return is_user(k->user) ? 0 : SPRAT_E_PROTOCOL;
}

/* Reads a text after its length; it must not contain a NUL. */
static bool
read_short_text(struct cursor *c, char *out, size_t max)
{
    size_t len = cursor_u8(c);

    if (len > max)
        return false;
    cursor_copy(c, out, len);
    out[len] = '\0';
    return cursor_ok(c) && strlen(out) == len;
}

/* Texts that a row borrows. */
union row_text {
    char reason[ACCESS_REASON_MAX + 1];
    char prefix[ACCESS_PREFIX_MAX + 1];
};

static int
read_torrent(struct cursor *c, struct access_row *row, char reason[ACCESS_REASON_MAX + 1])
{
    struct access_torrent t = {.id = cursor_u32(c)};
    uint8_t flags = cursor_u8(c);

    if (!read_short_text(c, reason, ACCESS_REASON_MAX) || !is_torrent(t.id))
        return SPRAT_E_PROTOCOL;
    t.hidden = (flags & TORRENT_HIDDEN) != 0;
    t.removed = (flags & TORRENT_REMOVED) != 0 ? reason : NULL;
    *row = (struct access_row){.kind = ACCESS_ROW_TORRENT, .torrent = t};
    return t.removed != NULL || reason[0] == '\0' ? 0 : SPRAT_E_PROTOCOL;
}

static int
read_hash(struct cursor *c, struct access_row *row)
{
    row->kind = ACCESS_ROW_HASH;
    cursor_copy(c, row->hash.bytes, sizeof(row->hash.bytes));
    row->hash.torrent = cursor_u32(c);
    return is_torrent(row->hash.torrent) ? 0 : SPRAT_E_PROTOCOL;
}

static int
read_client(struct cursor *c, struct access_row *row, char prefix[ACCESS_PREFIX_MAX + 1])
{
    int rule = cursor_u8(c) + ACCESS_CLIENT_DENY;

    if (!read_short_text(c, prefix, ACCESS_PREFIX_MAX) || prefix[0] == '\0' ||
        rule > ACCESS_CLIENT_ALLOW)
        return SPRAT_E_PROTOCOL;
    row->kind = ACCESS_ROW_CLIENT;
    row->client.prefix = prefix;
    row->client.rule = (enum access_client)rule;
    return 0;
}

static int
read_row(struct cursor *c, struct access_row *row, union row_text *text)
{
    switch (cursor_u8(c)) {
    case 'u': return read_user(c, row);
    case 'k': return read_passkey(c, row);
    case 't': return read_torrent(c, row, text->reason);
    case 'h': return read_hash(c, row);
    case 'c': return read_client(c, row, text->prefix);
    default: return SPRAT_E_PROTOCOL;
    }
}

int
branchwire_read_rows(const uint8_t *data, size_t len, const struct access_sink *sink)
{
    struct cursor c = cursor_make(data, len);
    int err = cursor_u8(&c) == BRANCHWIRE_VERSION ? 0 : SPRAT_E_PROTOCOL;
    struct access_row row;
    union row_text text;

    while (err == 0 && cursor_left(&c) > 0) {
        err = read_row(&c, &row, &text);
        if (err == 0)
            err = cursor_ok(&c) ? sink->put(sink->ctx, &row) : SPRAT_E_PROTOCOL;
    }
    return err;
}

/* ---- batches ---- */

void
branchwire_begin_batch(struct buf *out, const struct branchwire_batch *b)
{
    buf_reset(out);
    buf_put_u8(out, BRANCHWIRE_BATCH_VERSION);
    buf_put_u64(out, b->run);
    buf_put_u64(out, b->seq);
    buf_put_u32(out, b->back_s);
    buf_put_u32(out, b->count);
}

static void
put_counters(struct buf *out, const struct ledger_entry *e)
{
    for (int w = 0; w < LEDGER_WAYS; w++) {
        buf_put_u64(out, e->top[w]);
        buf_put_u32(out, e->top_s[w]);
    }
    for (int w = 0; w < LEDGER_WAYS; w++)
        buf_put_u64(out, e->open[w]);
    buf_put_u32(out, e->open_s);
    buf_put_u32(out, e->start_s);
    buf_put_u32(out, e->stop_s);
    for (int w = 0; w < LEDGER_WAYS && e->stop_s != 0; w++)
        buf_put_u64(out, e->stop[w]);
}

void
branchwire_put_entry(struct buf *out, const struct ledger_entry *e)
{
    buf_put_u32(out, e->key.user);
    buf_put_u32(out, e->key.torrent);
    buf_put(out, e->key.peer_id, sizeof(e->key.peer_id));
    buf_put_u8(out, e->flags & LEDGER_FLAGS_ALL);
    buf_put_u64(out, e->left);
    buf_put_u32(out, e->first_s);
    buf_put_u32(out, e->last_s);
    buf_put_u32(out, e->leechers_s);
    buf_put_u32(out, e->seed_s);
    buf_put_u32(out, e->completed_s);
    if ((e->flags & LEDGER_COUNTED) != 0)
        put_counters(out, e);
}

static void
read_counters(struct cursor *c, struct ledger_entry *e)
{
    for (int w = 0; w < LEDGER_WAYS; w++) {
        e->top[w] = cursor_u64(c);
        e->top_s[w] = cursor_u32(c);
    }
    for (int w = 0; w < LEDGER_WAYS; w++)
        e->open[w] = cursor_u64(c);
    e->open_s = cursor_u32(c);
    e->start_s = cursor_u32(c);
    e->stop_s = cursor_u32(c);
    for (int w = 0; w < LEDGER_WAYS && e->stop_s != 0; w++)
        e->stop[w] = cursor_u64(c);
}

static bool
read_entry(struct cursor *c, struct ledger_entry *e)
{
    *e = (struct ledger_entry){.key.user = cursor_u32(c)};
    e->key.torrent = cursor_u32(c);
    cursor_copy(c, e->key.peer_id, sizeof(e->key.peer_id));
    e->flags = cursor_u8(c);
    e->left = cursor_u64(c);
    e->first_s = cursor_u32(c);
    e->last_s = cursor_u32(c);
    e->leechers_s = cursor_u32(c);
    e->seed_s = cursor_u32(c);
    e->completed_s = cursor_u32(c);
    if ((e->flags & LEDGER_COUNTED) != 0)
        read_counters(c, e);
    return cursor_ok(c);
}

/* Each time must be between the first and the last announce. */
static bool
is_within(const struct ledger_entry *e, uint32_t unix_s)
{
    return unix_s >= e->first_s && unix_s <= e->last_s;
}

static bool
are_counters_sane(const struct ledger_entry *e)
{
    for (int w = 0; w < LEDGER_WAYS; w++)
        if (e->top[w] > LEDGER_COUNTER_MAX || e->open[w] > e->top[w] || e->stop[w] > e->top[w] ||
            !is_within(e, e->top_s[w]))
            return false;
    return is_within(e, e->open_s) && (e->start_s == 0 || is_within(e, e->start_s)) &&
           (e->stop_s == 0 || is_within(e, e->stop_s));
}

static bool
is_sane(const struct ledger_entry *e)
{
    return is_user(e->key.user) && is_torrent(e->key.torrent) && e->first_s <= e->last_s &&
           e->seed_s <= e->last_s - e->first_s && e->flags <= LEDGER_FLAGS_ALL &&
           ((e->flags & LEDGER_COUNTED) == 0 || are_counters_sane(e));
}

int
branchwire_read_batch(const uint8_t *data, size_t len, struct branchwire_batch *b,
                      struct ledger_entry *entries)
{
    struct cursor c = cursor_make(data, len);

    if (cursor_u8(&c) != BRANCHWIRE_BATCH_VERSION)
        return SPRAT_E_PROTOCOL;
    b->run = cursor_u64(&c);
    b->seq = cursor_u64(&c);
    b->back_s = cursor_u32(&c);
    b->count = cursor_u32(&c);
    if (!cursor_ok(&c) || b->count > BRANCHWIRE_ENTRIES_MAX || b->seq > INT64_MAX)
        return SPRAT_E_PROTOCOL;
    for (uint32_t i = 0; i < b->count; i++)
        if (!read_entry(&c, &entries[i]) || !is_sane(&entries[i]))
            return SPRAT_E_PROTOCOL;
    return cursor_done(&c) ? 0 : SPRAT_E_PROTOCOL;
}

/* ---- slots ---- */

void
branchwire_put_slots(struct buf *out, uint64_t run, const struct slots_news *news, uint32_t count)
{
    buf_reset(out);
    buf_put_u8(out, BRANCHWIRE_VERSION);
    buf_put_u64(out, run);
    buf_put_u16(out, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        buf_put_u32(out, news[i].user);
        buf_put_u32(out, news[i].torrent);
        buf_put_u32(out, news[i].unix_s);
        buf_put_u8(out, news[i].leeches);
    }
}

int
branchwire_read_slots(const uint8_t *data, size_t len, uint64_t *run, struct slots_news *news,
                      uint32_t *count)
{
    struct cursor c = cursor_make(data, len);

    if (cursor_u8(&c) != BRANCHWIRE_VERSION)
        return SPRAT_E_PROTOCOL;
    *run = cursor_u64(&c);
    *count = cursor_u16(&c);
    if (*count > BRANCHWIRE_NEWS_MAX)
        return SPRAT_E_PROTOCOL;
    for (uint32_t i = 0; i < *count; i++) {
        news[i].user = cursor_u32(&c);
        news[i].torrent = cursor_u32(&c);
        news[i].unix_s = cursor_u32(&c);
        news[i].leeches = cursor_u8(&c) != 0;
        if (!is_user(news[i].user) || !is_torrent(news[i].torrent))
            return SPRAT_E_PROTOCOL;
    }
    return cursor_done(&c) ? 0 : SPRAT_E_PROTOCOL;
}
