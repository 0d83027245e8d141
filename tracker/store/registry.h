/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The registry of a private tracker, in SQLite: users, their passkeys, torrents, rules about
 * clients, and the accounts of uploads and downloads. The daemon, its admin API and the operator's
 * commands share one file; several processes may have it open at once. All calls block: they are
 * for commands, and for the daemon's thread for the database (accountant.h), never for a loop. One
 * struct registry is for one thread at a time.
 *
 * Each change that affects announces gets the next number of a counter, so a daemon reads all
 * changes after number N (registry_read_changes). The rows concerned are never deleted: a passkey
 * is revoked, a torrent is removed with a reason, a rule is set to none.
 *
 * All calls return 0 or a negative sprat_err, with a message in |eb|: one of db.h (BUSY, NOSPACE,
 * READONLY, ACCESS, DB, NOMEM), or one that the comment of the call names.
 */
#ifndef TRACKER_STORE_REGISTRY_H
#define TRACKER_STORE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "tracker/core/access.h"

enum {
    REGISTRY_SCHEMA_VERSION = 3,
    REGISTRY_NAME_MAX = 64,     /* bytes of a user's name */
    REGISTRY_CLASS_MAX = 32,    /* bytes of a user's class */
    REGISTRY_TITLE_MAX = 255,   /* bytes of a torrent's name; longer ones are cut */
    REGISTRY_PASSKEYS_MAX = 16, /* passkeys of one user that are not revoked */
    REGISTRY_SLOTS_MAX = ACCESS_SLOTS_MAX,
};

struct registry;

/* Opens the file. If it does not exist it is created if |create| is set, and otherwise the error is
 * NOENT. After a crash all pages are checked, which takes a second for 150 MB. */
int registry_open(const char *path, bool create, struct registry **out, struct errbuf *eb);
/* Opens the file without that check (db_open_unchecked()): for commands, and for a further
 * connection of the same process. */
int registry_open_unchecked(const char *path, bool create, struct registry **out,
                            struct errbuf *eb);
/* Checks the whole database. Returns DB if it is damaged. */
int registry_check(struct registry *r, struct errbuf *eb);
/* NULL is legal. */
void registry_close(struct registry *r);

/* Sets how long to wait for another connection that writes; the default is DB_BUSY_MS. */
void registry_wait_ms(struct registry *r, int ms);

/* ---- users ---- */

struct registry_user {
    int64_t id;
    char name[REGISTRY_NAME_MAX + 1];
    char class[REGISTRY_CLASS_MAX + 1]; /* any word that the operator chooses; "" for none */
    bool enabled;
    bool can_leech;
    uint32_t slots;      /* maximum number of torrents to leech at once; 0: any number */
    int64_t added, seen; /* Unix seconds; |seen| is the last announce in the accounts, or 0 */
    /* Bytes. Downloads of freeleech torrents count in |downloaded_raw| only. */
    uint64_t uploaded, downloaded, downloaded_raw;
};

/* Adds a user with a first passkey: |u->name|, |class|, |enabled|, |can_leech| and |slots| are
 * read, |id| and |added| are set. EXISTS; INVAL: the name is empty or no printable UTF-8 text. */
int registry_add_user(struct registry *r, struct registry_user *u,
                      uint8_t passkey[ACCESS_PASSKEY_LEN], struct errbuf *eb);

/* Finds a user by name, without regard to ASCII case. NOTFOUND. */
int registry_find_user(struct registry *r, const char *name, struct registry_user *out,
                       struct errbuf *eb);

/* Stores |class|, |enabled|, |can_leech| and |slots| of the user with |u->id|. NOTFOUND, INVAL. */
int registry_set_user(struct registry *r, const struct registry_user *u, struct errbuf *eb);

/* Calls |each| for |limit| users after the first |skip|, in the order of their names, or of bytes
 * uploaded, the most first. |each| must not use the registry; if it returns another value than 0,
 * the walk ends and returns that value. */
enum registry_order { REGISTRY_BY_NAME, REGISTRY_BY_UPLOADED };
int registry_each_user(struct registry *r, enum registry_order order, uint64_t skip, uint64_t limit,
                       int (*each)(void *ctx, const struct registry_user *u), void *ctx,
                       struct errbuf *eb);

/* ---- passkeys ---- */

struct registry_passkey {
    uint8_t key[ACCESS_PASSKEY_LEN];
    int64_t created; /* unix seconds */
    int64_t expires; /* Unix seconds from which on it is invalid; 0: never */
    bool revoked;
};

/* Adds a passkey. NOTFOUND; LIMIT: the user has REGISTRY_PASSKEYS_MAX. */
int registry_add_passkey(struct registry *r, int64_t user, int64_t expires,
                         uint8_t passkey[ACCESS_PASSKEY_LEN], struct errbuf *eb);

/* Revokes all passkeys of the user and adds a new one. NOTFOUND. */
int registry_rotate_passkey(struct registry *r, int64_t user, uint8_t passkey[ACCESS_PASSKEY_LEN],
                            struct errbuf *eb);

/* Revokes a passkey. NOTFOUND: the user has no such passkey. */
int registry_revoke_passkey(struct registry *r, int64_t user,
                            const uint8_t passkey[ACCESS_PASSKEY_LEN], struct errbuf *eb);

/* Sets when all passkeys of the user expire that are not revoked; 0: never. NOTFOUND: there is
 * none. */
int registry_expire_passkeys(struct registry *r, int64_t user, int64_t expires, struct errbuf *eb);

/* The oldest first; otherwise as registry_each_user(). */
int registry_each_passkey(struct registry *r, int64_t user,
                          int (*each)(void *ctx, const struct registry_passkey *k), void *ctx,
                          struct errbuf *eb);

/* ---- torrents ---- */

struct registry_torrent {
    int64_t id;
    char name[REGISTRY_TITLE_MAX + 1];
    uint64_t size; /* payload bytes; 0: unknown */
    /* A hybrid has both, and is one torrent. */
    bool has_v1, has_v2;
    uint8_t v1[20], v2[32];
    bool freeleech;                     /* its downloads do not count */
    bool hidden;                        /* missing in scrapes and lists */
    int64_t added;                      /* unix seconds */
    int64_t removed;                    /* unix seconds; 0: it is registered */
    char reason[ACCESS_REASON_MAX + 1]; /* of the removal; clients show it */
    /* Totals of all users: bytes, and the number of completions. */
    uint64_t uploaded, downloaded_raw, completed;
};

/* Registers a torrent, also one that was removed; sets |t->id|. If one of its two hashes is
 * registered as a torrent already, that torrent gets the other hash. EXISTS: it is registered with
 * both; MISMATCH: its two hashes belong to two torrents; INVAL: it has no hash. */
int registry_add_torrent(struct registry *r, struct registry_torrent *t, struct errbuf *eb);

/* Finds a torrent by a v1 hash of 20 bytes, or a v2 hash of 32 bytes or its first 20. NOTFOUND. */
int registry_find_torrent(struct registry *r, const uint8_t *hash, size_t len,
                          struct registry_torrent *out, struct errbuf *eb);

/* Stores |freeleech| and |hidden| of the torrent with |t->id|. NOTFOUND. */
int registry_set_torrent(struct registry *r, const struct registry_torrent *t, struct errbuf *eb);

/* Removes a torrent: announces of it are refused with |reason| from now on. NOTFOUND; INVAL: the
 * reason is empty, too long or not UTF-8 text. */
int registry_remove_torrent(struct registry *r, int64_t id, const char *reason, struct errbuf *eb);

/* The latest first; otherwise as registry_each_user(). */
int registry_each_torrent(struct registry *r, uint64_t skip, uint64_t limit,
                          int (*each)(void *ctx, const struct registry_torrent *t), void *ctx,
                          struct errbuf *eb);

/* ---- rules about clients ---- */

/* Sets the rule for peer ids that begin with |prefix|; ACCESS_CLIENT_NONE removes it. INVAL:
 * |prefix| is not 1 to 20 printable ASCII characters. NOTFOUND: there is no rule to remove. */
int registry_set_client(struct registry *r, const char *prefix, enum access_client rule,
                        struct errbuf *eb);

/* Ordered by prefix; otherwise as registry_each_user(). */
int registry_each_client(struct registry *r,
                         int (*each)(void *ctx, const char *prefix, enum access_client rule),
                         void *ctx, struct errbuf *eb);

/* ---- totals and signals ---- */

struct registry_stats {
    uint64_t users, users_enabled, torrents, torrents_removed;
    uint64_t uploaded, downloaded, downloaded_raw, completed, seed_s;
    uint64_t signals; /* rows of registry_each_signal() */
};
int registry_stats(struct registry *r, struct registry_stats *out, struct errbuf *eb);

/* One user's account of one torrent. */
struct registry_total {
    char user[REGISTRY_NAME_MAX + 1];
    char torrent[REGISTRY_TITLE_MAX + 1];
    uint8_t hash[20]; /* the v1 hash, or the truncated v2 hash of a torrent without one */
    uint64_t uploaded, downloaded, downloaded_raw;
    uint64_t seed_s;   /* seconds */
    int64_t completed; /* unix seconds of the first completion; 0: none */
    int64_t seen;      /* unix seconds of the last announce */
};
/* The totals of a user, the last seen first; otherwise as registry_each_user(). */
int registry_each_total(struct registry *r, int64_t user, uint64_t skip, uint64_t limit,
                        int (*each)(void *ctx, const struct registry_total *t), void *ctx,
                        struct errbuf *eb);

/* A signal: something about a user and a torrent that a person should look at. No code acts on it.
 */
struct registry_signal {
    char user[REGISTRY_NAME_MAX + 1];
    char torrent[REGISTRY_TITLE_MAX + 1];
    const char *kind;    /* a name of SIGNALS_TABLE; static */
    uint64_t count;      /* how often */
    int64_t first, last; /* unix seconds */
    uint64_t worst;      /* the largest value; its unit depends on the kind */
};
/* The latest first; otherwise as registry_each_user(). */
int registry_each_signal(struct registry *r, uint64_t skip, uint64_t limit,
                         int (*each)(void *ctx, const struct registry_signal *s), void *ctx,
                         struct errbuf *eb);

/* ---- for the daemon ---- */

/* A number that changes when another connection, of any process, has changed the file. A call is
 * cheap enough for every second. */
int registry_data_version(struct registry *r, int64_t *version, struct errbuf *eb);

/* Passes all rows changed after number |*change| (0: all rows) to the sink, users and torrents
 * before the rows that refer to them, and sets |*change| for the next call. RANGE: an id is beyond
 * the limits of access.h; or an error of the sink. */
int registry_read_changes(struct registry *r, int64_t *change, const struct access_sink *sink,
                          struct errbuf *eb);

#endif
