/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker user add: a new user with a passkey.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/parse.h"
#include "tracker/cli/command.h"
#include "tracker/cli/print.h"
#include "tracker/core/passkey.h"

enum { OPT_CLASS = 1, OPT_SLOTS, OPT_NO_LEECH };

static const struct option_spec options[] = {
    {OPT_CLASS, 0, "class", "CLASS", "a label of your choice for groups of users"},
    {OPT_SLOTS, 0, "slots", "COUNT", "number of torrents that the user may leech at once; 0: any"},
    {OPT_NO_LEECH, 0, "no-leech", NULL, "the user may seed only"},
    COMMAND_JSON_ROW,
    COMMAND_ROWS,
};

/* Copies the name. The registry refuses a name that was too long for |u|. */
static int
read_user(struct command_call *c, struct registry_user *u)
{
    uint64_t slots = 0;

    *u = (struct registry_user){.enabled = true, .can_leech = c->values[OPT_NO_LEECH] == NULL};
    if (strlen(c->operands[0]) < sizeof(u->name))
        strcpy(u->name, c->operands[0]);
    if (c->values[OPT_CLASS] != NULL) {
        if (strlen(c->values[OPT_CLASS]) >= sizeof(u->class))
            return command_usage(c->command, "--class: at most %d bytes", REGISTRY_CLASS_MAX);
        strcpy(u->class, c->values[OPT_CLASS]);
    }
    if (c->values[OPT_SLOTS] != NULL &&
        parse_u64(c->values[OPT_SLOTS], 0, REGISTRY_SLOTS_MAX, &slots) != 0)
        return command_usage(c->command, "--slots: '%s' is not a number from 0 to %d",
                             c->values[OPT_SLOTS], REGISTRY_SLOTS_MAX);
    u->slots = (uint32_t)slots;
    return COMMAND_OK;
}

static int
run(struct command_call *c)
{
    uint8_t key[ACCESS_PASSKEY_LEN];
    char text[PASSKEY_TEXT_SIZE];
    struct errbuf eb = {""};
    struct registry_user u;
    int status = read_user(c, &u);

    if (status != COMMAND_OK)
        return status;
    if (registry_add_user(c->registry, &u, key, &eb) != 0)
        return command_fail("%s", eb.text);
    passkey_format(key, text);
    if (c->json)
        return print_json(json_pack("{s:s, s:s}", "name", u.name, "passkey", text));
    printf("%s\n", text);
    print_urls(&c->settings, text, "");
    return COMMAND_OK;
}

const struct command command_user_add = {
    .group = "user",
    .name = "add",
    .usage = "NAME [options]",
    .summary = "add a user and print their passkey",
    .details =
        "Adds a user and prints their passkey and, with announce-url in the configuration,\n"
        "their announce URLs. If the database does not exist, it is created; root's file then\n"
        "belongs to the setting user, or to the owner of its folder.",
    .example = "  sprat-tracker user add anna --class member --slots 5 -c sprat-tracker.conf",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operands_min = 1,
    .operands_max = 1,
    .creates = true,
    .run = run,
};
