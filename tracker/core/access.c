/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Users and torrents are in arrays indexed by id, since the registry assigns consecutive ids;
 * passkeys and info-hashes are in arrays with an index by hash. So a check touches two cache lines
 * for the passkey, two for the torrent, and one for the user.
 */
#include "tracker/core/access.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/ds/wordhash.h"
#include "tracker/core/hashindex.h"

enum { ARRAY_MIN = 64 };

enum { USER_EXISTS = 1, USER_ENABLED = 2, USER_CAN_LEECH = 4 };

struct user {
    uint32_t slots;
    uint32_t flags;
};

struct torrent {
    char *removed; /* owned; why the torrent was removed, NULL while it is registered */
    bool exists;
    bool hidden;
};

struct access_hash {
    uint8_t bytes[TRACKER_HASH_LEN];
    uint32_t torrent;
};

struct client {
    char prefix[ACCESS_PREFIX_MAX];
    uint8_t len;
    int8_t rule; /* enum access_client */
};

struct access {
    uint64_t seed[2];
    struct user *users; /* by id, as torrents */
    uint32_t users_cap, nusers;
    struct torrent *torrents;
    uint32_t torrents_cap, ntorrents;
    struct access_passkey *passkeys;
    uint32_t passkeys_cap, npasskeys;
    struct hashindex by_passkey;
    struct access_hash *hashes;
    uint32_t hashes_cap, nhashes;
    struct hashindex by_hash;
    struct client *clients; /* ACCESS_CLIENTS_MAX, or NULL */
    uint32_t nclients;
    uint32_t nallowed;  /* rules that allow; if there are any, clients without a rule are refused */
    uint64_t *disabled; /* bits by user id */
    uint32_t disabled_words, ndisabled;
    bool loading;
};

struct access *
access_new(const uint64_t seed[2])
{
    struct access *a = calloc(1, sizeof(*a));

    if (a != NULL)
        memcpy(a->seed, seed, sizeof(a->seed));
    return a;
}

void
access_free(struct access *a)
{
    if (a == NULL)
        return;
    for (uint32_t i = 0; i < a->torrents_cap; i++)
        free(a->torrents[i].removed);
    free(a->users);
    free(a->torrents);
    free(a->passkeys);
    free(a->hashes);
    free(a->clients);
    free(a->disabled);
    hashindex_fini(&a->by_passkey);
    hashindex_fini(&a->by_hash);
    free(a);
}

/* ---- filling ---- */

/* Grows |array| of objects of |size| so that it has an index |at|; new objects are zero. On an
 * error it is unchanged. */
static void *
reserve(void *array, uint32_t *cap, uint32_t at, uint32_t max, size_t size, int *err)
{
    uint64_t want = *cap > 0 ? *cap : ARRAY_MIN;
    uint8_t *bytes;

    *err = at >= max ? SPRAT_E_LIMIT : 0;
    if (*err != 0 || at < *cap)
        return array;
    while (want <= at)
        want += want / 2;
    if (want > max)
        want = max;
    bytes = realloc(array, want * size);
    if (bytes == NULL) {
        *err = SPRAT_E_NOMEM;
        return array;
    }
    memset(bytes + (size_t)*cap * size, 0, (want - *cap) * size);
    *cap = (uint32_t)want;
    return bytes;
}

/* The bits are allocated when the first user is disabled. */
static int
note_disabled(struct access *a, const struct access_user *u)
{
    uint32_t word = u->id / 64;
    uint64_t bit = UINT64_C(1) << u->id % 64;
    int err;

    if (u->enabled && word >= a->disabled_words)
        return 0;
    a->disabled = reserve(a->disabled, &a->disabled_words, word, ACCESS_USERS_MAX / 64,
                          sizeof(*a->disabled), &err);
    if (err != 0)
        return err;
    a->ndisabled -= (a->disabled[word] & bit) != 0;
    a->disabled[word] &= ~bit;
    if (!u->enabled) {
        a->disabled[word] |= bit;
        a->ndisabled++;
    }
    return 0;
}

void
access_disabled(const struct access *a, struct access_disabled *out)
{
    *out = (struct access_disabled){.bits = a->disabled};
    if (a->ndisabled > 0)
        out->count = a->disabled_words * 64;
}

int
access_put_user(struct access *a, const struct access_user *u)
{
    int err;

    a->users = reserve(a->users, &a->users_cap, u->id, ACCESS_USERS_MAX, sizeof(*a->users), &err);
    if (err == 0)
        err = note_disabled(a, u);
    if (err != 0)
        return err;
    a->nusers += (a->users[u->id].flags & USER_EXISTS) == 0;
    a->users[u->id] = (struct user){
        .slots = u->slots,
        .flags =
            USER_EXISTS | (u->enabled ? USER_ENABLED : 0u) | (u->can_leech ? USER_CAN_LEECH : 0u),
    };
    return 0;
}

/* An attacker can't choose the keys in the tables freely: passkeys are random numbers of this
 * tracker, or of one from which an operator imports them, and info-hashes are the output of a hash
 * function. So the keys are distributed evenly, and searches are short. An attacker can choose the
 * keys of announces. A search for such a key compares the few rows with one hash, in a table that
 * is at least half empty, and the seed hides which hash the key has. */
static uint32_t
hash_of(const struct access *a, const uint8_t *key, size_t len)
{
    return (uint32_t)wordhash(a->seed, key, len);
}

/* Whether two passkeys are equal. Takes the same time for all that differ, so that nobody can
 * measure how many bytes of a guess are right. */
static bool
same_passkey(const uint8_t *a, const uint8_t *b)
{
    uint8_t differs = 0;

    for (int i = 0; i < ACCESS_PASSKEY_LEN; i++)
        differs |= a[i] ^ b[i];
    return differs == 0;
}

static struct access_passkey *
find_passkey(const struct access *a, const uint8_t *key, uint32_t hash)
{
    uint32_t probe = 0, at;

    while ((at = hashindex_next(&a->by_passkey, hash, &probe)) != HASHINDEX_NONE)
        if (same_passkey(a->passkeys[at].key, key))
            return &a->passkeys[at];
    return NULL;
}

int
access_put_passkey(struct access *a, const struct access_passkey *k)
{
    uint32_t hash = hash_of(a, k->key, ACCESS_PASSKEY_LEN);
    struct access_passkey *old = find_passkey(a, k->key, hash);
    int err;

    if (old != NULL) {
        *old = *k;
        return 0;
    }
    a->passkeys = reserve(a->passkeys, &a->passkeys_cap, a->npasskeys, ACCESS_PASSKEYS_MAX,
                          sizeof(*a->passkeys), &err);
    if (err == 0)
        err = hashindex_add(&a->by_passkey, hash, a->npasskeys);
    if (err == 0)
        a->passkeys[a->npasskeys++] = *k;
    return err;
}

int
access_put_torrent(struct access *a, const struct access_torrent *t)
{
    char *removed = t->removed != NULL ? strdup(t->removed) : NULL;
    int err;

    a->torrents = reserve(a->torrents, &a->torrents_cap, t->id, ACCESS_TORRENTS_MAX,
                          sizeof(*a->torrents), &err);
    if (err == 0 && t->removed != NULL && removed == NULL)
        err = SPRAT_E_NOMEM;
    if (err != 0) {
        free(removed);
        return err;
    }
    a->ntorrents += !a->torrents[t->id].exists;
    free(a->torrents[t->id].removed);
    a->torrents[t->id] = (struct torrent){.removed = removed, .exists = true, .hidden = t->hidden};
    return 0;
}

static struct access_hash *
find_hash(const struct access *a, const uint8_t *bytes, uint32_t hash)
{
    uint32_t probe = 0, at;

    while ((at = hashindex_next(&a->by_hash, hash, &probe)) != HASHINDEX_NONE)
        if (memcmp(a->hashes[at].bytes, bytes, TRACKER_HASH_LEN) == 0)
            return &a->hashes[at];
    return NULL;
}

int
access_put_hash(struct access *a, const uint8_t hash[TRACKER_HASH_LEN], uint32_t torrent)
{
    uint32_t of_it = hash_of(a, hash, TRACKER_HASH_LEN);
    struct access_hash *old = find_hash(a, hash, of_it);
    int err;

    if (old != NULL) {
        old->torrent = torrent;
        return 0;
    }
    a->hashes = reserve(a->hashes, &a->hashes_cap, a->nhashes, 2 * ACCESS_TORRENTS_MAX,
                        sizeof(*a->hashes), &err);
    if (err == 0)
        err = hashindex_add(&a->by_hash, of_it, a->nhashes);
    if (err != 0)
        return err;
    memcpy(a->hashes[a->nhashes].bytes, hash, TRACKER_HASH_LEN);
    a->hashes[a->nhashes++].torrent = torrent;
    return 0;
}

static struct client *
find_client(struct access *a, const char *prefix, size_t len)
{
    for (uint32_t i = 0; i < a->nclients; i++)
        if (a->clients[i].len == len && memcmp(a->clients[i].prefix, prefix, len) == 0)
            return &a->clients[i];
    return NULL;
}

static int
add_client(struct access *a, const char *prefix, size_t len, struct client **out)
{
    if (a->nclients == ACCESS_CLIENTS_MAX || len == 0 || len > ACCESS_PREFIX_MAX)
        return SPRAT_E_LIMIT;
    if (a->clients == NULL)
        a->clients = calloc(ACCESS_CLIENTS_MAX, sizeof(*a->clients));
    if (a->clients == NULL)
        return SPRAT_E_NOMEM;
    *out = &a->clients[a->nclients++];
    memcpy((*out)->prefix, prefix, len);
    (*out)->len = (uint8_t)len;
    return 0;
}

/* When a rule is removed, the last rule moves to its element. */
int
access_put_client(struct access *a, const char *prefix, enum access_client rule)
{
    size_t len = strlen(prefix);
    struct client *c = find_client(a, prefix, len);
    int err = 0;

    if (c == NULL && rule != ACCESS_CLIENT_NONE)
        err = add_client(a, prefix, len, &c);
    if (err != 0 || c == NULL)
        return err;
    a->nallowed += (rule == ACCESS_CLIENT_ALLOW) - (c->rule == ACCESS_CLIENT_ALLOW);
    c->rule = (int8_t)rule;
    if (rule == ACCESS_CLIENT_NONE)
        *c = a->clients[--a->nclients];
    return 0;
}

int
access_put(struct access *a, const struct access_row *row)
{
    switch (row->kind) {
    case ACCESS_ROW_USER: return access_put_user(a, &row->user);
    case ACCESS_ROW_PASSKEY: return access_put_passkey(a, &row->passkey);
    case ACCESS_ROW_TORRENT: return access_put_torrent(a, &row->torrent);
    case ACCESS_ROW_HASH: return access_put_hash(a, row->hash.bytes, row->hash.torrent);
    case ACCESS_ROW_CLIENT: break;
    }
    return access_put_client(a, row->client.prefix, row->client.rule);
}

static int
fill(void *ctx, const struct access_row *row)
{
    return access_put(ctx, row);
}

struct access_sink
access_fill(struct access *a)
{
    return (struct access_sink){.ctx = a, .put = fill};
}

void
access_set_loading(struct access *a, bool loading)
{
    a->loading = loading;
}

void
access_counts(const struct access *a, struct access_counts *out)
{
    *out = (struct access_counts){.users = a->nusers,
                                  .passkeys = a->npasskeys,
                                  .torrents = a->ntorrents,
                                  .loading = a->loading};
}

/* ---- checks ---- */

static const struct {
    const char *text;
    int32_t retry_min;
} refusals[] = {[ACCESS_GRANTED] = {"", TRACKER_RETRY_UNSAID},
#define X(name, text, retry) [ACCESS_##name] = {text, retry},
                ACCESS_REFUSAL_TABLE(X)
#undef X
};

const char *
access_refusal_text(enum access_refusal r)
{
    return refusals[r].text;
}

int32_t
access_refusal_retry_min(enum access_refusal r)
{
    return refusals[r].retry_min;
}

static struct user
user_of(const struct access *a, uint32_t id)
{
    return id < a->users_cap ? a->users[id] : (struct user){0};
}

void
access_look_ahead(const struct access *a, struct access_ask *ask)
{
    ask->passkey_row = NULL;
    ask->hash_row = NULL;
    if (ask->passkey != NULL) {
        ask->passkey_hash = hash_of(a, ask->passkey, ACCESS_PASSKEY_LEN);
        hashindex_prefetch(&a->by_passkey, ask->passkey_hash);
    }
    if (ask->info_hash != NULL) {
        ask->torrent_hash = hash_of(a, ask->info_hash, TRACKER_HASH_LEN);
        hashindex_prefetch(&a->by_hash, ask->torrent_hash);
    }
}

/* Prefetches only the first object with the hash: two with the same 32-bit hash are very rare. */
void
access_look_closer(const struct access *a, const struct access_ask *ask)
{
    uint32_t probe = 0, at;

    if (ask->passkey != NULL) {
        at = hashindex_next(&a->by_passkey, ask->passkey_hash, &probe);
        if (at != HASHINDEX_NONE)
            __builtin_prefetch(&a->passkeys[at]);
    }
    probe = 0;
    if (ask->info_hash != NULL) {
        at = hashindex_next(&a->by_hash, ask->torrent_hash, &probe);
        if (at != HASHINDEX_NONE)
            __builtin_prefetch(&a->hashes[at]);
    }
}

/* The rows of a query, or NULL; they are searched for once in a visit. */
static const struct access_passkey *
passkey_of(const struct access *a, const struct access_ask *ask)
{
    if (ask->passkey_row != NULL || ask->passkey == NULL)
        return ask->passkey_row;
    return find_passkey(a, ask->passkey, ask->passkey_hash);
}

static const struct access_hash *
hash_row_of(const struct access *a, const struct access_ask *ask)
{
    if (ask->hash_row != NULL || ask->info_hash == NULL)
        return ask->hash_row;
    return find_hash(a, ask->info_hash, ask->torrent_hash);
}

bool
access_find_ids(const struct access *a, struct access_ask *ask, uint32_t *user, uint32_t *torrent)
{
    const struct access_passkey *k = ask->passkey_row = passkey_of(a, ask);
    const struct access_hash *h = ask->hash_row = hash_row_of(a, ask);

    if (k == NULL || h == NULL || k->user >= a->users_cap || h->torrent >= a->torrents_cap)
        return false;
    __builtin_prefetch(&a->users[k->user]);
    __builtin_prefetch(&a->torrents[h->torrent]);
    *user = k->user;
    *torrent = h->torrent;
    return true;
}

enum access_refusal
access_check_user(const struct access *a, const struct access_ask *ask, int64_t unix_s,
                  struct access_grant *g)
{
    const struct access_passkey *k;
    struct user user;

    *g = (struct access_grant){0};
    if (a->loading)
        return ACCESS_BUSY;
    if (ask->passkey == NULL)
        return ACCESS_NO_PASSKEY;
    k = passkey_of(a, ask);
    if (k == NULL)
        return ACCESS_UNKNOWN_PASSKEY;
    if (k->revoked)
        return ACCESS_REVOKED;
    if (k->expires != 0 && k->expires <= unix_s)
        return ACCESS_EXPIRED;
    user = user_of(a, k->user);
    if ((user.flags & USER_ENABLED) == 0)
        return ACCESS_USER_DISABLED;
    g->user = k->user;
    g->slots = user.slots;
    return ACCESS_GRANTED;
}

/* The rule with the longest matching prefix decides. */
static bool
client_may(const struct access *a, const uint8_t *peer_id, bool *named)
{
    const struct client *best = NULL;

    for (uint32_t i = 0; i < a->nclients; i++) {
        const struct client *c = &a->clients[i];

        if (memcmp(c->prefix, peer_id, c->len) == 0 && (best == NULL || c->len > best->len))
            best = c;
    }
    *named = best != NULL;
    if (best != NULL)
        return best->rule == ACCESS_CLIENT_ALLOW;
    return a->nallowed == 0;
}

/* The torrent of a row, which may be NULL, and its id; NULL if it is not registered. */
static const struct torrent *
torrent_of(const struct access *a, const struct access_hash *h, uint32_t *id)
{
    if (h == NULL || h->torrent >= a->torrents_cap || !a->torrents[h->torrent].exists)
        return NULL;
    *id = h->torrent;
    return &a->torrents[h->torrent];
}

enum access_refusal
access_check_announce(const struct access *a, const struct access_ask *ask,
                      const struct tracker_announce *announce, struct access_grant *g)
{
    const struct torrent *t = torrent_of(a, hash_row_of(a, ask), &g->torrent);
    bool leaves = announce->event == TRACKER_EVENT_STOPPED;

    if (t == NULL)
        return ACCESS_NOT_REGISTERED;
    g->hidden = t->hidden;
    g->removed = t->removed;
    if (t->removed != NULL && !leaves)
        return ACCESS_REMOVED;
    if (!client_may(a, announce->peer_id, &g->named_client))
        return ACCESS_CLIENT;
    if (announce->left > 0 && !leaves && (user_of(a, g->user).flags & USER_CAN_LEECH) == 0)
        return ACCESS_NO_LEECHING;
    return ACCESS_GRANTED;
}

uint32_t
access_find_visible(const struct access *a, const uint8_t hash[TRACKER_HASH_LEN])
{
    uint32_t id = 0;
    const struct access_hash *h = find_hash(a, hash, hash_of(a, hash, TRACKER_HASH_LEN));
    const struct torrent *t = torrent_of(a, h, &id);

    return t != NULL && t->removed == NULL && !t->hidden ? id : 0;
}
