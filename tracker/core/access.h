/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who may announce what on a private tracker: users by passkey, torrents by info-hash, rules about
 * clients by peer id. All in memory, filled from the registry; no I/O, no clock, no lock. Asking
 * changes nothing, so that many may ask at once while nobody fills.
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
    ACCESS_SLOTS_MAX = 10000,      /* torrents that a user may be allowed to leech at once */
    ACCESS_REASON_MAX = 180,       /* bytes of the reason why a torrent was removed */
    ACCESS_PREFIX_MAX = TRACKER_PEER_ID_LEN,
};

/* The registry's rows as far as announces depend on them. */
struct access_user {
    uint32_t id; /* above 0, below ACCESS_USERS_MAX */
    bool enabled;
    bool can_leech;
    uint32_t slots; /* most torrents that are leeched at once; 0: any number */
};

struct access_passkey {
    uint8_t key[ACCESS_PASSKEY_LEN];
    uint32_t user;
    int64_t expires; /* unix seconds: from then on it is no good; 0: never */
    bool revoked;
};

struct access_torrent {
    uint32_t id;         /* above 0, below ACCESS_TORRENTS_MAX */
    bool hidden;         /* not shown in scrapes */
    const char *removed; /* NULL: it is registered; else why it is not any more; copied */
};

enum access_client {
    ACCESS_CLIENT_DENY = -1,
    ACCESS_CLIENT_NONE = 0, /* no rule */
    ACCESS_CLIENT_ALLOW = 1,
};

struct access;

/* |seed| is secret: strangers choose passkeys and hashes. NULL when memory is out. */
struct access *access_new(const uint64_t seed[2]);
/* NULL is legal. */
void access_free(struct access *a);

/* Each adds a row or takes the place of the one with the same key. NOMEM; LIMIT: too many, or an id
 * beyond its maximum. */
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

/* Any of these rows, as it goes from the registry to a table. */
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

/* As the function above for the row's kind. */
int access_put(struct access *a, const struct access_row *row);

/* Where rows go, one by one: users and torrents before what belongs to them. An error of |put| ends
 * the reading. */
struct access_sink {
    void *ctx;
    int (*put)(void *ctx, const struct access_row *row);
};
/* One that fills |a|, which it borrows. */
struct access_sink access_fill(struct access *a);

/* A table that is not filled yet: everybody is told to come again (ACCESS_BUSY). */
/* Users who are disabled, as bits by id: an announce by such a user is refused, and other users are
 * not given the peers that are listed still. Good until a user is put. */
struct access_disabled {
    const uint64_t *bits;
    uint32_t count; /* bits; 0: nobody is disabled */
};
void access_disabled(const struct access *a, struct access_disabled *out);

void access_set_loading(struct access *a, bool loading);

struct access_counts {
    uint32_t users, passkeys, torrents;
    bool loading;
};
void access_counts(const struct access *a, struct access_counts *out);

/* Why somebody is refused; the texts are shown to the client's user.
 *  X(name, text, minutes after which to try again) */
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
    X(SESSIONS, "your account has too many sessions: announce with fewer clients or torrents", 30) \
    X(TORRENT_SESSIONS, "you announce this torrent from too many clients", 10)                     \
    X(BUSY, "this tracker can't take announces just now", 1)

enum access_refusal {
    ACCESS_GRANTED,
#define X(name, text, retry) ACCESS_##name,
    ACCESS_REFUSAL_TABLE(X)
#undef X
};

/* "" for ACCESS_GRANTED; that of ACCESS_REMOVED goes before the torrent's own reason. */
const char *access_refusal_text(enum access_refusal r);
int32_t access_refusal_retry_min(enum access_refusal r);

/* What was found out on the way; on a refusal only as far as it was looked at. */
struct access_grant {
    uint32_t user, torrent;
    uint32_t slots;      /* the user's */
    const char *removed; /* with ACCESS_REMOVED: why; borrowed until the torrent is put again */
    bool hidden;
    bool named_client; /* a rule allows this client */
};

/* What is looked for: a passkey (NULL: none was given) and an info-hash (NULL: none), both
 * borrowed. Who asks for many looks ahead for all, then closer for all, then asks: so the lines of
 * memory that the answers stand on are on their way together. */
struct access_ask {
    const uint8_t *passkey, *info_hash;
    uint32_t passkey_hash, torrent_hash; /* of the table's; set by access_look_ahead() */
};
void access_look_ahead(const struct access *a, struct access_ask *ask);
void access_look_closer(const struct access *a, const struct access_ask *ask);

/* Whose passkey and which torrent that is, without asking whether they may; false if either is not
 * known. Gets what will be asked next on its way. */
bool access_find_ids(const struct access *a, const struct access_ask *ask, uint32_t *user,
                     uint32_t *torrent);

/* May the holder of the passkey ask anything at |unix_s|? After access_look_ahead(). */
enum access_refusal access_check_user(const struct access *a, const struct access_ask *ask,
                                      int64_t unix_s, struct access_grant *g);

/* May the user whom access_check_user() has just granted make this announce? Someone who only says
 * "stopped" may, also of a torrent that was removed or that he may not leech, so that what he moved
 * until then counts. All but the slots and BUSY. */
enum access_refusal access_check_announce(const struct access *a, const struct access_ask *ask,
                                          const struct tracker_announce *announce,
                                          struct access_grant *g);

/* The torrent with this hash if it is registered and not hidden; 0 if not. */
uint32_t access_find_visible(const struct access *a, const uint8_t hash[TRACKER_HASH_LEN]);

#endif
