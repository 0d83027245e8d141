/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker client allow, deny, rm, ls: which programs may announce.
 */
#include <stdio.h>

#include "tracker/cli/command.h"

static const struct option_spec options[] = {COMMAND_ROWS};

static int
set_rule(struct command_call *c, enum access_client rule)
{
    struct errbuf eb = {""};

    if (registry_set_client(c->registry, c->operands[0], rule, &eb) != 0)
        return command_fail("%s", eb.text);
    return COMMAND_OK;
}

static int
allow(struct command_call *c)
{
    return set_rule(c, ACCESS_CLIENT_ALLOW);
}

static int
deny(struct command_call *c)
{
    return set_rule(c, ACCESS_CLIENT_DENY);
}

static int
take_away(struct command_call *c)
{
    return set_rule(c, ACCESS_CLIENT_NONE);
}

static int
print_one(void *ctx, const char *prefix, enum access_client rule)
{
    (void)ctx;
    printf("%-5s %s\n", rule == ACCESS_CLIENT_ALLOW ? "allow" : "deny", prefix);
    return 0;
}

static int
list(struct command_call *c)
{
    struct errbuf eb = {""};

    if (registry_each_client(c->registry, print_one, NULL, &eb) != 0)
        return command_fail("%s", eb.text);
    return COMMAND_OK;
}

/* A prefix begins with '-' like an option, so that the user must write it behind "--". */
#define CLIENT_COMMAND(verb, text, more, sample, fn, count, create)                                \
    {                                                                                              \
        .group = "client", .name = verb, .usage = count > 0 ? "[options] -- PREFIX" : "[options]", \
        .summary = text, .details = more, .example = sample, .options = options,                   \
        .option_count = sizeof(options) / sizeof(options[0]), .operands_min = count,               \
        .operands_max = count, .creates = create, .run = fn,                                       \
    }

const struct command command_client_allow = CLIENT_COMMAND(
    "allow", "accept clients by their peer id",
    "Accepts clients whose peer id begins with PREFIX. Once there is an allow rule, a client\n"
    "that matches no rule is refused. The longest matching prefix decides.",
    "  sprat-tracker client allow -c sprat-tracker.conf -- -qB4", allow, 1, true);

const struct command command_client_deny =
    CLIENT_COMMAND("deny", "refuse clients by their peer id",
                   "Refuses clients whose peer id begins with PREFIX. The longest matching\n"
                   "prefix decides.",
                   "  sprat-tracker client deny -c sprat-tracker.conf -- -XL", deny, 1, true);

const struct command command_client_rm =
    CLIENT_COMMAND("rm", "remove a rule", "Removes the rule for PREFIX.",
                   "  sprat-tracker client rm -c sprat-tracker.conf -- -XL", take_away, 1, false);

const struct command command_client_ls =
    CLIENT_COMMAND("ls", "list the rules", "Lists the rules about clients by prefix.",
                   "  sprat-tracker client ls -c sprat-tracker.conf", list, 0, false);
