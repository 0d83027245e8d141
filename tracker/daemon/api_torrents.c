/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The API's calls about torrents, rules for clients, signals and totals.
 */
#include "tracker/daemon/api_torrents.h"

#include <string.h>

#include "common/rpc/message.h"
#include "tracker/operator/rowjson.h"
#include "tracker/operator/text.h"

static int
add_torrent(void *ctx, const struct registry_torrent *t)
{
    return api_page_add(ctx, rowjson_torrent(t));
}

int
api_torrents_list(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    struct api_page page;
    int err = api_page_begin(&page, c);

    if (err == 0)
        err = registry_each_torrent(r, c->skip, c->limit + 1, add_torrent, &page, eb);
    return api_page_end(&page, c, err);
}

/* Reads one of the two hashes of a new torrent, of |len| bytes. */
static int
take_hash(const json_t *body, const char *key, size_t len, uint8_t *out, bool *has,
          struct errbuf *eb)
{
    const char *text = NULL;
    uint8_t hash[32];
    size_t got;
    int err = rpc_get_string(body, key, false, &text, eb);

    if (err != 0 || text == NULL)
        return err;
    if (!text_parse_hash(text, hash, &got) || got != len)
        return errbuf_set(eb, SPRAT_E_INVAL, "'%s' must have %zu hex digits", key, 2 * len);
    memcpy(out, hash, len);
    *has = true;
    return 0;
}

int
api_torrents_add(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    static const char *const known[] = {"v1", "v2", "name", "size", "freeleech", "hidden"};
    struct registry_torrent t = {.size = 0};
    const char *name = "";
    int err = rpc_check_keys(c->body, known, 6, eb);

    if (err == 0)
        err = take_hash(c->body, "v1", sizeof(t.v1), t.v1, &t.has_v1, eb);
    if (err == 0)
        err = take_hash(c->body, "v2", sizeof(t.v2), t.v2, &t.has_v2, eb);
    if (err == 0)
        err = rpc_get_string(c->body, "name", false, &name, eb);
    if (err == 0)
        err = rpc_get_u64(c->body, "size", &t.size, eb);
    if (err == 0)
        err = rpc_get_bool(c->body, "freeleech", &t.freeleech, eb);
    if (err == 0)
        err = rpc_get_bool(c->body, "hidden", &t.hidden, eb);
    if (err == 0 && strlen(name) > REGISTRY_TITLE_MAX)
        err = errbuf_set(eb, SPRAT_E_INVAL, "'name' is longer than %d bytes", REGISTRY_TITLE_MAX);
    if (err != 0)
        return err;
    memcpy(t.name, name, strlen(name) + 1);
    err = registry_add_torrent(r, &t, eb);
    return err == 0 ? api_answer(c, 201, rowjson_torrent(&t)) : err;
}

static int
find_torrent(struct api_call *c, struct registry *r, struct registry_torrent *t, struct errbuf *eb)
{
    uint8_t hash[32];
    size_t len;

    if (!text_parse_hash(c->name, hash, &len))
        return errbuf_set(eb, SPRAT_E_INVAL, "an info-hash has 40 or 64 hex digits");
    return registry_find_torrent(r, hash, len, t, eb);
}

int
api_torrent_show(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    struct registry_torrent t;
    int err = find_torrent(c, r, &t, eb);

    return err == 0 ? api_answer(c, 200, rowjson_torrent(&t)) : err;
}

int
api_torrent_change(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    static const char *const known[] = {"freeleech", "hidden"};
    struct registry_torrent t;
    int err = rpc_check_keys(c->body, known, 2, eb);

    if (err == 0)
        err = find_torrent(c, r, &t, eb);
    if (err == 0)
        err = rpc_get_bool(c->body, "freeleech", &t.freeleech, eb);
    if (err == 0)
        err = rpc_get_bool(c->body, "hidden", &t.hidden, eb);
    if (err == 0)
        err = registry_set_torrent(r, &t, eb);
    return err == 0 ? api_answer(c, 200, rowjson_torrent(&t)) : err;
}

int
api_torrent_remove(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    static const char *const known[] = {"reason"};
    const char *reason = "this torrent was removed";
    struct registry_torrent t;
    int err = rpc_check_keys(c->body, known, 1, eb);

    if (err == 0)
        err = rpc_get_string(c->body, "reason", false, &reason, eb);
    if (err == 0)
        err = find_torrent(c, r, &t, eb);
    if (err == 0)
        err = registry_remove_torrent(r, t.id, reason, eb);
    if (err == 0)
        err = find_torrent(c, r, &t, eb);
    return err == 0 ? api_answer(c, 200, rowjson_torrent(&t)) : err;
}

/* ---- clients ---- */

static json_t *
client_json(const char *prefix, enum access_client rule)
{
    return json_pack("{s:s, s:s}", "prefix", prefix, "rule",
                     rule == ACCESS_CLIENT_DENY ? "deny" : "allow");
}

static int
add_client(void *ctx, const char *prefix, enum access_client rule)
{
    return api_page_add(ctx, client_json(prefix, rule));
}

/* All rules are on one page: there are at most ACCESS_CLIENTS_MAX, and they are short. */
int
api_clients_list(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    struct api_page page;
    int err = api_page_begin(&page, c);

    page.limit = ACCESS_CLIENTS_MAX;
    if (err == 0)
        err = registry_each_client(r, add_client, &page, eb);
    return api_page_end(&page, c, err);
}

int
api_clients_set(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    static const char *const known[] = {"prefix", "rule"};
    const char *prefix = NULL, *word = NULL;
    enum access_client rule = ACCESS_CLIENT_ALLOW;
    int err = rpc_check_keys(c->body, known, 2, eb);

    if (err == 0)
        err = rpc_get_string(c->body, "prefix", true, &prefix, eb);
    if (err == 0)
        err = rpc_get_string(c->body, "rule", true, &word, eb);
    if (err == 0 && strcmp(word, "deny") == 0)
        rule = ACCESS_CLIENT_DENY;
    else if (err == 0 && strcmp(word, "allow") != 0)
        err = errbuf_set(eb, SPRAT_E_INVAL, "'rule' must be allow or deny");
    if (err == 0)
        err = registry_set_client(r, prefix, rule, eb);
    return err == 0 ? api_answer(c, 201, client_json(prefix, rule)) : err;
}

int
api_client_unset(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    int err = registry_set_client(r, c->name, ACCESS_CLIENT_NONE, eb);

    return err == 0 ? api_answer(c, 200, json_pack("{s:s, s:n}", "prefix", c->name, "rule")) : err;
}

/* ---- accounts ---- */

static int
add_signal(void *ctx, const struct registry_signal *s)
{
    return api_page_add(ctx, rowjson_signal(s));
}

int
api_signals_list(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    struct api_page page;
    int err = api_page_begin(&page, c);

    if (err == 0)
        err = registry_each_signal(r, c->skip, c->limit + 1, add_signal, &page, eb);
    return api_page_end(&page, c, err);
}

int
api_accounts_show(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    struct registry_stats s;
    int err = registry_stats(r, &s, eb);

    return err == 0 ? api_answer(c, 200, rowjson_stats(&s)) : err;
}
