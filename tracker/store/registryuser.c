/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The registry's users and their passkeys.
 */
#include "common/crypto/random.h"
#include "common/sys/clock.h"
#include "tracker/store/registrydb.h"
#include "tracker/store/registrysums.h"

static int
check_user(const struct registry_user *u, struct errbuf *eb)
{
    if (!registry_is_text(u->name, REGISTRY_NAME_MAX))
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "a user's name is 1 to %d bytes of text without blanks at its ends",
                          REGISTRY_NAME_MAX);
    if (u->class[0] != '\0' && !registry_is_text(u->class, REGISTRY_CLASS_MAX))
        return errbuf_set(eb, SPRAT_E_INVAL, "a class is at most %d bytes of text",
                          REGISTRY_CLASS_MAX);
    if (u->slots > REGISTRY_SLOTS_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL, "slots are at most %d", REGISTRY_SLOTS_MAX);
    return 0;
}

static int
insert_user(struct registry *r, struct registry_user *u, int64_t change, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int rc, err = db_prepare(r->db,
                             "INSERT INTO users (name, class, enabled, can_leech, slots, added, "
                             "change) VALUES (?, ?, ?, ?, ?, ?, ?)",
                             &q, eb);

    if (err != 0)
        return err;
    u->added = clock_unix();
    sqlite3_bind_text(q, 1, u->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, u->class, -1, SQLITE_STATIC);
    sqlite3_bind_int(q, 3, u->enabled);
    sqlite3_bind_int(q, 4, u->can_leech);
    sqlite3_bind_int64(q, 5, u->slots);
    sqlite3_bind_int64(q, 6, u->added);
    sqlite3_bind_int64(q, 7, change);
    rc = sqlite3_step(q);
    sqlite3_reset(q);
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        return errbuf_set(eb, SPRAT_E_EXISTS, "there is a user %s already", u->name);
    if (rc != SQLITE_DONE)
        return db_error(r->db, rc, "adding a user", eb);
    u->id = sqlite3_last_insert_rowid(db_handle(r->db));
    if (u->id >= ACCESS_USERS_MAX)
        return errbuf_set(eb, SPRAT_E_LIMIT, "the maximum of %d users is reached",
                          ACCESS_USERS_MAX - 1);
    return registrysums_add_user(r, u->enabled, eb);
}

/* Adds a new passkey; runs within a transaction. */
static int
insert_passkey(struct registry *r, int64_t user, int64_t expires, int64_t change,
               uint8_t passkey[ACCESS_PASSKEY_LEN], struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db,
                         "INSERT INTO passkeys (key, user, created, expires, revoked, change) "
                         "VALUES (?, ?, ?, ?, 0, ?)",
                         &q, eb);

    if (err != 0)
        return err;
    random_bytes(passkey, ACCESS_PASSKEY_LEN);
    sqlite3_bind_blob(q, 1, passkey, ACCESS_PASSKEY_LEN, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, user);
    sqlite3_bind_int64(q, 3, clock_unix());
    sqlite3_bind_int64(q, 4, expires);
    sqlite3_bind_int64(q, 5, change);
    return db_run(r->db, q, "adding a passkey", eb);
}

int
registry_add_user(struct registry *r, struct registry_user *u, uint8_t passkey[ACCESS_PASSKEY_LEN],
                  struct errbuf *eb)
{
    int64_t change;
    int err = check_user(u, eb);

    if (err == 0)
        err = registry_begin(r, &change, eb);
    if (err != 0)
        return err;
    err = insert_user(r, u, change, eb);
    if (err == 0)
        err = insert_passkey(r, u->id, 0, change, passkey, eb);
    return registry_end(r, err, eb);
}

#define USER_COLUMNS                                                                               \
    "id, name, class, enabled, can_leech, slots, added, seen, uploaded, downloaded, "              \
    "downloaded_raw"

static void
read_user(sqlite3_stmt *q, struct registry_user *u)
{
    *u = (struct registry_user){
        .id = sqlite3_column_int64(q, 0),
        .enabled = sqlite3_column_int(q, 3) != 0,
        .can_leech = sqlite3_column_int(q, 4) != 0,
        .slots = (uint32_t)registry_get_u64(q, 5),
        .added = sqlite3_column_int64(q, 6),
        .seen = sqlite3_column_int64(q, 7),
        .uploaded = registry_get_u64(q, 8),
        .downloaded = registry_get_u64(q, 9),
        .downloaded_raw = registry_get_u64(q, 10),
    };
    registry_get_text(q, 1, u->name, sizeof(u->name));
    registry_get_text(q, 2, u->class, sizeof(u->class));
}

int
registry_find_user(struct registry *r, const char *name, struct registry_user *out,
                   struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db, "SELECT " USER_COLUMNS " FROM users WHERE name = ?", &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    err = registry_step(r, q, "looking for a user", eb);
    if (err == 1)
        read_user(q, out);
    sqlite3_reset(q);
    if (err == 0)
        return errbuf_set(eb, SPRAT_E_NOTFOUND, "there is no user %s", name);
    return err < 0 ? err : 0;
}

int
registry_set_user(struct registry *r, const struct registry_user *u, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int64_t change;
    int err = check_user(u, eb);

    if (err == 0)
        err = registry_begin(r, &change, eb);
    if (err != 0)
        return err;
    err = registrysums_set_user(r, u->id, u->enabled, eb);
    if (err == 0)
        err = db_prepare(r->db,
                         "UPDATE users SET class = ?, enabled = ?, can_leech = ?, slots = ?, "
                         "change = ? WHERE id = ?",
                         &q, eb);
    if (err == 0) {
        sqlite3_bind_text(q, 1, u->class, -1, SQLITE_STATIC);
        sqlite3_bind_int(q, 2, u->enabled);
        sqlite3_bind_int(q, 3, u->can_leech);
        sqlite3_bind_int64(q, 4, u->slots);
        sqlite3_bind_int64(q, 5, change);
        sqlite3_bind_int64(q, 6, u->id);
        err = db_run(r->db, q, "changing a user", eb);
    }
    if (err == 0)
        err = registry_need_change(r, "such user", eb);
    return registry_end(r, err, eb);
}

static const char by_name[] = "SELECT " USER_COLUMNS " FROM users ORDER BY name LIMIT ? OFFSET ?";
static const char by_uploaded[] =
    "SELECT " USER_COLUMNS " FROM users ORDER BY uploaded DESC, name LIMIT ? OFFSET ?";

int
registry_each_user(struct registry *r, enum registry_order order, uint64_t skip, uint64_t limit,
                   int (*each)(void *ctx, const struct registry_user *u), void *ctx,
                   struct errbuf *eb)
{
    struct registry_user u;
    sqlite3_stmt *q;
    int err = db_prepare(r->db, order == REGISTRY_BY_NAME ? by_name : by_uploaded, &q, eb);

    if (err != 0)
        return err;
    registry_bind_page(q, 1, skip, limit);
    while (registry_next(r, q, "listing users", &err, eb)) {
        read_user(q, &u);
        err = each(ctx, &u);
    }
    return err;
}

/* ---- passkeys ---- */

/* Counts the user's passkeys that are not revoked. NOTFOUND if there is no such user. */
static int
count_passkeys(struct registry *r, int64_t user, int64_t *count, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db,
                         "SELECT (SELECT count(*) FROM passkeys WHERE user = u.id AND revoked = 0)"
                         " FROM users u WHERE u.id = ?",
                         &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, user);
    err = registry_step(r, q, "looking for a user", eb);
    if (err == 1)
        *count = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    if (err == 0)
        return errbuf_set(eb, SPRAT_E_NOTFOUND, "there is no such user");
    return err < 0 ? err : 0;
}

int
registry_add_passkey(struct registry *r, int64_t user, int64_t expires,
                     uint8_t passkey[ACCESS_PASSKEY_LEN], struct errbuf *eb)
{
    int64_t change, count = 0;
    int err = registry_begin(r, &change, eb);

    if (err != 0)
        return err;
    err = count_passkeys(r, user, &count, eb);
    if (err == 0 && count >= REGISTRY_PASSKEYS_MAX)
        err = errbuf_set(eb, SPRAT_E_LIMIT, "the user has %d passkeys: revoke one, or rotate them",
                         REGISTRY_PASSKEYS_MAX);
    if (err == 0)
        err = insert_passkey(r, user, expires, change, passkey, eb);
    return registry_end(r, err, eb);
}

int
registry_rotate_passkey(struct registry *r, int64_t user, uint8_t passkey[ACCESS_PASSKEY_LEN],
                        struct errbuf *eb)
{
    int64_t change, count;
    int err = registry_begin(r, &change, eb);

    if (err != 0)
        return err;
    err = count_passkeys(r, user, &count, eb);
    if (err == 0)
        err = db_run_with(r->db,
                          "UPDATE passkeys SET revoked = 1, change = ? WHERE user = ? AND "
                          "revoked = 0",
                          (const int64_t[]){change, user}, 2, "revoking passkeys", eb);
    if (err == 0)
        err = insert_passkey(r, user, 0, change, passkey, eb);
    return registry_end(r, err, eb);
}

int
registry_revoke_passkey(struct registry *r, int64_t user, const uint8_t passkey[ACCESS_PASSKEY_LEN],
                        struct errbuf *eb)
{
    int64_t change;
    sqlite3_stmt *q;
    int err = registry_begin(r, &change, eb);

    if (err != 0)
        return err;
    err = db_prepare(
        r->db, "UPDATE passkeys SET revoked = 1, change = ? WHERE key = ? AND user = ?", &q, eb);
    if (err == 0) {
        sqlite3_bind_int64(q, 1, change);
        sqlite3_bind_blob(q, 2, passkey, ACCESS_PASSKEY_LEN, SQLITE_STATIC);
        sqlite3_bind_int64(q, 3, user);
        err = db_run(r->db, q, "revoking a passkey", eb);
    }
    if (err == 0)
        err = registry_need_change(r, "such passkey of this user", eb);
    return registry_end(r, err, eb);
}

int
registry_expire_passkeys(struct registry *r, int64_t user, int64_t expires, struct errbuf *eb)
{
    int64_t change;
    int err = registry_begin(r, &change, eb);

    if (err != 0)
        return err;
    err = db_run_with(r->db,
                      "UPDATE passkeys SET expires = ?, change = ? WHERE user = ? AND revoked = 0",
                      (const int64_t[]){expires, change, user}, 3, "changing passkeys", eb);
    if (err == 0)
        err = registry_need_change(r, "passkey of this user that is not revoked", eb);
    return registry_end(r, err, eb);
}

int
registry_each_passkey(struct registry *r, int64_t user,
                      int (*each)(void *ctx, const struct registry_passkey *k), void *ctx,
                      struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db,
                         "SELECT key, created, expires, revoked FROM passkeys WHERE user = ? "
                         "ORDER BY rowid",
                         &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, user);
    while (registry_next(r, q, "listing passkeys", &err, eb)) {
        struct registry_passkey k = {
            .created = sqlite3_column_int64(q, 1),
            .expires = sqlite3_column_int64(q, 2),
            .revoked = sqlite3_column_int(q, 3) != 0,
        };

        if (!registry_get_blob(q, 0, k.key, sizeof(k.key)))
            continue;
        err = each(ctx, &k);
    }
    return err;
}
