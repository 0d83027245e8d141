/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The registry of a private tracker, in SQLite: users, their passkeys, torrents, rules about
 * clients, and who moved how much of what. One file that the daemon, its admin API and the
 * operator's commands share; several processes may have it open at once. All calls block: they are
 * for commands, and for the daemon's own thread for the database (accountant.h), never for a loop.
 * One struct registry is for one thread at a time.
 *
 * Each change of what announces depend on gets the next number of a counter, so that a daemon reads
 * what is new by "everything behind number N" (registry_read_changes). No row of that is ever
 * deleted: a passkey is revoked, a torrent removed with a reason, a rule set to none.
 *
 * All calls return 0 or a negative sprat_err, with a sentence in |eb|: what db.h says (BUSY,
 * NOSPACE, READONLY, ACCESS, DB, NOMEM), and what stands at each.
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
    REGISTRY_PASSKEYS_MAX = 16, /* of one user that are not revoked */
    REGISTRY_SLOTS_MAX = ACCESS_SLOTS_MAX,
};

struct registry;

/* Opens the file; |create|: makes it if it is not there, else that is NOENT. After an unclean end
 * all its pages are checked, which takes a second for 150 MB. */
int registry_open(const char *path, bool create, struct registry **out, struct errbuf *eb);
/* The same without that check (db_open_unchecked()): for commands, and for a further connection of
 * a process. */
int registry_open_unchecked(const char *path, bool create, struct registry **out,
                            struct errbuf *eb);
/* Checks the whole database. DB: it is damaged. */
int registry_check(struct registry *r, struct errbuf *eb);
/* NULL is legal. */
void registry_close(struct registry *r);

/* Waits no longer than that for another who writes; until this is called, DB_BUSY_MS. */
void registry_wait_ms(struct registry *r, int ms);

/* ---- users ---- */

struct registry_user {
    int64_t id;
    char name[REGISTRY_NAME_MAX + 1];
    char class[REGISTRY_CLASS_MAX + 1]; /* any word of the operator's, "" for none */
    bool enabled;
    bool can_leech;
    uint32_t slots;      /* most torrents that are leeched at once; 0: any number */
    int64_t added, seen; /* unix seconds; |seen|: of the last announce in the accounts, or 0 */
    /* Bytes. What freeleech torrents sent does not count as downloaded, but as |downloaded_raw|. */
    uint64_t uploaded, downloaded, downloaded_raw;
};

/* Adds a user with a first passkey: |u->name|, |class|, |enabled|, |can_leech| and |slots| are
 * read, |id| and |added| are set. EXISTS; INVAL: the name is empty or no printable UTF-8 text. */
int registry_add_user(struct registry *r, struct registry_user *u,
                      uint8_t passkey[ACCESS_PASSKEY_LEN], struct errbuf *eb);

/* By name, without regard to ASCII case. NOTFOUND. */
int registry_find_user(struct registry *r, const char *name, struct registry_user *out,
                       struct errbuf *eb);

/* Stores |class|, |enabled|, |can_leech| and |slots| of the user with |u->id|. NOTFOUND, INVAL. */
int registry_set_user(struct registry *r, const struct registry_user *u, struct errbuf *eb);

/* Calls |each| for |limit| users after the first |skip|, in the order of their names, or of bytes
 * uploaded, the most first. |each| must not use the registry; what it returns other than 0 ends the
 * walk and is returned. */
enum registry_order { REGISTRY_BY_NAME, REGISTRY_BY_UPLOADED };
int registry_each_user(struct registry *r, enum registry_order order, uint64_t skip, uint64_t limit,
                       int (*each)(void *ctx, const struct registry_user *u), void *ctx,
                       struct errbuf *eb);

/* ---- passkeys ---- */

struct registry_passkey {
    uint8_t key[ACCESS_PASSKEY_LEN];
    int64_t created; /* unix seconds */
    int64_t expires; /* from then on it is no good; 0: never */
    bool revoked;
};

/* Gives the user one more passkey. NOTFOUND; LIMIT: it has REGISTRY_PASSKEYS_MAX. */
int registry_add_passkey(struct registry *r, int64_t user, int64_t expires,
                         uint8_t passkey[ACCESS_PASSKEY_LEN], struct errbuf *eb);

/* Revokes all of the user's passkeys and gives one new one. NOTFOUND. */
int registry_rotate_passkey(struct registry *r, int64_t user, uint8_t passkey[ACCESS_PASSKEY_LEN],
                            struct errbuf *eb);

/* NOTFOUND: the user has no such passkey. */
int registry_revoke_passkey(struct registry *r, int64_t user,
                            const uint8_t passkey[ACCESS_PASSKEY_LEN], struct errbuf *eb);

/* Sets when all of the user's passkeys that are not revoked expire; 0: never. NOTFOUND: there is
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
    uint64_t size; /* payload bytes; 0: not known */
    /* A hybrid has both, and is one torrent. */
    bool has_v1, has_v2;
    uint8_t v1[20], v2[32];
    bool freeleech;  /* what is downloaded of it does not count */
    bool hidden;     /* not shown in scrapes, lists of top torrents and the like */
    int64_t added;   /* unix seconds */
    int64_t removed; /* unix seconds; 0: it is registered */
    char reason[ACCESS_REASON_MAX + 1]; /* of the removal: clients are shown it */
    /* Of all users, bytes and how many completed it. */
    uint64_t uploaded, downloaded_raw, completed;
};

/* Registers a torrent, or again one that was removed; |t->id| is set. A hash of it that is
 * registered alone already becomes this torrent's other half. EXISTS: it is registered as it is;
 * MISMATCH: its two hashes are those of two torrents; INVAL: no hash. */
int registry_add_torrent(struct registry *r, struct registry_torrent *t, struct errbuf *eb);

/* By a v1 hash of 20 bytes or a v2 hash of 32, or 20 bytes of it. NOTFOUND. */
int registry_find_torrent(struct registry *r, const uint8_t *hash, size_t len,
                          struct registry_torrent *out, struct errbuf *eb);

/* Stores |freeleech| and |hidden| of the torrent with |t->id|. NOTFOUND. */
int registry_set_torrent(struct registry *r, const struct registry_torrent *t, struct errbuf *eb);

/* From now on clients get |reason|. NOTFOUND; INVAL: the reason is empty, too long or no text. */
int registry_remove_torrent(struct registry *r, int64_t id, const char *reason, struct errbuf *eb);

/* The latest first; otherwise as registry_each_user(). */
int registry_each_torrent(struct registry *r, uint64_t skip, uint64_t limit,
                          int (*each)(void *ctx, const struct registry_torrent *t), void *ctx,
                          struct errbuf *eb);

/* ---- rules about clients ---- */

/* Sets the rule for peer ids that begin with |prefix|; ACCESS_CLIENT_NONE takes it away. INVAL: 1
 * to 20 printable ASCII characters. NOTFOUND: there is none to take away. */
int registry_set_client(struct registry *r, const char *prefix, enum access_client rule,
                        struct errbuf *eb);

/* By prefix; otherwise as registry_each_user(). */
int registry_each_client(struct registry *r,
                         int (*each)(void *ctx, const char *prefix, enum access_client rule),
                         void *ctx, struct errbuf *eb);

/* ---- what the accounts say ---- */

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
    uint8_t hash[20]; /* one that it is announced by, v1 where it has one */
    uint64_t uploaded, downloaded, downloaded_raw;
    uint64_t seed_s;   /* seconds */
    int64_t completed; /* unix seconds of the first completion; 0: none */
    int64_t seen;      /* unix seconds of the last announce */
};
/* Of a user, the last seen first; otherwise as registry_each_user(). */
int registry_each_total(struct registry *r, int64_t user, uint64_t skip, uint64_t limit,
                        int (*each)(void *ctx, const struct registry_total *t), void *ctx,
                        struct errbuf *eb);

/* Something about a user and a torrent that a person should look at; nothing acts on it. */
struct registry_signal {
    char user[REGISTRY_NAME_MAX + 1];
    char torrent[REGISTRY_TITLE_MAX + 1];
    const char *kind;    /* a name of SIGNALS_TABLE; static */
    uint64_t count;      /* how often */
    int64_t first, last; /* unix seconds */
    uint64_t worst;      /* the largest of them; its unit is the kind's */
};
/* The latest first; otherwise as registry_each_user(). */
int registry_each_signal(struct registry *r, uint64_t skip, uint64_t limit,
                         int (*each)(void *ctx, const struct registry_signal *s), void *ctx,
                         struct errbuf *eb);

/* ---- for the daemon ---- */

/* A number that differs when another connection, of this process or another, has changed the file
 * since the last call. Cheap enough for every second. */
int registry_data_version(struct registry *r, int64_t *version, struct errbuf *eb);

/* Hands on all rows that were changed behind |*change| (0: all there are), users and torrents
 * before what belongs to them, and sets |*change| for the next call. RANGE: an id is beyond
 * access.h; and the sink's. */
int registry_read_changes(struct registry *r, int64_t *change, const struct access_sink *sink,
                          struct errbuf *eb);

#endif
