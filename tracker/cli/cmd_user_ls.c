/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker user ls: all users.
 */
#include "tracker/cli/command.h"
#include "tracker/cli/print.h"
#include "tracker/cli/users.h"
#include "tracker/operator/rowjson.h"

static const struct option_spec options[] = {COMMAND_JSON_ROW, COMMAND_ROWS};

static int
print_one(void *ctx, const struct registry_user *u)
{
    (void)ctx;
    users_print(u);
    return 0;
}

static int
add_one(void *ctx, const struct registry_user *u)
{
    return json_array_append_new(ctx, rowjson_user(u)) == 0 ? 0 : SPRAT_E_NOMEM;
}

static int
run(struct command_call *c)
{
    json_t *list = c->json ? json_array() : NULL;
    struct errbuf eb = {"out of memory"};
    int err;

    if (!c->json)
        users_print_head();
    err = registry_each_user(c->registry, REGISTRY_BY_NAME, 0, UINT64_MAX,
                             c->json ? add_one : print_one, list, &eb);
    if (err != 0) {
        json_decref(list);
        return command_fail("%s", eb.text);
    }
    return c->json ? print_json(list) : COMMAND_OK;
}

const struct command command_user_ls = {
    .group = "user",
    .name = "ls",
    .usage = "[options]",
    .summary = "list all users",
    .details = "Lists users by name with their rights and totals. DOWNLOADED leaves out freeleech\n"
               "torrents, RAW DOWN includes them.",
    .example = "  sprat-tracker user ls -c sprat-tracker.conf",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
