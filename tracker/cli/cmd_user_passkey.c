/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker user passkey: shows, adds, rotates, revokes or expires a user's passkeys.
 */
#include <stdio.h>
#include <string.h>

#include "tracker/cli/command.h"
#include "tracker/cli/print.h"
#include "tracker/core/passkey.h"
#include "tracker/operator/text.h"

enum { OPT_ADD = 1, OPT_ROTATE, OPT_REVOKE, OPT_EXPIRES };

static const struct option_spec options[] = {
    {OPT_ADD, 0, "add", NULL, "add a passkey"},
    {OPT_ROTATE, 0, "rotate", NULL, "revoke all passkeys and make a new one"},
    {OPT_REVOKE, 0, "revoke", "PASSKEY", "revoke this passkey"},
    {OPT_EXPIRES, 0, "expires", "DATE", "all passkeys expire on that day (2030-12-31, or never)"},
    COMMAND_ROWS,
};

static int
print_one(void *ctx, const struct registry_passkey *k)
{
    const struct settings *s = ctx;
    char key[PASSKEY_TEXT_SIZE], time[TEXT_MAX];

    passkey_format(k->key, key);
    if (k->revoked)
        printf("%s  revoked\n", key);
    else if (k->expires != 0)
        printf("%s  expires %s\n", key, text_time(k->expires, time));
    else
        printf("%s\n", key);
    if (!k->revoked)
        print_urls(s, key, "  ");
    return 0;
}

static int
print_new(struct command_call *c, const uint8_t key[ACCESS_PASSKEY_LEN])
{
    char text[PASSKEY_TEXT_SIZE];

    printf("%s\n", passkey_format(key, text));
    print_urls(&c->settings, text, "");
    return COMMAND_OK;
}

static int
revoke(struct command_call *c, int64_t user)
{
    const char *text = c->values[OPT_REVOKE];
    uint8_t key[ACCESS_PASSKEY_LEN];
    struct errbuf eb = {""};

    if (!passkey_parse(key, text, strlen(text)))
        return command_usage(c->command, "--revoke: a passkey has %d hex digits", PASSKEY_DIGITS);
    if (registry_revoke_passkey(c->registry, user, key, &eb) != 0)
        return command_fail("%s", eb.text);
    return COMMAND_OK;
}

static int
expire(struct command_call *c, int64_t user)
{
    struct errbuf eb = {""};
    int64_t expires;

    if (text_parse_date(c->values[OPT_EXPIRES], &expires, &eb) != 0)
        return command_usage(c->command, "--expires: %s", eb.text);
    if (registry_expire_passkeys(c->registry, user, expires, &eb) != 0)
        return command_fail("%s", eb.text);
    return COMMAND_OK;
}

static int
run(struct command_call *c)
{
    int wishes = 0, err;
    uint8_t key[ACCESS_PASSKEY_LEN];
    struct errbuf eb = {""};
    struct registry_user u;

    for (int id = OPT_ADD; id <= OPT_EXPIRES; id++)
        wishes += c->values[id] != NULL;
    if (wishes > 1)
        return command_usage(c->command,
                             "give only one of --add, --rotate, --revoke and --expires");
    if (registry_find_user(c->registry, c->operands[0], &u, &eb) != 0)
        return command_fail("%s", eb.text);
    if (c->values[OPT_REVOKE] != NULL)
        return revoke(c, u.id);
    if (c->values[OPT_EXPIRES] != NULL)
        return expire(c, u.id);
    if (wishes == 0)
        err = registry_each_passkey(c->registry, u.id, print_one, &c->settings, &eb);
    else if (c->values[OPT_ROTATE] != NULL)
        err = registry_rotate_passkey(c->registry, u.id, key, &eb);
    else
        err = registry_add_passkey(c->registry, u.id, 0, key, &eb);
    if (err != 0)
        return command_fail("%s", eb.text);
    return wishes > 0 ? print_new(c, key) : COMMAND_OK;
}

const struct command command_user_passkey = {
    .group = "user",
    .name = "passkey",
    .usage = "NAME [options]",
    .summary = "show, rotate, revoke or expire a user's passkeys",
    .details = "Without an option prints the user's passkeys, the oldest first. A running tracker\n"
               "follows changes within a second; clients with a revoked passkey show the reason.",
    .example = "  sprat-tracker user passkey anna --rotate -c sprat-tracker.conf\n"
               "  sprat-tracker user passkey anna --expires 2030-12-31 -c sprat-tracker.conf",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
