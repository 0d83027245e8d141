/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows in and out, and what a daemon learns of them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/tracker/tmpdb.h"

/* What a daemon is told, as text. */
struct told {
    char text[2000];
};

static int
say(struct told *t, const char *what, uint64_t number, const char *more)
{
    size_t len = strlen(t->text);

    snprintf(t->text + len, sizeof(t->text) - len, "%s%lu%s ", what, (unsigned long)number, more);
    return 0;
}

static int
on_row(void *ctx, const struct access_row *row)
{
    switch (row->kind) {
    case ACCESS_ROW_USER: return say(ctx, "user", row->user.id, row->user.enabled ? "" : "-");
    case ACCESS_ROW_PASSKEY:
        return say(ctx, "key-of", row->passkey.user, row->passkey.revoked ? "-" : "");
    case ACCESS_ROW_TORRENT:
        return say(ctx, "torrent", row->torrent.id,
                   row->torrent.removed != NULL ? row->torrent.removed : "");
    case ACCESS_ROW_HASH: return say(ctx, "hash", row->hash.bytes[0], "");
    case ACCESS_ROW_CLIENT: break;
    }
    return say(ctx, row->client.prefix, row->client.rule == ACCESS_CLIENT_ALLOW, "");
}

static int64_t change;

/* What is new since the last call. */
static const char *
news(struct registry *r, struct told *t)
{
    struct access_sink sink = {.ctx = t, .put = on_row};
    struct errbuf eb;

    t->text[0] = '\0';
    cr_assert_eq(registry_read_changes(r, &change, &sink, &eb), 0, "%s", eb.text);
    return t->text;
}

Test(registry, a_daemon_learns_what_is_new)
{
    struct registry_torrent torrent = {.has_v1 = true, .has_v2 = true, .v1 = {1}, .v2 = {8}};
    uint8_t passkey[ACCESS_PASSKEY_LEN];
    struct registry_user u;
    struct errbuf eb;
    struct tmpdb db;
    struct told t;

    tmpdb_open(&db, 2);
    change = 0;
    cr_assert_str_eq(news(db.registry, &t), "user1 key-of1 torrent1 torrent2 hash1 hash2 ");
    cr_assert_str_eq(news(db.registry, &t), "");
    cr_assert_eq(registry_find_user(db.registry, "ANNA", &u, &eb), 0);
    u.enabled = false;
    cr_assert_eq(registry_set_user(db.registry, &u, &eb), 0);
    cr_assert_eq(registry_rotate_passkey(db.registry, u.id, passkey, &eb), 0);
    cr_assert_str_eq(news(db.registry, &t), "user1- key-of1- key-of1 ");
    cr_assert_eq(registry_revoke_passkey(db.registry, u.id, passkey, &eb), 0);
    cr_assert_eq(registry_remove_torrent(db.registry, 2, "why", &eb), 0);
    cr_assert_str_eq(news(db.registry, &t), "key-of1- torrent2why hash2 ");
    cr_assert_eq(registry_add_torrent(db.registry, &torrent, &eb), 0, "%s", eb.text);
    cr_assert_eq(torrent.id, 1);
    cr_assert_eq(registry_set_client(db.registry, "-AB", ACCESS_CLIENT_ALLOW, &eb), 0);
    cr_assert_str_eq(news(db.registry, &t), "torrent1 hash1 hash8 -AB1 ");
    cr_assert_eq(registry_set_client(db.registry, "-AB", ACCESS_CLIENT_NONE, &eb), 0);
    cr_assert_str_eq(news(db.registry, &t), "-AB0 ");
    tmpdb_close(&db);
}

Test(registry, other_connections_are_noticed)
{
    struct registry_user u = {.name = "bob", .enabled = true};
    uint8_t passkey[ACCESS_PASSKEY_LEN];
    struct registry *other;
    int64_t before, after;
    struct errbuf eb;
    struct tmpdb db;

    tmpdb_open(&db, 1);
    cr_assert_eq(registry_data_version(db.registry, &before, &eb), 0);
    cr_assert_eq(registry_data_version(db.registry, &after, &eb), 0);
    cr_assert_eq(before, after);
    cr_assert_eq(registry_open(db.path, false, &other, &eb), 0);
    cr_assert_eq(registry_add_user(other, &u, passkey, &eb), 0);
    registry_close(other);
    cr_assert_eq(registry_data_version(db.registry, &after, &eb), 0);
    cr_assert_neq(before, after);
    tmpdb_close(&db);
}

Test(registry, what_can_not_be)
{
    struct registry_user u = {.name = "bob", .id = 9};
    struct registry_torrent t = {.id = 9};
    uint8_t passkey[ACCESS_PASSKEY_LEN] = {0};
    char reason[ACCESS_REASON_MAX + 2];
    struct registry *r;
    struct errbuf eb;
    struct tmpdb db;

    tmpdb_open(&db, 1);
    r = db.registry;
    cr_assert_eq(registry_set_user(r, &u, &eb), SPRAT_E_NOTFOUND);
    cr_assert_eq(registry_find_user(r, "bob", &u, &eb), SPRAT_E_NOTFOUND);
    cr_assert_eq(registry_add_passkey(r, 9, 0, passkey, &eb), SPRAT_E_NOTFOUND);
    cr_assert_eq(registry_rotate_passkey(r, 9, passkey, &eb), SPRAT_E_NOTFOUND);
    cr_assert_eq(registry_revoke_passkey(r, 1, passkey, &eb), SPRAT_E_NOTFOUND);
    cr_assert_eq(registry_expire_passkeys(r, 9, 1, &eb), SPRAT_E_NOTFOUND);
    cr_assert_eq(registry_add_torrent(r, &t, &eb), SPRAT_E_INVAL);
    cr_assert_eq(registry_set_torrent(r, &t, &eb), SPRAT_E_NOTFOUND);
    cr_assert_eq(registry_remove_torrent(r, 9, "x", &eb), SPRAT_E_NOTFOUND);
    cr_assert_eq(registry_remove_torrent(r, 1, "", &eb), SPRAT_E_INVAL);
    memset(reason, 'x', sizeof(reason));
    reason[sizeof(reason) - 1] = '\0';
    cr_assert_eq(registry_remove_torrent(r, 1, reason, &eb), SPRAT_E_INVAL);
    cr_assert_eq(registry_remove_torrent(r, 1, "\xff", &eb), SPRAT_E_INVAL);
    cr_assert_eq(registry_set_client(r, "", ACCESS_CLIENT_DENY, &eb), SPRAT_E_INVAL);
    cr_assert_eq(registry_set_client(r, "a b", ACCESS_CLIENT_DENY, &eb), SPRAT_E_INVAL);
    for (int i = 1; i < REGISTRY_PASSKEYS_MAX; i++)
        cr_assert_eq(registry_add_passkey(r, 1, 0, passkey, &eb), 0);
    cr_assert_eq(registry_add_passkey(r, 1, 0, passkey, &eb), SPRAT_E_LIMIT);
    cr_assert_eq(registry_open("/nowhere/at/all", true, &r, &eb), SPRAT_E_NOENT);
    tmpdb_close(&db);
}

static int
stop_at_once(void *ctx, const struct registry_user *u)
{
    (void)u;
    ++*(int *)ctx;
    return 5;
}

static int
count_passkeys(void *ctx, const struct registry_passkey *k)
{
    (void)k;
    ++*(int *)ctx;
    return 0;
}

Test(registry, walks_end_when_they_are_told)
{
    struct registry_stats s;
    struct errbuf eb;
    struct tmpdb db;
    int calls = 0, keys = 0;

    tmpdb_open(&db, 3);
    cr_assert_eq(registry_each_user(db.registry, REGISTRY_BY_NAME, 0, 9, stop_at_once, &calls, &eb),
                 5);
    cr_assert_eq(calls, 1);
    cr_assert_eq(
        registry_each_user(db.registry, REGISTRY_BY_UPLOADED, 1, 9, stop_at_once, &calls, &eb), 0);
    cr_assert_eq(calls, 1, "there is nobody behind the first");
    cr_assert_eq(registry_each_passkey(db.registry, 1, count_passkeys, &keys, &eb), 0);
    cr_assert_eq(keys, 1);
    cr_assert_eq(registry_stats(db.registry, &s, &eb), 0);
    cr_assert(s.users == 1 && s.users_enabled == 1 && s.torrents == 3 && s.torrents_removed == 0);
    tmpdb_close(&db);
}

Test(registry, names_can_be_printed)
{
    struct registry_torrent t = {.has_v1 = true, .v1 = {9}, .name = "a\x1b[31m\nb\xff"}, found;
    struct errbuf eb;
    struct tmpdb db;

    tmpdb_open(&db, 1);
    cr_assert_eq(registry_add_torrent(db.registry, &t, &eb), 0);
    cr_assert_eq(registry_find_torrent(db.registry, t.v1, sizeof(t.v1), &found, &eb), 0);
    cr_assert_str_eq(found.name, "a_[31m b_");
    tmpdb_close(&db);
}
