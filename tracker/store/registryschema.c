/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The statements that bring a database from each version to the next. Statements of a published
 * version are never changed.
 */
#include "tracker/store/registryschema.h"

#include "tracker/store/registry.h"

static const char *const migrations[] = {
    /* 0 → 1 */
    "CREATE TABLE counter (change INTEGER NOT NULL);"
    "INSERT INTO counter VALUES (0);"
    "CREATE TABLE users ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    " class TEXT NOT NULL,"
    " enabled INTEGER NOT NULL, can_leech INTEGER NOT NULL, slots INTEGER NOT NULL,"
    " added INTEGER NOT NULL,"
    " seen INTEGER NOT NULL DEFAULT 0," /* from here on: kept by accounts.c */
    " uploaded INTEGER NOT NULL DEFAULT 0,"
    " downloaded INTEGER NOT NULL DEFAULT 0,"
    " downloaded_raw INTEGER NOT NULL DEFAULT 0," /* freeleech included */
    " change INTEGER NOT NULL);"
    "CREATE INDEX users_by_change ON users (change);"
    "CREATE TABLE passkeys ("
    " key BLOB PRIMARY KEY,"
    " user INTEGER NOT NULL REFERENCES users(id),"
    " created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL,"
    " change INTEGER NOT NULL);"
    "CREATE INDEX passkeys_by_user ON passkeys (user);"
    "CREATE INDEX passkeys_by_change ON passkeys (change);"
    "CREATE TABLE torrents ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL, size INTEGER NOT NULL,"
    " v1 BLOB, v2 BLOB," /* info-hashes, 20 and 32 bytes, or NULL */
    " freeleech INTEGER NOT NULL, hidden INTEGER NOT NULL,"
    " added INTEGER NOT NULL, removed INTEGER NOT NULL, reason TEXT NOT NULL,"
    " uploaded INTEGER NOT NULL DEFAULT 0," /* from here on: kept by accounts.c */
    " downloaded_raw INTEGER NOT NULL DEFAULT 0,"
    " completed INTEGER NOT NULL DEFAULT 0,"
    " change INTEGER NOT NULL);"
    "CREATE INDEX torrents_by_change ON torrents (change);"
    "CREATE TABLE hashes ("
    " hash BLOB PRIMARY KEY," /* as announced: 20 bytes */
    " torrent INTEGER NOT NULL REFERENCES torrents(id)) WITHOUT ROWID;"
    "CREATE TABLE clients ("
    " prefix TEXT PRIMARY KEY, rule INTEGER NOT NULL, change INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE totals ("
    " user INTEGER NOT NULL REFERENCES users(id),"
    " torrent INTEGER NOT NULL REFERENCES torrents(id),"
    " uploaded INTEGER NOT NULL, downloaded INTEGER NOT NULL, downloaded_raw INTEGER NOT NULL,"
    " seed_s INTEGER NOT NULL, completed INTEGER NOT NULL, seen INTEGER NOT NULL,"
    " PRIMARY KEY (user, torrent)) WITHOUT ROWID;"
    "CREATE TABLE sessions (" /* described in accounts.h */
    " user INTEGER NOT NULL, torrent INTEGER NOT NULL, peer_id BLOB NOT NULL,"
    " key INTEGER NOT NULL,"
    " uploaded INTEGER NOT NULL, downloaded INTEGER NOT NULL, remaining INTEGER NOT NULL,"
    " seeds INTEGER NOT NULL, ended INTEGER NOT NULL, seen INTEGER NOT NULL,"
    " PRIMARY KEY (user, torrent, peer_id, key)) WITHOUT ROWID;"
    "CREATE TABLE batches ("
    " run INTEGER PRIMARY KEY, seq INTEGER NOT NULL, applied INTEGER NOT NULL);"
    "CREATE TABLE signals ("
    " user INTEGER NOT NULL REFERENCES users(id),"
    " torrent INTEGER NOT NULL REFERENCES torrents(id),"
    " kind INTEGER NOT NULL, count INTEGER NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, worst INTEGER NOT NULL,"
    " PRIMARY KEY (user, torrent, kind)) WITHOUT ROWID;",
    /* 1 → 2: sessions to which several trackers report */
    "ALTER TABLE sessions ADD COLUMN began INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN rise INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN before_uploaded INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN before_downloaded INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN before_began INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN before_rise INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN aside_uploaded INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN aside_downloaded INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN aside_rise INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN run INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN completed INTEGER NOT NULL DEFAULT 0;"
    "UPDATE sessions SET rise = seen;"
    "UPDATE sessions SET completed = coalesce((SELECT t.completed FROM totals t"
    " WHERE t.user = sessions.user AND t.torrent = sessions.torrent), 0);",
    /* 2 → 3: sessions as evidence (session.h), without the key. The counters of an existing session
       become its baseline, so that nothing counts twice. Signals of the kinds no-leechers and rate
       are deleted, since the rules that raised them accused honest users too. */
    "ALTER TABLE sessions RENAME TO sessions_2;"
    "CREATE TABLE sessions (" /* described in sessiontable.h */
    " user INTEGER NOT NULL, torrent INTEGER NOT NULL, peer_id BLOB NOT NULL,"
    " uploaded INTEGER NOT NULL, downloaded INTEGER NOT NULL,"
    " base_uploaded INTEGER NOT NULL, base_downloaded INTEGER NOT NULL, first INTEGER NOT NULL,"
    " start INTEGER NOT NULL, older BLOB,"
    " top_uploaded INTEGER NOT NULL, top_uploaded_at INTEGER NOT NULL,"
    " top_downloaded INTEGER NOT NULL, top_downloaded_at INTEGER NOT NULL,"
    " stop_uploaded INTEGER NOT NULL, stop_downloaded INTEGER NOT NULL, stop_at INTEGER NOT NULL,"
    " fell INTEGER NOT NULL, remaining INTEGER NOT NULL, seeds INTEGER NOT NULL,"
    " seen INTEGER NOT NULL, run INTEGER NOT NULL, completed INTEGER NOT NULL,"
    " PRIMARY KEY (user, torrent, peer_id)) WITHOUT ROWID;"
    "INSERT INTO sessions SELECT user, torrent, peer_id, 0, 0,"
    " max(uploaded), max(downloaded), max(seen), 0, NULL,"
    " max(uploaded), max(seen), max(downloaded), max(seen),"
    " max(uploaded) * min(ended), max(downloaded) * min(ended), max(seen) * min(ended), 0,"
    " min(remaining), max(seeds), max(seen), 0, max(completed)"
    " FROM sessions_2 GROUP BY user, torrent, peer_id;"
    "DROP TABLE sessions_2;"
    "CREATE TABLE forgotten (before INTEGER NOT NULL);" /* see accounts.h */
    "INSERT INTO forgotten VALUES (0);"
    "DELETE FROM signals WHERE kind IN (0, 1);"
    "ALTER TABLE users ADD COLUMN busy_up INTEGER NOT NULL DEFAULT 0;" /* see allowance.h */
    "ALTER TABLE users ADD COLUMN busy_down INTEGER NOT NULL DEFAULT 0;"
    /* Adds a row of sums over the other tables (registrysums.h). */
    "CREATE TABLE sums ("
    " users INTEGER NOT NULL, users_enabled INTEGER NOT NULL,"
    " torrents INTEGER NOT NULL, torrents_removed INTEGER NOT NULL,"
    " uploaded INTEGER NOT NULL, downloaded INTEGER NOT NULL, downloaded_raw INTEGER NOT NULL,"
    " completed INTEGER NOT NULL, seed_s INTEGER NOT NULL, signals INTEGER NOT NULL);"
    /* SQLite's sum() fails beyond 63 bits, so the upper and the lower bits are summed apart. */
    "INSERT INTO sums SELECT count(*), coalesce(sum(enabled <> 0), 0),"
    " (SELECT count(*) FROM torrents), (SELECT count(*) FROM torrents WHERE removed <> 0),"
    " min(coalesce(sum(uploaded >> 24), 0), 274877906943) * 16777216"
    " + coalesce(sum(uploaded & 16777215), 0),"
    " min(coalesce(sum(downloaded >> 24), 0), 274877906943) * 16777216"
    " + coalesce(sum(downloaded & 16777215), 0),"
    " min(coalesce(sum(downloaded_raw >> 24), 0), 274877906943) * 16777216"
    " + coalesce(sum(downloaded_raw & 16777215), 0),"
    " (SELECT coalesce(sum(completed), 0) FROM torrents),"
    " (SELECT min(coalesce(sum(seed_s >> 24), 0), 274877906943) * 16777216"
    " + coalesce(sum(seed_s & 16777215), 0) FROM totals),"
    " (SELECT count(*) FROM signals) FROM users;",
};

_Static_assert(sizeof(migrations) / sizeof(migrations[0]) == REGISTRY_SCHEMA_VERSION,
               "every schema version has its migration");

const struct db_schema registryschema = {
    .application_id = 0x53707472, /* "Sptr" */
    .migrations = migrations,
    .migration_count = REGISTRY_SCHEMA_VERSION,
    .durable = true,
};
