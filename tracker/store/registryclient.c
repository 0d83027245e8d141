/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The registry's rules about clients. A rule that is removed stays as a row with the rule "none",
 * since daemons read changed rows and would not notice a missing one.
 */
#include "tracker/store/registrydb.h"

static int
check_prefix(const char *prefix, struct errbuf *eb)
{
    size_t len = strlen(prefix);
    bool good = len > 0 && len <= ACCESS_PREFIX_MAX;

    for (size_t i = 0; i < len && good; i++)
        good = prefix[i] > ' ' && prefix[i] < 0x7f;
    if (good)
        return 0;
    return errbuf_set(
        eb, SPRAT_E_INVAL,
        "the beginning of a peer id is 1 to %d printable ASCII characters, like -qB46",
        ACCESS_PREFIX_MAX);
}

/* Bounded, since every announce checks all rules. */
static int
check_count(struct registry *r, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(r->db, "SELECT count(*) FROM clients WHERE rule <> 0", &q, eb);

    if (err != 0)
        return err;
    err = registry_step(r, q, "counting rules", eb);
    if (err == 1)
        err = sqlite3_column_int64(q, 0) <= ACCESS_CLIENTS_MAX ? 0 : SPRAT_E_LIMIT;
    sqlite3_reset(q);
    if (err == SPRAT_E_LIMIT)
        errbuf_set(eb, err, "the maximum of %d rules is reached", ACCESS_CLIENTS_MAX);
    return err;
}

static int
take_away(struct registry *r, const char *prefix, int64_t change, struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db, "UPDATE clients SET rule = 0, change = ? WHERE prefix = ? AND rule <> 0", &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_int64(q, 1, change);
    sqlite3_bind_text(q, 2, prefix, -1, SQLITE_STATIC);
    err = db_run(r->db, q, "removing a rule", eb);
    return err == 0 ? registry_need_change(r, "such rule", eb) : err;
}

static int
put(struct registry *r, const char *prefix, enum access_client rule, int64_t change,
    struct errbuf *eb)
{
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db, "INSERT OR REPLACE INTO clients (prefix, rule, change) VALUES (?, ?, ?)", &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_text(q, 1, prefix, -1, SQLITE_STATIC);
    sqlite3_bind_int(q, 2, rule);
    sqlite3_bind_int64(q, 3, change);
    err = db_run(r->db, q, "storing a rule", eb);
    return err == 0 ? check_count(r, eb) : err;
}

int
registry_set_client(struct registry *r, const char *prefix, enum access_client rule,
                    struct errbuf *eb)
{
    int64_t change;
    int err = check_prefix(prefix, eb);

    if (err == 0)
        err = registry_begin(r, &change, eb);
    if (err != 0)
        return err;
    if (rule == ACCESS_CLIENT_NONE)
        err = take_away(r, prefix, change, eb);
    else
        err = put(r, prefix, rule, change, eb);
    return registry_end(r, err, eb);
}

int
registry_each_client(struct registry *r,
                     int (*each)(void *ctx, const char *prefix, enum access_client rule), void *ctx,
                     struct errbuf *eb)
{
    char prefix[ACCESS_PREFIX_MAX + 1];
    sqlite3_stmt *q;
    int err = db_prepare(
        r->db, "SELECT prefix, rule FROM clients WHERE rule IN (-1, 1) ORDER BY prefix", &q, eb);

    if (err != 0)
        return err;
    while (registry_next(r, q, "listing rules", &err, eb)) {
        registry_get_text(q, 0, prefix, sizeof(prefix));
        err = each(ctx, prefix, (enum access_client)sqlite3_column_int(q, 1));
    }
    return err;
}
