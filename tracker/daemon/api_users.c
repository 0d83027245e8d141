/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The API's calls about users, their passkeys and their accounts.
 */
#include "tracker/daemon/api_users.h"

#include <string.h>

#include "common/rpc/message.h"
#include "tracker/core/passkey.h"
#include "tracker/operator/rowjson.h"
#include "tracker/operator/text.h"

static int
add_user(void *ctx, const struct registry_user *u)
{
    return api_page_add(ctx, rowjson_user(u));
}

int
api_users_list(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    enum registry_order order =
        strcmp(c->sort, "uploaded") == 0 ? REGISTRY_BY_UPLOADED : REGISTRY_BY_NAME;
    struct api_page page;
    int err;

    if (order == REGISTRY_BY_NAME && c->sort[0] != '\0' && strcmp(c->sort, "name") != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "users are sorted by name or uploaded");
    err = api_page_begin(&page, c);
    if (err == 0)
        err = registry_each_user(r, order, c->skip, c->limit + 1, add_user, &page, eb);
    return api_page_end(&page, c, err);
}

/* Copies the settings in |body| to |u|; members that are missing change nothing. */
static int
take_rights(const json_t *body, struct registry_user *u, struct errbuf *eb)
{
    const char *class = u->class;
    uint64_t slots = u->slots;
    int err = rpc_get_string(body, "class", false, &class, eb);

    if (err == 0)
        err = rpc_get_bool(body, "enabled", &u->enabled, eb);
    if (err == 0)
        err = rpc_get_bool(body, "can_leech", &u->can_leech, eb);
    if (err == 0)
        err = rpc_get_u64(body, "slots", &slots, eb);
    if (err == 0 && slots > REGISTRY_SLOTS_MAX)
        err = errbuf_set(eb, SPRAT_E_INVAL, "'slots' must be at most %d", REGISTRY_SLOTS_MAX);
    if (err == 0 && strlen(class) > REGISTRY_CLASS_MAX)
        err = errbuf_set(eb, SPRAT_E_INVAL, "'class' is longer than %d bytes", REGISTRY_CLASS_MAX);
    if (err != 0)
        return err;
    memmove(u->class, class, strlen(class) + 1);
    u->slots = (uint32_t)slots;
    return 0;
}

int
api_users_add(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    static const char *const known[] = {"name", "class", "enabled", "can_leech", "slots"};
    struct registry_user u = {.enabled = true, .can_leech = true};
    uint8_t passkey[ACCESS_PASSKEY_LEN];
    char text[PASSKEY_TEXT_SIZE];
    const char *name = NULL;
    json_t *user;
    int err = rpc_check_keys(c->body, known, 5, eb);

    if (err == 0)
        err = rpc_get_string(c->body, "name", true, &name, eb);
    if (err == 0 && strlen(name) > REGISTRY_NAME_MAX)
        err = errbuf_set(eb, SPRAT_E_INVAL, "'name' is longer than %d bytes", REGISTRY_NAME_MAX);
    if (err == 0)
        err = take_rights(c->body, &u, eb);
    if (err != 0)
        return err;
    memcpy(u.name, name, strlen(name) + 1);
    err = registry_add_user(r, &u, passkey, eb);
    if (err != 0)
        return err;
    user = rowjson_user(&u);
    if (user != NULL)
        (void)json_object_set_new(user, "passkey", json_string(passkey_format(passkey, text)));
    return api_answer(c, 201, user);
}

int
api_user_show(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    struct registry_user u;
    int err = registry_find_user(r, c->name, &u, eb);

    return err == 0 ? api_answer(c, 200, rowjson_user(&u)) : err;
}

int
api_user_change(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    static const char *const known[] = {"class", "enabled", "can_leech", "slots"};
    struct registry_user u;
    int err = rpc_check_keys(c->body, known, 4, eb);

    if (err == 0)
        err = registry_find_user(r, c->name, &u, eb);
    if (err == 0)
        err = take_rights(c->body, &u, eb);
    if (err == 0)
        err = registry_set_user(r, &u, eb);
    return err == 0 ? api_answer(c, 200, rowjson_user(&u)) : err;
}

int
api_user_disable(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    struct registry_user u;
    int err = registry_find_user(r, c->name, &u, eb);

    u.enabled = false;
    if (err == 0)
        err = registry_set_user(r, &u, eb);
    return err == 0 ? api_answer(c, 200, rowjson_user(&u)) : err;
}

static int
add_total(void *ctx, const struct registry_total *t)
{
    return api_page_add(ctx, rowjson_total(t));
}

int
api_user_totals(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    struct api_page page;
    struct registry_user u;
    int err = registry_find_user(r, c->name, &u, eb);

    if (err != 0)
        return err;
    err = api_page_begin(&page, c);
    if (err == 0)
        err = registry_each_total(r, u.id, c->skip, c->limit + 1, add_total, &page, eb);
    return api_page_end(&page, c, err);
}

/* ---- passkeys ---- */

static json_t *
passkey_json(const uint8_t key[ACCESS_PASSKEY_LEN], int64_t created, int64_t expires, bool revoked)
{
    char text[PASSKEY_TEXT_SIZE];

    return json_pack("{s:s, s:I, s:I, s:b}", "passkey", passkey_format(key, text), "created",
                     (json_int_t)created, "expires", (json_int_t)expires, "revoked", revoked);
}

static int
add_passkey(void *ctx, const struct registry_passkey *k)
{
    return api_page_add(ctx, passkey_json(k->key, k->created, k->expires, k->revoked));
}

int
api_passkeys_list(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    struct api_page page;
    struct registry_user u;
    int err = registry_find_user(r, c->name, &u, eb);

    if (err != 0)
        return err;
    err = api_page_begin(&page, c);
    if (err == 0)
        err = registry_each_passkey(r, u.id, add_passkey, &page, eb);
    return api_page_end(&page, c, err);
}

static int
revoke(struct api_call *c, struct registry *r, const struct registry_user *u, const char *text,
       struct errbuf *eb)
{
    uint8_t key[ACCESS_PASSKEY_LEN];
    int err;

    if (json_object_size(c->body) != 1)
        return errbuf_set(eb, SPRAT_E_INVAL, "'revoke' must be the only member");
    if (!passkey_parse(key, text, strlen(text)))
        return errbuf_set(eb, SPRAT_E_INVAL, "a passkey has %d hex digits", PASSKEY_DIGITS);
    err = registry_revoke_passkey(r, u->id, key, eb);
    return err == 0 ? api_answer(c, 200, json_pack("{s:b}", "revoked", 1)) : err;
}

static int
add(struct api_call *c, struct registry *r, const struct registry_user *u, struct errbuf *eb)
{
    uint8_t key[ACCESS_PASSKEY_LEN];
    char text[PASSKEY_TEXT_SIZE];
    uint64_t expires = 0;
    bool rotate = false;
    int err = rpc_get_bool(c->body, "rotate", &rotate, eb);

    if (err == 0)
        err = rpc_get_u64(c->body, "expires", &expires, eb);
    if (err == 0 && (expires > INT64_MAX || (rotate && expires != 0)))
        err = errbuf_set(eb, SPRAT_E_INVAL, "'expires' is out of range, or together with 'rotate'");
    if (err == 0 && rotate)
        err = registry_rotate_passkey(r, u->id, key, eb);
    else if (err == 0)
        err = registry_add_passkey(r, u->id, (int64_t)expires, key, eb);
    if (err != 0)
        return err;
    return api_answer(c, 201,
                      json_pack("{s:s, s:I}", "passkey", passkey_format(key, text), "expires",
                                (json_int_t)expires));
}

int
api_passkeys_change(struct api_call *c, struct registry *r, struct errbuf *eb)
{
    static const char *const known[] = {"rotate", "expires", "revoke"};
    const char *key = NULL;
    struct registry_user u;
    int err = rpc_check_keys(c->body, known, 3, eb);

    if (err == 0)
        err = rpc_get_string(c->body, "revoke", false, &key, eb);
    if (err == 0)
        err = registry_find_user(r, c->name, &u, eb);
    if (err != 0)
        return err;
    return key != NULL ? revoke(c, r, &u, key, eb) : add(c, r, &u, eb);
}
