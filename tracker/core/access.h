/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of a private tracker that decides who may announce which torrent: users by passkey,
 * torrents by info-hash, rules about clients by peer id. It is in memory and filled from the
 * registry; no I/O, no clock, no lock. Checks change nothing, so several threads may check at once
 * while none fills the table.
 */
#ifndef TRACKER_CORE_ACCESS_H
#define TRACKER_CORE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/tracker.h"

enum {
    ACCESS_PASSKEY_LEN = 16, /* bytes; 32 hex digits in an announce URL */
    ACCESS_USERS_MAX = 1 << 24,
    ACCESS_PASSKEYS_MAX = 1 << 26, /* revoked ones included */
    ACCESS_TORRENTS_MAX = 1 << 26, /* removed ones included; ids are below it */
    ACCESS_CLIENTS_MAX = 256,      /* rules */
    ACCESS_SLOTS_MAX = 10000, /* the highest limit on the torrents that a user leeches at once */
    ACCESS_REASON_MAX = 180,  /* bytes of the reason why a torrent was removed */
    ACCESS_PREFIX_MAX = TRACKER_PEER_ID_LEN,
};

/* Rows of the registry, without the columns that announces do not depend on. */
struct access_user {
    uint32_t id; /* above 0, below ACCESS_USERS_MAX */
    bool enabled;
    bool can_leech;
    uint32_t slots; /* maximum number of torrents to leech at once; 0: any number */
};

struct access_passkey {
    uint8_t key[ACCESS_PASSKEY_LEN];
    uint32_t user;
    int64_t expires; /* Unix seconds from which on it is invalid; 0: never */
    bool revoked;
};

struct access_torrent {
    uint32_t id;         /* above 0, below ACCESS_TORRENTS_MAX */
    bool hidden;         /* not shown in scrapes */
    const char *removed; /* NULL while it is registered, else the reason of its removal; copied */
};

enum access_client {
    ACCESS_CLIENT_DENY = -1,
    ACCESS_CLIENT_NONE = 0, /* no rule */
    ACCESS_CLIENT_ALLOW = 1,
};

struct access;

/* |seed| must be a secret, since strangers choose passkeys and hashes. NULL when memory is out. */
struct access *access_new(const uint64_t seed[2]);
/* NULL is legal. */
void access_free(struct access *a);

/* Each adds a row, or replaces the row with the same key. NOMEM; LIMIT: there are too many rows, or
 * an id is beyond its maximum. */
int access_put_user(struct access *a, const struct access_user *u);
int access_put_passkey(struct access *a, const struct access_passkey *k);
int access_put_torrent(struct access *a, const struct access_torrent *t);
/* |hash|: v1, or the first 20 bytes of v2. A hybrid has two hashes and one torrent. */
int access_put_hash(struct access *a, const uint8_t hash[TRACKER_HASH_LEN], uint32_t torrent);
int access_put_client(struct access *a, const char *prefix, enum access_client rule);

enum access_row_kind {
    ACCESS_ROW_USER,
    ACCESS_ROW_PASSKEY,
    ACCESS_ROW_TORRENT,
    ACCESS_ROW_HASH,
    ACCESS_ROW_CLIENT,
};

/* Any of these rows, on its way from the registry to a table. */
struct access_row {
    enum access_row_kind kind;
    union {
        struct access_user user;
        struct access_passkey passkey;
        struct access_torrent torrent;
        struct {
            uint8_t bytes[TRACKER_HASH_LEN];
            uint32_t torrent;
        } hash;
        struct {
            const char *prefix; /* borrowed */
            enum access_client rule;
        } client;
    };
};

/* Puts a row by the function above for its kind. */
int access_put(struct access *a, const struct access_row *row);

/* A receiver of rows: users and torrents come before the rows that refer to them. An error of |put|
 * ends the reading. */
struct access_sink {
    void *ctx;
    int (*put)(void *ctx, const struct access_row *row);
};
/* A sink that fills |a|, which is borrowed. */
struct access_sink access_fill(struct access *a);

/* Marks a table that is not filled yet: all announces are refused with ACCESS_BUSY. */
/* The disabled users, as bits by id: their announces are refused, and answers to other users leave
 * out their peers that are still listed. Valid until access_put_user(). */
struct access_disabled {
    const uint64_t *bits;
    uint32_t count; /* bits; 0: no user is disabled */
};
void access_disabled(const struct access *a, struct access_disabled *out);

void access_set_loading(struct access *a, bool loading);

struct access_counts {
    uint32_t users, passkeys, torrents;
    bool loading;
};
void access_counts(const struct access *a, struct access_counts *out);

/* Why an announce or scrape is refused; clients show the texts to their users.
 * X(name, text, minutes after which to try again) */
#define ACCESS_REFUSAL_TABLE(X)                                                                    \
    X(NO_PASSKEY, "this tracker is private: the announce URL has no passkey", TRACKER_RETRY_NEVER) \
    X(UNKNOWN_PASSKEY, "unknown passkey: download the torrent file again", 60)                     \
    X(REVOKED, "this passkey was revoked: download the torrent file again", TRACKER_RETRY_NEVER)   \
    X(EXPIRED, "this passkey has expired", 60)                                                     \
    X(USER_DISABLED, "your account is disabled", 60)                                               \
    X(NOT_REGISTERED, "this torrent is not registered with this tracker", 30)                      \
    X(REMOVED, "this torrent was removed: ", TRACKER_RETRY_NEVER)                                  \
    X(CLIENT, "this client is not allowed on this tracker", TRACKER_RETRY_NEVER)                   \
    X(NO_LEECHING, "your account may not download", 60)                                            \
    X(SLOTS, "you download too many torrents at once", 10)                                         \
    X(RATE, "your account announces too often, from all its addresses together", 1)                \
    X(SESSIONS, "your account has too many sessions: announce with fewer clients or torrents", 30) \
    X(TORRENT_SESSIONS, "you announce this torrent from too many clients", 10)                     \
    X(BUSY, "this tracker can't take announces just now", 1)

enum access_refusal {
    ACCESS_GRANTED,
#define X(name, text, retry) ACCESS_##name,
    ACCESS_REFUSAL_TABLE(X)
#undef X
};

/* The text of |verdict|: "" for ACCESS_GRANTED; after that of ACCESS_REMOVED comes the reason of
 * the removal. */
const char *access_refusal_text(enum access_refusal r);
int32_t access_refusal_retry_min(enum access_refusal r);

/* What the check has found; after a refusal, members that were not checked are zero. */
struct access_grant {
    uint32_t user, torrent;
    uint32_t slots;      /* of the user */
    const char *removed; /* with ACCESS_REMOVED: the reason; valid until the torrent is put again */
    bool hidden;
    bool named_client; /* a rule allows this client */
};

/* A query: a passkey and an info-hash, both borrowed, NULL if the request has none. For a batch of
 * queries call access_look_ahead() for all, then access_look_closer() for all, and then the checks,
 * so that the cache lines of all queries are fetched in parallel. */
struct access_ask {
    const uint8_t *passkey, *info_hash;
    uint32_t passkey_hash,
        torrent_hash; /* hashes under the table's seed; set by access_look_ahead() */
    /* The result of access_find_ids(), valid until the table changes; NULL before it. */
    const struct access_passkey *passkey_row;
    const struct access_hash *hash_row;
};
void access_look_ahead(const struct access *a, struct access_ask *ask);
void access_look_closer(const struct access *a, const struct access_ask *ask);

/* Finds the user and the torrent without checking them, and prefetches what the checks read; false
 * if either is unknown. */
bool access_find_ids(const struct access *a, struct access_ask *ask, uint32_t *user,
                     uint32_t *torrent);

/* Checks the passkey and its user at |unix_s|. Call after access_look_ahead(). */
enum access_refusal access_check_user(const struct access *a, const struct access_ask *ask,
                                      int64_t unix_s, struct access_grant *g);

/* Checks an announce of a user whom access_check_user() has just granted. "stopped" is always
 * granted, even for a torrent that was removed or that the user may not leech, so that the counters
 * until then are credited. Does not check slots, and never returns BUSY. */
enum access_refusal access_check_announce(const struct access *a, const struct access_ask *ask,
                                          const struct tracker_announce *announce,
                                          struct access_grant *g);

/* The id of the torrent with this hash; 0 if it is not registered or is hidden. */
uint32_t access_find_visible(const struct access *a, const uint8_t hash[TRACKER_HASH_LEN]);

#endif
